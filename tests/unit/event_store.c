/* SPDX-License-Identifier: Apache-2.0 */
/* event_store - what is kept outlives a process that is killed, and a disk that is full */
#include "emulator/event_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/fakes.h"
#include "tests/unit/files.h"

#define ID "11111111-1111-4111-8111-111111111111"
#define STATE "state"

static struct loop *loop;
static struct event_store *store;

static bool reopen(void)
{
	struct error err = { 0 };

	event_store_close(store);
	store = event_store_open(STATE, loop, &err);
	return CHECK_STR(err.text, "") && CHECK(store);
}

static void begin(void)
{
	struct error err;

	files_begin();
	loop = loop_create(&err);
	reopen();
}

static void end(void)
{
	DIR *dir;
	const struct dirent *entry;
	char path[600];

	event_store_close(store);
	store = NULL;
	loop_destroy(loop);
	dir = opendir(STATE);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), STATE "/%s", entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	files_end((const char *const[]){ STATE }, 1);
}

static struct event_store_item *try_add(const char *function, const char *data, size_t length,
                                        struct error *err)
{
	const struct event_record record = { .kind = EVENT_RECORD_EVENT,
		                             .accepted_wall_ns = 42,
		                             .function = function,
		                             .request_id = ID,
		                             .function_arn = "arn",
		                             .trace_header = "Root=1",
		                             .data = data,
		                             .length = length };

	return event_store_add(store, &record, err);
}

static struct event_store_item *add(const char *function, const char *data)
{
	struct error err = { 0 };
	struct event_store_item *item = try_add(function, data, strlen(data), &err);

	CHECK_STR(err.text, "");
	CHECK(item);
	return item;
}

/* What was taken: "data/attempts ..." */
struct taken {
	struct event_store_taker taker;
	struct buffer text;
	unsigned count;
	bool removes;
};

static void on_item(struct event_store_taker *taker, struct event_store_item *item,
                    const struct event_record *record)
{
	struct taken *taken = container_of(taker, struct taken, taker);

	taken->count++;
	if (record->length < 100)
		buffer_append_format(&taken->text, "%.*s/%u ", (int)record->length, record->data,
		                     record->progress.attempts);
	if (taken->removes)
		event_store_remove(store, item);
}

static const char *take(const char *function)
{
	static struct taken taken = { .taker.on_item = on_item, .text = BUFFER_INIT };

	buffer_finish(&taken.text);
	event_store_take(store, EVENT_RECORD_EVENT, function, &taken.taker);
	return taken.text.data;
}

static unsigned remove_all(const char *function)
{
	struct taken taken = { .taker.on_item = on_item, .text = BUFFER_INIT, .removes = true };

	event_store_take(store, EVENT_RECORD_EVENT, function, &taken.taker);
	buffer_finish(&taken.text);
	return taken.count;
}

/* Runs it in a process that is killed at its end. */
static void in_a_victim(void (*crime)(void))
{
	int status;
	pid_t pid;

	event_store_close(store);
	store = NULL;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct error err;

		store = event_store_open(STATE, loop, &err);
		if (store)
			crime();
		raise(SIGKILL);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	reopen();
}

static unsigned count_files(const char *end_of_name)
{
	DIR *dir = opendir(STATE);
	const struct dirent *entry;
	unsigned count = 0;

	while (dir && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name), wanted = strlen(end_of_name);

		count += length >= wanted &&
		         strcmp(entry->d_name + length - wanted, end_of_name) == 0;
	}
	if (dir)
		closedir(dir);
	return count;
}

/* ---- stories ---- */

/* As long as it takes until all is written. */
static void pass(void)
{
	fake_pass(loop, 1 * MS);
}

static void add_three(void)
{
	struct event_progress progress = { .attempts = 2 };

	add("f", "one");
	event_store_note(store, add("f", "two"), &progress);
	event_store_remove(store, add("f", "over"));
	add("g", "three");
	pass();
}

static void test_a_kill_loses_nothing(void)
{
	begin();
	in_a_victim(add_three);
	CHECK_STR(take("f"), "one/0 two/2 ");
	CHECK_STR(take("f"), "");
	CHECK_STR(take("g"), "three/0 ");
	end();
}

static void test_again_and_again(void)
{
	begin();
	in_a_victim(add_three);
	for (int i = 0; i < 5; i++) {
		CHECK_STR(take("f"), "one/0 two/2 ");
		reopen();
	}
	CHECK_INT(remove_all("f"), 2);
	CHECK_INT(remove_all("g"), 1);
	reopen();
	CHECK_STR(take("f"), "");
	end();
}

static void remove_one(void)
{
	struct event_progress progress = { .attempts = 2 };

	event_store_note(store, add("f", "begun"), &progress);
	event_store_remove(store, add("f", "over"));
	add("f", "new"); /* what was told of the others may not be written yet */
}

static void test_a_kill_in_the_same_turn_repeats(void)
{
	begin();
	in_a_victim(remove_one);
	CHECK_STR(take("f"), "begun/0 over/0 new/0 ");
	end();
}

static off_t size_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_size : -1;
}

static off_t size_of_log(void)
{
	return size_of(STATE "/events-1.log");
}

/* What is over is written with the next one. */
static void remove_and_add(void)
{
	struct event_store_item *item = add("f", "over");

	fake_settle(loop);
	event_store_remove(store, item);
	off_t before = size_of_log();
	fake_settle(loop);
	fake_settle(loop);
	CHECK_INT(size_of_log(), before);
	add("f", "new");
}

static void test_an_end_goes_with_the_next(void)
{
	begin();
	in_a_victim(remove_and_add);
	CHECK_STR(take("f"), "new/0 ");
	end();
}

/* Of one that has begun and is over in a millisecond, its end alone is written. */
static void test_few_bytes_of_one_that_is_quick(void)
{
	struct event_progress progress = { .attempts = 1 };
	off_t before;

	begin();
	struct event_store_item *item = add("f", "one");
	before = size_of_log();
	event_store_note(store, item, &progress);
	fake_settle(loop);
	event_store_remove(store, item);
	pass();
	CHECK_INT(size_of_log() - before, 12 + 45);
	pass();
	CHECK_INT(size_of_log() - before, 12 + 45);
	end();
}

static void test_nothing_stays_of_nothing(void)
{
	begin();
	event_store_remove(store, add("f", "one"));
	event_store_close(store);
	store = NULL;
	CHECK_INT(count_files(".log"), 0);
	CHECK_INT(count_files("lock"), 1);
	end();
}

static void cut_last_byte(void)
{
	CHECK_INT(truncate(STATE "/events-1.log", 0), 0);
}

static struct {
	char path[100];
	off_t size;
} log_file;

static void find_log(void)
{
	struct stat status;

	for (unsigned number = 1; number < 100; number++) {
		snprintf(log_file.path, sizeof(log_file.path), STATE "/events-%u.log", number);
		if (stat(log_file.path, &status) == 0 && status.st_size > 16) {
			log_file.size = status.st_size;
			return;
		}
	}
	CHECK(false);
}

static void close_with_two(void)
{
	add("f", "one");
	add("f", "two");
	event_store_close(store);
	store = NULL;
	find_log();
}

/* It is cut off, so that it is told of once. */
static void test_a_torn_end(void)
{
	struct stat before, after;

	begin();
	close_with_two();
	CHECK_INT(truncate(log_file.path, log_file.size - 1), 0);
	CHECK_INT(stat(log_file.path, &before), 0);
	reopen();
	CHECK_STR(take("f"), "one/0 ");
	CHECK_INT(count_files(".damaged"), 0);
	CHECK_INT(stat(log_file.path, &after), 0);
	CHECK_INT(before.st_size - after.st_size, (log_file.size - 16) / 2 - 1);
	end();
}

static void damage(off_t offset)
{
	int fd = open(log_file.path, O_WRONLY);

	CHECK_INT(pwrite(fd, "\xff\xff\xff", 3, offset), 3);
	close(fd);
}

/* The good ones are taken, the bad one is put aside; next time, nothing is damaged any more. */
static void test_a_damaged_record(void)
{
	begin();
	close_with_two();
	damage(60);
	reopen();
	CHECK_STR(take("f"), "two/0 ");
	CHECK_INT(count_files(".damaged"), 1);
	CHECK(access(log_file.path, F_OK) == -1);
	reopen();
	CHECK_STR(take("f"), "two/0 ");
	CHECK_INT(count_files(".damaged"), 1);
	end();
}

/* Files begin at 1 again when all is over: what was put aside of one before stays. */
static void test_damage_of_two_files_of_one_number(void)
{
	begin();
	files_put_text(STATE "/events-1.damaged", "before");
	close_with_two();
	damage(60);
	reopen();
	CHECK_INT(size_of(STATE "/events-1.damaged"), (log_file.size - 16) / 2 + 6);
	end();
}

static void test_a_damaged_head(void)
{
	begin();
	close_with_two();
	damage(9);
	reopen();
	CHECK_STR(take("f"), "");
	CHECK_INT(count_files(".damaged"), 1);
	end();
}

/* Where damaged bytes cannot be kept, nothing is touched. */
static void test_damage_that_cannot_be_kept(void)
{
	struct error err = { 0 };

	begin();
	close_with_two();
	damage(60);
	CHECK_INT(mkdir(STATE "/events-1.damaged", 0700), 0);
	CHECK(!event_store_open(STATE, loop, &err));
	CHECK_STR(err.text,
	          "keep what is damaged: '" STATE "/events-1.damaged': write: Is a directory");
	CHECK(access(log_file.path, F_OK) == 0);
	rmdir(STATE "/events-1.damaged");
	reopen();
	CHECK_STR(take("f"), "two/0 ");
	end();
}

static void put_large(const char *path, off_t size)
{
	files_put_text(path, "");
	CHECK_INT(truncate(path, size), 0); /* with nothing on the disk */
}

/* ... nor where there is too much of them. */
static void test_damage_beside_much_of_it(void)
{
	struct error err = { 0 };

	begin();
	close_with_two();
	damage(60);
	put_large(STATE "/events-9.damaged", EVENT_STORE_ASIDE - 10);
	CHECK(!event_store_open(STATE, loop, &err));
	CHECK_STR(err.text, "keep what is damaged: '" STATE "/events-*.damaged': 63 MB of at most "
	                    "64 MB: move away what has been looked at");
	unlink(STATE "/events-9.damaged");
	reopen();
	CHECK_STR(take("f"), "two/0 ");
	end();
}

static void test_an_empty_file(void)
{
	begin();
	close_with_two();
	cut_last_byte();
	reopen();
	CHECK_STR(take("f"), "");
	end();
}

/* One event that waits for hours does not keep all that come and go. */
static void test_files_do_not_grow(void)
{
	static char data[100000];
	struct error err;
	struct event_progress progress = { .attempts = 7 };

	begin();
	event_store_note(store, add("f", "old"), &progress);
	for (unsigned i = 0; i < 500; i++) {
		event_store_remove(store, try_add("f", data, sizeof(data), &err));
		pass();
	}
	CHECK(count_files(".log") <= 4);
	CHECK_STR((reopen(), take("f")), "old/7 ");
	end();
}

/* ... nor when it cannot be read any more: what there is of it is put aside, once. */
static void test_one_that_cannot_be_read_pins_no_file(void)
{
	static char data[100000];
	struct event_progress progress = { .attempts = 7 };
	struct event_store_item *item;
	struct error err;

	begin();
	item = add("f", "unreadable");
	add("f", "old");
	find_log();
	damage(60);
	for (unsigned i = 0; i < 500; i++) {
		event_store_note(store, item, &progress);
		event_store_remove(store, try_add("f", data, sizeof(data), &err));
		pass();
	}
	CHECK(count_files(".log") <= 4);
	CHECK_INT(count_files(".damaged"), 1);
	event_store_note(store, item, &progress);
	pass();
	CHECK(!event_store_give_back(store, item, "f"));
	CHECK_STR(take("f"), "");
	reopen();
	CHECK_STR(take("f"), "old/0 ");
	CHECK_INT(count_files(".damaged"), 1);
	end();
}

/* The same of one that nobody has taken. */
static void test_one_that_changes_while_lrie_runs(void)
{
	begin();
	close_with_two();
	reopen();
	damage(60);
	CHECK_STR(take("f"), "two/0 ");
	CHECK_STR(take("f"), "");
	CHECK_INT(count_files(".damaged"), 1);
	end();
}

/* What is only in the way is no reason to throw one away. */
static void test_one_that_can_be_read_another_time(void)
{
	begin();
	close_with_two();
	reopen();
	CHECK_INT(rename(log_file.path, "moved"), 0);
	CHECK_INT(symlink("moved", log_file.path), 0);
	CHECK_STR(take("f"), "");
	CHECK_INT(rename("moved", log_file.path), 0);
	CHECK_STR(take("f"), "one/0 two/0 ");
	CHECK_INT(count_files(".damaged"), 0);
	end();
}

/* ... and many that wait are kept through it all. */
static void test_many_that_wait(void)
{
	static char data[10000];
	struct event_store_item *last = NULL;
	struct error err;

	begin();
	for (unsigned i = 0; i < 5000; i++) {
		struct event_store_item *item = try_add("f", data, sizeof(data), &err);

		if (i % 10 != 0)
			event_store_remove(store, last);
		pass();
		last = item;
	}
	CHECK(count_files(".log") <= 8);
	reopen();
	CHECK_INT(remove_all("f"), 500);
	end();
}

/* Nor are others written again since one was made longer, by whomever. */
static void test_a_file_that_was_made_longer(void)
{
	static char data[1000000];
	struct error err;

	begin();
	for (unsigned i = 0; i < 15; i++)
		CHECK(try_add(i < 5 ? "f" : "g", data, sizeof(data), &err));
	reopen();
	CHECK_INT(truncate(STATE "/events-1.log", 40 << 20), 0);
	CHECK_INT(remove_all("f"), 5);
	fake_pass(loop, 10 * MS);
	CHECK_INT(access(STATE "/events-1.log", F_OK), -1);
	add("f", "another");
	CHECK_INT(access(STATE "/events-2.log", F_OK), 0);
	CHECK_INT(remove_all("g"), 10);
	end();
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* A full disk: what cannot be kept is refused, what was kept stays, and an end is written later. */
static void test_a_full_disk(void)
{
	struct error err = { 0 };
	struct event_store_item *first;

	begin();
	first = add("f", "one");
	add("f", "two");
	limit_files(400);
	CHECK(!try_add("f", "a text that does not fit any more", 33, &err));
	CHECK_INT(err.code, EFBIG);
	CHECK(strstr(err.text, "'" STATE "/events-1.log': write: "));
	event_store_remove(store, first);
	limit_files((rlim_t)size_of_log());
	pass();
	limit_files(RLIM_INFINITY);
	off_t before = size_of_log();
	fake_pass(loop, 1000 * MS);
	CHECK(size_of_log() > before);
	add("f", "three");
	reopen();
	CHECK_STR(take("f"), "two/0 three/0 ");
	end();
}

static void test_a_file_that_was_removed(void)
{
	begin();
	add("f", "one");
	unlink(STATE "/events-1.log");
	add("f", "two");
	reopen();
	CHECK_STR(take("f"), "two/0 ");
	end();
}

static void test_one_lrie_at_a_time(void)
{
	char expected[100];
	int pipes[2], status;
	pid_t pid;
	struct error err = { 0 };

	begin();
	snprintf(expected, sizeof(expected),
	         "the folder '" STATE "' is in use by another lrie, process %d", (int)getpid());
	CHECK_INT(pipe(pipes), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		bool refused = !event_store_open(STATE, loop, &err);

		_exit(!refused || write(pipes[1], &err, sizeof(err)) != sizeof(err));
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	CHECK_INT(read(pipes[0], &err, sizeof(err)), sizeof(err));
	CHECK_STR(err.text, expected);
	close(pipes[0]);
	close(pipes[1]);
	end();
}

static void test_what_is_no_folder(void)
{
	struct error err = { 0 };

	begin();
	CHECK(!event_store_open("none/state", loop, &err));
	CHECK_STR(err.text, "create the folder 'none/state': No such file or directory");
	files_put_text("file", "");
	CHECK(!event_store_open("file", loop, &err));
	CHECK_STR(err.text, "open the folder 'file': Not a directory");
	unlink("file");
	end();
}

/* It says why. */
static void test_a_folder_for_which_no_descriptor_is_left(void)
{
	struct rlimit limit, before;
	struct error err = { 0 };
	int first;

	begin();
	event_store_close(store);
	first = dup(STDIN_FILENO);
	close(first);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = (rlim_t)first + 2;
	setrlimit(RLIMIT_NOFILE, &limit);
	store = event_store_open(STATE, loop, &err);
	CHECK(!store);
	CHECK_STR(err.text, "read '" STATE "': Too many open files");
	setrlimit(RLIMIT_NOFILE, &before);
	end();
}

static void test_letters_and_functions_are_apart(void)
{
	struct taken taken = { .taker.on_item = on_item, .text = BUFFER_INIT };
	struct event_record letter = { .kind = EVENT_RECORD_LETTER,
		                       .function = "f",
		                       .request_id = ID,
		                       .destination = "http://127.0.0.1:1/",
		                       .data = "letter",
		                       .length = 6 };
	struct error err;

	begin();
	CHECK(event_store_add(store, &letter, &err));
	add("f", "event");
	reopen();
	event_store_take(store, EVENT_RECORD_LETTER, "f", &taken.taker);
	CHECK_STR(taken.text.data, "letter/0 ");
	CHECK_STR(take("f"), "event/0 ");
	buffer_finish(&taken.text);
	end();
}

static void test_what_nobody_would_take(void)
{
	struct error err;

	begin();
	CHECK(event_store_set_aside(store, "{}\n", 3, &err));
	CHECK(event_store_set_aside(store, "[]\n", 3, &err));
	files_check_text(STATE "/undelivered", "{}\n[]\n");
	end();
}

/* Whoever wrote there before was killed: that spoils no other line. */
static void test_half_a_line_of_what_nobody_would_take(void)
{
	struct error err;

	begin();
	files_put_text(STATE "/undelivered", "{}\n{\"ha");
	CHECK(event_store_set_aside(store, "[]\n", 3, &err));
	CHECK(event_store_set_aside(store, "{}\n", 3, &err));
	files_check_text(STATE "/undelivered", "{}\n{\"ha\n[]\n{}\n");
	end();
}

/* What is no file may lose it. */
static void test_a_pipe_for_what_nobody_would_take(void)
{
	struct error err = { 0 };

	begin();
	CHECK_INT(mkfifo(STATE "/undelivered", 0600), 0);
	CHECK(!event_store_set_aside(store, "[]\n", 3, &err));
	CHECK_STR(err.text, "'" STATE "/undelivered': write: Illegal seek");
	end();
}

static void test_too_much_that_nobody_would_take(void)
{
	struct error err = { 0 };

	begin();
	put_large(STATE "/undelivered", EVENT_STORE_ASIDE - 5); /* and its line is ended */
	CHECK(event_store_set_aside(store, "{}\n", 3, &err));
	CHECK(!event_store_set_aside(store, "{}\n", 3, &err));
	CHECK_STR(err.text, "'" STATE "/undelivered': 63 MB of at most 64 MB: move away what "
	                    "has been looked at");
	CHECK_INT(size_of(STATE "/undelivered"), EVENT_STORE_ASIDE - 1);
	unlink(STATE "/undelivered");
	CHECK(event_store_set_aside(store, "{}\n", 3, &err));
	end();
}

/* Half a line is none: it is taken back. */
static void test_a_full_disk_for_what_nobody_would_take(void)
{
	struct error err = { 0 };

	begin();
	CHECK(event_store_set_aside(store, "{}\n", 3, &err));
	limit_files(5);
	CHECK(!event_store_set_aside(store, "[]\n", 3, &err));
	limit_files(RLIM_INFINITY);
	CHECK_INT(size_of(STATE "/undelivered"), 3);
	end();
}

TEST_MAIN(test_a_kill_loses_nothing, test_again_and_again, test_a_kill_in_the_same_turn_repeats,
          test_an_end_goes_with_the_next, test_few_bytes_of_one_that_is_quick,
          test_nothing_stays_of_nothing, test_a_torn_end, test_a_damaged_record,
          test_damage_of_two_files_of_one_number, test_a_damaged_head,
          test_damage_that_cannot_be_kept, test_damage_beside_much_of_it, test_an_empty_file,
          test_files_do_not_grow, test_one_that_cannot_be_read_pins_no_file,
          test_one_that_changes_while_lrie_runs, test_one_that_can_be_read_another_time,
          test_many_that_wait, test_a_file_that_was_made_longer, test_a_full_disk,
          test_a_file_that_was_removed, test_one_lrie_at_a_time, test_what_is_no_folder,
          test_a_folder_for_which_no_descriptor_is_left, test_letters_and_functions_are_apart,
          test_what_nobody_would_take, test_half_a_line_of_what_nobody_would_take,
          test_a_pipe_for_what_nobody_would_take, test_too_much_that_nobody_would_take,
          test_a_full_disk_for_what_nobody_would_take)
