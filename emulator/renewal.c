/* SPDX-License-Identifier: Apache-2.0 */
/* renewal - new environments whenever a function's files have changed */
#include "emulator/renewal.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/buffer.h"
#include "emulator/clock.h"
#include "emulator/log.h"
#include "emulator/watch.h"

/* What no change tells of: who writes may do so under another name, or on another machine. */
#define RETRY_NS (100 * CLOCK_NS_PER_MS)

/*
 * Where nothing keeps a function from writing to its own files, it may start itself again for ever.
 * Nobody saves the same file so many times in a row, each within that time of a start.
 */
#define OWN_NS (5 * CLOCK_NS_PER_S)
#define OWN_TIMES 8
#define OWN_FILES 4

/* A build is allowed to take that long to write its result before somebody hears of it. */
#define UNTOLD_NS (1 * CLOCK_NS_PER_S)

/* What changes together: the first file, and at most so many others. */
struct own_change {
	char *path;
	unsigned more;
};

struct renewal {
	struct loop *loop;
	struct renewal_owner *owner;
	struct watch *watch;
	struct watch_listener listener;
	struct loop_timer retry;
	char *name; /* of the function; NULL: it has only a default one */
	char *path; /* what has changed first since the last renewal; NULL: nobody knows */
	unsigned more;
	uint64_t since_ns; /* 0: nothing has changed */
	bool is_told;      /* that it waits */

	/* the changes of the function itself, if it can make any */
	bool may_be_own;
	uint64_t renewed_ns;       /* environments were replaced last; 0: there were none */
	struct own_change suspect; /* what has changed last, a path or NULL */
	unsigned times;            /* that it has done so soon, one after the other */
	struct own_change own[OWN_FILES];
	unsigned own_count;
};

/* ---- what is said ---- */

static void describe(const struct renewal *renewal, struct buffer *words)
{
	if (renewal->name)
		buffer_append_format(words, "%s: ", renewal->name);
	if (!renewal->path) {
		buffer_append_text(words, "more has changed at once than the kernel tells of");
		return;
	}
	buffer_append_format(words, "'%s' changed", renewal->path);
	if (renewal->more >= WATCH_COUNTED)
		buffer_append_text(words, " (and many more)");
	else if (renewal->more > 0)
		buffer_append_format(words, " (and %u more)", renewal->more);
}

static void tell_renewal(const struct renewal *renewal, unsigned count)
{
	autobuffer struct buffer words = BUFFER_INIT;

	describe(renewal, &words);
	if (count == 0)
		log_notice("watch: %s: the next environment will have it", words.data);
	else
		log_notice("watch: %s: %u environment%s replaced", words.data, count,
		           count == 1 ? "" : "s");
}

static void tell_waiting(struct renewal *renewal, const struct error *err)
{
	autobuffer struct buffer words = BUFFER_INIT;

	if (renewal->is_told || clock_now() < renewal->since_ns + UNTOLD_NS)
		return;
	renewal->is_told = true;
	describe(renewal, &words);
	log_notice("watch: %s, but is not complete, and the environments of before go on: %s",
	           words.data, err->text);
}

static void tell_own(const struct renewal *renewal)
{
	log_warning(
		"watch: '%s' changes with each start of %s, as if that wrote it, which on Lambda "
		"it cannot; changes within 5 s of a start do not count any more: write to /tmp",
		renewal->suspect.path, renewal->name ? renewal->name : "the function");
}

/* ---- what is done ---- */

static void forget(struct renewal *renewal)
{
	free(renewal->path);
	renewal->path = NULL;
	renewal->more = 0;
	renewal->since_ns = 0;
	renewal->is_told = false;
}

static void attempt(struct renewal *renewal, bool has_changed)
{
	unsigned count = 0;
	struct error err;

	if (!renewal->owner->renew(renewal->owner, has_changed, &count, &err)) {
		tell_waiting(renewal, &err);
		loop_timer_start(renewal->loop, &renewal->retry, clock_now() + RETRY_NS);
		return;
	}
	loop_timer_stop(&renewal->retry);
	renewal->renewed_ns = count > 0 ? clock_now() : 0;
	tell_renewal(renewal, count);
	forget(renewal);
}

/* What the kernel has told of already, and what is not done changing, is attempted when it is:
 * twice is once too often for one change. */
static void on_retry(struct loop_timer *timer)
{
	struct renewal *renewal = container_of(timer, struct renewal, retry);

	if (watch_is_quiet(renewal->watch))
		attempt(renewal, false);
	else
		loop_timer_start(renewal->loop, timer, clock_now() + RETRY_NS);
}

static bool is_same_path(const char *one, const char *other)
{
	return one && other && strcmp(one, other) == 0;
}

static bool is_own(const struct renewal *renewal, const struct watch_change *change)
{
	for (unsigned i = 0; i < renewal->own_count; i++) {
		/* More at once, and somebody else has changed something, too. */
		if (is_same_path(renewal->own[i].path, change->path) &&
		    change->more <= renewal->own[i].more)
			return true;
	}
	return false;
}

static void suspect(struct renewal *renewal, const struct watch_change *change)
{
	free(renewal->suspect.path);
	renewal->suspect = (struct own_change){ .path = xstrdup_if(change->path),
		                                .more = change->more };
	renewal->times = 0;
}

static void learn(struct renewal *renewal)
{
	tell_own(renewal);
	renewal->own[renewal->own_count++] = renewal->suspect;
	renewal->suspect.path = NULL;
}

/* Whether the function has made this change itself, as it does whenever it starts. */
static bool judge(struct renewal *renewal, const struct watch_change *change)
{
	if (!renewal->may_be_own || clock_now() >= renewal->renewed_ns + OWN_NS)
		return false;
	if (is_own(renewal, change))
		return true;
	if (!is_same_path(renewal->suspect.path, change->path)) {
		suspect(renewal, change);
		return false;
	}
	if (change->more > renewal->suspect.more)
		renewal->suspect.more = change->more;
	if (++renewal->times < OWN_TIMES || renewal->own_count == OWN_FILES)
		return false;
	learn(renewal);
	return true;
}

static void on_change(struct watch_listener *listener, const struct watch_change *change)
{
	struct renewal *renewal = container_of(listener, struct renewal, listener);

	if (judge(renewal, change))
		return;
	if (renewal->since_ns) {
		renewal->more += change->more + !is_same_path(renewal->path, change->path);
		if (renewal->more > WATCH_COUNTED)
			renewal->more = WATCH_COUNTED;
	} else {
		renewal->path = xstrdup_if(change->path);
		renewal->more = change->more;
		renewal->since_ns = clock_now();
	}
	attempt(renewal, true);
}

/* ---- what is watched ---- */

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? xasprintf("%.*s", (int)(slash - path + 1), path) : xstrdup(".");
}

/* As the user has written it, with its links; else as it was found. */
static char *task_root(const struct config *config, const struct sandbox_spec *spec)
{
	if (config->task_root)
		return xstrdup(config->task_root);
	if (config->bootstrap && !config->rie)
		return folder_of(config->bootstrap);
	return xstrdup_if(spec->task_root);
}

/* Paths, and room for them. */
struct paths {
	const char **items;
	size_t count;
};

static void add(struct paths *paths, const char *path)
{
	if (path)
		paths->items[paths->count++] = path;
}

static void add_layers(struct paths *paths, const struct config *config,
                       const struct sandbox_spec *spec)
{
	bool is_of_image = config->layers.count == 0 &&
	                   spec->layer_count > (config->extensions != NULL);

	for (size_t i = 0; i < config->layers.count; i++)
		add(paths, config->layers.items[i]);
	add(paths, is_of_image ? spec->layers[0] : NULL);
	add(paths, config->extensions);
}

static struct watch *start_watch(struct renewal *renewal, const struct config *config,
                                 const struct package *package, struct error *err)
{
	struct sandbox_spec spec = { .task_root = NULL };
	struct paths paths = { xcalloc(config->layers.count + 5, sizeof(*paths.items)), 0 };
	struct watch *watch;
	char *root;

	package_fill_spec(package, &spec);
	root = task_root(config, &spec);
	add(&paths, root);
	/* In RIE mode it may be the name of a program somewhere else. */
	if (config->bootstrap && (!config->rie || strchr(config->bootstrap, '/')))
		add(&paths, config->bootstrap);
	add(&paths, spec.runtime_root);
	add_layers(&paths, config, &spec);
	watch = watch_create(renewal->loop, &renewal->listener, paths.items, paths.count, err);
	free(paths.items);
	free(root);
	return watch;
}

/* ---- life ---- */

struct renewal *renewal_create(struct loop *loop, struct renewal_owner *owner,
                               const struct config *config, const struct package *package,
                               struct error *err)
{
	struct renewal *renewal = xcalloc(1, sizeof(*renewal));

	renewal->loop = loop;
	renewal->owner = owner;
	renewal->name = config->has_name ? xstrdup(config->function_name) : NULL;
	renewal->listener.on_change = on_change;
	renewal->retry.on_due = on_retry;
	renewal->may_be_own = !package_has_own_root(package);
	renewal->watch = start_watch(renewal, config, package, err);
	if (renewal->watch)
		return renewal;
	error_prefix(err, "--watch");
	renewal_destroy(renewal);
	return NULL;
}

void renewal_destroy(struct renewal *renewal)
{
	if (!renewal)
		return;
	loop_timer_stop(&renewal->retry);
	watch_destroy(renewal->watch);
	forget(renewal);
	free(renewal->suspect.path);
	while (renewal->own_count > 0)
		free(renewal->own[--renewal->own_count].path);
	free(renewal->name);
	free(renewal);
}
