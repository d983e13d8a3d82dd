/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freeze - what freezing and thawing a box takes
 *
 *	freeze ROUNDS PROBE
 *
 * Prints one line of JSON: the microseconds of both calls together, of a box that computes, frozen
 * and thawed for a moment each; and from the thaw of a box that waits until it answers. 'lost' is 1
 * when it did not within ten seconds; so often as told, in a row, it is to.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/box.h"
#include "tests/bench/client.h"

#define MAX_ROUNDS 10000
#define CALLS_EVERY 10 /* so many times less often are both calls alone measured */
#define MOMENT_NS 200000
#define LOST_MS 10000

static uint64_t calls[MAX_ROUNDS], answers[MAX_ROUNDS];

static const struct sandbox_spec spec = { .hostname = "bench",
	                                  .memory_bytes = 128 << 20,
	                                  .tmp_bytes = 1 << 20,
	                                  .processes = 64,
	                                  .open_files = 64 };

static void pass_a_moment(void)
{
	nanosleep(&(const struct timespec){ .tv_nsec = MOMENT_NS }, NULL);
}

static void take_events(struct sandbox *box)
{
	struct sandbox_event event;

	while (sandbox_next_event(box, &event)) {
		if (event.type == SANDBOX_EXITED || event.type == SANDBOX_GONE)
			errx(1, "the program of a box has ended");
	}
}

/* ---- what is measured ----------------------------------------------------------------- */

static void measure_calls(struct sandbox_host *host, const char *probe, size_t rounds)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct sandbox *box = box_of_probe(host, spec, probe, "hog:1", -1, null);

	box_wait_for(box, SANDBOX_STARTED);
	for (size_t i = 0; i < rounds; i++) {
		pass_a_moment();
		uint64_t begin = now_ns();
		sandbox_freeze(box);
		uint64_t frozen = now_ns();
		pass_a_moment();
		uint64_t thaw = now_ns();
		sandbox_thaw(box);
		calls[i] = frozen - begin + now_ns() - thaw;
		take_events(box);
	}
	box_finish(box);
	close(null);
}

static bool is_answered(int output)
{
	struct pollfd ready = { .fd = output, .events = POLLIN };
	char byte;

	return poll(&ready, 1, LOST_MS) == 1 && read(output, &byte, 1) == 1;
}

/* Asks while it is frozen; every other time it may not be yet, when it is thawed. Returns whether
 * all rounds went well, and how many answers were measured: those of the really frozen. */
static bool measure_answers(struct sandbox_host *host, const char *probe, size_t rounds,
                            size_t *measured)
{
	int input[2], output[2];
	bool fine = true;

	if (pipe2(input, O_CLOEXEC) == -1 || pipe2(output, O_CLOEXEC) == -1)
		err(1, "pipe");
	struct sandbox *box = box_of_probe(host, spec, probe, "echo", input[0], output[1]);
	box_wait_for(box, SANDBOX_STARTED);
	for (size_t i = 0; i < rounds && fine; i++) {
		sandbox_freeze(box);
		if (write(input[1], "x", 1) != 1)
			err(1, "write to a box");
		if (i % 2)
			pass_a_moment();
		uint64_t begin = now_ns();
		sandbox_thaw(box);
		fine = is_answered(output[0]);
		if (fine && i % 2)
			answers[(*measured)++] = now_ns() - begin;
		take_events(box);
	}
	box_finish(box);
	return fine;
}

/* ---- the report ----------------------------------------------------------------------- */

static void print_points(const char *name, uint64_t *values, size_t count)
{
	sort_values(values, count);
	printf("\"%s\": {\"p10\": %.3f, \"p50\": %.3f, \"p99\": %.3f}, ", name,
	       percentile_us(values, count, 10), percentile_us(values, count, 50),
	       percentile_us(values, count, 99));
}

int main(int argc, char **argv)
{
	size_t rounds = argc == 3 ? (size_t)atoi(argv[1]) : 0, measured = 0;
	struct error error;

	if (rounds < CALLS_EVERY || rounds > MAX_ROUNDS)
		errx(2, "usage: freeze ROUNDS PROBE, %d to %d rounds", CALLS_EVERY, MAX_ROUNDS);
	signal(SIGPIPE, SIG_IGN);
	struct sandbox_host *host = sandbox_probe(SANDBOX_AUTO, 0, &error);
	if (!host)
		errx(1, "%s", error.text);
	const char *mechanism = sandbox_host_wall(host, SANDBOX_WALL_FREEZE)->mechanism;
	if (!mechanism[0])
		errx(1, "nothing can be frozen here");
	measure_calls(host, argv[2], rounds / CALLS_EVERY);
	bool fine = measure_answers(host, argv[2], rounds, &measured);
	printf("{\"mechanism\": \"%s\", ", mechanism);
	print_points("calls", calls, rounds / CALLS_EVERY);
	print_points("answer", answers, measured ? measured : 1);
	printf("\"rounds\": %zu, \"lost\": %d}\n", rounds, !fine);
	sandbox_host_destroy(host);
	return 0;
}
