/* SPDX-License-Identifier: Apache-2.0 */
/* folder - trees are copied, merged and removed as they are, and nothing outside is touched. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/folder.h"
#include "sandbox/fd.h"
#include "tests/unit/test.h"

static char top[] = "/tmp/lrie-folder-XXXXXX";
static int from = -1, to = -1; /* folders in it */
static int above = -1;

static void begin(void)
{
	snprintf(top, sizeof(top), "/tmp/lrie-folder-XXXXXX");
	CHECK(mkdtemp(top) != NULL);
	above = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(above, "from", 0755) == 0 && mkdirat(above, "to", 0755) == 0);
	from = openat(above, "from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	to = openat(above, "to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void finish(void)
{
	struct error err = { .text = "" };

	fd_close(&from);
	fd_close(&to);
	fd_close(&above);
	CHECK(folder_remove(AT_FDCWD, top, &err));
	CHECK_STR(err.text, "");
	CHECK(access(top, F_OK) == -1);
}

static void put(int dir, const char *name, const char *text, mode_t mode)
{
	autoclose int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(fchmod(fd, mode) == 0);
}

static const char *get(int dir, const char *name)
{
	static char text[64];

	return fd_read_file(dir, name, text, sizeof(text)) == -1 ? NULL : text;
}

static struct stat look(int dir, const char *name)
{
	struct stat status = { .st_mode = 0 };

	fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW);
	return status;
}

static void copy(void)
{
	struct error err = { .text = "" };

	CHECK(folder_copy(from, to, &err));
	CHECK_STR(err.text, "");
}

static void test_everything_is_kept(void)
{
	const struct timespec times[] = { { .tv_sec = 1000 }, { .tv_sec = 2000, .tv_nsec = 5 } };
	char link[PATH_MAX] = "";

	begin();
	CHECK(mkdirat(from, "folder", 0755) == 0);
	put(from, "folder/program", "text", 0751);
	put(from, "setuid", "s", 06755);
	put(from, "empty", "", 0644);
	CHECK(symlinkat("no/such\nplace", from, "link") == 0);
	CHECK(utimensat(from, "folder/program", times, 0) == 0);
	CHECK(utimensat(from, "folder", times, 0) == 0);
	CHECK(fchmodat(from, "folder", 0555, 0) == 0);
	copy();
	CHECK_STR(get(to, "folder/program"), "text");
	CHECK_INT(look(to, "folder/program").st_mode, S_IFREG | 0751);
	CHECK_INT(look(to, "folder/program").st_mtim.tv_sec, 2000);
	CHECK_INT(look(to, "folder/program").st_mtim.tv_nsec, 5);
	CHECK_INT(look(to, "folder").st_mode, S_IFDIR | 0555);
	CHECK_INT(look(to, "folder").st_mtim.tv_sec, 2000);
	CHECK_INT(look(to, "setuid").st_mode, S_IFREG | 0755);
	CHECK_STR(get(to, "empty"), "");
	CHECK(readlinkat(to, "link", link, sizeof(link) - 1) > 0);
	CHECK_STR(link, "no/such\nplace");
	finish();
}

static void test_the_later_one_wins(void)
{
	begin();
	CHECK(mkdirat(to, "both", 0700) == 0 && mkdirat(from, "both", 0755) == 0);
	put(to, "both/old", "old", 0644);
	put(to, "both/same", "old", 0600);
	put(from, "both/same", "new", 0444);
	put(to, "becomes a folder", "x", 0644);
	CHECK(mkdirat(from, "becomes a folder", 0755) == 0);
	CHECK(mkdirat(to, "becomes a file", 0755) == 0);
	put(to, "becomes a file/inside", "x", 0644);
	put(from, "becomes a file", "now", 0644);
	CHECK(mkdirat(to, "becomes a link", 0755) == 0);
	CHECK(symlinkat("x", from, "becomes a link") == 0);
	copy();
	CHECK_STR(get(to, "both/old"), "old");
	CHECK_STR(get(to, "both/same"), "new");
	CHECK_INT(look(to, "both/same").st_mode, S_IFREG | 0444);
	CHECK_INT(look(to, "both").st_mode, S_IFDIR | 0755);
	CHECK_INT(look(to, "becomes a folder").st_mode, S_IFDIR | 0755);
	CHECK_STR(get(to, "becomes a file"), "now");
	CHECK(S_ISLNK(look(to, "becomes a link").st_mode));
	copy(); /* and once more, over what is there */
	CHECK_STR(get(to, "both/same"), "new");
	finish();
}

/* A link in the way, or in the source, leads nowhere. */
static void test_no_link_is_followed(void)
{
	char secret[PATH_MAX];

	begin();
	CHECK(mkdirat(above, "outside", 0755) == 0);
	put(above, "outside/file", "untouched", 0644);
	snprintf(secret, sizeof(secret), "%s/outside", top);
	CHECK(symlinkat(secret, to, "folder") == 0);
	CHECK(mkdirat(from, "folder", 0755) == 0);
	put(from, "folder/file", "evil", 0644);
	CHECK(symlinkat("../outside/file", to, "file") == 0);
	put(from, "file", "evil", 0644);
	CHECK(symlinkat(secret, from, "copied") == 0);
	copy();
	CHECK_STR(get(above, "outside/file"), "untouched");
	CHECK_STR(get(to, "folder/file"), "evil");
	CHECK(S_ISDIR(look(to, "folder").st_mode) && S_ISREG(look(to, "file").st_mode));
	CHECK(S_ISLNK(look(to, "copied").st_mode));
	CHECK_INT(folder_size(secret, 10), 9);
	CHECK(folder_remove(to, "copied", NULL));
	CHECK_STR(get(above, "outside/file"), "untouched");
	finish();
}

static void test_what_is_no_file_is_left_out(void)
{
	begin();
	CHECK(mkfifoat(from, "fifo", 0666) == 0);
	put(from, "file", "x", 0644);
	copy(); /* and nobody waits for the pipe's other end */
	CHECK(faccessat(to, "fifo", F_OK, AT_SYMLINK_NOFOLLOW) == -1 && errno == ENOENT);
	CHECK_STR(get(to, "file"), "x");
	finish();
}

static void test_folders_without_rights_are_removed(void)
{
	begin();
	CHECK(mkdirat(to, "a", 0755) == 0 && mkdirat(to, "a/b", 0755) == 0);
	put(to, "a/b/c", "x", 0);
	CHECK(fchmodat(to, "a/b", 0, 0) == 0 && fchmodat(to, "a", 0, 0) == 0);
	finish();
}

static void test_a_large_file(void)
{
	static char block[1 << 20];
	struct stat status;

	begin();
	autoclose int fd = openat(from, "large", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i % 251);
	for (int i = 0; i < 5; i++)
		CHECK(write(fd, block, sizeof(block)) == (ssize_t)sizeof(block));
	CHECK(ftruncate(fd, 9 << 20) == 0); /* with a hole */
	copy();
	status = look(to, "large");
	CHECK_INT(status.st_size, 9 << 20);
	autoclose int copied = openat(to, "large", O_RDONLY | O_CLOEXEC);
	char found[251];
	CHECK(pread(copied, found, sizeof(found), 4 << 20) == (ssize_t)sizeof(found));
	CHECK(memcmp(found, block, sizeof(found)) == 0);
	finish();
}

static void test_sizes(void)
{
	char path[PATH_MAX];

	begin();
	put(from, "one", "12345", 0644);
	CHECK(mkdirat(from, "below", 0755) == 0);
	put(from, "below/two", "1234567890", 0644);
	CHECK(symlinkat("below", from, "link") == 0);
	snprintf(path, sizeof(path), "%s/from", top);
	CHECK_INT(folder_size(path, 100), 15);
	CHECK(folder_size(path, 1) <= 5);
	CHECK_INT(folder_size("/no/such/folder", 100), 0);
	finish();
}

static void test_what_is_missing_is_removed(void)
{
	begin();
	CHECK(folder_remove(above, "no such name", NULL));
	finish();
}

TEST_MAIN(test_everything_is_kept, test_the_later_one_wins, test_no_link_is_followed,
          test_what_is_no_file_is_left_out, test_folders_without_rights_are_removed,
          test_a_large_file, test_sizes, test_what_is_missing_is_removed)
