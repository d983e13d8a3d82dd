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
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sandbox/fd.h"
#include "sandbox/identity.h"
#include "sandbox/namespace.h"
#include "sandbox/peer.h"
#include "sandbox/sandbox_private.h"

#define DESTROY_MS 5000
#define MAX_UNREAD (32 * 1024) /* of some 200 KiB */

/* ---- building a box ------------------------------------------------------ */

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

static int take_template(struct sandbox *box, const struct sandbox_spec *spec)
{
	struct sandbox_host *host = box->host;

	if (!sandbox_host_has_root(host))
		return -1;
	box->host_state = rootfs_host_state(host->rootfs, spec);
	return templates_take(&host->templates, template_kind(host->namespaces), box->host_state);
}

/* Those to fork with: in the mount namespace of a template, init makes its own. */
static unsigned long namespaces_beside(const struct sandbox_host *host, int template)
{
	if (template != -1 && template_kind(host->namespaces) == TEMPLATE_NAMESPACE)
		return host->namespaces & ~(unsigned long)CLONE_NEWNS;
	return host->namespaces;
}

static bool fork_init(struct sandbox *box, int socket, const struct sandbox_spec *spec,
                      struct error *err)
{
	const struct sandbox_host *host = box->host;
	autoclose int template = take_template(box, spec);
	struct init_plan plan = {
		.socket = socket,
		.template = template,
		.namespaces = namespaces_beside(host, template),
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
	box->init = namespace_fork(plan.namespaces, &box->pidfd);
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
	box->memory = memory_create(box->init, limit_of(box, spec), box->epoll,
	                            &box->host->tmp_spares);
	assert(spec->counts_usage || !spec->counts_files);
	if (spec->counts_usage)
		box->usage = usage_create(box->init);
	return (fd_watch(box->epoll, box->socket, EPOLLIN) &&
	        fd_watch(box->epoll, box->pidfd, EPOLLIN)) ||
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

void sandbox_reap(struct sandbox *box, int flags)
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
		sandbox_reap(box, 0);
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

int sandbox_open_peer(int connection, pid_t *pid)
{
	*pid = peer_find(connection, *pid);
	return *pid > 0 ? (int)syscall(SYS_pidfd_open, *pid, 0) : -1;
}

/* ---- what is asked of it ---- */

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

bool sandbox_has_own_proc(const struct sandbox *box)
{
	return memory_has_own_proc(box->memory);
}

enum syscall_hold sandbox_hold(const struct sandbox *box, int *code)
{
	*code = box->filter_code;
	return box->hold;
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
