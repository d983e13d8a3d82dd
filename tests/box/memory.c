/* SPDX-License-Identifier: Apache-2.0 */
/* memory - the peak of what a box used; and the CPU share */
#include <sys/mman.h>

#include "tests/box/box.h"

static struct sandbox_spec spec_of(unsigned megabytes)
{
	struct sandbox_spec spec = box_spec();

	spec.memory_bytes = MB(megabytes);
	spec.cpu_millis = 0;
	return spec;
}

/* The highest that ever was, in the process, not what it holds now. */
static void test_peak_of_one_process(void)
{
	static struct box_run run;
	uint64_t peak = 0;
	struct sandbox_spec spec = spec_of(128);

	box_start(&run, &spec, "eat-and-release:50", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	CHECK(sandbox_memory_peak(run.box, &peak));
	CHECK(peak >= MB(50) && peak < MB(53));
	box_end(&run);
	CHECK_INT(run.peak, peak);
}

/* What came and went between two looks leaves the size as it was, and no more. */
static void test_peak_between_looks(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(128);
	uint64_t peak = 0;

	box_start(&run, &spec, "eat-and-release:20", "signal:19", "eat-and-release:50", "hold");
	BOX_UNTIL(&run, box_find(&run, "eat-and-release:20"));
	for (int i = 0; i < 3; i++) {
		CHECK(sandbox_memory_peak(run.box, &peak));
		CHECK(peak >= MB(20) && peak < MB(25));
	}
	/* It may not have stopped yet. */
	BOX_UNTIL(&run, (sandbox_signal(run.box, 1, SIGCONT), box_find(&run, "hold")));
	CHECK(sandbox_memory_peak(run.box, &peak));
	CHECK(peak >= MB(50) && peak < MB(53));
	box_end(&run);
}

static void test_peak_of_a_family(void)
{
	static struct box_run run;
	uint64_t peak = 0;
	struct sandbox_spec spec = spec_of(128);

	box_start(&run, &spec, "family:3:20", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	CHECK(sandbox_memory_peak(run.box, &peak));
	CHECK(peak >= MB(60) && peak < MB(70));
	box_end(&run);
}

/* What ended counts; and a peak never falls. */
static void test_peak_after_the_end(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(128);

	box_run(&run, &spec, "eat:40", "exit:0");
	CHECK(run.peak >= MB(40) && run.peak < MB(45));
}

/* A function that runs a tool must not look as if it had used nothing. */
static void test_peak_of_a_child_that_has_ended(void)
{
	static struct box_run run;
	uint64_t peak = 0;
	struct sandbox_spec spec = spec_of(128);

	NEED_ALL(SANDBOX_WALL_MEMORY);
	box_start(&run, &spec, "child-eat:40", "child-eat:10", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	CHECK(sandbox_memory_peak(run.box, &peak));
	CHECK(peak >= MB(39) && peak < MB(44)); /* a lower bound */
	box_end(&run);
	CHECK_INT(run.peak, peak);
}

/* Looked at before, between and after; the last child is the largest. */
static void test_peak_of_children_one_by_one(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(128);
	uint64_t peak = 0;

	NEED_ALL(SANDBOX_WALL_MEMORY);
	for (int i = 0; i < 2; i++) {
		box_start(&run, &spec, i ? "child-eat:20" : "ls:/", "signal:19", "child-eat:60",
		          "hold");
		BOX_UNTIL(&run, box_find(&run, i ? "child-eat:20" : "ls:/"));
		sandbox_memory_peak(run.box, &peak);
		CHECK(i ? peak >= MB(20) && peak < MB(24) : peak < MB(4));
		/* It may not have stopped yet. */
		BOX_UNTIL(&run, (sandbox_signal(run.box, 1, SIGCONT), box_find(&run, "hold")));
		CHECK(sandbox_memory_peak(run.box, &peak));
		CHECK(peak >= MB(59) && peak < MB(64));
		box_end(&run);
	}
}

/* What a child had is known at its program's end at the latest, by whatever means. */
static void test_peak_of_a_child_after_the_end(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(128);

	box_run(&run, &spec, "child-eat:40", "exit:0");
	CHECK(run.peak >= MB(40) && run.peak < MB(45));
}

/* A child whose parent is gone is init's. */
static void test_peak_of_an_adopted_child(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_of(128);
	uint64_t peak = 0;

	box_start(&run, &spec, "orphan-eat:40", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	uint64_t end = box_now() + BOX_PATIENCE_MS * 1000000ull;
	while (peak < MB(40) && box_now() < end) { /* until init has reaped it */
		box_turn(&run, 10);
		sandbox_memory_peak(run.box, &peak);
	}
	CHECK(peak >= MB(40) && peak < MB(45));
	box_end(&run);
}

/* Neither files in /tmp, there or deleted, nor what a child read is memory of the child. */
static void test_files_of_a_child_are_not_memory(void)
{
	static const char *const words[] = { "child-write:/tmp/x:60",
		                             "child-write-delete:/tmp/y:60" };
	struct sandbox_spec spec = spec_of(128);

	NEED_ALL(SANDBOX_WALL_MEMORY);
	spec.tmp_bytes = MB(80);
	for (size_t i = 0; i < 2; i++) {
		static struct box_run run;
		uint64_t peak = 0;
		test_case(words[i]);
		box_start(&run, &spec, words[i], "hold");
		BOX_UNTIL(&run, box_find(&run, "hold"));
		CHECK_STR(box_says(&run, words[i]), "ok");
		CHECK(sandbox_memory_peak(run.box, &peak));
		CHECK(peak < MB(10));
		box_end(&run);
	}
}

/* A program is a copy of init for a moment, which is a copy of lrie. */
static void test_memory_of_lrie_is_not_the_functions(void)
{
	static struct box_run run;
	size_t size = MB(50);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sandbox_spec spec = spec_of(128);

	NEED_ALL(SANDBOX_WALL_MEMORY);
	if (memory == MAP_FAILED)
		box_die("mmap");
	memset(memory, 1, size);
	box_run(&run, &spec, "exit:1");
	CHECK(run.peak > 0 && run.peak < MB(10));
	box_run(&run, &spec, "orphan-eat:5", "exit:1");
	CHECK(run.peak > 0 && run.peak < MB(15));
	munmap(memory, size);
}

static void test_peak_is_cheap(void)
{
	static struct box_run run;
	uint64_t peak;

	box_start(&run, NULL, "eat:4", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	uint64_t begin = box_now();
	for (int i = 0; i < 100; i++)
		sandbox_memory_peak(run.box, &peak);
	printf("# peak of one process: %.1f us\n", (double)(box_now() - begin) / 100e3);
	box_end(&run);
}

/* ---- CPU -------------------------------------------------------------------------- */

static uint64_t throttled_ns(const struct box_run *run)
{
	struct sandbox_usage usage;

	sandbox_usage(run->box, &usage);
	return usage.figures[SANDBOX_USAGE_THROTTLED_NS];
}

/* A box whose program computes for so long, stops, and computes once more when it is continued. How
 * much it gets is for the rest of the machine to say, too; that no limit holds it up is not. */
static void start_spinning(struct box_run *run, const char *first, const char *second)
{
	struct sandbox_spec spec = box_spec();

	spec.counts_usage = true;
	box_start(run, &spec, first, "signal:19", second, "hold");
}

static void test_full_speed_until_throttled(void)
{
	static struct box_run run;

	NEED(SANDBOX_WALL_CPU);
	start_spinning(&run, "spin:300", "spin:1000");
	BOX_UNTIL(&run, box_find(&run, "spin:300"));
	CHECK_INT(throttled_ns(&run), 0);
	sandbox_set_cpu(run.box, SANDBOX_CPU_THROTTLED);
	BOX_UNTIL(&run, (sandbox_signal(run.box, 1, SIGCONT), box_find(&run, "hold")));
	CHECK(throttled_ns(&run) > 0);
	const char *answer = box_says(&run, "spin:1000");
	CHECK(answer && atoi(answer) <= 90 * (int)box_slow());
	printf("# full speed %s, throttled to 72: %s\n", box_says(&run, "spin:300"), answer);
	box_end(&run);
}

static void test_full_speed_again(void)
{
	static struct box_run run;

	NEED(SANDBOX_WALL_CPU);
	start_spinning(&run, "spin:200", "spin:300");
	BOX_UNTIL(&run, run.started);
	sandbox_set_cpu(run.box, SANDBOX_CPU_THROTTLED);
	BOX_UNTIL(&run, box_find(&run, "spin:200"));
	sandbox_set_cpu(run.box, SANDBOX_CPU_FULL);
	uint64_t before = throttled_ns(&run);
	BOX_UNTIL(&run, (sandbox_signal(run.box, 1, SIGCONT), box_find(&run, "hold")));
	CHECK_INT(throttled_ns(&run), before);
	printf("# full speed again %s\n", box_says(&run, "spin:300"));
	box_end(&run);
}

TEST_MAIN(test_peak_of_one_process, test_peak_between_looks, test_peak_of_a_family,
          test_peak_after_the_end, test_peak_of_a_child_that_has_ended,
          test_peak_of_children_one_by_one, test_peak_of_a_child_after_the_end,
          test_peak_of_an_adopted_child, test_files_of_a_child_are_not_memory,
          test_memory_of_lrie_is_not_the_functions, test_peak_is_cheap,
          test_full_speed_until_throttled, test_full_speed_again)
