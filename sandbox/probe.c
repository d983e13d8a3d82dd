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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/landlock.h"
#include "sandbox/namespace.h"
#include "sandbox/network.h"
#include "sandbox/peer.h"
#include "sandbox/probe.h"
#include "sandbox/rootfs_function.h"
#include "sandbox/wall.h"

#define REHEARSAL_MS 5000

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
	case SANDBOX_CONNECTED:
	case SANDBOX_DENIED:
	case SANDBOX_WRITE_REFUSED:
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
	if (host->hold != SYSCALL_HOLD_NONE || !host->filters[SANDBOX_SYSCALLS_DEFAULT][true])
		return;
	error_set(&host->filter_error, code,
	          code ? "load a filter of system calls"
	               : "a filter of system calls refuses nothing");
}

/* Asked only of a box that works: what cannot be frozen is not worth another way to build it. */
static void note_freezing(struct sandbox_host *host, struct sandbox *box)
{
	struct error why;

	if (host->cgroups && !cgroup_host_mechanism(host->cgroups, CGROUP_FREEZER, &why))
		host->freeze_error = why;
	enum freezing found = sandbox_try_freezing(box, &why);
	if (host->freezing == FREEZING_CGROUP && found != FREEZING_CGROUP) {
		host->freeze_error = why;
		cgroup_host_give_up(host->cgroups, CGROUP_FREEZER, &why);
	}
	host->freezing = found;
}

/* Until a rehearsal tells, what cgroups there are is believed. */
static enum freezing assume_freezing(const struct sandbox_host *host)
{
	struct error why;

	return host->cgroups && cgroup_host_mechanism(host->cgroups, CGROUP_FREEZER, &why)
	               ? FREEZING_CGROUP
	               : FREEZING_SIGNALS;
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
		                           .open_files = 64,
		                           .report_writes = true };

	*rehearsal = (struct rehearsal){ .created = false };
	host->freezing = assume_freezing(host);
	struct sandbox *box = sandbox_create(host, &spec, &rehearsal->error);
	if (!box)
		return false;
	rehearsal->created = true;
	if (sandbox_rehearse(box, &rehearsal->error))
		play(box, rehearsal);
	host->own_proc = sandbox_has_own_proc(box);
	host->bounded = rehearsal->bounded;
	note_filter(host, box);
	if (rehearsal->built && rehearsal->started)
		note_freezing(host, box);
	sandbox_kill(box);
	host->rehearsal = box;
	return rehearsal->built && rehearsal->started;
}

/* ---- choosing -------------------------------------------------------------------------- */

struct way {
	unsigned long namespaces;
	enum init_identity identity;
	bool landlock;
};

static const struct way ways[] = {
	{ NAMESPACE_FLAGS, IDENTITY_ASSUMED, false },
	{ NAMESPACE_USER_FLAGS, IDENTITY_MAPPED, false },
	{ 0, IDENTITY_ASSUMED, true },
	{ 0, IDENTITY_CAPPED, true },
	{ 0, IDENTITY_ASSUMED, false },
	{ 0, IDENTITY_CAPPED, false },
};

/*
 * Finds controllers that do not work although their groups could be made, and stops
 * using them. Returns whether there were any.
 */
static bool sort_out_controllers(struct sandbox_host *host)
{
	const struct cgroup_limits limits = {
		.memory_bytes = 64 << 20, .cpu_millis = 100, .processes = 64, .freezes = true
	};
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
	bool has_landlock = landlock_abi() > 0;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (ways[i].landlock && !has_landlock)
			continue;
		host->namespaces = ways[i].namespaces;
		host->identity = ways[i].identity;
		host->landlock = ways[i].landlock;
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

/*
 * Programs with lrie's own user could read its environment and memory in /proc, where nothing else
 * forbids it. The price is that lrie dumps no core, and that nobody but root can attach to it.
 */
static void hide(struct sandbox_host *host)
{
	if (host->identity == IDENTITY_CAPPED && !host->landlock)
		host->is_hidden = prctl(PR_GET_DUMPABLE) == 1 && prctl(PR_SET_DUMPABLE, 0) == 0;
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
	host->has_filter = true;
	host->peers = peer_open();
	hide(host);
	walls_state(host, &why);
	return true;
}

/* All else that an image may lack is a wall, or can be done without. */
static bool has_null_device(struct error *err)
{
	autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null != -1 ||
	       error_set(err, 0,
	                 "open '/dev/null': %s: no program can be started without it; container "
	                 "engines provide it, elsewhere mount a /dev or 'mknod -m 666 /dev/null c "
	                 "1 3'",
	                 strerror(errno));
}

/* The end of a pid namespace is the end of all in it; otherwise they must be looked for. */
static bool can_find_processes(const struct sandbox_host *host, struct error *err)
{
	return host->namespaces & CLONE_NEWPID || access("/proc/self/stat", R_OK) == 0 ||
	       error_set(err, 0,
	                 "read '/proc/self/stat': %s: without pid namespaces, what a function "
	                 "leaves behind is found in /proc; container engines provide it, elsewhere "
	                 "'mount -t proc proc /proc'",
	                 strerror(errno));
}

struct sandbox_host *sandbox_probe(enum sandbox_mode mode, unsigned required, struct error *err)
{
	struct sandbox_host *host = calloc(1, sizeof(*host));

	if (!host)
		abort();
	host->peers = -1;
	host->freezes = mode != SANDBOX_OFF;
	if (!has_null_device(err))
		goto fail;
	if (mode == SANDBOX_OFF) {
		host->identity = IDENTITY_KEPT;
		walls_state_off(host);
	} else if (!find_walls(host, err)) {
		goto fail;
	}
	if (!can_find_processes(host, err))
		goto fail;
	if (walls_have(host, mode == SANDBOX_FULL ? ALL_WALLS : required, err))
		return host;
fail:
	sandbox_host_destroy(host);
	return NULL;
}

bool sandbox_host_filter(struct sandbox_host *host, bool changes,
                         const struct syscall_filter **filter, struct error *err)
{
	*filter = NULL;
	if (host->identity == IDENTITY_KEPT || host->syscalls == SANDBOX_SYSCALLS_OFF ||
	    (host->has_filter && host->hold == SYSCALL_HOLD_NONE))
		return true;
	/* Where nothing can be let through, nothing may wait that is to go through. */
	changes = changes && (!host->has_filter || host->hold == SYSCALL_HOLD_ASKED);
	struct syscall_filter **kept = &host->filters[host->syscalls][changes];
	if (!*kept)
		*kept = syscall_filter_create(host->syscalls, changes, err);
	if (!*kept && !host->has_filter)
		host->filter_error = *err; /* one more wall that does not stand */
	*filter = *kept;
	return *kept || !host->has_filter;
}

bool sandbox_host_has_users(const struct sandbox_host *host)
{
	return !host->namespaces && host->identity == IDENTITY_ASSUMED;
}

bool sandbox_host_counts_user(const struct sandbox_host *host)
{
	return host->namespaces & CLONE_NEWUSER || sandbox_host_has_users(host);
}

bool sandbox_host_has_root(const struct sandbox_host *host)
{
	return host->namespaces & CLONE_NEWNS;
}

bool sandbox_host_set_network(struct sandbox_host *host, enum sandbox_network network,
                              struct error *err)
{
	struct error why = { .text = "there are no namespaces" };

	host->network = SANDBOX_NETWORK_HOST;
	if (network == SANDBOX_NETWORK_NONE) {
		if (!host->namespaces || !network_try(host->namespaces, &why)) {
			walls_state_network(host, &why);
			return error_set(err, 0, "no network of its own: %s",
			                 host->walls[SANDBOX_WALL_NETWORK].detail);
		}
		host->network = network;
	}
	walls_state_network(host, NULL);
	return true;
}

/* Ends the child: with status 0 when it works. */
static __attribute__((noreturn)) void try_to_merge(unsigned long namespaces, uid_t uid, gid_t gid,
                                                   const struct sandbox_spec *spec)
{
	struct error err;

	if ((namespaces & CLONE_NEWUSER) && !namespace_map_user(uid, gid, &err))
		_exit(1);
	_exit(rootfs_merges_layers(spec, &err) ? 0 : 1);
}

bool sandbox_merges_layers(const struct sandbox_host *host, const struct sandbox_spec *spec)
{
	unsigned long namespaces = host->namespaces & (CLONE_NEWNS | CLONE_NEWUSER);
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int pidfd = -1, status;

	if (spec->layer_count < 2 || !namespaces)
		return true;
	pid_t pid = namespace_fork(namespaces, &pidfd);
	if (pid == 0)
		try_to_merge(namespaces, uid, gid, spec);
	fd_close(&pidfd);
	return pid != -1 && waitpid(pid, &status, __WALL) == pid && status == 0;
}

void sandbox_host_destroy(struct sandbox_host *host)
{
	if (!host)
		return;
	sandbox_forget_rehearsal(host);
	fd_close(&host->peers);
	if (host->is_hidden)
		prctl(PR_SET_DUMPABLE, 1);
	for (int policy = 0; policy < SANDBOX_SYSCALLS_OFF; policy++) {
		syscall_filter_destroy(host->filters[policy][false]);
		syscall_filter_destroy(host->filters[policy][true]);
	}
	cgroup_host_destroy(host->cgroups);
	templates_clear(&host->templates);
	tmp_spares_finish(&host->tmp_spares);
	rootfs_host_destroy(host->rootfs);
	free(host);
}
