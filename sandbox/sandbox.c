/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - a box in which the programs of one execution environment run
 *
 * The owner's side. One epoll descriptor stands for the box: behind it are init's
 * socket, init's pidfd, what tells about the memory limit, and the listeners of the
 * programs' filters. Init's socket ends a moment before the last process of the box
 * is dead; its pidfd, which in a pid namespace waits for all of them, tells the end.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "sandbox/denial.h"
#include "sandbox/fd.h"
#include "sandbox/identity.h"
#include "sandbox/message.h"
#include "sandbox/namespace.h"
#include "sandbox/probe.h"
#include "sandbox/sandbox.h"

#define MAX_PROGRAMS 64
#define MAX_ARGUMENTS (192 * 1024)
#define MAX_PROCESSES 4096 /* that are looked at for the peak */
#define DESTROY_MS 5000
#define OOM_RETRIES 8
#define OOM_FIRST_MS 10

struct program {
	unsigned id;
	pid_t pid;  /* in our namespace */
	int status; /* /proc/PID/status, kept open; -1 when it cannot be read */
};

struct sandbox {
	struct sandbox_host *host;
	struct cgroup *group;
	pid_t init;
	int pidfd, socket, epoll;
	int proc; /* the box's own /proc, or -1 */

	const struct syscall_filter *filter; /* of its programs; NULL: none */
	struct denials *denials;             /* NULL like that */
	enum syscall_hold hold;              /* what became of the filter */
	int filter_code;                     /* errno: why there is none */

	struct program programs[MAX_PROGRAMS]; /* those that run */
	size_t program_count;

	bool ready, killed;
	bool reaped; /* init has ended, and with it the box */
	bool gone;   /* and the caller was told */

	bool has_failure; /* to be told as SANDBOX_FAILED */
	struct error failure;

	uint64_t memory_limit;
	uint64_t peak;
	uint64_t charged;   /* the cgroup's peak when those who ended were last looked at */
	uint64_t faults;    /* of them, then */
	uint64_t oom_kills; /* that were told */
	int oom_timer, oom_retries;
};

/* ---- building a box ------------------------------------------------------ */

static bool watch(struct sandbox *box, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(box->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool fork_init(struct sandbox *box, int socket, const struct sandbox_spec *spec,
                      struct error *err)
{
	const struct sandbox_host *host = box->host;
	struct init_plan plan = {
		.socket = socket,
		.namespaces = host->namespaces,
		.identity = host->identity,
		.uid = geteuid(),
		.gid = getegid(),
		.owner = getpid(),
		.arguments = host->arguments,
		.arguments_size = host->arguments_size,
		.host = host->rootfs,
		.spec = spec,
	};
	struct error none;

	/* RLIMIT_NPROC counts in a user namespace by itself; elsewhere it would count all that
	 * the user runs. Init is one of them. */
	if ((host->namespaces & CLONE_NEWUSER) && spec->processes &&
	    !(host->cgroups && cgroup_host_mechanism(host->cgroups, CGROUP_PIDS, &none)))
		plan.process_limit = spec->processes + 1;
	box->init = namespace_fork(host->namespaces, &box->pidfd);
	if (box->init == 0)
		init_run(&plan);
	if (box->init == -1)
		return error_set(err, errno, "start the init process of a box");
	return true;
}

static bool start_init(struct sandbox *box, const struct sandbox_spec *spec, struct error *err)
{
	int sockets[2];

	box->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (box->epoll == -1)
		return error_set(err, errno, "create an epoll instance");
	if (!message_socketpair(sockets, err))
		return false;
	box->socket = sockets[0];
	autoclose int init_end = sockets[1];
	if (!fork_init(box, init_end, spec, err))
		return false;
	return (watch(box, box->socket) && watch(box, box->pidfd)) ||
	       error_set(err, errno, "watch a box");
}

/* While init builds the box, the owner makes its cgroups; both take about as long. */
static bool confine(struct sandbox *box, const struct sandbox_spec *spec, struct error *err)
{
	const struct cgroup_limits limits = { .memory_bytes = spec->memory_bytes,
		                              .cpu_millis = spec->cpu_millis,
		                              .processes = spec->processes };
	struct message message = { .type = MESSAGE_CONFINE };
	struct message_fds fds = { .count = 0 };
	enum cgroup_controller failed;
	enum cgroup_entry entry;

	if (box->host->cgroups) {
		box->group = cgroup_create(box->host->cgroups, box->host->boxes, &limits, &failed,
		                           err);
		if (!box->group || !cgroup_open_entries(box->group, &fds, &entry, err))
			return false;
		message.number = (int)entry;
	}
	/* Failing means that init is dead, and has told why or is about to be reaped. */
	message_send(box->socket, &message, &fds);
	message_fds_close(&fds);
	if (box->group && cgroup_oom_fd(box->group) != -1)
		watch(box, cgroup_oom_fd(box->group));
	return true;
}

/* Who the programs are, as they themselves see it. */
static struct syscall_ids ids_of(const struct sandbox_host *host)
{
	if (host->identity == IDENTITY_ASSUMED || host->identity == IDENTITY_MAPPED)
		return (struct syscall_ids){ .uid = IDENTITY_UID, .gid = IDENTITY_GID };
	return (struct syscall_ids){ .uid = geteuid(), .gid = getegid() };
}

/* The first time it takes a while, in which init builds the box. */
static bool prepare_filter(struct sandbox *box, struct error *err)
{
	if (!sandbox_host_filter(box->host, &box->filter, err))
		return false;
	if (box->filter)
		box->denials = denials_create(box->filter, ids_of(box->host), box->epoll);
	return true;
}

void sandbox_forget_rehearsal(struct sandbox_host *host)
{
	struct sandbox *rehearsal = host->rehearsal;

	host->rehearsal = NULL;
	sandbox_destroy(rehearsal);
}

struct sandbox *sandbox_create(struct sandbox_host *host, const struct sandbox_spec *spec,
                               struct error *err)
{
	struct sandbox *box = calloc(1, sizeof(*box));

	if (!box)
		abort();
	sandbox_forget_rehearsal(host);
	*box = (struct sandbox){ .host = host,
		                 .pidfd = -1,
		                 .socket = -1,
		                 .epoll = -1,
		                 .proc = -1,
		                 .oom_timer = -1,
		                 .memory_limit = spec->memory_bytes };
	host->boxes++;
	if (!start_init(box, spec, err)) {
		sandbox_destroy(box);
		return NULL;
	}
	if (!confine(box, spec, &box->failure) || !prepare_filter(box, &box->failure)) {
		box->has_failure = true;
		sandbox_kill(box);
	}
	return box;
}

/* ---- ending it ----------------------------------------------------------- */

static bool in_pid_namespace(const struct sandbox *box)
{
	return box->host->namespaces & CLONE_NEWPID;
}

static void signal_init(const struct sandbox *box, int number)
{
	/* Until it is reaped its pid cannot be another's; the call is missing in some filters. */
	if (syscall(SYS_pidfd_send_signal, box->pidfd, number, NULL, 0) == -1 && errno != ESRCH)
		kill(box->init, number);
}

void sandbox_kill(struct sandbox *box)
{
	uint64_t peak;

	if (box->killed || box->reaped)
		return;
	/* The last chance: the dead have no memory to look at. */
	sandbox_memory_peak(box, &peak);
	box->killed = true;
	if (in_pid_namespace(box)) {
		signal_init(box, SIGKILL);
	} else {
		/* Init must live to kill the others. Its own user may have stopped it. */
		shutdown(box->socket, SHUT_WR);
		signal_init(box, SIGCONT);
	}
}

static void reap(struct sandbox *box, int flags)
{
	if (!box->reaped && waitpid(box->init, NULL, __WALL | flags) == box->init)
		box->reaped = true;
}

static void wait_for_end(struct sandbox *box)
{
	struct pollfd ended = { .fd = box->pidfd, .events = POLLIN };

	sandbox_kill(box);
	if (poll(&ended, 1, DESTROY_MS) == 0)
		signal_init(box, SIGKILL);
	/* A process that hangs in the kernel (a dead NFS) is left behind. */
	if (poll(&ended, 1, DESTROY_MS) == 1)
		reap(box, 0);
}

static void forget_program(struct sandbox *box, size_t index)
{
	fd_close(&box->programs[index].status);
	box->programs[index] = box->programs[--box->program_count];
}

void sandbox_destroy(struct sandbox *box)
{
	if (!box)
		return;
	if (box->init > 0 && !box->reaped)
		wait_for_end(box);
	while (box->program_count)
		forget_program(box, 0);
	denials_destroy(box->denials);
	fd_close(&box->pidfd);
	fd_close(&box->socket);
	fd_close(&box->epoll);
	fd_close(&box->proc);
	fd_close(&box->oom_timer);
	cgroup_destroy(box->group);
	free(box);
}

/* ---- running programs ------------------------------------------------------ */

static unsigned count_strings(const char *const *strings, size_t *bytes)
{
	unsigned count = 0;

	for (; strings[count]; count++)
		*bytes += strlen(strings[count]) + 1;
	return count;
}

static const struct sock_filter *filter_of(const struct sandbox *box, size_t *instructions)
{
	*instructions = 0;
	return box->filter ? syscall_filter_code(box->filter, instructions) : NULL;
}

static char *append_string(char *at, const char *text)
{
	return (char *)memcpy(at, text, strlen(text) + 1) + strlen(text) + 1;
}

/*
 * Filter, arguments and environment travel in a memory file: whatever their size, the
 * message beside it is small and does not fill the socket while init is busy.
 */
static int pack(const struct sandbox *box, const struct sandbox_program *program, size_t bytes,
                struct error *err)
{
	autoclose int fd = fd_memory("lrie-exec");
	size_t instructions;
	const struct sock_filter *filter = filter_of(box, &instructions);
	char *block = malloc(bytes), *at = block;

	if (!block)
		abort();
	if (instructions)
		at = (char *)memcpy(at, filter, instructions * sizeof(*filter)) +
		     instructions * sizeof(*filter);
	for (const char *const *argv = program->argv; *argv; argv++)
		at = append_string(at, *argv);
	for (const char *const *envp = program->envp; *envp; envp++)
		at = append_string(at, *envp);
	append_string(at, program->cwd);
	bool written = fd != -1 && write(fd, block, bytes) == (ssize_t)bytes;
	free(block);
	if (!written)
		error_set(err, errno, "pass on the arguments of '%s'", program->argv[0]);
	return written ? steal_fd(&fd) : -1;
}

static bool ask_exec(struct sandbox *box, unsigned id, const struct sandbox_program *program,
                     bool rehearse, struct error *err)
{
	struct message message = { .type = MESSAGE_EXEC, .id = id };
	struct message_fds fds = { .count = rehearse ? 1 : 2 };
	size_t bytes = 0;

	if (box->killed || box->reaped)
		return error_set(err, ESRCH, "execute '%s'", program->argv[0]);
	message.exec.rehearse = rehearse;
	message.exec.argc = count_strings(program->argv, &bytes);
	message.exec.envc = count_strings(program->envp, &bytes);
	if (bytes > MAX_ARGUMENTS)
		return error_set(err, E2BIG, "execute '%s'", program->argv[0]);
	bytes += strlen(program->cwd) + 1;
	filter_of(box, &message.exec.instructions);
	message.exec.bytes = bytes + message.exec.instructions * sizeof(struct sock_filter);
	autoclose int block = pack(box, program, message.exec.bytes, err);
	if (block == -1)
		return false;
	fds.fd[0] = block;
	fds.fd[1] = program->output;
	return message_send(box->socket, &message, &fds) ||
	       error_set(err, errno, "execute '%s'", program->argv[0]);
}

bool sandbox_exec(struct sandbox *box, unsigned id, const struct sandbox_program *program,
                  struct error *err)
{
	return ask_exec(box, id, program, false, err);
}

bool sandbox_rehearse(struct sandbox *box, struct error *err)
{
	const char *const argv[] = { "rehearsal", NULL };
	const struct sandbox_program program = {
		.argv = argv, .envp = argv + 1, .cwd = "/", .output = -1
	};

	return ask_exec(box, 0, &program, true, err);
}

bool sandbox_has_own_proc(const struct sandbox *box)
{
	return box->proc != -1;
}

enum syscall_hold sandbox_hold(const struct sandbox *box, int *code)
{
	*code = box->filter_code;
	return box->hold;
}

void sandbox_signal(struct sandbox *box, unsigned id, int signal)
{
	const struct message message = { .type = MESSAGE_SIGNAL, .id = id, .number = signal };

	/* Whoever cannot hear it any more has ended, or is about to be killed. */
	message_send(box->socket, &message, NULL);
}

/* ---- memory --------------------------------------------------------------------- */

/* What /proc/PID/status says of interest. */
struct status {
	uint64_t peak; /* VmHWM */
	unsigned threads;
	bool dying;
};

static unsigned long long status_value(const char *text, const char *key, int base)
{
	const char *line = strstr(text, key);

	return line ? strtoull(line + strlen(key), NULL, base) : 0;
}

static bool read_status(int fd, struct status *status)
{
	char text[4096];
	ssize_t length = fd == -1 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (length <= 0)
		return false;
	text[length] = '\0';
	const unsigned long long sigkill = 1ull << (SIGKILL - 1);
	const char *state = strstr(text, "\nState:\t");
	*status = (struct status){
		.peak = status_value(text, "\nVmHWM:", 10) * 1024,
		.threads = (unsigned)status_value(text, "\nThreads:", 10),
		.dying = !state || strchr("ZX", state[8]) ||
		         (status_value(text, "\nSigPnd:", 16) & sigkill) ||
		         (status_value(text, "\nShdPnd:", 16) & sigkill),
	};
	return true;
}

/* The high-water marks of several processes. */
struct peaks {
	uint64_t sum, largest;
	unsigned threads, processes;

	bool with_faults; /* asks for the following */
	uint64_t faults;  /* page faults of children that ended and were waited for */
	bool has_dead;    /* one that ended was not waited for yet */
};

static void add_peak(struct peaks *peaks, int status_fd)
{
	struct status status;

	if (!read_status(status_fd, &status))
		return;
	peaks->has_dead |= status.peak == 0;
	peaks->sum += status.peak;
	if (status.peak > peaks->largest)
		peaks->largest = status.peak;
	peaks->threads += status.threads;
	peaks->processes++;
}

/* The twelfth and fourteenth field of a stat, after a name in parentheses that may hold anything:
 * cminflt and cmajflt. */
static uint64_t faults_of_children(int proc, pid_t pid)
{
	char path[32], stat[1024];
	unsigned long long minor = 0, major = 0;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	if (fd_read_file(proc, path, stat, sizeof(stat)) == -1)
		return 0;
	const char *name_end = strrchr(stat, ')');
	if (name_end)
		sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %llu %*u %llu", &minor,
		       &major);
	return minor + major;
}

static void add_process(struct peaks *peaks, int proc, pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/status", (int)pid);
	autoclose int status = openat(proc, path, O_RDONLY | O_CLOEXEC);
	add_peak(peaks, status);
	if (peaks->with_faults)
		peaks->faults += faults_of_children(proc, pid);
}

/* Everything in the box's own /proc but init. */
static void add_own_proc(struct peaks *peaks, int proc)
{
	char entries[4096];
	long got;

	/* Processes come after everything else there, from this offset on (fs/proc). */
	lseek(proc, 256, SEEK_SET);
	while ((got = syscall(SYS_getdents64, proc, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got && peaks->processes < MAX_PROCESSES;) {
			/* struct linux_dirent64: inode, offset, length, type, name */
			unsigned short length;
			memcpy(&length, entries + at + 16, sizeof(length));
			pid_t pid = (pid_t)atoi(entries + at + 19);
			if (pid > 1)
				add_process(peaks, proc, pid);
			at += length;
		}
	}
}

static void add_children(struct peaks *peaks, int proc, pid_t pid);

static void add_children_of_thread(struct peaks *peaks, int proc, const char *path)
{
	autoclose int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	FILE *children = fd == -1 ? NULL : fdopen(fd, "r");
	int child;

	if (!children)
		return;
	steal_fd(&fd);
	while (fscanf(children, "%d", &child) == 1 && peaks->processes < MAX_PROCESSES) {
		add_process(peaks, proc, child);
		add_children(peaks, proc, child);
	}
	fclose(children);
}

/* Without a pid namespace the family is followed down: children belong to threads. */
static void add_children(struct peaks *peaks, int proc, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/task", (int)pid);
	autoclose int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *threads = fd == -1 ? NULL : fdopendir(fd);

	if (!threads)
		return;
	steal_fd(&fd);
	for (struct dirent *thread; (thread = readdir(threads));) {
		if (thread->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%d/task/%.20s/children", (int)pid, thread->d_name);
		add_children_of_thread(peaks, proc, path);
	}
	closedir(threads);
}

static void add_programs(struct peaks *peaks, const struct sandbox *box)
{
	for (size_t i = 0; i < box->program_count; i++)
		add_peak(peaks, box->programs[i].status);
}

static void look_everybody_up(struct peaks *peaks, const struct sandbox *box)
{
	if (box->proc != -1) {
		add_own_proc(peaks, box->proc);
		return;
	}
	autoclose int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc != -1)
		add_children(peaks, proc, box->init);
}

/*
 * Most functions are one process, and the pids cgroup tells in half a microsecond
 * that nothing but the known programs runs. Otherwise everybody is looked up.
 */
static void add_everybody(struct peaks *peaks, const struct sandbox *box)
{
	unsigned tasks;

	if (box->group && cgroup_task_count(box->group, &tasks)) {
		add_programs(peaks, box);
		if (peaks->threads == tasks)
			return;
		*peaks = (struct peaks){ .sum = 0 };
	}
	look_everybody_up(peaks, box);
}

/* Processes that share pages, or had their peaks at different times, used less together
 * than the sum; more than was ever charged it cannot be. */
static uint64_t together(const struct sandbox *box, const struct peaks *peaks)
{
	uint64_t charged;

	if (peaks->processes <= 1 || !box->group || !cgroup_memory_peak(box->group, &charged))
		return peaks->sum;
	if (charged < peaks->largest)
		charged = peaks->largest;
	return charged < peaks->sum ? charged : peaks->sum;
}

static void raise_peak(struct sandbox *box, uint64_t bytes)
{
	if (bytes > box->peak)
		box->peak = bytes;
}

static uint64_t subtract(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

/*
 * Children that have ended left their mark in the group's peak alone. That holds file cache and
 * files in /tmp as well. What there is of these now was, at the peak, mostly there: the rest of
 * the peak was memory. If some of it went since, as when a file in /tmp was deleted, this says too
 * much; but those who ended cannot have had more than their page faults brought them, which writing
 * and reading files does not take. Where nobody ended nothing is guessed at all.
 */
static uint64_t together_with_the_ended(const struct peaks *peaks, uint64_t charged,
                                        const struct cgroup_memory *memory)
{
	uint64_t own = subtract(charged, memory->other_bytes);
	uint64_t faulted = peaks->faults * (uint64_t)sysconf(_SC_PAGESIZE);

	if (memory->huge_bytes == UINT64_MAX)
		return own;
	uint64_t most = peaks->sum + faulted + memory->huge_bytes;
	return own < most ? own : most;
}

/* Costs next to nothing unless the group's peak has risen since the last time. */
static void count_the_ended(struct sandbox *box)
{
	struct peaks peaks = { .with_faults = true };
	struct cgroup_memory memory;
	uint64_t charged;

	if (!box->group || !cgroup_memory_peak(box->group, &charged) || charged <= box->charged ||
	    charged <= box->peak)
		return;
	look_everybody_up(&peaks, box);
	if (peaks.faults != box->faults && cgroup_memory_read(box->group, &memory))
		raise_peak(box, together_with_the_ended(&peaks, charged, &memory));
	box->faults = peaks.faults;
	if (!peaks.has_dead)
		box->charged = charged;
}

bool sandbox_memory_peak(struct sandbox *box, uint64_t *bytes)
{
	if (box->ready && !box->killed && !box->reaped) {
		struct peaks peaks = { .sum = 0 };
		add_everybody(&peaks, box);
		raise_peak(box, together(box, &peaks));
		count_the_ended(box);
	}
	*bytes = box->peak;
	return box->peak > 0;
}

/* ---- out of memory ----------------------------------------------------------------- */

/* Version 1 announces that the limit is hit before it kills, and what it kills is nobody's
 * message. So the counter is looked at a little later, and a few times. */
static void set_oom_timer(struct sandbox *box)
{
	long ms = OOM_FIRST_MS << (OOM_RETRIES - box->oom_retries);
	struct itimerspec delay = { .it_value = { .tv_sec = ms / 1000,
		                                  .tv_nsec = ms % 1000 * 1000000 } };

	if (box->oom_timer == -1) {
		box->oom_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (box->oom_timer == -1 || !watch(box, box->oom_timer))
			return;
	}
	timerfd_settime(box->oom_timer, 0, &delay, NULL);
}

static bool a_program_is_dying(const struct sandbox *box)
{
	struct status status;

	for (size_t i = 0; i < box->program_count; i++) {
		if (!read_status(box->programs[i].status, &status) || status.dying)
			return true;
	}
	return false;
}

/* Whether the counter has moved further than what was told. */
static bool was_out_of_memory(const struct sandbox *box)
{
	return box->group && cgroup_oom_kills(box->group) > box->oom_kills;
}

static bool take_oom(struct sandbox *box, struct sandbox_event *event)
{
	uint64_t count;

	if (!box->group || cgroup_oom_fd(box->group) == -1)
		return false;
	if (read(cgroup_oom_fd(box->group), &count, sizeof(count)) > 0) {
		box->oom_retries = OOM_RETRIES;
		set_oom_timer(box);
	}
	if (box->oom_timer == -1 || read(box->oom_timer, &count, sizeof(count)) <= 0)
		return false;
	if (!was_out_of_memory(box) || a_program_is_dying(box)) {
		if (box->oom_retries-- > 0)
			set_oom_timer(box);
		return false;
	}
	box->oom_kills = cgroup_oom_kills(box->group);
	raise_peak(box, box->memory_limit);
	*event = (struct sandbox_event){ .type = SANDBOX_OOM, .at_ns = message_now() };
	return true;
}

/* ---- what happens in it --------------------------------------------------------------- */

/* From here on refused calls wait for us. */
static void on_filtered(struct sandbox *box, const struct message *message, struct message_fds *fds)
{
	box->hold = (enum syscall_hold)message->number;
	box->filter_code = message->error.code;
	if (box->denials && fds->count)
		denials_listen(box->denials, message_fds_steal(fds, 0));
}

static void on_started(struct sandbox *box, const struct message *message, struct message_fds *fds)
{
	char path[32];

	on_filtered(box, message, fds);
	if (box->program_count == MAX_PROGRAMS)
		return;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)message->pid);
	box->programs[box->program_count++] = (struct program){
		.id = message->id,
		.pid = message->pid,
		.status = open(path, O_RDONLY | O_CLOEXEC),
	};
}

static void on_ended(struct sandbox *box, unsigned id)
{
	for (size_t i = 0; i < box->program_count; i++) {
		if (box->programs[i].id == id) {
			forget_program(box, i);
			break;
		}
	}
}

/* What a program that ended had at most. */
static uint64_t rss_at_the_end(const struct sandbox *box, const struct message *message)
{
	uint64_t charged;

	if (!message->rss_is_inits)
		return message->max_rss_bytes;
	/* Better seen before. Otherwise no more than init had, nor than was charged. */
	if (box->peak)
		return box->peak;
	if (box->group && cgroup_memory_peak(box->group, &charged) &&
	    charged < message->max_rss_bytes)
		return charged;
	return message->max_rss_bytes;
}

static void on_exited(struct sandbox *box, const struct message *message,
                      struct sandbox_event *event)
{
	on_ended(box, message->id);
	event->status = message->number;
	raise_peak(box, rss_at_the_end(box, message));
	event->out_of_memory = WIFSIGNALED(message->number) &&
	                       WTERMSIG(message->number) == SIGKILL && was_out_of_memory(box);
	if (event->out_of_memory) {
		box->oom_kills++;
		raise_peak(box, box->memory_limit);
	}
}

static void translate(struct sandbox *box, const struct message *message, struct message_fds *fds,
                      struct sandbox_event *event)
{
	*event = (struct sandbox_event){ .at_ns = message->at_ns,
		                         .id = message->id,
		                         .bad_cwd = message->bad_cwd,
		                         .error = message->error };
	switch (message->type) {
	case MESSAGE_READY:
		event->type = SANDBOX_READY;
		box->ready = true;
		box->proc = message_fds_steal(fds, 0);
		break;
	case MESSAGE_STARTED:
		event->type = SANDBOX_STARTED;
		event->pid = message->pid;
		on_started(box, message, fds);
		break;
	case MESSAGE_EXEC_FAILED:
		event->type = SANDBOX_EXEC_FAILED;
		on_ended(box, message->id);
		break;
	case MESSAGE_EXITED:
		event->type = SANDBOX_EXITED;
		on_exited(box, message, event);
		break;
	case MESSAGE_ADOPTED:
	case MESSAGE_FAILED:
	case MESSAGE_CONFINE:
	case MESSAGE_EXEC:
	case MESSAGE_SIGNAL:
		event->type = SANDBOX_FAILED;
		box->ready = true; /* as far as it will ever be: nothing more to tell */
		break;
	}
}

static bool take_message(struct sandbox *box, struct sandbox_event *event)
{
	struct message message;
	struct message_fds fds;

	if (box->socket == -1)
		return false;
	int got;
	while ((got = message_receive(box->socket, &message, &fds)) == 1 &&
	       message.type == MESSAGE_ADOPTED) {
		raise_peak(box, message.max_rss_bytes); /* the caller's business only as a sum */
		message_fds_close(&fds);
	}
	if (got == 1) {
		translate(box, &message, &fds, event);
		message_fds_close(&fds);
		return true;
	}
	/* At its end a socket is readable for ever; the pidfd tells the rest. */
	if (got == 0 || errno != EAGAIN)
		epoll_ctl(box->epoll, EPOLL_CTL_DEL, box->socket, NULL);
	return false;
}

static bool take_failure(struct sandbox *box, struct sandbox_event *event)
{
	if (!box->has_failure)
		return false;
	box->has_failure = false;
	*event = (struct sandbox_event){ .type = SANDBOX_FAILED,
		                         .at_ns = message_now(),
		                         .error = box->failure };
	return true;
}

/* Before anything that init says: who was refused something and then ended, was refused first. */
static bool take_denial(struct sandbox *box, struct sandbox_event *event)
{
	return box->denials && denials_take(box->denials, event);
}

static bool take_end(struct sandbox *box, struct sandbox_event *event)
{
	if (!box->reaped)
		return false;
	if (box->denials && denials_take_rest(box->denials, event))
		return true;
	*event = (struct sandbox_event){ .at_ns = message_now() };
	if (!box->ready && !box->killed) {
		box->ready = true;
		event->type = SANDBOX_FAILED;
		error_set(&event->error, 0, "the box's init process was killed during set-up");
		return true;
	}
	event->type = SANDBOX_GONE;
	box->gone = true;
	fd_close(&box->pidfd);
	return true;
}

bool sandbox_next_event(struct sandbox *box, struct sandbox_event *event)
{
	if (box->gone)
		return false;
	/* First whether it has ended, then what it said before. */
	reap(box, WNOHANG);
	return take_failure(box, event) || take_denial(box, event) || take_message(box, event) ||
	       take_oom(box, event) || take_end(box, event);
}

int sandbox_fd(const struct sandbox *box)
{
	return box->epoll;
}

void sandbox_set_phase(struct sandbox *box, unsigned phase)
{
	if (box->denials)
		denials_set_phase(box->denials, phase);
}

void sandbox_set_cpu(struct sandbox *box, enum sandbox_cpu cpu)
{
	if (box->group)
		cgroup_throttle(box->group, cpu == SANDBOX_CPU_THROTTLED);
}
