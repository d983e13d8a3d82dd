/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - finding out which walls can stand on this machine
 *
 * Nothing is concluded from versions or user ids: a box is built, with all that
 * it takes up to the execve of a program, and what works is used. There are few
 * ways to build one, tried from the best to none.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/namespace.h"
#include "sandbox/probe.h"

#define REHEARSAL_MS 5000
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ALL_WALLS ((1u << SANDBOX_WALL_COUNT) - 1)

/* ---- names -------------------------------------------------------------------- */

static const char *const wall_names[] = {
	[SANDBOX_WALL_FILES] = "files",         [SANDBOX_WALL_TMP] = "tmp",
	[SANDBOX_WALL_PROCESSES] = "processes", [SANDBOX_WALL_IPC] = "ipc",
	[SANDBOX_WALL_HOSTNAME] = "hostname",   [SANDBOX_WALL_IDENTITY] = "identity",
	[SANDBOX_WALL_MEMORY] = "memory",       [SANDBOX_WALL_CPU] = "cpu",
	[SANDBOX_WALL_PIDS] = "pids",           [SANDBOX_WALL_SYSCALLS] = "syscalls",
};

static const char *const wall_summaries[] = {
	[SANDBOX_WALL_FILES] = "a root of its own, read-only but for /tmp",
	[SANDBOX_WALL_TMP] = "/tmp has a size",
	[SANDBOX_WALL_PROCESSES] = "nothing outside can be seen or signalled",
	[SANDBOX_WALL_IPC] = "System V IPC and POSIX queues of its own",
	[SANDBOX_WALL_HOSTNAME] = "a host name of its own",
	[SANDBOX_WALL_IDENTITY] = "user 993, no capabilities, none to gain",
	[SANDBOX_WALL_MEMORY] = "the memory limit; out of memory is told apart",
	[SANDBOX_WALL_CPU] = "CPU by memory size",
	[SANDBOX_WALL_PIDS] = "the number of processes and threads is limited",
	[SANDBOX_WALL_SYSCALLS] = "system calls that Lambda refuses are refused",
};
_Static_assert(COUNT_OF(wall_summaries) == SANDBOX_WALL_COUNT, "a wall has no summary");

const char *sandbox_wall_summary(enum sandbox_wall wall)
{
	return wall_summaries[wall];
}

const char *sandbox_wall_name(enum sandbox_wall wall)
{
	return wall_names[wall];
}

static int find_wall(const char *name, size_t length)
{
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++) {
		if (strlen(wall_names[wall]) == length &&
		    strncmp(wall_names[wall], name, length) == 0)
			return wall;
	}
	return -1;
}

static bool unknown_wall(const char *name, size_t length, struct error *err)
{
	char known[256] = "";

	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
		         wall ? ", " : "", wall_names[wall]);
	return error_set(err, 0, "unknown wall '%.*s' (known are %s)",
	                 (int)(length < 64 ? length : 64), name, known);
}

bool sandbox_walls_parse(const char *text, unsigned *mask, struct error *err)
{
	*mask = ALL_WALLS;
	if (!text || !*text)
		return true;
	*mask = 0;
	for (;;) {
		size_t length = strcspn(text, ",");
		int wall = find_wall(text, length);
		if (wall == -1)
			return unknown_wall(text, length, err);
		*mask |= 1u << wall;
		if (!text[length])
			return true;
		text += length + 1;
	}
}

/* ---- a rehearsal ---------------------------------------------------------------- */

/* How far a box came. */
struct rehearsal {
	bool created; /* init was forked */
	bool built;   /* all that init does */
	bool started; /* all that a program's child does, but for the execve */
	bool bounded; /* and it could not fork */
	struct error error;
};

/* Takes note of an event. Returns true at the end of the rehearsal. */
static bool note(struct rehearsal *rehearsal, const struct sandbox_event *event)
{
	switch (event->type) {
	case SANDBOX_READY:
		rehearsal->built = true;
		return false;
	case SANDBOX_STARTED:
	case SANDBOX_OOM:
	case SANDBOX_DENIED:
		return false;
	case SANDBOX_EXITED:
		rehearsal->started = WIFEXITED(event->status) &&
		                     WEXITSTATUS(event->status) <= REHEARSAL_UNBOUND;
		rehearsal->bounded = rehearsal->started &&
		                     WEXITSTATUS(event->status) == REHEARSAL_BOUND;
		if (!rehearsal->started)
			error_set(&rehearsal->error, 0, "a child ended with status %#x",
			          (unsigned)event->status);
		return true;
	case SANDBOX_EXEC_FAILED:
	case SANDBOX_FAILED:
		rehearsal->error = event->error;
		return true;
	case SANDBOX_GONE:
		error_set(&rehearsal->error, 0, "the box ended by itself");
		return true;
	}
	return true;
}

static void play(struct sandbox *box, struct rehearsal *rehearsal)
{
	struct pollfd ready = { .fd = sandbox_fd(box), .events = POLLIN };
	struct sandbox_event event;

	for (;;) {
		while (sandbox_next_event(box, &event)) {
			if (note(rehearsal, &event))
				return;
		}
		if (poll(&ready, 1, REHEARSAL_MS) == 0) {
			error_set(&rehearsal->error, ETIMEDOUT, "build a box");
			return;
		}
	}
}

static void note_filter(struct sandbox_host *host, const struct sandbox *box)
{
	int code;

	host->hold = sandbox_hold(box, &code);
	if (host->hold != SYSCALL_HOLD_NONE || !host->filters[SANDBOX_SYSCALLS_DEFAULT])
		return;
	error_set(&host->filter_error, code,
	          code ? "load a filter of system calls"
	               : "a filter of system calls refuses nothing");
}

/* Builds a box the way 'host' says, with as little in it as possible. */
static bool rehearse(struct sandbox_host *host, struct rehearsal *rehearsal)
{
	const struct sandbox_spec spec = { .task_root = "/usr",
		                           .hostname = "probe",
		                           .memory_bytes = 64 << 20,
		                           .tmp_bytes = 1 << 20,
		                           .cpu_millis = 100,
		                           .processes = 1,
		                           .open_files = 64 };

	*rehearsal = (struct rehearsal){ .created = false };
	struct sandbox *box = sandbox_create(host, &spec, &rehearsal->error);
	if (!box)
		return false;
	rehearsal->created = true;
	if (sandbox_rehearse(box, &rehearsal->error))
		play(box, rehearsal);
	host->own_proc = sandbox_has_own_proc(box);
	host->bounded = rehearsal->bounded;
	note_filter(host, box);
	sandbox_kill(box);
	host->rehearsal = box;
	return rehearsal->built && rehearsal->started;
}

/* ---- what stands -------------------------------------------------------------------- */

static void state_wall(struct sandbox_host *host, enum sandbox_wall wall,
                       enum sandbox_standing standing, const char *mechanism, const char *detail)
{
	struct sandbox_wall_state *state = &host->walls[wall];

	state->standing = standing;
	snprintf(state->mechanism, sizeof(state->mechanism), "%s", mechanism);
	snprintf(state->detail, sizeof(state->detail), "%s", detail);
}

static bool file_says(const char *path, char expected)
{
	char text[16];

	return fd_read_file(AT_FDCWD, path, text, sizeof(text)) > 0 && text[0] == expected;
}

/* What the user can do about missing namespaces: the known ways in which they are switched off. */
static const char *namespace_remedy(void)
{
	if (file_says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
		return "AppArmor restricts user namespaces (Ubuntu): run as root, give lrie a "
		       "profile with 'userns,', or set sysctl "
		       "kernel.apparmor_restrict_unprivileged_userns=0";
	if (file_says("/proc/sys/kernel/unprivileged_userns_clone", '0'))
		return "run lrie as root, or set sysctl kernel.unprivileged_userns_clone=1";
	if (file_says("/proc/sys/user/max_user_namespaces", '0'))
		return "run lrie as root, or set sysctl user.max_user_namespaces=10000";
	if (access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0)
		return "start the container with --privileged, or with --cap-add SYS_ADMIN "
		       "--security-opt seccomp=unconfined --security-opt apparmor=unconfined";
	return "run lrie as root, or where user namespaces are allowed";
}

static void state_namespaces(struct sandbox_host *host)
{
	static const enum sandbox_wall walls[] = { SANDBOX_WALL_FILES, SANDBOX_WALL_TMP,
		                                   SANDBOX_WALL_PROCESSES, SANDBOX_WALL_IPC,
		                                   SANDBOX_WALL_HOSTNAME };
	const char *mechanism = host->namespaces & CLONE_NEWUSER ? "user namespace" : "namespaces";

	for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++)
		state_wall(host, walls[i], SANDBOX_YES, mechanism, "");
	if (!host->own_proc)
		state_wall(host, SANDBOX_WALL_PROCESSES, SANDBOX_PARTLY, mechanism,
		           "/proc shows the processes outside the box, since the kernel allows no "
		           "other here; start the container with --security-opt unmask=/proc");
}

static void state_no_namespaces(struct sandbox_host *host, const struct error *why)
{
	char detail[256];

	snprintf(detail, sizeof(detail), "%.80s; %.170s", why->text, namespace_remedy());
	for (int wall = SANDBOX_WALL_FILES; wall <= SANDBOX_WALL_HOSTNAME; wall++)
		state_wall(host, (enum sandbox_wall)wall, SANDBOX_NO, "", detail);
}

static void state_identity(struct sandbox_host *host)
{
	gid_t group;
	int groups = getgroups(0, NULL);

	switch (host->identity) {
	case IDENTITY_ASSUMED:
		state_wall(host, SANDBOX_WALL_IDENTITY, SANDBOX_YES, "uid 993", "");
		break;
	case IDENTITY_MAPPED:
		/* One group that is the user's own gives nothing more. */
		if (groups == 0 || (groups == 1 && getgroups(1, &group) == 1 && group == getegid()))
			state_wall(host, SANDBOX_WALL_IDENTITY, SANDBOX_YES, "user namespace", "");
		else
			state_wall(host, SANDBOX_WALL_IDENTITY, SANDBOX_PARTLY, "user namespace",
			           "programs keep your supplementary groups, which only root can "
			           "drop: what those may read, they can read");
		break;
	case IDENTITY_CAPPED:
		state_wall(host, SANDBOX_WALL_IDENTITY, SANDBOX_NO, "no new privileges",
		           "programs run as the user who runs lrie; run it as root, or where "
		           "user namespaces are allowed");
		break;
	case IDENTITY_KEPT:
		state_wall(host, SANDBOX_WALL_IDENTITY, SANDBOX_NO, "", "the sandbox is off");
		break;
	}
}

static void state_controller(struct sandbox_host *host, enum sandbox_wall wall,
                             enum cgroup_controller controller)
{
	struct error why;
	char detail[256];
	const char *mechanism = cgroup_host_mechanism(host->cgroups, controller, &why);

	if (mechanism) {
		state_wall(host, wall, SANDBOX_YES, mechanism, "");
		return;
	}
	snprintf(detail, sizeof(detail),
	         "%.130s; run lrie as root, or by 'systemd-run --user --scope -p Delegate=yes'",
	         why.text);
	state_wall(host, wall, SANDBOX_NO, "", detail);
}

static void state_pids(struct sandbox_host *host)
{
	struct error why;
	char detail[256];
	const char *mechanism = cgroup_host_mechanism(host->cgroups, CGROUP_PIDS, &why);

	if (!mechanism && sandbox_host_counts_user(host))
		mechanism = "RLIMIT_NPROC";
	if (host->bounded) {
		state_wall(host, SANDBOX_WALL_PIDS, SANDBOX_YES, mechanism, "");
		return;
	}
	if (mechanism)
		snprintf(detail, sizeof(detail), "%s does not limit them here", mechanism);
	else
		snprintf(detail, sizeof(detail),
		         "%.100s; RLIMIT_NPROC would count all that the user runs; run lrie as "
		         "root, or where user namespaces are allowed",
		         why.text);
	state_wall(host, SANDBOX_WALL_PIDS, SANDBOX_NO, "", detail);
}

static void state_syscalls(struct sandbox_host *host)
{
	bool strict = host->syscalls == SANDBOX_SYSCALLS_STRICT;
	char detail[256];

	if (host->identity == IDENTITY_KEPT)
		return;
	if (host->syscalls == SANDBOX_SYSCALLS_OFF) {
		state_wall(host, SANDBOX_WALL_SYSCALLS, SANDBOX_NO, "", "it is switched off");
		return;
	}
	switch (host->hold) {
	case SYSCALL_HOLD_TOLD:
		state_wall(host, SANDBOX_WALL_SYSCALLS, SANDBOX_YES,
		           strict ? "seccomp, strict" : "seccomp", "");
		break;
	case SYSCALL_HOLD_SILENT:
		state_wall(host, SANDBOX_WALL_SYSCALLS, SANDBOX_PARTLY,
		           strict ? "seccomp, strict, silent" : "seccomp, silent",
		           "calls are refused but not reported, since the filter of somebody above "
		           "lrie has the kernel's one listener, or the kernel is older than 5.0");
		break;
	case SYSCALL_HOLD_NONE:
		snprintf(detail, sizeof(detail),
		         "%.150s; start the container with --security-opt seccomp=unconfined",
		         host->filter_error.text);
		state_wall(host, SANDBOX_WALL_SYSCALLS, SANDBOX_NO, "", detail);
		break;
	}
}

/* ---- choosing -------------------------------------------------------------------------- */

struct way {
	unsigned long namespaces;
	enum init_identity identity;
};

static const struct way ways[] = {
	{ NAMESPACE_FLAGS, IDENTITY_ASSUMED },
	{ NAMESPACE_USER_FLAGS, IDENTITY_MAPPED },
	{ 0, IDENTITY_ASSUMED },
	{ 0, IDENTITY_CAPPED },
};

/*
 * Finds controllers that do not work although their groups could be made, and stops
 * using them. Returns whether there were any.
 */
static bool sort_out_controllers(struct sandbox_host *host)
{
	const struct cgroup_limits limits = { .memory_bytes = 64 << 20,
		                              .cpu_millis = 100,
		                              .processes = 64 };
	enum cgroup_controller failed;
	struct cgroup *group;
	struct error why;
	bool found = false;

	while (!(group = cgroup_create(host->cgroups, host->boxes++, &limits, &failed, &why))) {
		cgroup_host_give_up(host->cgroups, failed, &why);
		found = true;
	}
	cgroup_destroy(group);
	return found;
}

/* When a box can be built without any cgroup but not with them, they are the reason. */
static bool works_without_cgroups(struct sandbox_host *host, const struct error *why)
{
	struct cgroup_host *cgroups = host->cgroups;
	struct rehearsal rehearsal;

	host->cgroups = NULL;
	bool works = rehearse(host, &rehearsal);
	host->cgroups = cgroups;
	for (int i = 0; works && i < CGROUP_CONTROLLERS; i++)
		cgroup_host_give_up(host->cgroups, (enum cgroup_controller)i, why);
	return works;
}

static bool works(struct sandbox_host *host, struct error *why)
{
	struct rehearsal rehearsal;

	if (rehearse(host, &rehearsal))
		return true;
	*why = rehearsal.error;
	if (!rehearsal.created)
		return false;
	if (sort_out_controllers(host) && rehearse(host, &rehearsal))
		return true;
	return works_without_cgroups(host, &rehearsal.error);
}

/* Finds the best way to build a box. The reason why there are no namespaces is the one that
 * the last way with them met. */
static bool choose_way(struct sandbox_host *host, struct error *why)
{
	struct error refused;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		host->namespaces = ways[i].namespaces;
		host->identity = ways[i].identity;
		if (works(host, &refused))
			return true;
		if (host->namespaces)
			*why = refused;
	}
	*why = refused;
	return false;
}

/* Where the kernel takes the command line from, in this process and those that it forks: fields 48
 * and 49 of its stat. Without them init goes by the name of lrie, which hurts little. */
static void find_arguments(struct sandbox_host *host)
{
	char stat[1024], *at = NULL;
	unsigned long begin, arguments_end;

	if (fd_read_file(AT_FDCWD, "/proc/self/stat", stat, sizeof(stat)) > 0)
		at = strrchr(stat, ')');
	for (int field = 2; at && field < 47; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %*u %lu %lu", &begin, &arguments_end) != 2 || !begin ||
	    arguments_end <= begin)
		return;
	host->arguments = (char *)begin;
	host->arguments_size = arguments_end - begin;
}

static bool find_walls(struct sandbox_host *host, struct error *err)
{
	struct error why;

	find_arguments(host);
	host->rootfs = rootfs_host_create();
	host->cgroups = cgroup_host_create();
	if (!choose_way(host, &why)) {
		*err = why;
		return false;
	}
	if (host->namespaces)
		state_namespaces(host);
	else
		state_no_namespaces(host, &why);
	state_identity(host);
	state_controller(host, SANDBOX_WALL_MEMORY, CGROUP_MEMORY);
	state_controller(host, SANDBOX_WALL_CPU, CGROUP_CPU);
	state_pids(host);
	host->has_filter = true;
	state_syscalls(host);
	return true;
}

static void leave_off(struct sandbox_host *host)
{
	host->identity = IDENTITY_KEPT;
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++)
		state_wall(host, (enum sandbox_wall)wall, SANDBOX_NO, "", "the sandbox is off");
}

/* A wall with a gap stands: the gap is said, and is no reason to refuse. */
static bool has_required(const struct sandbox_host *host, unsigned required, struct error *err)
{
	char missing[sizeof(err->text)] = "";

	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++) {
		if (!(required & (1u << wall)) || host->walls[wall].standing != SANDBOX_NO)
			continue;
		size_t length = strlen(missing);
		snprintf(missing + length, sizeof(missing) - length, "%s%s (%s)",
		         length ? ", " : "", wall_names[wall], host->walls[wall].detail);
	}
	return !missing[0] || error_set(err, 0, "missing walls: %s", missing);
}

struct sandbox_host *sandbox_probe(enum sandbox_mode mode, unsigned required, struct error *err)
{
	struct sandbox_host *host = calloc(1, sizeof(*host));

	if (!host)
		abort();
	if (mode == SANDBOX_OFF)
		leave_off(host);
	else if (!find_walls(host, err))
		goto fail;
	if (has_required(host, mode == SANDBOX_FULL ? ALL_WALLS : required, err))
		return host;
fail:
	sandbox_host_destroy(host);
	return NULL;
}

bool sandbox_host_filter(struct sandbox_host *host, const struct syscall_filter **filter,
                         struct error *err)
{
	struct syscall_filter **kept = &host->filters[host->syscalls];

	*filter = NULL;
	if (host->identity == IDENTITY_KEPT || host->syscalls == SANDBOX_SYSCALLS_OFF ||
	    (host->has_filter && host->hold == SYSCALL_HOLD_NONE))
		return true;
	if (!*kept)
		*kept = syscall_filter_create(host->syscalls, err);
	if (!*kept && !host->has_filter)
		host->filter_error = *err; /* one more wall that does not stand */
	*filter = *kept;
	return *kept || !host->has_filter;
}

bool sandbox_host_counts_user(const struct sandbox_host *host)
{
	return host->namespaces & CLONE_NEWUSER;
}

void sandbox_host_set_syscalls(struct sandbox_host *host, enum sandbox_syscalls policy)
{
	host->syscalls = policy;
	state_syscalls(host);
}

void sandbox_host_destroy(struct sandbox_host *host)
{
	if (!host)
		return;
	sandbox_forget_rehearsal(host);
	for (int policy = 0; policy < SANDBOX_SYSCALLS_OFF; policy++)
		syscall_filter_destroy(host->filters[policy]);
	cgroup_host_destroy(host->cgroups);
	rootfs_host_destroy(host->rootfs);
	free(host);
}

const struct sandbox_wall_state *sandbox_host_wall(const struct sandbox_host *host,
                                                   enum sandbox_wall wall)
{
	return &host->walls[wall];
}
