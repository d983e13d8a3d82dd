/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup - limits on all processes of a box together: memory, CPU, their number */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/cgroup.h"
#include "sandbox/cgroup_parent.h"
#include "sandbox/cgroup_place.h"
#include "sandbox/cgroup_v1.h"
#include "sandbox/cgroup_v2.h"
#include "sandbox/fd.h"

struct cgroup_host {
	struct cgroup_parent parents[CGROUP_CONTROLLERS];
	unsigned parent_count;
	int parent_of[CGROUP_CONTROLLERS]; /* index, or -1 */
	struct error why[CGROUP_CONTROLLERS];
};

struct cgroup {
	struct cgroup_host *host;
	char name[32];
	unsigned cpu_millis;
	int dirs[CGROUP_CONTROLLERS]; /* as host->parents; -1: not in this one */
	int cpu;                      /* kept open: written at every phase */
	int pids;                     /* kept open: read after every invoke */
	int freeze;                   /* kept open: written between invokes */
};

static const char *const controller_names[] = {
	[CGROUP_MEMORY] = "memory",
	[CGROUP_CPU] = "cpu",
	[CGROUP_PIDS] = "pids",
	[CGROUP_FREEZER] = "freezer",
};

const char *cgroup_controller_name(enum cgroup_controller controller)
{
	return controller_names[controller];
}

uint64_t cgroup_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return strtoull(line + length, NULL, 10);
	}
	return 0;
}

bool cgroup_set_number(int dir, const char *file, uint64_t number, struct error *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return fd_write_file(dir, file, text) ||
	       error_set(err, errno, "write %s to '%s'", text, file);
}

/* ---- the parent groups ---------------------------------------------------------- */

/* Takes back what was made of one, all or part. */
static void remove_parent(struct cgroup_parent *parent)
{
	if (parent->dir != -1 && parent->version == &cgroup_v2)
		cgroup_v2_restore(parent);
	cgroup_parent_remove(parent);
}

/* Controllers that are mounted together have one place. */
static int find_parent(const struct cgroup_place *places, const int *parent_of, unsigned controller)
{
	for (unsigned i = 0; i < controller; i++) {
		if (places[i].version == places[controller].version &&
		    strcmp(places[i].own, places[controller].own) == 0)
			return parent_of[i];
	}
	return -1;
}

/* Those that a dead lrie has left frozen would keep its other groups busy. */
static void sweep_frozen(const struct cgroup_place *places)
{
	for (unsigned i = CGROUP_FREEZER; i < CGROUP_PLACES; i++) {
		if (places[i].version)
			cgroup_sweep(places[i].own, places[i].version);
	}
}

/* A parent group of version 2 may turn out to have fewer controllers than asked for. */
static void prepare(struct cgroup_host *host, const struct cgroup_place *places,
                    unsigned controller, unsigned *usable_v2)
{
	const struct cgroup_place *place = &places[controller];
	struct cgroup_parent *parent = &host->parents[host->parent_count];
	struct error *why = &host->why[controller];
	bool made;

	*parent = (struct cgroup_parent){ .version = place->version, .above = -1, .dir = -1 };
	if (place->version == &cgroup_v2 && controller != CGROUP_FREEZER)
		made = cgroup_v2_prepare(parent, place, usable_v2, why);
	else
		made = cgroup_parent_make(parent, place->own, why);
	if (made)
		host->parent_of[controller] = (int)host->parent_count++;
	else
		remove_parent(parent);
}

/* Whether a controller can be used in the parent group that was found for it. */
static bool is_usable(struct cgroup_host *host, unsigned controller, unsigned usable_v2)
{
	const struct cgroup_parent *parent = &host->parents[host->parent_of[controller]];

	if (parent->version != &cgroup_v2)
		return true;
	if (controller == CGROUP_FREEZER)
		return cgroup_v2_can_freeze(parent, &host->why[controller]);
	return (usable_v2 & (1u << controller)) ||
	       error_set(&host->why[controller], 0, "the %s controller is not handed down",
	                 controller_names[controller]);
}

static void adopt(struct cgroup_host *host, const struct cgroup_place *places, unsigned controller,
                  unsigned *usable_v2)
{
	const struct cgroup_place *place = &places[controller];

	host->parent_of[controller] = -1;
	if (!place->version) {
		error_set(&host->why[controller], 0, "this machine has no %s cgroup",
		          controller_names[controller]);
		return;
	}
	int shared = find_parent(places, host->parent_of, controller);
	if (shared != -1)
		host->parent_of[controller] = shared;
	else
		prepare(host, places, controller, usable_v2);
	if (host->parent_of[controller] != -1 && !is_usable(host, controller, *usable_v2))
		host->parent_of[controller] = -1;
}

static void adopt_freezer(struct cgroup_host *host, struct cgroup_place *places,
                          unsigned *usable_v2)
{
	adopt(host, places, CGROUP_FREEZER, usable_v2);
	if (host->parent_of[CGROUP_FREEZER] != -1 || !places[CGROUP_OTHER_FREEZER].version)
		return;
	places[CGROUP_FREEZER] = places[CGROUP_OTHER_FREEZER];
	adopt(host, places, CGROUP_FREEZER, usable_v2);
}

struct cgroup_host *cgroup_host_create(void)
{
	struct cgroup_place places[CGROUP_PLACES] = { { .version = NULL } };
	struct cgroup_host *host = calloc(1, sizeof(*host));
	unsigned usable_v2 = 0;

	if (!host)
		abort();
	cgroup_find_places(places);
	sweep_frozen(places);
	for (unsigned i = 0; i < CGROUP_FREEZER; i++)
		adopt(host, places, i, &usable_v2);
	adopt_freezer(host, places, &usable_v2);
	return host;
}

void cgroup_host_destroy(struct cgroup_host *host)
{
	if (!host)
		return;
	for (unsigned i = 0; i < host->parent_count; i++)
		remove_parent(&host->parents[i]);
	free(host);
}

const char *cgroup_host_mechanism(const struct cgroup_host *host, enum cgroup_controller controller,
                                  struct error *why)
{
	int parent = host->parent_of[controller];

	if (parent == -1) {
		*why = host->why[controller];
		return NULL;
	}
	return host->parents[parent].version->name;
}

void cgroup_host_give_up(struct cgroup_host *host, enum cgroup_controller controller,
                         const struct error *why)
{
	host->parent_of[controller] = -1;
	host->why[controller] = *why;
}

/* ---- the group of a box ------------------------------------------------------------- */

static int controller_dir(const struct cgroup *group, enum cgroup_controller controller)
{
	int parent = group->host->parent_of[controller];

	return parent == -1 ? -1 : group->dirs[parent];
}

static const struct cgroup_version *controller_version(const struct cgroup *group,
                                                       enum cgroup_controller controller)
{
	return group->host->parents[group->host->parent_of[controller]].version;
}

static bool is_wanted(enum cgroup_controller controller, const struct cgroup_limits *limits)
{
	/* Memory and pids measure, too; a CPU group without a quota would do nothing. */
	if (controller == CGROUP_FREEZER)
		return limits->freezes;
	return controller != CGROUP_CPU || limits->cpu_millis;
}

/* Makes the group in the hierarchy of one controller, unless another made it already. */
static bool make_group(struct cgroup *group, enum cgroup_controller controller, struct error *err)
{
	int index = group->host->parent_of[controller];
	const struct cgroup_parent *parent = &group->host->parents[index];

	if (group->dirs[index] != -1)
		return true;
	if (mkdirat(parent->dir, group->name, 0755) == -1 && errno != EEXIST)
		return error_set(err, errno, "create %s cgroup '%s/%s'",
		                 controller_names[controller], parent->name, group->name);
	group->dirs[index] = openat(parent->dir, group->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return group->dirs[index] != -1 ||
	       error_set(err, errno, "open %s cgroup '%s/%s'", controller_names[controller],
	                 parent->name, group->name);
}

static bool apply(struct cgroup *group, enum cgroup_controller controller,
                  const struct cgroup_limits *limits, struct error *err)
{
	if (group->host->parent_of[controller] == -1 || !is_wanted(controller, limits))
		return true;
	if (!make_group(group, controller, err))
		return false;
	return controller_version(group, controller)
	               ->limit(controller_dir(group, controller), controller, limits, err) ||
	       error_prefix(err, "limit %s", controller_names[controller]);
}

static int open_control(const struct cgroup *group, enum cgroup_controller controller,
                        const char *file, int flags)
{
	int dir = controller_dir(group, controller);

	return dir == -1 ? -1 : openat(dir, file, flags | O_CLOEXEC);
}

static void open_controls(struct cgroup *group, const struct cgroup_limits *limits)
{
	if (controller_dir(group, CGROUP_CPU) != -1)
		group->cpu = open_control(group, CGROUP_CPU,
		                          controller_version(group, CGROUP_CPU)->cpu_file,
		                          O_WRONLY);
	if (limits->freezes && controller_dir(group, CGROUP_FREEZER) != -1)
		group->freeze = open_control(group, CGROUP_FREEZER,
		                             controller_version(group, CGROUP_FREEZER)->freeze_file,
		                             O_RDWR);
	group->pids = open_control(group, CGROUP_PIDS, "pids.current", O_RDONLY);
}

struct cgroup *cgroup_create(struct cgroup_host *host, unsigned number,
                             const struct cgroup_limits *limits, enum cgroup_controller *failed,
                             struct error *err)
{
	struct cgroup *group = calloc(1, sizeof(*group));

	if (!group)
		abort();
	*group = (struct cgroup){ .host = host,
		                  .cpu_millis = limits->cpu_millis,
		                  .dirs = { -1, -1, -1, -1 },
		                  .cpu = -1,
		                  .pids = -1,
		                  .freeze = -1 };
	snprintf(group->name, sizeof(group->name), CGROUP_BOX_PREFIX "%u", number);
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		*failed = (enum cgroup_controller)i;
		if (!apply(group, *failed, limits, err)) {
			cgroup_destroy(group);
			return NULL;
		}
	}
	open_controls(group, limits);
	return group;
}

/* The dead leave their groups a moment after they are reported as dead. */
static void remove_group(const struct cgroup_parent *parent, const char *name)
{
	for (int wait_ms = 0; wait_ms < 8; wait_ms++) {
		if (unlinkat(parent->dir, name, AT_REMOVEDIR) == 0 || errno != EBUSY)
			return;
		poll(NULL, 0, wait_ms);
	}
}

void cgroup_destroy(struct cgroup *group)
{
	if (!group)
		return;
	fd_close(&group->cpu);
	fd_close(&group->pids);
	fd_close(&group->freeze);
	for (unsigned i = 0; i < group->host->parent_count; i++) {
		if (group->dirs[i] == -1)
			continue;
		fd_close(&group->dirs[i]);
		remove_group(&group->host->parents[i], group->name);
	}
	free(group);
}

/* ---- getting in ------------------------------------------------------------------------ */

static bool open_entry(const struct cgroup *group, unsigned index, struct message_fds *fds,
                       struct error *err)
{
	const struct cgroup_version *version = group->host->parents[index].version;
	int fd = version->born_in
	                 ? fcntl(group->dirs[index], F_DUPFD_CLOEXEC, 3)
	                 : openat(group->dirs[index], version->entry_file, O_WRONLY | O_CLOEXEC);

	if (fd == -1)
		return error_set(err, errno, "open '%s' of cgroup '%s'", version->entry_file,
		                 group->name);
	fds->fd[fds->count++] = fd;
	return true;
}

bool cgroup_open_entries(const struct cgroup *group, struct message_fds *fds,
                         enum cgroup_entry *entry, struct error *err)
{
	*entry = CGROUP_WRITE_ALL;
	fds->count = 0;
	/* The one to be born in comes last; there is only one hierarchy of version 2. */
	for (int born_in = 0; born_in <= 1; born_in++) {
		for (unsigned i = 0; i < group->host->parent_count; i++) {
			if (group->dirs[i] == -1 ||
			    group->host->parents[i].version->born_in != born_in)
				continue;
			if (!open_entry(group, i, fds, err)) {
				message_fds_close(fds);
				return false;
			}
			if (born_in)
				*entry = CGROUP_BORN_IN;
		}
	}
	return true;
}

/* ---- steering ------------------------------------------------------------------------------- */

void cgroup_throttle(struct cgroup *group, bool throttled)
{
	char text[32];

	if (group->cpu == -1)
		return;
	controller_version(group, CGROUP_CPU)
		->format_cpu(text, sizeof(text), throttled ? group->cpu_millis : 0);
	/* Refused when a group further up has less: then that one limits. */
	if (pwrite(group->cpu, text, strlen(text), 0) == -1)
		return;
}

/* ---- freezing ------------------------------------------------------------------------------ */

void cgroup_freeze(struct cgroup *group, bool frozen)
{
	if (group->freeze == -1)
		return;
	const struct cgroup_version *version = controller_version(group, CGROUP_FREEZER);
	const char *text = frozen ? version->frozen : version->thawed;
	/* Cannot fail once it has worked, see cgroup_can_freeze(). */
	if (pwrite(group->freeze, text, strlen(text), 0) == -1)
		return;
}

bool cgroup_can_freeze(struct cgroup *group, struct error *why)
{
	char state[16] = "";

	if (group->freeze == -1)
		return error_set(why, 0, "the group cannot be frozen");
	cgroup_freeze(group, true);
	ssize_t length = pread(group->freeze, state, sizeof(state) - 1, 0);
	cgroup_freeze(group, false);
	/* "FREEZING" would do as well */
	return (length > 0 && state[0] == controller_version(group, CGROUP_FREEZER)->frozen[0]) ||
	       error_set(why, length == -1 ? errno : 0, "freeze a cgroup");
}

bool cgroup_host_frozen_survive(const struct cgroup_host *host)
{
	int parent = host->parent_of[CGROUP_FREEZER];

	return parent != -1 && host->parents[parent].version->frozen_survive;
}

int cgroup_open_thaw(const struct cgroup *group)
{
	if (group->freeze == -1 || !cgroup_host_frozen_survive(group->host))
		return -1;
	return fcntl(group->freeze, F_DUPFD_CLOEXEC, 3);
}

void cgroup_thaw_by(int fd)
{
	/* Only where cgroup_open_thaw() gave one: version 1. */
	if (fd != -1 && pwrite(fd, cgroup_v1.thawed, strlen(cgroup_v1.thawed), 0) == -1)
		return;
}

/* ---- measuring ------------------------------------------------------------------------------ */

int cgroup_open_file(const struct cgroup *group, bool version_2, const char *name)
{
	for (unsigned i = 0; i < group->host->parent_count; i++) {
		if (group->dirs[i] == -1 ||
		    (group->host->parents[i].version == &cgroup_v2) != version_2)
			continue;
		int fd = openat(group->dirs[i], name, O_RDONLY | O_CLOEXEC);
		if (fd != -1)
			return fd;
	}
	return -1;
}

bool cgroup_read_number(int fd, uint64_t *number)
{
	char text[32];

	if (!fd_read_again(fd, text, sizeof(text)))
		return false;
	*number = strtoull(text, NULL, 10);
	return true;
}

int cgroup_memory_dir(const struct cgroup *group, const struct cgroup_version **version)
{
	int dir = controller_dir(group, CGROUP_MEMORY);

	if (dir != -1)
		*version = controller_version(group, CGROUP_MEMORY);
	return dir;
}

bool cgroup_task_count(const struct cgroup *group, unsigned *count)
{
	uint64_t number;

	if (!cgroup_read_number(group->pids, &number))
		return false;
	*count = (unsigned)number;
	return true;
}
