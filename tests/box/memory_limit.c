/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_limit - the memory limit: what counts, what it kills, and how that is told apart
 *
 * The same tests with the kernel's limit and with one that is only watched. The latter may be
 * exceeded for a moment; SLOPPY is by how much it was on a busy machine, and more.
 */
#include "tests/box/box.h"

#define SLOPPY 100 /* MB */

static struct sandbox_spec spec_of(unsigned megabytes)
{
	struct sandbox_spec spec = box_spec();

	spec.memory_bytes = MB(megabytes);
	spec.cpu_millis = 0;
	spec.tmp_bytes = MB(512);
	return spec;
}

static bool is_exact(void)
{
	return sandbox_host_wall(box_host(), SANDBOX_WALL_MEMORY)->standing == SANDBOX_YES;
}

static bool was_killed(const struct box_run *run)
{
	return WIFSIGNALED(run->status) && WTERMSIG(run->status) == SIGKILL;
}

/* Runs to its end without anybody being killed. */
static void check_lives(const struct sandbox_spec *spec, const char *const *words)
{
	static struct box_run run;

	box_run_words(&run, spec, words);
	for (size_t i = 0; words[i]; i++) {
		test_case(words[i]);
		if (strncmp(words[i], "exit", 4) != 0)
			CHECK_STR(box_says(&run, words[i]), "ok");
	}
	test_case(NULL);
	CHECK_INT(run.status, 0);
	CHECK(!run.out_of_memory);
	CHECK_INT(run.oom_events, 0);
	CHECK(run.peak <= spec->memory_bytes);
}

#define CHECK_LIVES(spec, ...) check_lives(spec, (const char *const[]){ __VA_ARGS__, NULL })

/* Runs until the limit has killed the program. */
static void check_dies(const struct sandbox_spec *spec, const char *const *words)
{
	static struct box_run run;

	box_run_words(&run, spec, words);
	CHECK(was_killed(&run));
	CHECK(run.out_of_memory);
	CHECK_INT(run.oom_events, 0);
	CHECK(run.peak >= spec->memory_bytes && run.peak < spec->memory_bytes + MB(SLOPPY));
}

#define CHECK_DIES(spec, ...) check_dies(spec, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- who is killed, and how it is told ----------------------------------------------- */

static void test_allocation_bomb(void)
{
	struct sandbox_spec spec = spec_of(32);

	NEED(SANDBOX_WALL_MEMORY);
	CHECK_DIES(&spec, "eat:512");
}

static void test_allocation_bomb_of_shared_memory(void)
{
	struct sandbox_spec spec = spec_of(32);

	NEED(SANDBOX_WALL_MEMORY);
	CHECK_DIES(&spec, "shared-eat:512");
}

static void test_memory_just_within_the_limit(void)
{
	struct sandbox_spec spec = spec_of(64);

	CHECK_LIVES(&spec, "eat:56", "exit:0");
}

static void test_a_sigkill_is_not_out_of_memory(void)
{
	static struct box_run run;
	static const char *const words[] = { "signal:9", "kill:2", NULL };
	struct sandbox_spec spec = spec_of(32);

	NEED(SANDBOX_WALL_PROCESSES);
	for (size_t i = 0; words[i]; i++) {
		test_case(words[i]);
		box_run(&run, &spec, "eat:8", words[i]);
		CHECK(was_killed(&run));
		CHECK(!run.out_of_memory);
		CHECK_INT(run.oom_events, 0);
	}
}

static void test_a_sigkill_from_outside_is_not_out_of_memory(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(32);

	box_start(&run, &spec, "eat:8", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	CHECK(run.pid > 0 && kill(run.pid, SIGKILL) == 0);
	BOX_UNTIL(&run, run.exited);
	CHECK(was_killed(&run));
	CHECK(!run.out_of_memory);
	box_end(&run);
}

/* If only a child dies, the function goes on; and what comes later is not blamed on it. */
static void test_a_child_is_out_of_memory(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(32);

	NEED(SANDBOX_WALL_MEMORY);
	box_start(&run, &spec, "child-eat:512", "hold");
	BOX_UNTIL(&run, run.oom_events || run.exited);
	CHECK_INT(run.oom_events, 1);
	CHECK_INT(run.oom_kills, 1);
	BOX_UNTIL(&run, box_find(&run, "hold"));
	CHECK_STR(box_says(&run, "child-eat:512"), "signal 9");
	sandbox_signal(run.box, 1, SIGKILL);
	BOX_UNTIL(&run, run.exited);
	CHECK(!run.out_of_memory);
	box_end(&run);
	CHECK(run.peak >= MB(32));
}

static void test_many_children_are_out_of_memory(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(64);

	NEED(SANDBOX_WALL_MEMORY);
	box_start(&run, &spec, "children-eat:8:256", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold") || run.exited);
	CHECK(!run.exited);
	const char *killed = box_says(&run, "children-eat:8:256");
	CHECK(killed && atoi(killed) == 8);
	BOX_UNTIL(&run, run.oom_kills >= 8);
	CHECK_INT(run.oom_kills, 8);
	box_end(&run);
}

/* The program is told apart from a child that was killed before. */
static void test_a_child_and_then_the_program(void)
{
	struct sandbox_spec spec = spec_of(32);
	static struct box_run run;

	NEED(SANDBOX_WALL_MEMORY);
	box_start(&run, &spec, "child-eat:512", "signal:19", "eat:512");
	BOX_UNTIL(&run, run.oom_events);
	BOX_UNTIL(&run, (sandbox_signal(run.box, 1, SIGCONT), run.exited));
	CHECK(was_killed(&run) && run.out_of_memory);
	CHECK_INT(run.oom_kills, 1);
	box_end(&run);
}

static void test_an_orphan_is_out_of_memory(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(32);

	NEED(SANDBOX_WALL_MEMORY);
	box_start(&run, &spec, "orphan-eat:512", "hold");
	BOX_UNTIL(&run, run.oom_events || run.exited);
	CHECK(!run.exited);
	CHECK_INT(run.oom_kills, 1);
	box_end(&run);
}

/* Too late for anybody to be sure whose end it was, but not to be told. */
static void test_a_child_before_the_end(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(32);

	NEED(SANDBOX_WALL_MEMORY);
	box_start(&run, &spec, "child-eat:512", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	CHECK_STR(box_says(&run, "child-eat:512"), "signal 9");
	sandbox_kill(run.box);
	BOX_UNTIL(&run, run.gone);
	CHECK_INT(run.oom_kills, 1);
	CHECK_INT(run.oom_events, 1);
	box_end(&run);
}

/* How far a bomb gets, told for the record. */
static void test_a_bomb_gets_not_far(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(128);

	NEED(SANDBOX_WALL_MEMORY);
	for (int with_file = 0; with_file <= 1; with_file++) {
		box_run(&run, &spec, with_file ? "tmp:1" : "pid", "child-eat:512", "child-peak",
		        "exit:0");
		const char *peak = box_says(&run, "child-peak");
		CHECK(peak && atoi(peak) < 128 + (is_exact() && !with_file ? 5 : SLOPPY));
		printf("# of 128 MB%s a bomb got %s\n", with_file ? " and a file in /tmp" : "",
		       peak);
	}
}

/* ---- what counts ------------------------------------------------------------------------ */

static void test_page_cache_is_not_memory(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(32);
	const char *folder = box_folder();
	char word[PATH_MAX], file[PATH_MAX];

	NEED(SANDBOX_WALL_FILES);
	snprintf(file, sizeof(file), "%s/large", folder);
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	for (int i = 0; i < 64; i++) {
		static char block[1 << 20];
		memset(block, i, sizeof(block));
		if (write(fd, block, sizeof(block)) != sizeof(block))
			box_die(file);
	}
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	const struct sandbox_bind bind = { folder, "/large" };
	spec.binds = &bind;
	spec.bind_count = 1;
	snprintf(word, sizeof(word), "cache:/large/large");
	for (int with_file = 0; with_file <= 1; with_file++) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		box_run(&run, &spec, with_file ? "tmp:20" : "pid", word, "eat:20", "exit:0");
		CHECK_STR(box_says(&run, word), "ok");
		CHECK(!run.out_of_memory && run.status == 0);
		CHECK(run.peak < MB(28));
	}
	box_remove(folder);
}

/* However little it can be told by whom, as for the peak. */
static void test_memory_that_children_share_counts_once(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(64);

	box_start(&run, &spec, "eat:40", "family:4:1", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	uint64_t end = box_now() + 200000000; /* several looks */
	while (box_now() < end && !run.exited)
		box_turn(&run, 50);
	CHECK(!run.exited);
	CHECK_INT(run.oom_events, 0);
	box_end(&run);
}

/* ---- /tmp --------------------------------------------------------------------------------- */

static void test_files_in_tmp_are_not_memory(void)
{
	struct sandbox_spec spec = spec_of(128);

	NEED(SANDBOX_WALL_TMP);
	for (int i = 0; i < 5; i++)
		CHECK_LIVES(&spec, "eat:120", "tmp:400", "exit:0");
	CHECK_LIVES(&spec, "eat:120", "tmp-unnamed:400", "exit:0");
	CHECK_LIVES(&spec, "tmp:400", "eat:120", "exit:0");
}

/* Pages of a file that are mapped count as resident, and are nobody's own. */
static void test_mapped_files_in_tmp_are_not_memory(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(128);

	NEED(SANDBOX_WALL_TMP);
	box_run(&run, &spec, "eat:100", "tmp-mapped:400", "exit:0");
	CHECK_STR(box_says(&run, "tmp-mapped:400"), "ok");
	CHECK_INT(run.status, 0);
	CHECK(!run.out_of_memory);
}

static void test_a_full_tmp_is_not_out_of_memory(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(32);

	NEED(SANDBOX_WALL_TMP);
	spec.tmp_bytes = MB(200);
	box_run(&run, &spec, "tmp:300", "eat:20", "exit:0");
	CHECK_STR(box_says(&run, "tmp:300"), "ENOSPC");
	CHECK_STR(box_says(&run, "eat:20"), "ok");
	CHECK_INT(run.status, 0);
	CHECK_INT(run.oom_events, 0);
	CHECK(run.peak < MB(28));
}

static void test_a_huge_sparse_file_is_not_out_of_memory(void)
{
	struct sandbox_spec spec = spec_of(32);

	NEED(SANDBOX_WALL_TMP);
	spec.tmp_bytes = MB(64);
	CHECK_LIVES(&spec, "tmp-sparse:100000", "eat:20", "exit:0");
}

/* With files in /tmp the limit is that of the memory all the same, and is so again without them. */
static void test_files_in_tmp_are_no_way_round_the_limit(void)
{
	struct sandbox_spec spec = spec_of(64);

	NEED(SANDBOX_WALL_MEMORY);
	NEED(SANDBOX_WALL_TMP);
	CHECK_DIES(&spec, "tmp:1", "eat:512");
	/* Where lrie looks now and then, it must still be there when that is. */
	CHECK_DIES(&spec, "tmp:200", "eat:100", "hold");
	if (is_exact()) /* else nobody knows what is whose */
		CHECK_DIES(&spec, "tmp:200", "shared-eat:100");
	CHECK_DIES(&spec, "tmp:200", "tmp-empty", "eat:100", "hold");
}

TEST_MAIN(test_allocation_bomb, test_allocation_bomb_of_shared_memory,
          test_memory_just_within_the_limit, test_a_sigkill_is_not_out_of_memory,
          test_a_sigkill_from_outside_is_not_out_of_memory, test_a_child_is_out_of_memory,
          test_many_children_are_out_of_memory, test_a_child_and_then_the_program,
          test_an_orphan_is_out_of_memory, test_a_child_before_the_end, test_a_bomb_gets_not_far,
          test_page_cache_is_not_memory, test_memory_that_children_share_counts_once,
          test_files_in_tmp_are_not_memory, test_mapped_files_in_tmp_are_not_memory,
          test_a_full_tmp_is_not_out_of_memory, test_a_huge_sparse_file_is_not_out_of_memory,
          test_files_in_tmp_are_no_way_round_the_limit)
