/* SPDX-License-Identifier: Apache-2.0 */
/* usage - what a box has used of CPU time, memory pages and files */
#include <linux/capability.h>

#include "tests/box/box.h"

static struct sandbox_spec spec_that_counts(void)
{
	struct sandbox_spec spec = box_spec();

	spec.counts_usage = true;
	return spec;
}

static void start(struct box_run *run, const struct sandbox_spec *spec, const char *word)
{
	box_start(run, spec, word, "hold");
	BOX_UNTIL(run, box_find(run, "hold"));
}

/* What a box has used whose program has done as the word says. A child that was left to init is
 * init's only when init has waited for it: what is too little is looked at again, for a while. */
static struct sandbox_usage usage_of(const struct sandbox_spec *spec, const char *word,
                                     enum sandbox_usage_figure figure, uint64_t least)
{
	static struct box_run run;
	struct sandbox_usage usage;

	start(&run, spec, word);
	uint64_t end = box_now() + BOX_PATIENCE_MS / 4 * 1000000ull;
	sandbox_usage(run.box, &usage);
	while (usage.figures[figure] < least && box_now() < end) {
		box_turn(&run, 1);
		sandbox_usage(run.box, &usage);
	}
	box_end(&run);
	return usage;
}

static struct sandbox_usage usage_after_least(const char *word, enum sandbox_usage_figure figure,
                                              uint64_t least)
{
	struct sandbox_spec spec = spec_that_counts();

	test_case(word);
	return usage_of(&spec, word, figure, least);
}

static struct sandbox_usage usage_after(const char *word)
{
	return usage_after_least(word, SANDBOX_USAGE_CPU_NS, 0);
}

static bool is_known(const struct sandbox_usage *usage, enum sandbox_usage_figure figure)
{
	return usage->figures[figure] != SANDBOX_UNKNOWN;
}

static double ms(const struct sandbox_usage *usage, enum sandbox_usage_figure figure)
{
	return (double)usage->figures[figure] / 1e6;
}

/* A figure that is not known says why, and one that is does not. */
static void check_reasons(const struct sandbox_usage *usage)
{
	for (unsigned i = 0; i < SANDBOX_USAGE_COUNT; i++)
		CHECK(is_known(usage, (enum sandbox_usage_figure)i) == !usage->missing[i]);
}

/* Whether this process has a capability that counts in the whole machine. */
static bool has_capability(int number)
{
	char text[4096] = "", map[64] = "";
	unsigned long length = 0;

	fd_read_file(AT_FDCWD, "/proc/self/status", text, sizeof(text));
	fd_read_file(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map));
	const char *line = strstr(text, "\nCapEff:");
	sscanf(map, "%*u %*u %lu", &length);
	return length == UINT32_MAX && line && (strtoull(line + 8, NULL, 16) >> number & 1);
}

static void box_turn_for(struct box_run *run, unsigned length_ms)
{
	uint64_t now = box_now(), end = now + length_ms * 1000000ull;

	for (; now < end; now = box_now())
		box_turn(run, (int)((end - now) / 1000000) + 1);
}

#define CHECK_BETWEEN(least, value, most)                             \
	do {                                                          \
		double is = (double)(value);                          \
		if (is < (double)(least) || is > (double)(most))      \
			printf("# %s is %.3f\n", #value, is);         \
		CHECK(is >= (double)(least) && is <= (double)(most)); \
	} while (0)

/* ---- CPU time ------------------------------------------------------------------------ */

/* CPU time does not depend on who else is there, though caches do. */
static void test_cpu_time(void)
{
	static const char *const words[] = { "use:cpu:60", "thread-use:cpu:60" };

	for (size_t i = 0; i < 2; i++) {
		struct sandbox_usage usage = usage_after(words[i]);
		check_reasons(&usage);
		CHECK(is_known(&usage, SANDBOX_USAGE_CPU_NS));
		CHECK_BETWEEN(60, ms(&usage, SANDBOX_USAGE_CPU_NS), 60 + 15 * box_slow());
	}
}

/* Only a cgroup knows what the dead have used. */
static void test_cpu_time_of_the_dead(void)
{
	static const char *const words[] = { "child-use:cpu:60", "orphan-use:cpu:60" };

	for (size_t i = 0; i < 2; i++) {
		struct sandbox_usage usage = usage_after(words[i]);
		check_reasons(&usage);
		if (is_known(&usage, SANDBOX_USAGE_CPU_NS))
			CHECK_BETWEEN(60, ms(&usage, SANDBOX_USAGE_CPU_NS), 60 + 15 * box_slow());
		else
			CHECK(strstr(usage.missing[SANDBOX_USAGE_CPU_NS], "cgroup"));
	}
}

/* A box that is never frozen may be in no group that counts: its processes do, while they live. */
static void test_cpu_time_of_boxes_that_are_not_frozen(void)
{
	sandbox_host_set_freezing(box_host(), false);
	test_cpu_time();
	test_cpu_time_of_the_dead();
	sandbox_host_set_freezing(box_host(), true);
}

/* What the kernel counts for the process goes back to before its execve. */
static double process_ms(pid_t pid)
{
	struct timespec spent;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &spent) == -1)
		box_die("a process's clock");
	return (double)spent.tv_sec * 1e3 + (double)spent.tv_nsec / 1e6;
}

static uint64_t process_faults(pid_t pid)
{
	char path[32], stat[1024] = "";
	unsigned long long minor = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd_read_file(AT_FDCWD, path, stat, sizeof(stat));
	if (sscanf(stat, "%*d (probe) %*c %*d %*d %*d %*d %*d %*u %llu", &minor) != 1)
		box_die(path);
	return minor;
}

static void test_what_lrie_did_does_not_count(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_that_counts();
	struct sandbox_usage usage;

	start(&run, &spec, "uid");
	sandbox_usage(run.box, &usage);
	double before_ms = process_ms(run.pid) - ms(&usage, SANDBOX_USAGE_CPU_NS);
	uint64_t faults = process_faults(run.pid);
	box_end(&run);
	CHECK_BETWEEN(0.02, ms(&usage, SANDBOX_USAGE_CPU_NS), 3 * box_slow());
	CHECK_BETWEEN(0.02, before_ms, 10 * box_slow());
	CHECK(usage.figures[SANDBOX_USAGE_MINOR_FAULTS] < faults);
	CHECK(usage.figures[SANDBOX_USAGE_READ_BYTES] < 8192 ||
	      !is_known(&usage, SANDBOX_USAGE_READ_BYTES));
	printf("# before execve %.3f ms, after it %.3f ms, %llu page faults\n", before_ms,
	       ms(&usage, SANDBOX_USAGE_CPU_NS),
	       (unsigned long long)usage.figures[SANDBOX_USAGE_MINOR_FAULTS]);
}

static void test_the_kernels_part(void)
{
	struct sandbox_usage own = usage_after("use:cpu:300");
	struct sandbox_usage kernels = usage_after("use:reads:6000");
	struct sandbox_usage little = usage_after("uid");

	CHECK(!is_known(&little, SANDBOX_USAGE_SYSTEM_NS));
	if (!is_known(&own, SANDBOX_USAGE_SYSTEM_NS))
		SKIP(own.missing[SANDBOX_USAGE_SYSTEM_NS]);
	CHECK_BETWEEN(0, ms(&own, SANDBOX_USAGE_SYSTEM_NS), ms(&own, SANDBOX_USAGE_CPU_NS) * 0.3);
	CHECK_BETWEEN(ms(&kernels, SANDBOX_USAGE_CPU_NS) * 0.7,
	              ms(&kernels, SANDBOX_USAGE_SYSTEM_NS),
	              ms(&kernels, SANDBOX_USAGE_CPU_NS) * 1.01);
}

/* 40 ms at 72 of 1000 take more than half a second, of which it runs for 40. */
static void test_time_that_it_was_throttled(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_that_counts();
	struct sandbox_usage before, after;

	box_start(&run, &spec, "use:cpu:5", "signal:19", "use:cpu:40", "hold");
	BOX_UNTIL(&run, box_find(&run, "use:cpu:5"));
	sandbox_usage(run.box, &before);
	sandbox_set_cpu(run.box, SANDBOX_CPU_THROTTLED);
	uint64_t begin = box_now();
	double idle_ms = box_idle_ms();
	BOX_UNTIL(&run, (sandbox_signal(run.box, 1, SIGCONT), box_find(&run, "hold")));
	double wall_ms = (double)(box_now() - begin) / 1e6;
	const char *busy = box_was_busy(idle_ms, begin);
	sandbox_usage(run.box, &after);
	box_end(&run);
	check_reasons(&after);
	if (box_lacks(SANDBOX_WALL_CPU)) {
		CHECK(!is_known(&after, SANDBOX_USAGE_THROTTLED_NS));
		SKIP(after.missing[SANDBOX_USAGE_THROTTLED_NS]);
	}
	CHECK_INT(before.figures[SANDBOX_USAGE_THROTTLED_NS], 0);
	CHECK_BETWEEN(0.001, ms(&after, SANDBOX_USAGE_THROTTLED_NS), wall_ms);
	/* Who waits for a CPU besides is throttled for less. */
	if (busy && ms(&after, SANDBOX_USAGE_THROTTLED_NS) < 300)
		SKIP(busy);
	CHECK_BETWEEN(300, ms(&after, SANDBOX_USAGE_THROTTLED_NS), wall_ms);
}

/* In percent of a CPU, over a second in which it computes all the time; 'busy' as of
 * box_was_busy().
 */
static double share_of(unsigned megabytes, const char *hog, const char **busy)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_that_counts();
	struct sandbox_usage before, after;

	spec.cpu_millis = megabytes * 1000 / 1769;
	box_start(&run, &spec, hog);
	BOX_UNTIL(&run, box_find(&run, hog));
	sandbox_set_cpu(run.box, SANDBOX_CPU_THROTTLED);
	box_turn_for(&run, 100); /* what was saved up is spent */
	uint64_t begin = box_now();
	double idle_ms = box_idle_ms();
	sandbox_usage(run.box, &before);
	box_turn_for(&run, 1000);
	sandbox_usage(run.box, &after);
	double took_ms = (double)(box_now() - begin) / 1e6;
	*busy = box_was_busy(idle_ms, begin);
	box_end(&run);
	return (ms(&after, SANDBOX_USAGE_CPU_NS) - ms(&before, SANDBOX_USAGE_CPU_NS)) / took_ms *
	       100;
}

/* Never more than a point above memory/1769, whoever else is there; and no more than a point below
 * it, when nobody else is. */
static void test_share_of_a_cpu(void)
{
	static const unsigned sizes[] = { 128, 256 };
	static const char *const hogs[] = { "hog:1", "hog:8" };

	NEED(SANDBOX_WALL_CPU);
	for (size_t i = 0; i < 4; i++) {
		double due = sizes[i / 2] * 100.0 / 1769, got = 0;
		const char *busy = NULL;
		test_case(hogs[i % 2]);
		for (int attempt = 0; attempt < 4 && got < due - 1; attempt++) {
			got = share_of(sizes[i / 2], hogs[i % 2], &busy);
			CHECK_BETWEEN(0, got, due + 1);
		}
		if (busy && got < due - 1)
			SKIP(busy);
		CHECK_BETWEEN(due - 1, got, due + 1);
		printf("# %u MB, %s: %.2f %%, due %.2f %%\n", sizes[i / 2], hogs[i % 2], got, due);
	}
}

/* ---- pages and files ---------------------------------------------------------------------- */

static void test_page_faults(void)
{
	static const char *const words[] = { "use:pages:2000", "child-use:pages:2000",
		                             "orphan-use:pages:2000" };
	uint64_t idle = usage_after("uid").figures[SANDBOX_USAGE_MINOR_FAULTS];

	for (size_t i = 0; i < 3; i++) {
		struct sandbox_usage usage = usage_after_least(words[i], SANDBOX_USAGE_MINOR_FAULTS,
		                                               idle + 1990);
		check_reasons(&usage);
		CHECK_BETWEEN(1990, usage.figures[SANDBOX_USAGE_MINOR_FAULTS] - idle, 2300);
		CHECK(is_known(&usage, SANDBOX_USAGE_MAJOR_FAULTS));
		CHECK_BETWEEN(0, usage.figures[SANDBOX_USAGE_MAJOR_FAULTS], 100);
	}
}

/* An orphan's are only known where init's may be looked at. */
static void test_bytes_read(void)
{
	static const char *const words[] = { "use:reads:20", "child-use:reads:20",
		                             "orphan-use:reads:20" };

	for (size_t i = 0; i < 3; i++) {
		struct sandbox_usage usage = usage_after_least(words[i], SANDBOX_USAGE_READ_BYTES,
		                                               MB(20));
		if (!is_known(&usage, SANDBOX_USAGE_READ_BYTES)) {
			CHECK(strstr(usage.missing[SANDBOX_USAGE_READ_BYTES], "/proc/PID/io"));
			CHECK(!has_capability(CAP_SYS_PTRACE));
			continue;
		}
		CHECK_BETWEEN(MB(20), usage.figures[SANDBOX_USAGE_READ_BYTES], MB(20) + 16384);
		CHECK_BETWEEN(0, usage.figures[SANDBOX_USAGE_STORAGE_BYTES], MB(5));
	}
}

/* Programs do not wait for lrie, which may hear of a box when somebody in it has come and gone. */
static void test_an_end_before_lrie_knows_that_the_box_is_ready(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_that_counts();
	struct sandbox_usage usage;
	uint64_t end = box_now() + BOX_PATIENCE_MS * 1000000ull;

	/* While it computes, init waits for the orphan. */
	box_start(&run, &spec, "orphan-use:pages:2000", "use:cpu:30", "hold");
	do {
		poll(NULL, 0, 1);
		box_take_output(&run);
	} while (!box_find(&run, "hold") && box_now() < end);
	CHECK(!run.ready && box_find(&run, "hold"));
	BOX_UNTIL(&run, (sandbox_usage(run.box, &usage),
	                 is_known(&usage, SANDBOX_USAGE_MINOR_FAULTS) &&
	                         usage.figures[SANDBOX_USAGE_MINOR_FAULTS] >= 2000));
	box_end(&run);
}

static void test_pages_of_files(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_that_counts();
	struct sandbox_usage usage;
	char word[PATH_MAX + 8];
	uint64_t idle = usage_after("uid").figures[SANDBOX_USAGE_MAPPED_BYTES];

	snprintf(word, sizeof(word), "map:%s", box_probe_inside(box_host()));
	start(&run, &spec, word);
	sandbox_usage(run.box, &usage);
	double size = atof(box_says(&run, word));
	box_end(&run);
	CHECK(size > 20000);
	CHECK_BETWEEN(size, usage.figures[SANDBOX_USAGE_MAPPED_BYTES] - idle, size + 100000);
}

/* Where it takes root, others hear that it does. */
static void test_files_opened(void)
{
	static const char *const words[] = { "use:files:300", "child-use:files:300",
		                             "orphan-use:files:300" };
	struct sandbox_spec spec = spec_that_counts();

	spec.counts_files = true;
	spec.tmp_bytes = MB(4);
	struct sandbox_usage idle = usage_of(&spec, "uid", SANDBOX_USAGE_FILES, 0);
	check_reasons(&idle);
	if (!is_known(&idle, SANDBOX_USAGE_FILES)) {
		CHECK(!has_capability(CAP_SYS_ADMIN) || !sandbox_host_has_root(box_host()));
		SKIP(idle.missing[SANDBOX_USAGE_FILES]);
	}
	CHECK_BETWEEN(1, idle.figures[SANDBOX_USAGE_FILES], 6);
	for (size_t i = 0; i < 3; i++) {
		test_case(words[i]);
		struct sandbox_usage usage = usage_of(&spec, words[i], SANDBOX_USAGE_FILES, 0);
		CHECK_INT(usage.figures[SANDBOX_USAGE_FILES] - idle.figures[SANDBOX_USAGE_FILES],
		          300);
	}
}

static void test_files_are_not_counted_unasked(void)
{
	struct sandbox_usage usage = usage_after("use:files:3");

	CHECK(!is_known(&usage, SANDBOX_USAGE_FILES));
	check_reasons(&usage);
}

/* ---- when, and at what price --------------------------------------------------------------- */

static void test_nothing_is_known_of_what_does_not_run(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_that_counts();
	struct sandbox_usage usage;

	box_begin(&run, box_host(), &spec, NULL, NULL, NULL);
	BOX_UNTIL(&run, run.ready);
	sandbox_usage(run.box, &usage);
	for (unsigned i = 0; i < SANDBOX_USAGE_COUNT; i++)
		CHECK(!is_known(&usage, (enum sandbox_usage_figure)i));
	check_reasons(&usage);
	sandbox_kill(run.box);
	sandbox_usage(run.box, &usage);
	check_reasons(&usage);
	CHECK(!is_known(&usage, SANDBOX_USAGE_CPU_NS));
	box_end(&run);
}

static void test_a_look_is_cheap(void)
{
	static struct box_run run;
	struct sandbox_spec spec = spec_that_counts();
	struct sandbox_usage usage;

	for (int i = 0; i < 2; i++) {
		start(&run, &spec, i ? "family:4:1" : "uid");
		uint64_t begin = box_now();
		for (int look = 0; look < 100; look++)
			sandbox_usage(run.box, &usage);
		printf("# a look at %s: %.1f us\n", i ? "five processes" : "one process",
		       (double)(box_now() - begin) / 100e3);
		box_end(&run);
	}
}

TEST_MAIN(test_cpu_time, test_cpu_time_of_the_dead, test_cpu_time_of_boxes_that_are_not_frozen,
          test_what_lrie_did_does_not_count, test_the_kernels_part, test_time_that_it_was_throttled,
          test_share_of_a_cpu, test_page_faults, test_bytes_read,
          test_an_end_before_lrie_knows_that_the_box_is_ready, test_pages_of_files,
          test_files_opened, test_files_are_not_counted_unasked,
          test_nothing_is_known_of_what_does_not_run, test_a_look_is_cheap)
