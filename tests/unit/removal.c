/* SPDX-License-Identifier: Apache-2.0 */
/* removal - folders go beside the loop, and whatever lrie has open. */
#include "emulator/removal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "tests/unit/test.h"

#define MOST 64 /* descriptors */

static void make(char top[])
{
	char below[100];

	CHECK(mkdtemp(top));
	snprintf(below, sizeof(below), "%s/below", top);
	CHECK_INT(mkdir(below, 0700), 0);
}

static void begin(const char *top)
{
	autoclose int lock = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(lock != -1);
	removal_begin(top, lock);
}

/* Opens all that may be open. Returns the first, which others follow. */
static int use_up(struct rlimit *before)
{
	struct rlimit limit;
	int first;

	getrlimit(RLIMIT_NOFILE, before);
	limit = *before;
	limit.rlim_cur = MOST;
	setrlimit(RLIMIT_NOFILE, &limit);
	first = dup(STDERR_FILENO);
	while (dup(STDERR_FILENO) != -1)
		;
	return first;
}

static void test_two_at_once(void)
{
	char one[] = "/tmp/lrie-removal-XXXXXX", other[] = "/tmp/lrie-removal-XXXXXX";

	make(one);
	make(other);
	begin(one);
	begin(other);
	removal_await();
	CHECK_INT(access(one, F_OK), -1);
	CHECK_INT(access(other, F_OK), -1);
}

static void test_with_no_descriptor_left(void)
{
	char one[] = "/tmp/lrie-removal-XXXXXX", other[] = "/tmp/lrie-removal-XXXXXX";
	struct rlimit before;
	int lock, first;

	make(one);
	make(other);
	begin(one);
	lock = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	first = use_up(&before);
	removal_begin(other, lock);
	fd_close_from(first);
	fd_close(&lock);
	setrlimit(RLIMIT_NOFILE, &before);
	removal_await();
	CHECK_INT(access(one, F_OK), -1);
	if (!CHECK_INT(access(other, F_OK), -1))
		begin(other);
	removal_await();
}

TEST_MAIN(test_two_at_once, test_with_no_descriptor_left)
