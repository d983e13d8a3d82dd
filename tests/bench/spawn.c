/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn - how long it takes until a static program runs: bare, in a box, and in bubblewrap's
 *
 *	spawn ROUNDS MOMENT
 *
 * MOMENT is tests/bench/moment, which tells when it began. A bare posix_spawn(3), a box with every
 * wall that stands here, and bwrap(1) with namespaces and mounts like those (where it is installed)
 * take turns. Prints one line of JSON: microseconds from the request, for each rival to the first
 * line of main, and of the box also to just before its execve, as lrie's own Init Duration has it,
 * and from the request to end it until nothing of it is left.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/sandbox.h"
#include "tests/bench/box.h"
#include "tests/bench/client.h"

#define MAX_ROUNDS 2000
#define WARM_UP 5

enum series { BARE, BOX_EXEC, BOX, BOX_END, BWRAP, SERIES };

static const char *const series_name[] = {
	[BARE] = "bare",       [BOX_EXEC] = "box_execve", [BOX] = "box",
	[BOX_END] = "box_end", [BWRAP] = "bwrap",
};

static uint64_t took[SERIES][MAX_ROUNDS];

static struct sandbox_host *host;
static char folder[4096];         /* of MOMENT */
static const char *path, *inside; /* MOMENT itself, here and in a box */
static const char *const no_environment[] = { NULL };

/* Reads what 'moment' wrote; 0 when it did not come so far. */
static uint64_t read_moment(int output)
{
	uint64_t at_ns = 0;

	return read(output, &at_ns, sizeof(at_ns)) == sizeof(at_ns) ? at_ns : 0;
}

/* ---- by posix_spawn ----------------------------------------------------------------- */

/* Returns how long it took, or 0 when the program did not run. */
static uint64_t spawn(const char *program, const char *const *argv)
{
	posix_spawn_file_actions_t actions;
	int output[2];
	pid_t pid;

	if (pipe2(output, O_CLOEXEC) == -1)
		err(1, "pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
	uint64_t began = now_ns();
	int code = posix_spawnp(&pid, program, &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(output[1]);
	uint64_t at_ns = code == 0 ? read_moment(output[0]) : 0;
	close(output[0]);
	if (code == 0)
		waitpid(pid, NULL, 0);
	return at_ns ? at_ns - began : 0;
}

static uint64_t measure_bare(void)
{
	const char *const argv[] = { path, NULL };
	uint64_t length = spawn(path, argv);

	if (!length)
		errx(1, "'%s' does not run", path);
	return length;
}

static uint64_t measure_bwrap(void)
{
	const char *const argv[] = {
		"bwrap",
		"--unshare-user",
		"--unshare-pid",
		"--unshare-ipc",
		"--unshare-uts",
		"--die-with-parent",
		"--new-session",
		"--hostname",
		"bench",
		"--uid",
		"993",
		"--gid",
		"990",
		"--ro-bind",
		"/usr",
		"/usr",
		"--ro-bind",
		folder,
		"/var/task",
		"--tmpfs",
		"/tmp",
		"--dev",
		"/dev",
		"--proc",
		"/proc",
		inside,
		NULL,
	};

	return spawn("bwrap", argv);
}

/* ---- in a box -------------------------------------------------------------------------- */

/* As a function of 128 MB gets it, with a /tmp that could outlive the box. */
static struct sandbox *create(struct sandbox_tmp *tmp)
{
	const struct sandbox_spec spec = { .task_root = folder,
		                           .hostname = "bench",
		                           .memory_bytes = 128 << 20,
		                           .tmp_bytes = 512 << 20,
		                           .tmp = tmp,
		                           .cpu_millis = 72,
		                           .processes = 1024,
		                           .open_files = 1024 };
	struct error error;
	struct sandbox *box = sandbox_create(host, &spec, &error);

	if (!box)
		errx(1, "%s", error.text);
	return box;
}

static void measure_box(uint64_t *execve_ns, uint64_t *main_ns, uint64_t *end_ns)
{
	const char *const argv[] = { inside, NULL };
	struct error error;
	int output[2];

	if (pipe2(output, O_CLOEXEC) == -1)
		err(1, "pipe");
	const struct sandbox_program program = {
		.argv = argv, .envp = no_environment, .cwd = "/", .output = output[1]
	};
	uint64_t began = now_ns();
	struct sandbox_tmp *tmp = sandbox_tmp_create();
	struct sandbox *box = create(tmp);
	if (!sandbox_exec(box, 1, &program, &error))
		errx(1, "%s", error.text);
	close(output[1]);
	*execve_ns = box_wait_for(box, SANDBOX_STARTED) - began;
	uint64_t at_ns = read_moment(output[0]);
	close(output[0]);
	if (!at_ns)
		errx(1, "'%s' does not run in a box", path);
	*main_ns = at_ns - began;
	box_wait_for(box, SANDBOX_EXITED);
	began = now_ns();
	sandbox_kill(box);
	box_wait_for(box, SANDBOX_GONE);
	sandbox_destroy(box);
	sandbox_tmp_destroy(tmp);
	*end_ns = now_ns() - began;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static void place(const char *given)
{
	static char here[4096], there[4096];

	if (!realpath(given, here))
		err(1, "%s", given);
	path = here;
	snprintf(folder, sizeof(folder), "%s", here);
	*strrchr(folder, '/') = '\0';
	snprintf(there, sizeof(there), "/var/task%.4000s", strrchr(here, '/'));
	inside = sandbox_host_has_root(host) ? there : path;
}

static void print_series(enum series series, size_t rounds, bool is_last)
{
	uint64_t *values = took[series];

	sort_values(values, rounds);
	printf("\"%s\": ", series_name[series]);
	if (values[0] == 0)
		printf("null");
	else
		printf("{\"min\": %.1f, \"p10\": %.1f, \"p50\": %.1f, \"p90\": %.1f}",
		       percentile_us(values, rounds, 0), percentile_us(values, rounds, 10),
		       percentile_us(values, rounds, 50), percentile_us(values, rounds, 90));
	printf(is_last ? "}\n" : ", ");
}

int main(int argc, char **argv)
{
	size_t rounds = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	uint64_t unused;
	struct error error;

	if (!rounds || rounds > MAX_ROUNDS)
		errx(2, "usage: spawn ROUNDS MOMENT");
	signal(SIGPIPE, SIG_IGN);
	host = sandbox_probe(SANDBOX_AUTO, 0, &error);
	if (!host)
		errx(1, "%s", error.text);
	place(argv[2]);
	for (size_t i = 0; i < WARM_UP; i++)
		measure_box(&unused, &unused, &unused);
	bool has_bwrap = measure_bwrap() != 0;
	for (size_t i = 0; i < rounds; i++) {
		took[BARE][i] = measure_bare();
		measure_box(&took[BOX_EXEC][i], &took[BOX][i], &took[BOX_END][i]);
		took[BWRAP][i] = has_bwrap ? measure_bwrap() : 0;
	}
	printf("{");
	for (int series = 0; series < SERIES; series++)
		print_series((enum series)series, rounds, series + 1 == SERIES);
	sandbox_host_destroy(host);
	return 0;
}
