/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - a box in which the programs of one execution environment run
 *
 * The owner's side. One epoll descriptor stands for the box: behind it are init's
 * socket, init's pidfd and what tells about the memory limit. Init's socket ends a
 * moment before the last process of the box is dead; its pidfd, which in a pid
 * namespace waits for all of them, tells the end.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sandbox/fd.h"
#include "sandbox/identity.h"
#include "sandbox/ledger.h"
#include "sandbox/memory.h"
#include "sandbox/message.h"
#include "sandbox/namespace.h"
#include "sandbox/peer.h"
#include "sandbox/probe.h"
#include "sandbox/sandbox.h"
#include "sandbox/tmp.h"
#include "sandbox/usage.h"

#define MAX_ARGUMENTS (192 * 1024)
#define DESTROY_MS 5000
#define MAX_UNREAD (32 * 1024) /* of some 200 KiB */

struct sandbox {
	struct sandbox_host *host;
	struct cgroup *group;
	pid_t init;
	int pidfd, socket, epoll;
	int listener, datagram; /* in its own network; -1: none, or taken */
	struct user user;       /* of its programs */
	struct memory *memory;
	struct sandbox_tmp *tmp; /* the caller's, or NULL */
	uint64_t host_state;     /* of this machine, when its root was made */
	bool had_tmp;            /* there was something in it already, perhaps */
	struct usage *usage;     /* NULL: nobody will ask */

	const struct syscall_filter *filter; /* of its programs; NULL: none */
	struct ledger *ledger;               /* shared with init */
	enum syscall_hold hold;              /* what became of the filter */
	int filter_code;                     /* errno: why there is none */

	bool ready, killed;
	bool freezes; /* as its host was told */
	bool frozen;
	bool rehearses;    /* nothing is executed in it */
	bool has_programs; /* some were started */
	bool out_of_reach; /* of its init: see message.h */
	bool reaped;       /* init has ended, and with it the box */
	bool gone;         /* and the caller was told */

	bool has_failure; /* to be told as SANDBOX_FAILED */
	struct error failure;
};

/* ---- building a box ------------------------------------------------------ */

static bool watch(struct sandbox *box, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(box->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool freezes_by_cgroup(const struct sandbox *box)
{
	return box->freezes && box->host->freezing == FREEZING_CGROUP;
}

/* Who the programs are, as they themselves see it. */
static struct syscall_ids ids_of(const struct sandbox *box)
{
	if (box->host->identity == IDENTITY_ASSUMED || box->host->identity == IDENTITY_MAPPED)
		return (struct syscall_ids){ .uid = box->user.uid, .gid = IDENTITY_GID };
	return (struct syscall_ids){ .uid = geteuid(), .gid = getegid() };
}

static int take_template(struct sandbox *box)
{
	struct sandbox_host *host = box->host;

	if (!sandbox_host_has_root(host))
		return -1;
	box->host_state = rootfs_host_state(host->rootfs);
	return templates_take(&host->templates, box->host_state);
}

static bool fork_init(struct sandbox *box, int socket, const struct sandbox_spec *spec,
                      struct error *err)
{
	const struct sandbox_host *host = box->host;
	autoclose int template = take_template(box);
	struct init_plan plan = {
		.socket = socket,
		.template = template,
		.namespaces = host->namespaces,
		.identity = host->identity,
		.user = box->user,
		.landlock = host->landlock,
		.own_network = host->network == SANDBOX_NETWORK_NONE,
		.uid = geteuid(),
		.gid = getegid(),
		.owner = getpid(),
		.number = host->boxes,
		.outlives_owner = freezes_by_cgroup(box) &&
		                  cgroup_host_frozen_survive(host->cgroups),
		.syscalls = host->syscalls,
		.ids = ids_of(box),
		.ledger = box->ledger,
		.arguments = host->arguments,
		.arguments_size = host->arguments_size,
		.host = host->rootfs,
		.spec = spec,
	};
	struct error none;

	/* In a user namespace init is one of those that count. */
	if (sandbox_host_counts_user(host) && spec->processes &&
	    !(host->cgroups && cgroup_host_mechanism(host->cgroups, CGROUP_PIDS, &none)))
		plan.process_limit = spec->processes + (host->namespaces & CLONE_NEWUSER ? 1 : 0);
	if (!host->namespaces)
		plan.file_limit = spec->tmp_bytes;
	box->init = namespace_fork(host->namespaces, &box->pidfd);
	if (box->init == 0)
		init_run(&plan);
	if (box->init == -1)
		return error_set(err, errno, "start the init process of a box");
	return true;
}

static uint64_t limit_of(const struct sandbox *box, const struct sandbox_spec *spec)
{
	return box->host->identity == IDENTITY_KEPT ? 0 : spec->memory_bytes;
}

/* Who the programs are to be, if that can be chosen. */
static bool choose_user(struct sandbox *box, struct error *err)
{
	box->user = (struct user){ .uid = IDENTITY_UID, .lock = -1 };
	return !sandbox_host_has_users(box->host) || tmp_take_user(box->tmp, &box->user) ||
	       user_take(&box->user, err);
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
	if (!choose_user(box, err) || !fork_init(box, init_end, spec, err))
		return false;
	box->memory = memory_create(box->init, limit_of(box, spec), box->epoll);
	assert(spec->counts_usage || !spec->counts_files);
	if (spec->counts_usage)
		box->usage = usage_create(box->init);
	return (watch(box, box->socket) && watch(box, box->pidfd)) ||
	       error_set(err, errno, "watch a box");
}

static bool put_thaw_first(const struct cgroup *group, struct message_fds *fds)
{
	int thaw = cgroup_open_thaw(group);

	if (thaw == -1)
		return false;
	memmove(fds->fd + 1, fds->fd, fds->count * sizeof(fds->fd[0]));
	fds->fd[0] = thaw;
	fds->count++;
	return true;
}

/* While init builds the box, the owner makes its cgroups; both take about as long. */
static bool confine(struct sandbox *box, const struct sandbox_spec *spec, struct error *err)
{
	const struct cgroup_limits limits = { .memory_bytes = spec->memory_bytes,
		                              .cpu_millis = spec->cpu_millis,
		                              .processes = spec->processes,
		                              .freezes = freezes_by_cgroup(box) };
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
		message.has_thaw = put_thaw_first(box->group, &fds);
	}
	/* Failing means that init is dead, and has told why or is about to be reaped. */
	message_send(box->socket, &message, &fds);
	message_fds_close(&fds);
	memory_confine(box->memory, box->group);
	if (box->usage)
		usage_confine(box->usage, box->group);
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
		                 .listener = -1,
		                 .datagram = -1,
		                 .tmp = spec->tmp,
		                 .had_tmp = tmp_mount(spec->tmp) != -1,
		                 .freezes = host->freezes && host->freezing != FREEZING_NONE };
	host->boxes++;
	box->ledger = ledger_create(err);
	if (!box->ledger || !start_init(box, spec, err)) {
		sandbox_destroy(box);
		return NULL;
	}
	/* The first filter takes a while to make, in which init builds the box. */
	if (!confine(box, spec, &box->failure) ||
	    !sandbox_host_filter(host, spec->report_writes, &box->filter, &box->failure)) {
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
	sandbox_thaw(box);
	/* The last chance: the dead have no memory to look at. */
	sandbox_memory_peak(box, &peak);
	memory_end(box->memory);
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

/* A process that is left behind still has the user. */
static void leave_user(struct sandbox *box)
{
	if (box->tmp && box->reaped && sandbox_host_has_users(box->host))
		tmp_keep_user(box->tmp, &box->user);
	else
		user_leave(&box->user);
}

void sandbox_destroy(struct sandbox *box)
{
	if (!box)
		return;
	if (box->init > 0 && !box->reaped)
		wait_for_end(box);
	ledger_destroy(box->ledger);
	fd_close(&box->pidfd);
	fd_close(&box->socket);
	fd_close(&box->epoll);
	fd_close(&box->listener);
	fd_close(&box->datagram);
	memory_destroy(box->memory);
	usage_destroy(box->usage);
	cgroup_destroy(box->group);
	leave_user(box);
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
	for (const char *const *path = program->paths; path && *path; path++)
		at = append_string(at, *path);
	if (!program->paths)
		at = append_string(at, program->argv[0]);
	append_string(at, program->cwd);
	bool written = fd != -1 && write(fd, block, bytes) == (ssize_t)bytes;
	free(block);
	if (!written)
		error_set(err, errno, "pass on the arguments of '%s'", program->argv[0]);
	return written ? steal_fd(&fd) : -1;
}

/* Counts the strings of a program into 'exec', all but the working directory. */
static size_t measure_strings(struct message *message, const struct sandbox_program *program)
{
	size_t bytes = 0;

	message->exec.argc = count_strings(program->argv, &bytes);
	message->exec.envc = count_strings(program->envp, &bytes);
	if (program->paths) {
		message->exec.pathc = count_strings(program->paths, &bytes);
	} else {
		message->exec.pathc = 1;
		bytes += strlen(program->argv[0]) + 1;
	}
	return bytes;
}

static void add_streams(struct message *message, struct message_fds *fds,
                        const struct sandbox_program *program)
{
	const struct sandbox_streams *streams = program->streams;

	fds->fd[fds->count++] = streams ? streams->output : program->output;
	if (!streams)
		return;
	fds->fd[fds->count++] = streams->errors;
	fds->fd[fds->count++] = streams->input;
	message->exec.is_terminal = streams->is_terminal;
}

static void add_descriptors(struct message *message, struct message_fds *fds,
                            const struct sandbox_program *program)
{
	assert(program->descriptor_count <= SANDBOX_DESCRIPTORS);
	for (size_t i = 0; i < program->descriptor_count; i++) {
		unsigned number = program->descriptors[i].number;
		assert(number > STDERR_FILENO && number <= UINT8_MAX);
		message->exec.numbers[message->exec.others++] = number;
		fds->fd[fds->count++] = program->descriptors[i].fd;
	}
}

static bool ask_exec(struct sandbox *box, unsigned id, const struct sandbox_program *program,
                     bool rehearse, struct error *err)
{
	struct message message = { .type = MESSAGE_EXEC, .id = id };
	struct message_fds fds = { .count = 1 };

	if (box->killed || box->reaped)
		return error_set(err, ESRCH, "execute '%s'", program->argv[0]);
	sandbox_thaw(box); /* else init would wait for ever for its child to execute */
	message.exec.rehearse = rehearse;
	size_t bytes = measure_strings(&message, program);
	if (bytes > MAX_ARGUMENTS)
		return error_set(err, E2BIG, "execute '%s'", program->argv[0]);
	bytes += strlen(program->cwd) + 1;
	filter_of(box, &message.exec.instructions);
	message.exec.bytes = bytes + message.exec.instructions * sizeof(struct sock_filter);
	autoclose int block = pack(box, program, message.exec.bytes, err);
	if (block == -1)
		return false;
	fds.fd[0] = block;
	if (!rehearse)
		add_streams(&message, &fds, program);
	add_descriptors(&message, &fds, program);
	/* Why an init has ended that cannot be asked any more is told as an event. */
	return message_send(box->socket, &message, &fds) || errno == EPIPE || errno == ECONNRESET ||
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

	box->rehearses = true;
	return ask_exec(box, 0, &program, true, err);
}

bool sandbox_has_own_proc(const struct sandbox *box)
{
	return memory_has_own_proc(box->memory);
}

enum syscall_hold sandbox_hold(const struct sandbox *box, int *code)
{
	*code = box->filter_code;
	return box->hold;
}

void sandbox_signal(struct sandbox *box, unsigned id, int signal)
{
	const struct message message = { .type = MESSAGE_SIGNAL, .id = id, .number = signal };

	sandbox_thaw(box);
	/* Whoever cannot hear it any more has ended, or is about to be killed. */
	message_send(box->socket, &message, NULL);
}

/* ---- its network -------------------------------------------------------------------------- */

int sandbox_take_listener(struct sandbox *box)
{
	return steal_fd(&box->listener);
}

int sandbox_take_datagram_listener(struct sandbox *box)
{
	return steal_fd(&box->datagram);
}

bool sandbox_connect(struct sandbox *box, unsigned id, uint16_t port, struct error *err)
{
	const struct message message = { .type = MESSAGE_CONNECT, .id = id, .number = port };

	if (box->killed || box->reaped)
		return error_set(err, ESRCH, "connect to '127.0.0.1:%u' in the box", port);
	return message_send(box->socket, &message, NULL) ||
	       error_set(err, errno, "connect to '127.0.0.1:%u' in the box", port);
}

enum sandbox_peer sandbox_find_peer(const struct sandbox *box, int connection)
{
	const struct sandbox_host *host = box->host;
	const struct peer_box inside = {
		.uid = host->identity == IDENTITY_ASSUMED ? box->user.uid : geteuid(),
		.owns = sandbox_host_has_users(host),
		.init = box->init,
		.proc = memory_proc(box->memory),
	};

	if (host->identity == IDENTITY_KEPT || host->network == SANDBOX_NETWORK_NONE)
		return SANDBOX_PEER_INSIDE;
	return peer_judge(host->peers, connection, &inside);
}

/* ---- what happens in it --------------------------------------------------------------- */

static void on_started(struct sandbox *box, const struct message *message)
{
	box->hold = (enum syscall_hold)message->number;
	box->filter_code = message->error.code;
	memory_program_started(box->memory, message->id, message->pid);
	if (box->usage)
		usage_program_started(box->usage, message);
	box->has_programs = true;
}

static void on_exited(struct sandbox *box, const struct message *message,
                      struct sandbox_event *event)
{
	event->status = message->number;
	box->out_of_reach = message->out_of_reach;
	event->out_of_memory = memory_program_exited(box->memory, message);
}

/* Its /tmp and its /proc, of which it has the latter for itself only along with the former. */
static void take_files(struct sandbox *box, const struct message *message, struct message_fds *fds)
{
	unsigned next = 0;

	if (message->has_template)
		templates_keep(&box->host->templates, message_fds_steal(fds, next++),
		               box->host_state);
	autoclose int tmp = message_fds_steal(fds, next++);
	if (box->tmp && tmp != -1)
		tmp_keep_mount(box->tmp, tmp);
	/* To watch it takes longer than all the rest of a rehearsal. */
	memory_ready(box->memory, box->rehearses ? -1 : steal_fd(&tmp), box->had_tmp,
	             message_fds_steal(fds, next));
	if (box->usage)
		usage_ready(box->usage);
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
		take_files(box, message, fds);
		break;
	case MESSAGE_STARTED:
		event->type = SANDBOX_STARTED;
		event->pid = message->pid;
		on_started(box, message);
		break;
	case MESSAGE_EXEC_FAILED:
		event->type = SANDBOX_EXEC_FAILED;
		memory_program_ended(box->memory, message->id);
		break;
	case MESSAGE_EXITED:
		event->type = SANDBOX_EXITED;
		on_exited(box, message, event);
		break;
	case MESSAGE_CONNECTED:
		event->type = SANDBOX_CONNECTED;
		event->socket = message_fds_steal(fds, 0);
		break;
	case MESSAGE_DENIED:
		event->type = SANDBOX_DENIED;
		event->denial = message->denial;
		break;
	case MESSAGE_WRITE_REFUSED:
		event->type = SANDBOX_WRITE_REFUSED;
		event->write = message->write;
		break;
	case MESSAGE_FILES:
	case MESSAGE_LISTENERS:
	case MESSAGE_ADOPTED:
	case MESSAGE_FAILED:
	case MESSAGE_CONFINE:
	case MESSAGE_EXEC:
	case MESSAGE_SIGNAL:
	case MESSAGE_SIGNAL_ALL:
	case MESSAGE_CONNECT:
	case MESSAGE_FILTER:
		event->type = SANDBOX_FAILED;
		box->ready = true; /* as far as it will ever be: nothing more to tell */
		break;
	}
}

static void take_listeners(struct sandbox *box, const struct message *message,
                           struct message_fds *fds)
{
	unsigned next = 0;

	if (message->has_stream && box->listener == -1)
		box->listener = message_fds_steal(fds, next++);
	if (message->has_datagram && box->datagram == -1)
		box->datagram = message_fds_steal(fds, next);
}

/* What is not the caller's business, or not yet. */
static bool keep_message(struct sandbox *box, const struct message *message,
                         struct message_fds *fds)
{
	if (message->type == MESSAGE_ADOPTED)
		memory_adopted_exited(box->memory, message); /* only as a sum */
	else if (message->type == MESSAGE_FILES && box->usage)
		usage_count_files(box->usage, message_fds_steal(fds, 0), message->number,
		                  box->epoll);
	else if (message->type == MESSAGE_LISTENERS && !box->ready)
		take_listeners(box, message, fds);
	else if (message->type != MESSAGE_WRITE_REFUSED ||
	         ledger_is_news(&box->host->told, &message->write))
		return false;
	message_fds_close(fds);
	return true;
}

static bool take_message(struct sandbox *box, struct sandbox_event *event)
{
	struct message message;
	struct message_fds fds;

	if (box->socket == -1)
		return false;
	int got;
	do {
		got = message_receive(box->socket, &message, &fds);
	} while (got == 1 && keep_message(box, &message, &fds));
	if (got == 1) {
		translate(box, &message, &fds, event);
		message_fds_close(&fds);
		return true;
	}
	/* At its end a socket is readable for ever; the pidfd tells the rest. */
	if (got == 0 || errno != EAGAIN) {
		epoll_ctl(box->epoll, EPOLL_CTL_DEL, box->socket, NULL);
		sandbox_thaw(box); /* whoever has killed init has killed the others, too */
	}
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

static bool take_end(struct sandbox *box, struct sandbox_event *event)
{
	if (!box->reaped)
		return false;
	if (ledger_take(box->ledger, UINT64_MAX, event) || memory_take_rest(box->memory, event))
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
	if (box->usage)
		usage_heed(box->usage);
	return take_failure(box, event) || take_message(box, event) ||
	       memory_take_oom(box->memory, event) || take_end(box, event);
}

int sandbox_fd(const struct sandbox *box)
{
	return box->epoll;
}

void sandbox_set_phase(struct sandbox *box, unsigned phase)
{
	ledger_set_phase(box->ledger, phase);
}

void sandbox_set_cpu(struct sandbox *box, enum sandbox_cpu cpu)
{
	if (box->group)
		cgroup_throttle(box->group, cpu == SANDBOX_CPU_THROTTLED);
}

bool sandbox_memory_peak(struct sandbox *box, uint64_t *bytes)
{
	if (box->ready && !box->killed && !box->reaped)
		memory_look(box->memory);
	*bytes = memory_peak(box->memory);
	return *bytes > 0;
}

void sandbox_usage(struct sandbox *box, struct sandbox_usage *usage)
{
	assert(box->usage);
	if (!box->has_programs || box->killed || box->reaped)
		usage_know_nothing(usage, "nothing runs");
	else
		usage_look(box->usage, memory_proc(box->memory), usage);
}

/* ---- freezing ----------------------------------------------------------------------------- */

/* A thaw must always find room in init's socket. An init that is so far behind is busy, and its box
 * is spared. */
static bool is_listening(const struct sandbox *box)
{
	int unread;

	return ioctl(box->socket, SIOCOUTQ, &unread) == 0 && unread < MAX_UNREAD;
}

static void signal_all(const struct sandbox *box, int number)
{
	const struct message message = { .type = MESSAGE_SIGNAL_ALL, .number = number };

	/* Whoever cannot hear it any more has ended. */
	message_send(box->socket, &message, NULL);
}

void sandbox_freeze(struct sandbox *box)
{
	if (!box->freezes || box->frozen || !box->ready || box->killed || box->reaped)
		return;
	if (freezes_by_cgroup(box)) {
		cgroup_freeze(box->group, true);
	} else {
		if (!is_listening(box))
			return;
		signal_all(box, SIGSTOP);
	}
	box->frozen = true;
	memory_set_frozen(box->memory, true);
}

void sandbox_thaw(struct sandbox *box)
{
	if (!box->frozen)
		return;
	box->frozen = false;
	memory_set_frozen(box->memory, false);
	if (freezes_by_cgroup(box))
		cgroup_freeze(box->group, false);
	else
		signal_all(box, SIGCONT);
}

enum freezing sandbox_try_freezing(struct sandbox *box, struct error *why)
{
	if (box->group && cgroup_can_freeze(box->group, why))
		return FREEZING_CGROUP;
	return box->out_of_reach ? FREEZING_NONE : FREEZING_SIGNALS;
}
