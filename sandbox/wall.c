/* SPDX-License-Identifier: Apache-2.0 */
/* wall - the walls of a box: their names, and in words what stands of them and what does not */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/landlock.h"
#include "sandbox/wall.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- names -------------------------------------------------------------------- */

static const char *const wall_names[] = {
	[SANDBOX_WALL_FILES] = "files",         [SANDBOX_WALL_TMP] = "tmp",
	[SANDBOX_WALL_PROCESSES] = "processes", [SANDBOX_WALL_IPC] = "ipc",
	[SANDBOX_WALL_HOSTNAME] = "hostname",   [SANDBOX_WALL_IDENTITY] = "identity",
	[SANDBOX_WALL_MEMORY] = "memory",       [SANDBOX_WALL_CPU] = "cpu",
	[SANDBOX_WALL_PIDS] = "pids",           [SANDBOX_WALL_SYSCALLS] = "syscalls",
	[SANDBOX_WALL_FREEZE] = "freeze",       [SANDBOX_WALL_NETWORK] = "network",
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
	[SANDBOX_WALL_FREEZE] = "nothing runs between invocations",
	[SANDBOX_WALL_NETWORK] = "a loopback of its own and nothing else",
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

#define MAX_NAMESPACES_REMEDY "run lrie as root, or set sysctl user.max_user_namespaces=10000"

/* What the user can do about missing namespaces: the known ways in which they are switched off. */
static const char *namespace_remedy(const struct error *why)
{
	/* What clone(2) says at that limit, which a container may have of its own. */
	if (why->code == ENOSPC && file_says("/proc/sys/user/max_user_namespaces", '0'))
		return MAX_NAMESPACES_REMEDY;
	/* A container shows the settings of its host, which are not what is in the way. */
	if (access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0)
		return "start the container with --privileged, or with --cap-add SYS_ADMIN "
		       "--security-opt seccomp=unconfined --security-opt apparmor=unconfined";
	if (file_says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
		return "AppArmor restricts user namespaces (Ubuntu): run as root, give lrie a "
		       "profile with 'userns,', or set sysctl "
		       "kernel.apparmor_restrict_unprivileged_userns=0";
	if (file_says("/proc/sys/kernel/unprivileged_userns_clone", '0'))
		return "run lrie as root, or set sysctl kernel.unprivileged_userns_clone=1";
	if (file_says("/proc/sys/user/max_user_namespaces", '0'))
		return MAX_NAMESPACES_REMEDY;
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

/* ---- without namespaces ---- */

#define REFUSED_ELSEWHERE \
	"programs see the machine's files; where they may not write, they get EACCES, not EROFS"

static void state_files(struct sandbox_host *host)
{
	int abi = landlock_abi();

	if (!host->landlock)
		return;
	if (abi < LANDLOCK_ABI_REFER)
		state_wall(host, SANDBOX_WALL_FILES, SANDBOX_PARTLY, "Landlock",
		           REFUSED_ELSEWHERE "; before Linux 5.19 they cannot move files between "
		                             "folders of /tmp, and may truncate files elsewhere");
	else if (abi < LANDLOCK_ABI_TRUNCATE)
		state_wall(host, SANDBOX_WALL_FILES, SANDBOX_PARTLY, "Landlock",
		           REFUSED_ELSEWHERE
		           "; before Linux 6.2 they may truncate files elsewhere");
	else
		state_wall(host, SANDBOX_WALL_FILES, SANDBOX_PARTLY, "Landlock", REFUSED_ELSEWHERE);
}

/* A /tmp that has a size, since it was mounted for that, serves all boxes. */
static bool tmp_is_bounded(unsigned long long *mb)
{
	struct stat tmp, above;
	struct statfs system;

	if (stat("/tmp", &tmp) == -1 || stat("/", &above) == -1 || statfs("/tmp", &system) == -1)
		return false;
	*mb = (unsigned long long)system.f_blocks * (unsigned long long)system.f_bsize >> 20;
	return tmp.st_dev != above.st_dev && system.f_type == TMPFS_MAGIC && system.f_blocks;
}

#define TMP_REMEDY "mount a tmpfs there (docker run --tmpfs /tmp:size=512m,mode=1777,exec)"

static void state_tmp(struct sandbox_host *host)
{
	char detail[256];
	unsigned long long mb;

	if (access("/tmp", W_OK) == -1) {
		snprintf(detail, sizeof(detail), "'/tmp' cannot be written to (%s): " TMP_REMEDY,
		         strerror(errno));
		state_wall(host, SANDBOX_WALL_TMP, SANDBOX_NO, "", detail);
	} else if (tmp_is_bounded(&mb)) {
		snprintf(detail, sizeof(detail),
		         "/tmp is the machine's, of %llu MB for all boxes together, and not empty "
		         "at "
		         "their start",
		         mb);
		state_wall(host, SANDBOX_WALL_TMP, SANDBOX_PARTLY, "tmpfs", detail);
	} else {
		state_wall(
			host, SANDBOX_WALL_TMP, SANDBOX_PARTLY, "RLIMIT_FSIZE",
			"every file has a bound, but not all of /tmp, which is the machine's and "
			"not empty at the start of a box; " TMP_REMEDY);
	}
}

static void state_processes(struct sandbox_host *host)
{
	bool has_users = sandbox_host_has_users(host);
	bool are_scoped = host->landlock && landlock_abi() >= LANDLOCK_ABI_SCOPE;

	if (has_users || are_scoped)
		state_wall(host, SANDBOX_WALL_PROCESSES, SANDBOX_PARTLY,
		           has_users ? "a user for each box" : "Landlock",
		           "programs see what runs outside, lrie's command line included, but "
		           "cannot signal it or look into it");
	else
		state_wall(host, SANDBOX_WALL_PROCESSES, SANDBOX_NO, "",
		           host->landlock ? "programs can signal all that runs under their user, "
		                            "lrie included (Linux 6.12 would refuse that), but not "
		                            "look into it"
		                          : "programs can signal all that runs under their user, "
		                            "lrie included, and look into all but lrie");
}

static void state_no_namespaces(struct sandbox_host *host, const struct error *why)
{
	char detail[256];

	snprintf(detail, sizeof(detail), "%.80s; %.170s", why->text, namespace_remedy(why));
	for (int wall = SANDBOX_WALL_FILES; wall <= SANDBOX_WALL_HOSTNAME; wall++)
		state_wall(host, (enum sandbox_wall)wall, SANDBOX_NO, "", detail);
	state_files(host);
	state_tmp(host);
	state_processes(host);
}

/* ---- with or without ---- */

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

/* Without a cgroup the limit is watched; see memory_limit.h. */
static void state_memory(struct sandbox_host *host)
{
	char detail[256];
	struct error why;

	state_controller(host, SANDBOX_WALL_MEMORY, CGROUP_MEMORY);
	if (cgroup_host_mechanism(host->cgroups, CGROUP_MEMORY, &why))
		return;
	snprintf(detail, sizeof(detail),
	         "lrie looks every 5 to 50 ms, so that a function can have some 30 MB more for a "
	         "moment (%.70s); run lrie as root, or by 'systemd-run --user --scope -p "
	         "Delegate=yes'",
	         why.text);
	state_wall(host, SANDBOX_WALL_MEMORY, SANDBOX_PARTLY, "watchdog", detail);
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
	case SYSCALL_HOLD_ASKED:
		state_wall(host, SANDBOX_WALL_SYSCALLS, SANDBOX_YES,
		           strict ? "seccomp, strict" : "seccomp", "");
		break;
	case SYSCALL_HOLD_TOLD:
		state_wall(host, SANDBOX_WALL_SYSCALLS, SANDBOX_PARTLY,
		           strict ? "seccomp, strict" : "seccomp",
		           "failed writes are not reported, since the kernel is older than 5.5");
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

static void state_freezing(struct sandbox_host *host)
{
	char detail[256];
	struct error none;

	host->walls[SANDBOX_WALL_FREEZE].by_choice = !host->freezes;
	if (host->identity == IDENTITY_KEPT)
		return;
	if (!host->freezes) {
		state_wall(host, SANDBOX_WALL_FREEZE, SANDBOX_NO, "", "it is switched off");
		return;
	}
	switch (host->freezing) {
	case FREEZING_CGROUP:
		state_wall(host, SANDBOX_WALL_FREEZE, SANDBOX_YES,
		           cgroup_host_mechanism(host->cgroups, CGROUP_FREEZER, &none), "");
		break;
	case FREEZING_SIGNALS:
		snprintf(detail, sizeof(detail),
		         "%.80s; SIGSTOP does it, which parent processes notice; run lrie as root, "
		         "or by 'systemd-run --user --scope -p Delegate=yes'",
		         host->freeze_error.text);
		state_wall(host, SANDBOX_WALL_FREEZE, SANDBOX_PARTLY, "SIGSTOP", detail);
		break;
	case FREEZING_NONE:
		snprintf(detail, sizeof(detail), "%.150s; and init may not send signals",
		         host->freeze_error.text);
		state_wall(host, SANDBOX_WALL_FREEZE, SANDBOX_NO, "", detail);
		break;
	}
}

void walls_state_network(struct sandbox_host *host, const struct error *why_not)
{
	struct sandbox_wall_state *state = &host->walls[SANDBOX_WALL_NETWORK];
	char detail[sizeof(state->detail)];

	state->by_choice = !why_not && host->network == SANDBOX_NETWORK_HOST && host->peers != -1;
	if (host->identity == IDENTITY_KEPT)
		return;
	if (why_not) {
		snprintf(detail, sizeof(detail), "%.80s; %.170s", why_not->text,
		         namespace_remedy(why_not));
		state_wall(host, SANDBOX_WALL_NETWORK, SANDBOX_NO, "", detail);
	} else if (host->network == SANDBOX_NETWORK_NONE) {
		state_wall(host, SANDBOX_WALL_NETWORK, SANDBOX_YES, "network namespace", "");
	} else if (host->peers != -1) {
		state_wall(host, SANDBOX_WALL_NETWORK, SANDBOX_NO, "",
		           "the network of this machine is shared, by choice");
	} else {
		state_wall(host, SANDBOX_WALL_NETWORK, SANDBOX_NO, "",
		           "the network of this machine is shared, and since the kernel does not "
		           "tell who connects (sock_diag), any process may use what is meant for "
		           "the box; 'modprobe tcp_diag' helps, or a network of its own");
	}
}

void walls_state(struct sandbox_host *host, const struct error *no_namespaces)
{
	if (host->namespaces)
		state_namespaces(host);
	else
		state_no_namespaces(host, no_namespaces);
	state_identity(host);
	state_memory(host);
	state_controller(host, SANDBOX_WALL_CPU, CGROUP_CPU);
	state_pids(host);
	state_syscalls(host);
	state_freezing(host);
	walls_state_network(host, NULL);
}

void walls_state_off(struct sandbox_host *host)
{
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++)
		state_wall(host, (enum sandbox_wall)wall, SANDBOX_NO, "", "the sandbox is off");
}

void sandbox_host_set_syscalls(struct sandbox_host *host, enum sandbox_syscalls policy)
{
	host->syscalls = policy;
	state_syscalls(host);
}

void sandbox_host_set_freezing(struct sandbox_host *host, bool on)
{
	host->freezes = on && host->identity != IDENTITY_KEPT;
	state_freezing(host);
}

/* ---- asking -------------------------------------------------------------------------- */

bool walls_have(const struct sandbox_host *host, unsigned required, struct error *err)
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

const struct sandbox_wall_state *sandbox_host_wall(const struct sandbox_host *host,
                                                   enum sandbox_wall wall)
{
	return &host->walls[wall];
}
