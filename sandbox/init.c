/* SPDX-License-Identifier: Apache-2.0 */
/* init - the first process of a box */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sandbox/cgroup.h"
#include "sandbox/cpus.h"
#include "sandbox/fd.h"
#include "sandbox/file_count.h"
#include "sandbox/identity.h"
#include "sandbox/init_private.h"
#include "sandbox/landlock.h"
#include "sandbox/namespace.h"
#include "sandbox/network.h"
#include "sandbox/tmp.h"

#define ADOPTED_STEP (1 << 20)
#define REAPED_AT_ONCE 64

/* All that stays of what was open: the socket, and parts of the root if there are any. */
enum own_fd { SOCKET_FD = 3, TMP_FD, TEMPLATE_FD, OWN_END };

#define OWN_FIRST SOCKET_FD
#define OWN_COUNT (OWN_END - OWN_FIRST)

/* ---- being alone ------------------------------------------------------- */

/* lrie blocks signals and ignores SIGPIPE; nothing of that is for the programs. That they were
 * stopped init need not hear. */
static void reset_signals(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };
	sigset_t all;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

/* Where lrie was started with a standard stream closed, another descriptor would take its place,
 * and give way when the streams are opened. */
static bool fill_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd != -1 && fd <= STDERR_FILENO);
	fd_close(&fd);
	return fcntl(STDERR_FILENO, F_GETFD) != -1;
}

/* Keeps the standard streams, for a sanitizer's last words, until the box has a /dev. */
static bool keep_only_own(struct init *init, struct error *err)
{
	const int given[] = { init->plan->socket, tmp_mount(init->plan->spec->tmp),
		              init->plan->template };
	int high[OWN_COUNT];

	if (!fill_stdio())
		return error_set(err, errno, "open '/dev/null'");
	/* Out of each other's way. */
	for (int i = 0; i < OWN_COUNT; i++)
		high[i] = given[i] == -1 ? -1 : fcntl(given[i], F_DUPFD_CLOEXEC, OWN_END);
	for (int i = 0; i < OWN_COUNT; i++) {
		close(OWN_FIRST + i);
		if (high[i] != -1 && dup3(high[i], OWN_FIRST + i, O_CLOEXEC) == -1)
			return error_set(err, errno, "keep the box's socket");
	}
	fd_close_from(OWN_END);
	init->socket = SOCKET_FD;
	init->parts = (struct rootfs_parts){ .is_apart = init->plan->namespaces & CLONE_NEWNS,
		                             .kind = template_kind(init->plan->namespaces),
		                             .tmp = high[1] == -1 ? -1 : TMP_FD,
		                             .template = high[2] == -1 ? -1 : TEMPLATE_FD };
	return true;
}

static bool in_pid_namespace(const struct init *init)
{
	return init->tree.is_namespace;
}

static bool owner_is_gone(const struct init *init)
{
	struct pollfd socket = { .fd = init->socket, .events = POLLIN };

	return poll(&socket, 1, 0) == 1 && (socket.revents & POLLHUP);
}

/*
 * Dies with the owner. The kernel's signal comes at once but is lost when the owner
 * died before it was asked for, and without a pid namespace init must live on to
 * kill the others; the end of the socket covers both. It alone counts where frozen
 * processes survive: init must live to thaw them.
 */
static bool follow_owner(struct init *init, struct error *err)
{
	if (in_pid_namespace(init) && !init->plan->outlives_owner &&
	    prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		return error_set(err, errno, "set the parent's death signal");
	if (owner_is_gone(init))
		_exit(0);
	return true;
}

/* When the whole machine is short of memory, the functions go first. Programs inherit
 * this; later, when init is not dumpable, it could not be written any more. */
static void volunteer_for_oom(const struct init *init)
{
	if (init->plan->identity != IDENTITY_KEPT)
		fd_write_file(AT_FDCWD, "/proc/self/oom_score_adj", "1000");
}

/* Programs inherit this. Where it cannot be they see all CPUs, and use no more of them: how much
 * they get is another wall's business. */
static void share_cpus(const struct init_plan *plan)
{
	if (plan->identity != IDENTITY_KEPT && !cpus_restrict(plan->spec->cpus, plan->number))
		return;
}

/* Everybody in the box can read the command line of init, which is lrie's: paths of the host, and
 * perhaps secrets. */
static void forget_arguments(const struct init_plan *plan)
{
	if (!plan->arguments)
		return;
	memset(plan->arguments, 0, plan->arguments_size);
	snprintf(plan->arguments, plan->arguments_size, "init");
}

/* ---- building ----------------------------------------------------------- */

static bool close_stdio(struct error *err)
{
	autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (null == -1 || dup2(null, fd) == -1)
			return error_set(err, errno, "open '/dev/null'");
	}
	return true;
}

static bool enter_network(const struct init *init, struct error *err)
{
	const struct sandbox_spec *spec = init->plan->spec;
	struct network_sockets sockets;
	struct message_fds fds = { .count = 0 };

	if (!network_enter(spec->listen_port, spec->datagram_port, &sockets, err))
		return false;
	const struct message message = { .type = MESSAGE_LISTENERS,
		                         .at_ns = message_now(),
		                         .has_stream = sockets.listener != -1,
		                         .has_datagram = sockets.datagram != -1 };
	if (message.has_stream)
		fds.fd[fds.count++] = sockets.listener;
	if (message.has_datagram)
		fds.fd[fds.count++] = sockets.datagram;
	bool sent = !fds.count || message_send(init->socket, &message, &fds);
	if (!sent)
		error_set(err, errno, "pass on the listeners of a new network");
	message_fds_close(&fds);
	return sent;
}

static bool count_files(const struct init *init, struct error *err)
{
	autoclose int count = file_count_open();
	const struct message message = { .type = MESSAGE_FILES, .number = count == -1 ? errno : 0 };
	const struct message_fds fds = { .fd = { count }, .count = count != -1 };

	return message_send(init->socket, &message, &fds) ||
	       error_set(err, errno, "pass on what counts the box's files");
}

static bool enter_namespaces(struct init *init, struct rootfs_own *own, struct error *err)
{
	const struct init_plan *plan = init->plan;
	const char *hostname = plan->spec->hostname;

	if (!plan->namespaces)
		return true;
	if ((plan->namespaces & CLONE_NEWUSER) && !namespace_map_user(plan->uid, plan->gid, err))
		return false;
	if (plan->own_network && !enter_network(init, err))
		return false;
	if (hostname && sethostname(hostname, strlen(hostname)) == -1)
		return error_set(err, errno, "set host name '%s'", hostname);
	bool entered = rootfs_enter(plan->host, plan->spec, &init->parts, own, err);
	fd_close(&init->parts.tmp);
	fd_close(&init->parts.template);
	return entered && (!plan->spec->counts_files || count_files(init, err));
}

/* Init itself may be seen by programs, but reaches nobody through an abstract socket: those that
 * the network's other users have are not for it either. All programs of a box come from init, and
 * so reach one another. */
static bool restrict_writing(struct init *init, struct error *err)
{
	landlock_leave_sockets();
	if (init->plan->landlock)
		init->launcher.rules = landlock_make_rules(err);
	return !init->plan->landlock || init->launcher.rules != -1;
}

static bool build(struct init *init, struct rootfs_own *own, struct error *err)
{
	const struct init_plan *plan = init->plan;

	if (!launcher_init(&init->launcher, err) || !tree_init(&init->tree, err) ||
	    !enter_namespaces(init, own, err) || !close_stdio(err))
		return false;
	if (plan->identity != IDENTITY_KEPT &&
	    (!identity_prepare(plan->namespaces != 0, err) || !restrict_writing(init, err)))
		return false;
	return prctl(PR_SET_DUMPABLE, 0) == 0 || error_set(err, errno, "become undumpable");
}

/* ---- the end ------------------------------------------------------------- */

void init_end(const struct init *init, int status)
{
	cgroup_thaw_by(init->thaw);
	tree_kill(&init->tree);
	_exit(status);
}

void init_tell(const struct init *init, const struct message *message,
               const struct message_fds *fds)
{
	if (!message_send(init->socket, message, fds))
		init_end(init, 1);
}

static __attribute__((noreturn)) void fail(const struct init *init, const struct error *err)
{
	struct message message = { .type = MESSAGE_FAILED, .at_ns = message_now(), .error = *err };

	init_tell(init, &message, NULL);
	init_end(init, 1);
}

/* ---- the loop -------------------------------------------------------------- */

struct program *init_find_program(struct init *init, pid_t pid)
{
	for (size_t i = 0; i < INIT_PROGRAMS; i++) {
		if (init->programs[i].pid == pid)
			return &init->programs[i];
	}
	return NULL;
}

static uint64_t max_rss_bytes(const struct rusage *usage)
{
	return (uint64_t)usage->ru_maxrss * 1024;
}

/*
 * A process begins with the high-water mark of the memory that it had before its execve,
 * which is init's, a copy of lrie's. Whether it had less later, nobody can tell.
 */
static bool rss_is_inits(const struct rusage *usage)
{
	struct rusage own;

	return getrusage(RUSAGE_SELF, &own) == 0 && usage->ru_maxrss <= own.ru_maxrss;
}

static void report_exit(struct init *init, struct program *program, int status,
                        const struct rusage *usage)
{
	struct message message = { .type = MESSAGE_EXITED,
		                   .id = program->id,
		                   .number = status,
		                   .at_ns = message_now(),
		                   .max_rss_bytes = max_rss_bytes(usage),
		                   .rss_is_inits = rss_is_inits(usage),
		                   .out_of_reach = program->out_of_reach };

	program->pid = 0;
	init_tell(init, &message, NULL);
}

/* What a program leaves behind is not among its children in getrusage(2), but it counts.
 * Told in steps, so that nobody can flood the owner. */
static void report_adopted(struct init *init, const struct rusage *usage)
{
	struct message message = { .type = MESSAGE_ADOPTED,
		                   .at_ns = message_now(),
		                   .max_rss_bytes = max_rss_bytes(usage) };

	if (message.max_rss_bytes < init->largest_adopted + ADOPTED_STEP || rss_is_inits(usage))
		return;
	init->largest_adopted = message.max_rss_bytes;
	init_tell(init, &message, NULL);
}

/* Returns whether there may be more to reap: what ends orphans by the thousand must not keep init
 * from hearing its owner. */
static bool reap(struct init *init)
{
	struct rusage usage;
	int status;

	tree_clear(&init->tree);
	for (int count = 0; count < REAPED_AT_ONCE; count++) {
		pid_t pid = wait4(-1, &status, WNOHANG | __WALL, &usage);
		if (pid <= 0)
			return false;
		struct program *program = init_find_program(init, pid);
		if (program)
			report_exit(init, program, status, &usage);
		else
			report_adopted(init, &usage);
	}
	return true;
}

static void report_refusal(const struct init *init, const struct sandbox_event *event)
{
	struct message message = { .at_ns = event->at_ns };

	if (event->type == SANDBOX_DENIED) {
		message.type = MESSAGE_DENIED;
		message.denial = event->denial;
	} else {
		message.type = MESSAGE_WRITE_REFUSED;
		message.write = event->write;
	}
	init_tell(init, &message, NULL);
}

/* Before those who ended: who was refused something and then ended, was refused first. */
static void supervise_all(struct init *init, const struct pollfd *fds, nfds_t count)
{
	struct sandbox_event event;

	for (nfds_t i = 0; i < count; i++) {
		if (!fds[i].revents)
			continue;
		if (supervisor_serve(&init->supervisor, &fds[i], &event))
			report_refusal(init, &event);
		supervisor_answer(&init->supervisor);
	}
	while (supervisor_take(&init->supervisor, &event))
		report_refusal(init, &event);
}

static __attribute__((noreturn)) void serve(struct init *init)
{
	struct pollfd fds[2 + SUPERVISOR_LISTENERS] = {
		{ .fd = init->socket, .events = POLLIN },
		{ .fd = init->tree.ended, .events = POLLIN },
	};
	bool more = false;

	for (;;) {
		nfds_t listeners = supervisor_fill(&init->supervisor, fds + 2);
		int timeout_ms = more ? 0 : supervisor_timeout_ms(&init->supervisor);
		if (poll(fds, 2 + listeners, timeout_ms) == -1 && errno != EINTR)
			init_end(init, 1);
		supervise_all(init, fds + 2, listeners);
		if (more || fds[1].revents)
			more = reap(init);
		if (fds[0].revents)
			init_receive(init);
	}
}

/* Told by init: until the owner looks, programs may have left it children that count. */
static struct message_spent spent_by_children(const struct init *init)
{
	struct rusage usage;

	if (!init->plan->spec->counts_usage || getrusage(RUSAGE_CHILDREN, &usage) == -1)
		return (struct message_spent){ .cpu_ns = 0 };
	return (struct message_spent){ .minor_faults = (uint64_t)usage.ru_minflt,
		                       .major_faults = (uint64_t)usage.ru_majflt };
}

/* The owner makes the cgroups while the box is built; they come as the first message. */
static void report_ready(struct init *init, const struct rootfs_own *own)
{
	struct message_fds fds = { .count = 0 };
	struct message message = { .type = MESSAGE_READY, .spent = spent_by_children(init) };

	init_receive(init);
	message.has_template = own->template != -1;
	if (message.has_template)
		fds.fd[fds.count++] = own->template;
	if (own->tmp != -1)
		fds.fd[fds.count++] = own->tmp;
	if (own->proc != -1)
		fds.fd[fds.count++] = own->proc;
	message.at_ns = message_now();
	init_tell(init, &message, &fds);
	message_fds_close(&fds);
}

/* Where /proc is that of others, its pids are not those that calls come with. */
static bool has_matching_proc(void)
{
	char self[16] = "";

	return readlink("/proc/self", self, sizeof(self) - 1) > 0 && atoi(self) == getpid();
}

static void prepare_supervisor(struct init *init)
{
	struct supervisor *supervisor = &init->supervisor;

	supervisor->has_proc = supervisor->writes.has_proc = has_matching_proc();
	supervisor->writes.takes_user = init->plan->identity == IDENTITY_ASSUMED;
	supervisor->writes.only_tmp = init->launcher.rules != -1;
	supervisor->writes.unreported = init->plan->spec->unreported;
}

void init_run(const struct init_plan *plan)
{
	struct init init = {
		.plan = plan,
		.socket = plan->socket,
		.parts = { .template = -1, .tmp = -1 },
		.tree = { .is_namespace = plan->namespaces & CLONE_NEWPID,
		          .user = plan->user,
		          .ended = -1 },
		.launcher = { .plan = plan, .socket = SOCKET_FD, .born_in = -1, .rules = -1 },
		.thaw = -1,
		.supervisor = { .policy = plan->syscalls,
		                .ids = plan->ids,
		                .ledger = plan->ledger,
		                .writes = { .ids = plan->ids } }
	};
	struct error err;
	struct rootfs_own own = { .tmp = -1, .proc = -1, .template = -1 };

	reset_signals();
	umask(022); /* for what is made in the root, and for the programs */
	setsid();
	volunteer_for_oom(&init);
	share_cpus(plan);
	forget_arguments(plan);
	if (!keep_only_own(&init, &err) || !follow_owner(&init, &err) || !build(&init, &own, &err))
		fail(&init, &err);
	prepare_supervisor(&init);
	report_ready(&init, &own);
	serve(&init);
}
