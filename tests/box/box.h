/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box - what the tests of the box share: running the probe in one, and reading
 * what it saw.
 *
 *	struct box_run run;
 *	box_run(&run, NULL, "uid", "write:/x");
 *	CHECK_STR(box_says(&run, "uid"), "993 993 993");
 *
 * The probe is the program that LRIE_PROBE names; its folder is the task root. A
 * test that needs a wall says so, and is skipped with the wall's own reason where
 * it does not stand. All functions end the program when the machine itself fails.
 */
#ifndef TESTS_BOX_BOX_H
#define TESTS_BOX_BOX_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/sandbox.h"
#include "tests/unit/test.h"

#define BOX_UNUSED __attribute__((unused))
#define BOX_PATIENCE_MS ((int)box_slow() * 20000) /* after which something hangs */

#define MB(count) ((uint64_t)(count) << 20)

BOX_UNUSED static void box_die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Nothing that a test as root mounts can reach the machine. */
__attribute__((constructor)) static void box_isolate(void)
{
	signal(SIGPIPE, SIG_IGN); /* as in lrie */
	if (geteuid() == 0 && unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) == 0)
		mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL);
}

BOX_UNUSED static uint64_t box_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* How long CPUs have had nothing to do so far. Where they had, nobody waited for one in vain. */
BOX_UNUSED static double box_idle_ms(void)
{
	unsigned long long idle, waiting;
	char text[256] = "";

	fd_read_file(AT_FDCWD, "/proc/stat", text, sizeof(text));
	if (sscanf(text, "cpu %*u %*u %*u %llu %llu", &idle, &waiting) != 2)
		box_die("/proc/stat");
	return (double)(idle + waiting) * 1e3 / (double)sysconf(_SC_CLK_TCK);
}

/* The reason to leave out what only an undisturbed machine shows, or NULL: whether, since it was
 * idle for 'idle_ms' and the time was 'began_ns', all of its CPUs were busy. */
BOX_UNUSED static const char *box_was_busy(double idle_ms, uint64_t began_ns)
{
	double share = (box_idle_ms() - idle_ms) * 1e6 / (double)(box_now() - began_ns);

	return share < 0.1 ? "other processes kept all CPUs busy meanwhile" : NULL;
}

/* By how much bounds of time are to be wider, for sanitizers and slow machines. */
BOX_UNUSED static unsigned box_slow(void)
{
	const char *given = getenv("LRIE_TEST_SLOW");
	int factor = given ? atoi(given) : 1;

	return factor > 1 ? (unsigned)factor : 1;
}

/* ---- the machine ----------------------------------------------------------- */

static struct sandbox_host *box_host_now;

BOX_UNUSED static void box_forget_host(void)
{
	sandbox_host_destroy(box_host_now);
	box_host_now = NULL;
}

BOX_UNUSED static struct sandbox_host *box_host(void)
{
	struct error err;

	if (box_host_now)
		return box_host_now;
	box_host_now = sandbox_probe(SANDBOX_AUTO, 0, &err);
	if (!box_host_now) {
		printf("Bail out! sandbox_probe: %s\n", err.text);
		exit(1);
	}
	atexit(box_forget_host);
	return box_host_now;
}

/* The reason why a wall does not stand, or NULL. */
BOX_UNUSED static const char *box_lacks(enum sandbox_wall wall)
{
	const struct sandbox_wall_state *state = sandbox_host_wall(box_host(), wall);

	return state->standing == SANDBOX_NO ? state->detail : NULL;
}

#define NEED(wall)                             \
	do {                                   \
		if (box_lacks(wall))           \
			SKIP(box_lacks(wall)); \
	} while (0)

/* The same of a wall that has no gap. */
BOX_UNUSED static const char *box_lacks_all(enum sandbox_wall wall)
{
	const struct sandbox_wall_state *state = sandbox_host_wall(box_host(), wall);

	return state->standing == SANDBOX_YES ? NULL : state->detail;
}

#define NEED_ALL(wall)                             \
	do {                                       \
		if (box_lacks_all(wall))           \
			SKIP(box_lacks_all(wall)); \
	} while (0)

/* ---- the probe -------------------------------------------------------------- */

BOX_UNUSED static const char *box_probe_path(void)
{
	static char path[PATH_MAX];
	const char *given = getenv("LRIE_PROBE");

	if (!path[0] && !realpath(given ? given : "fixtures/probe", path))
		box_die(given ? given : "fixtures/probe");
	return path;
}

BOX_UNUSED static const char *box_task_root(void)
{
	static char folder[PATH_MAX];

	if (!folder[0]) {
		snprintf(folder, sizeof(folder), "%s", box_probe_path());
		*strrchr(folder, '/') = '\0';
	}
	return folder;
}

/* The path of the probe as programs of the box have it. */
BOX_UNUSED static const char *box_probe_inside(struct sandbox_host *host)
{
	static char path[PATH_MAX];

	if (!sandbox_host_has_root(host))
		return box_probe_path();
	snprintf(path, sizeof(path), "/var/task/%s", strrchr(box_probe_path(), '/') + 1);
	return path;
}

/* A box as a function of 128 MB gets it. */
BOX_UNUSED static struct sandbox_spec box_spec(void)
{
	return (struct sandbox_spec){ .task_root = box_task_root(),
		                      .hostname = "function",
		                      .memory_bytes = MB(128),
		                      .tmp_bytes = MB(16),
		                      .cpu_millis = 72,
		                      .processes = 64,
		                      .open_files = 1024 };
}

/* ---- one run ------------------------------------------------------------------ */

#define BOX_MAX_DENIALS 128

struct box_run {
	struct sandbox *box; /* while it runs */
	int output;          /* where the probe writes, our end */

	bool ready, started, exited, exec_failed, failed, gone;
	bool bad_cwd, out_of_memory;
	bool connected; /* then 'connection', the test's to close, or -1 */
	unsigned connected_id;
	int connection;
	unsigned oom_events, oom_kills;
	int status;
	pid_t pid;
	uint64_t asked_ns, started_ns, exited_ns;
	uint64_t peak;
	struct error error; /* of EXEC_FAILED, CONNECTED or FAILED */
	struct sandbox_denial denials[BOX_MAX_DENIALS];
	size_t denial_count; /* may be more */
	struct sandbox_write writes[BOX_MAX_DENIALS];
	size_t write_count; /* the same */

	char text[64 * 1024]; /* what the probe printed */
	size_t length;
};

BOX_UNUSED static void box_note(struct box_run *run, const struct sandbox_event *event)
{
	switch (event->type) {
	case SANDBOX_READY:
		run->ready = true;
		break;
	case SANDBOX_STARTED:
		run->started = true;
		run->pid = event->pid;
		run->started_ns = event->at_ns;
		break;
	case SANDBOX_EXEC_FAILED:
		run->exec_failed = true;
		run->bad_cwd = event->bad_cwd;
		run->error = event->error;
		break;
	case SANDBOX_EXITED:
		run->exited = true;
		run->exited_ns = event->at_ns;
		run->status = event->status;
		run->out_of_memory = event->out_of_memory;
		break;
	case SANDBOX_OOM:
		run->oom_events++;
		run->oom_kills += event->kills;
		break;
	case SANDBOX_CONNECTED:
		run->connected = true;
		run->connected_id = event->id;
		run->connection = event->socket;
		run->error = event->error;
		break;
	case SANDBOX_DENIED:
		if (run->denial_count < BOX_MAX_DENIALS)
			run->denials[run->denial_count] = event->denial;
		run->denial_count++;
		break;
	case SANDBOX_WRITE_REFUSED:
		if (run->write_count < BOX_MAX_DENIALS)
			run->writes[run->write_count] = event->write;
		run->write_count++;
		break;
	case SANDBOX_FAILED:
		run->failed = true;
		run->error = event->error;
		break;
	case SANDBOX_GONE:
		run->gone = true;
		break;
	}
}

BOX_UNUSED static void box_take_output(struct box_run *run)
{
	char rest[4096];

	for (;;) {
		size_t room = sizeof(run->text) - 1 - run->length;
		ssize_t got = read(run->output, room ? run->text + run->length : rest,
		                   room ? room : sizeof(rest));
		if (got <= 0)
			break;
		if (room)
			run->length += (size_t)got;
	}
	run->text[run->length] = '\0';
}

/* Takes what has happened, or waits for something to happen. Returns false when nothing did. */
BOX_UNUSED static bool box_turn(struct box_run *run, int timeout_ms)
{
	struct pollfd fds[] = { { .fd = sandbox_fd(run->box), .events = POLLIN },
		                { .fd = run->output, .events = POLLIN } };
	struct sandbox_event event;

	int ready = poll(fds, fds[1].revents & POLLHUP ? 1 : 2, timeout_ms);
	while (sandbox_next_event(run->box, &event))
		box_note(run, &event);
	box_take_output(run);
	return ready > 0;
}

/* Turns until a condition on 'run' holds, or nothing is to be expected any more. */
#define BOX_UNTIL(run, condition)                                            \
	do {                                                                 \
		uint64_t box_end = box_now() + BOX_PATIENCE_MS * 1000000ull; \
		while (!(condition) && !(run)->gone && box_now() < box_end)  \
			box_turn(run, 100);                                  \
		CHECK(box_now() < box_end);                                  \
	} while (0)

/* Whether the probe has printed a line that begins with "word: ". */
BOX_UNUSED static const char *box_find(const struct box_run *run, const char *word)
{
	size_t length = strlen(word);

	for (const char *line = run->text; line && *line;) {
		if (strncmp(line, word, length) == 0 && strncmp(line + length, ": ", 2) == 0 &&
		    strchr(line, '\n'))
			return line + length + 2;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

/* What the probe printed for a word, or NULL. Valid until the next call but seven. */
BOX_UNUSED static const char *box_says(const struct box_run *run, const char *word)
{
	static char answers[8][4096];
	static unsigned next;
	const char *found = box_find(run, word);

	if (!found)
		return NULL;
	char *answer = answers[next++ % 8];
	snprintf(answer, sizeof(answers[0]), "%.*s", (int)strcspn(found, "\n"), found);
	return answer;
}

BOX_UNUSED static void box_end(struct box_run *run)
{
	if (run->box) {
		sandbox_memory_peak(run->box, &run->peak);
		sandbox_destroy(run->box);
	}
	run->box = NULL;
	if (run->output != -1)
		close(run->output);
	run->output = -1;
}

/* Creates a box, with program 1 asked for; 'argv' may be NULL for none. */
BOX_UNUSED static bool box_begin(struct box_run *run, struct sandbox_host *host,
                                 const struct sandbox_spec *spec, const char *const *argv,
                                 const char *const *envp, const char *cwd)
{
	static const char *const no_environment[] = { NULL };
	const struct sandbox_spec standard = box_spec();
	int output[2];

	memset(run, 0, sizeof(*run));
	if (pipe2(output, O_CLOEXEC) == -1 || fcntl(output[0], F_SETFL, O_NONBLOCK) == -1)
		box_die("pipe");
	run->output = output[0];
	run->asked_ns = box_now();
	run->box = sandbox_create(host, spec ? spec : &standard, &run->error);
	if (run->box && argv) {
		const struct sandbox_program program = { .argv = argv,
			                                 .envp = envp ? envp : no_environment,
			                                 .cwd = cwd,
			                                 .output = output[1] };
		sandbox_exec(run->box, 1, &program, &run->error);
	}
	close(output[1]);
	return run->box != NULL;
}

#define BOX_MAX_WORDS 64

/* The probe's argv: 'words' ends with NULL. */
BOX_UNUSED static bool box_begin_words(struct box_run *run, struct sandbox_host *host,
                                       const struct sandbox_spec *spec, const char *const *words)
{
	const char *argv[BOX_MAX_WORDS + 2] = { box_probe_inside(host) };

	for (size_t i = 0; words[i] && i < BOX_MAX_WORDS; i++)
		argv[i + 1] = words[i];
	return box_begin(run, host, spec, argv, NULL, "/");
}

/* Runs the probe to its end and the box's. */
BOX_UNUSED static void box_run_words(struct box_run *run, const struct sandbox_spec *spec,
                                     const char *const *words)
{
	if (!box_begin_words(run, box_host(), spec, words))
		return;
	BOX_UNTIL(run, run->exited || run->exec_failed);
	box_take_output(run);
	sandbox_memory_peak(run->box, &run->peak);
	sandbox_kill(run->box);
	BOX_UNTIL(run, run->gone);
	if (!run->gone)
		printf("# the box is not gone\n");
	box_end(run);
}

#define box_run(run, spec, ...) box_run_words(run, spec, (const char *const[]){ __VA_ARGS__, NULL })

#define box_start(run, spec, ...) \
	box_begin_words(run, box_host(), spec, (const char *const[]){ __VA_ARGS__, NULL })

/* A word, and what the probe says to it; "EROFS or EACCES" allows both. */
struct box_case {
	const char *word, *answer;
};

BOX_UNUSED static bool box_is_one_of(const char *actual, const char *allowed)
{
	size_t length = actual ? strlen(actual) : 0;

	while (actual && allowed) {
		const char *other = strstr(allowed, " or ");
		size_t this = other ? (size_t)(other - allowed) : strlen(allowed);
		if (this == length && strncmp(actual, allowed, length) == 0)
			return true;
		allowed = other ? other + 4 : NULL;
	}
	return false;
}

/* Runs all words of a table in one box, and checks the answers. */
BOX_UNUSED static void box_check(const struct sandbox_spec *spec, const struct box_case *cases,
                                 size_t count)
{
	static struct box_run run;
	const char *words[BOX_MAX_WORDS + 1] = { NULL };

	for (size_t i = 0; i < count && i < BOX_MAX_WORDS; i++)
		words[i] = cases[i].word;
	box_run_words(&run, spec, words);
	CHECK_STR(run.error.text, "");
	CHECK_INT(run.status, 0);
	for (size_t i = 0; i < count; i++) {
		test_case(cases[i].word);
		const char *answer = box_says(&run, cases[i].word);
		if (!box_is_one_of(answer, cases[i].answer))
			CHECK_STR(answer, cases[i].answer);
	}
	test_case(NULL);
}

#define BOX_CHECK(spec, ...)                                                        \
	do {                                                                        \
		const struct box_case box_cases[] = { __VA_ARGS__ };                \
		box_check(spec, box_cases, sizeof(box_cases) / sizeof(*box_cases)); \
	} while (0)

/* ---- folders for the test's own use ------------------------------------------------- */

/* A new folder that others may enter. Removed by box_remove(). */
BOX_UNUSED static const char *box_folder(void)
{
	static char paths[8][64];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "/tmp/lrie-box-XXXXXX");
	if (!mkdtemp(path) || chmod(path, 0755) == -1)
		box_die("mkdtemp");
	return path;
}

BOX_UNUSED static void box_put(const char *folder, const char *name, const char *text, mode_t mode)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd == -1 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    fchmod(fd, mode) == -1)
		box_die(path);
	close(fd);
}

/* Removes a folder with the files and links in it, one level deep. */
BOX_UNUSED static void box_remove(const char *folder)
{
	DIR *dir = opendir(folder);

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (unlinkat(dirfd(dir), entry->d_name, 0) == -1)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

/* How many descriptors this process has; the one that looks is among them. */
BOX_UNUSED static unsigned box_count_fds(void)
{
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* Waits until this process has no descendant, all of which it adopts. */
BOX_UNUSED static bool box_all_dead(unsigned patience_ms)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (uint64_t end = box_now() + (uint64_t)patience_ms * 1000000; box_now() < end;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);
		if (pid == -1 && errno == ECHILD)
			return true;
		if (pid <= 0)
			nanosleep(&pause, NULL);
	}
	return false;
}

#endif
