/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share - which part of a CPU a box gets that computes all the time
 *
 *	share SECONDS PROBE
 *
 * By memory size, and by one and eight threads, one after another. Prints one line of JSON: for
 * each the share that it is to have and the one that it had, in percent of one CPU.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/box.h"
#include "tests/bench/client.h"

#define MB_PER_CPU 1769 /* as emulator/box.c has it */
#define THREADS 8

static const unsigned sizes[] = { 128, 512, 1024, 1769 };

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static uint64_t cpu_ns(struct sandbox *box)
{
	struct sandbox_usage usage;

	sandbox_usage(box, &usage);
	if (usage.figures[SANDBOX_USAGE_CPU_NS] == SANDBOX_UNKNOWN)
		errx(1, "CPU time: %s", usage.missing[SANDBOX_USAGE_CPU_NS]);
	return usage.figures[SANDBOX_USAGE_CPU_NS];
}

/* The probe says a word when its threads run. */
static void wait_for_word(int output)
{
	struct pollfd ready = { .fd = output, .events = POLLIN };
	char word[64];

	if (poll(&ready, 1, 60000) != 1 || read(output, word, sizeof(word)) <= 0)
		errx(1, "the box does not compute");
}

/* In percent of a CPU. */
static double measure(struct sandbox_host *host, const char *probe, unsigned megabytes,
                      unsigned threads, double seconds)
{
	const struct sandbox_spec spec = { .hostname = "bench",
		                           .memory_bytes = (uint64_t)megabytes << 20,
		                           .tmp_bytes = 1 << 20,
		                           .cpu_millis = megabytes * 1000 / MB_PER_CPU,
		                           .processes = 64,
		                           .open_files = 64,
		                           .counts_usage = true };
	char word[16];
	int output[2];

	if (pipe2(output, O_CLOEXEC) == -1)
		err(1, "pipe");
	snprintf(word, sizeof(word), "hog:%u", threads);
	struct sandbox *box = box_of_probe(host, spec, probe, word, -1, output[1]);
	box_wait_for(box, SANDBOX_STARTED);
	wait_for_word(output[0]);
	sandbox_set_cpu(box, SANDBOX_CPU_THROTTLED);
	usleep(100000); /* what was saved up at full speed is spent */
	uint64_t began_ns = now_ns(), began_cpu = cpu_ns(box);
	usleep((useconds_t)(seconds * 1e6));
	uint64_t cpu = cpu_ns(box) - began_cpu, took = now_ns() - began_ns;
	box_finish(box);
	close(output[0]);
	close(output[1]);
	return (double)cpu / (double)took * 100;
}

int main(int argc, char **argv)
{
	struct error error;

	if (argc != 3 || atof(argv[1]) <= 0 || atof(argv[1]) > 60)
		errx(2, "usage: share SECONDS PROBE, up to 60 seconds");
	signal(SIGPIPE, SIG_IGN);
	struct sandbox_host *host = sandbox_probe(SANDBOX_AUTO, 0, &error);
	if (!host)
		errx(1, "%s", error.text);
	bool stands = sandbox_host_wall(host, SANDBOX_WALL_CPU)->standing != SANDBOX_NO;
	printf("{");
	for (size_t i = 0; stands && i < SIZES; i++) {
		printf("%s\"%u\": {\"due\": %.2f", i ? ", " : "", sizes[i],
		       sizes[i] * 100.0 / MB_PER_CPU);
		printf(", \"one\": %.2f", measure(host, argv[2], sizes[i], 1, atof(argv[1])));
		printf(", \"eight\": %.2f}",
		       measure(host, argv[2], sizes[i], THREADS, atof(argv[1])));
	}
	printf("}\n");
	sandbox_host_destroy(host);
	return 0;
}
