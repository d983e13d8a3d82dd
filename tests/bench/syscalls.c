/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscalls - what the filter of system calls costs: at the start of a program, and for each call
 *
 *	syscalls ROUNDS CALLS PROBE
 *
 * Boxes without a filter, with the default one with and without reports of writes, and with the
 * strict one take turns. Prints one line of JSON: for each policy the microseconds that the filter
 * takes to be made, from there until a box has executed its program, and from the request until
 *then in a box that is ready (medians); and nanoseconds a call, of the best round: one that is
 *allowed, one whose arguments are looked at, one that fails by itself, one that lrie is asked
 *about, and a file opened and closed for reading, for writing in /tmp, and for writing where that
 *fails.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/sandbox.h"
#include "sandbox/seccomp.h"
#include "tests/bench/box.h"
#include "tests/bench/client.h"

#define POLICIES 4
#define MAX_ROUNDS 1000
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct policy {
	const char *name;
	enum sandbox_syscalls syscalls;
	bool report_writes;
} policies[POLICIES] = {
	{ "off", SANDBOX_SYSCALLS_OFF, false },
	{ "writes untold", SANDBOX_SYSCALLS_DEFAULT, false },
	{ "default", SANDBOX_SYSCALLS_DEFAULT, true },
	{ "strict", SANDBOX_SYSCALLS_STRICT, true },
};

static const struct {
	const char *name;
	const char *call;
	unsigned divisor; /* of the number of calls: some are slow */
} calls[] = {
	{ "allowed", "getppid", 1 },
	{ "looked_at", "personality:0xffffffff", 1 },
	{ "silent", "io_uring_enter:-1", 1 },
	{ "told", "kcmp:-1", 20 },
	{ "read", "file:read:/etc/passwd", 1 },
	{ "write", "file:append:/tmp/x", 20 },
	{ "fail", "file:append:/etc/passwd", 50 },
};

static uint64_t made[POLICIES][MAX_ROUNDS];
static uint64_t built[POLICIES][MAX_ROUNDS];
static uint64_t executed[POLICIES][MAX_ROUNDS];
static double cost[POLICIES][LENGTH(calls)];

static struct sandbox_host *host;
static const char *probe_folder, *probe_inside;

/* ---- one box ---------------------------------------------------------------------- */

static struct sandbox *create(const struct policy *policy)
{
	const struct sandbox_spec spec = { .task_root = probe_folder,
		                           .hostname = "bench",
		                           .memory_bytes = 512 << 20,
		                           .tmp_bytes = 1 << 20,
		                           .processes = 64,
		                           .open_files = 64,
		                           .report_writes = policy->report_writes };
	struct error error;
	struct sandbox *box = sandbox_create(host, &spec, &error);

	if (!box)
		errx(1, "%s", error.text);
	return box;
}

static void execute(struct sandbox *box, const char *word, int output)
{
	const char *const argv[] = { probe_inside, word, NULL };
	const char *const envp[] = { NULL };
	const struct sandbox_program program = {
		.argv = argv, .envp = envp, .cwd = "/", .output = output
	};
	struct error error;

	if (!sandbox_exec(box, 1, &program, &error))
		errx(1, "%s", error.text);
}

static void end(struct sandbox *box)
{
	sandbox_kill(box);
	box_wait_for(box, SANDBOX_GONE);
	sandbox_destroy(box);
}

/* ---- what is measured ------------------------------------------------------------------ */

static uint64_t measure_making(const struct policy *policy)
{
	struct error error;
	uint64_t began = now_ns();

	if (policy->syscalls == SANDBOX_SYSCALLS_OFF)
		return 0;
	struct syscall_filter *filter = syscall_filter_create(policy->syscalls,
	                                                      policy->report_writes, &error);
	if (!filter)
		errx(1, "%s", error.text);
	uint64_t took = now_ns() - began;
	syscall_filter_destroy(filter);
	return took;
}

static uint64_t measure_whole_start(const struct policy *policy, int output)
{
	uint64_t began = now_ns();
	struct sandbox *box = create(policy);

	execute(box, "pid", output);
	uint64_t took = box_wait_for(box, SANDBOX_STARTED) - began;
	end(box);
	return took;
}

static uint64_t measure_execution(const struct policy *policy, int output)
{
	struct sandbox *box = create(policy);

	box_wait_for(box, SANDBOX_READY);
	uint64_t began = now_ns();
	execute(box, "pid", output);
	uint64_t took = box_wait_for(box, SANDBOX_STARTED) - began;
	end(box);
	return took;
}

/* The probe prints "cost:...: NANOSECONDS". */
static double measure_call(const struct policy *policy, const char *call, unsigned long count)
{
	char word[96], text[256];
	int output[2];

	snprintf(word, sizeof(word), "cost:%lu:%s", count, call);
	if (pipe2(output, O_CLOEXEC) == -1)
		err(1, "pipe");
	struct sandbox *box = create(policy);
	execute(box, word, output[1]);
	close(output[1]);
	box_wait_for(box, SANDBOX_EXITED);
	ssize_t length = read(output[0], text, sizeof(text) - 1);
	close(output[0]);
	end(box);
	text[length > 0 ? length : 0] = '\0';
	const char *value = strrchr(text, ' ');
	if (!value)
		errx(1, "the probe said '%s'", text);
	return strtod(value, NULL);
}

static void measure_round(int index, size_t round, unsigned long count)
{
	const struct policy *policy = &policies[index];
	autoclose int output = open("/dev/null", O_WRONLY | O_CLOEXEC);

	made[index][round] = measure_making(policy);
	sandbox_host_set_syscalls(host, policy->syscalls);
	if (round == 0)
		end(create(policy)); /* makes and keeps the filter */
	built[index][round] = measure_whole_start(policy, output);
	executed[index][round] = measure_execution(policy, output);
	for (size_t i = 0; i < LENGTH(calls) && round < 5; i++) {
		double took = measure_call(policy, calls[i].call, count / calls[i].divisor);
		if (round == 0 || took < cost[index][i])
			cost[index][i] = took;
	}
}

static void print_policy(int index, size_t rounds)
{
	sort_values(made[index], rounds);
	sort_values(built[index], rounds);
	sort_values(executed[index], rounds);
	printf("\"%s\": {\"make\": %.1f, \"start\": %.1f, \"execute\": %.1f", policies[index].name,
	       percentile_us(made[index], rounds, 50), percentile_us(built[index], rounds, 50),
	       percentile_us(executed[index], rounds, 50));
	for (size_t i = 0; i < LENGTH(calls); i++)
		printf(", \"%s\": %.1f", calls[i].name, cost[index][i]);
	printf("}");
}

/* The folder of the probe, and its path in the box. */
static void place_probe(const char *path)
{
	static char folder[4096], inside[4096];
	char *slash;

	if (!realpath(path, folder))
		err(1, "%s", path);
	slash = strrchr(folder, '/');
	snprintf(inside, sizeof(inside), "/var/task%s", slash);
	probe_inside = inside;
	if (sandbox_host_wall(host, SANDBOX_WALL_FILES)->standing == SANDBOX_NO)
		probe_inside = path;
	*slash = '\0';
	probe_folder = folder;
}

int main(int argc, char **argv)
{
	size_t rounds = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long count = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	struct error error;

	if (!rounds || rounds > MAX_ROUNDS || !count)
		errx(2, "usage: syscalls ROUNDS CALLS PROBE");
	signal(SIGPIPE, SIG_IGN);
	host = sandbox_probe(SANDBOX_AUTO, 0, &error);
	if (!host)
		errx(1, "%s", error.text);
	place_probe(argv[3]);
	for (size_t round = 0; round < rounds; round++) {
		for (int policy = 0; policy < POLICIES; policy++)
			measure_round(policy, round, count);
	}
	printf("{");
	for (int policy = 0; policy < POLICIES; policy++) {
		print_policy(policy, rounds);
		printf(policy + 1 < POLICIES ? ", " : "}\n");
	}
	sandbox_host_destroy(host);
	return 0;
}
