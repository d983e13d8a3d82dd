/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions_update - other functions in their place, while they run
 *
 * In two steps: first all that can fail is made and nothing is changed, then all is changed and
 * nothing can fail.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/functions_private.h"

/* What becomes of one function that there shall be. */
struct change {
	struct config *config;          /* owned, until an edition has it */
	struct served_function *served; /* that has its name; NULL: there is none */
	bool is_same;

	/* if there is none */
	struct served_function *added;

	/* if it is not the same */
	struct edition *edition;
	struct event_queue_change *events;
	struct renewal *renewal;
};

struct update {
	struct functions *functions;
	struct change *changes;
	size_t count;
	struct error *err;
};

/* ---- what can fail ---- */

/* Layers of one that is made now, or of one that is there, may be those of another. */
static const struct workload *find_like(const struct update *update, const struct config *config)
{
	for (size_t i = 0; config->layers.count > 0 && i < update->count; i++) {
		const struct change *change = &update->changes[i];
		const struct workload *made = change->edition ? &change->edition->workload
		                              : change->added ? change->added->workload
		                                              : NULL;

		if (made && package_has_layers_of(made->package, config))
			return made;
	}
	return functions_find_like(update->functions, config);
}

static bool prepare_other(struct change *change, struct update *update)
{
	struct served_function *served = change->served;

	change->edition = edition_create(&update->functions->shared, change->config,
	                                 find_like(update, change->config), update->err);
	if (!change->edition)
		return false;
	change->events = event_queue_prepare(served->events, change->config, update->err);
	return change->events && served_function_watch(served, change->config, change->edition,
	                                               &change->renewal, update->err);
}

static bool prepare(struct change *change, struct update *update)
{
	change->served = functions_find_exactly(update->functions, change->config->function_name);
	change->is_same = change->served &&
	                  config_is_same_function(change->served->config, change->config);
	if (change->is_same)
		return true;
	if (change->served)
		return prepare_other(change, update);
	change->added = served_function_create(update->functions, change->config,
	                                       find_like(update, change->config), update->err);
	return change->added;
}

static bool prepare_all(struct update *update)
{
	for (size_t i = 0; i < update->count; i++) {
		struct change *change = &update->changes[i];

		if (!prepare(change, update))
			return error_prefix(update->err, "%s", change->config->function_name);
	}
	return true;
}

static void abandon_all(struct update *update)
{
	for (size_t i = 0; i < update->count; i++) {
		struct change *change = &update->changes[i];

		served_function_destroy(change->added);
		renewal_destroy(change->renewal);
		event_queue_abandon(change->events);
		edition_destroy(change->edition);
		config_destroy(change->config);
	}
}

/* ---- those that go ---- */

static void dispose(struct loop_garbage *garbage)
{
	served_function_unref(container_of(garbage, struct served_function, garbage));
}

static void on_retired(struct function_end *end)
{
	struct served_function *served = container_of(end, struct served_function, end);
	struct served_function **place = &served->functions->retired;

	while (*place != served)
		place = &(*place)->next;
	*place = served->next;
	/* Its last environment is disposed of first. */
	loop_dispose(served->functions->shared.loop, &served->garbage, dispose);
}

static void retire(struct functions *functions, struct served_function *served)
{
	renewal_destroy(served->renewal);
	served->renewal = NULL;
	event_queue_stop(served->events);
	served->end.on_stopped = on_retired;
	served->next = functions->retired;
	functions->retired = served;
	function_retire(served->function, &served->end);
}

static bool shall_stay(const struct update *update, const struct served_function *served)
{
	for (size_t i = 0; i < update->count; i++) {
		if (update->changes[i].served == served)
			return true;
	}
	return false;
}

/* ---- what cannot fail ---- */

static void append_name(struct buffer *out, const char *name)
{
	buffer_append_format(out, "%s%s", out->length > 0 ? ", " : "", name);
}

static void retire_others(struct update *update, struct buffer *names)
{
	struct functions *functions = update->functions;
	size_t kept = 0;

	for (size_t i = 0; i < functions->count; i++) {
		struct served_function *served = functions->items[i];

		if (shall_stay(update, served)) {
			functions->items[kept++] = served;
			continue;
		}
		append_name(names, served->name);
		retire(functions, served);
	}
	functions->count = kept;
}

static void change_one(struct change *change)
{
	struct served_function *served = change->served;

	event_queue_change(served->events, change->events);
	renewal_destroy(served->renewal);
	served->renewal = change->renewal;
	served->config = change->config;
	served->workload = &change->edition->workload;
	edition_own_config(change->edition, change->config);
	function_replace_environments(served->function, &change->edition->workload.context);
}

static void apply(struct update *update, struct buffer *changed, struct buffer *added)
{
	for (size_t i = 0; i < update->count; i++) {
		struct change *change = &update->changes[i];

		if (change->is_same) {
			config_destroy(change->config);
		} else if (change->served) {
			append_name(changed, change->served->name);
			change_one(change);
		} else {
			append_name(added, change->added->name);
			edition_own_config(served_function_edition(change->added), change->config);
			functions_insert(update->functions, change->added);
		}
	}
	update->functions->are_several = update->functions->count > 1;
	functions_count_reserved(update->functions);
}

static void start_added(struct update *update)
{
	for (size_t i = 0; i < update->count; i++) {
		if (update->changes[i].added)
			served_function_start(update->changes[i].added,
			                      !update->functions->are_several);
	}
}

static void append_news(struct buffer *news, const char *what, const struct buffer *names)
{
	if (names->length > 0)
		buffer_append_format(news, "%s%s %s", news->length > 0 ? "; " : "", what,
		                     names->data);
}

static void apply_all(struct update *update, struct buffer *news)
{
	autobuffer struct buffer changed = BUFFER_INIT, added = BUFFER_INIT, removed = BUFFER_INIT;

	retire_others(update, &removed);
	apply(update, &changed, &added);
	start_added(update);
	append_news(news, "changed", &changed);
	append_news(news, "added", &added);
	append_news(news, "removed", &removed);
}

/* ---- from outside ---- */

/* Makes single ones of a list. */
static void take_configs(struct update *update, struct config *configs)
{
	for (const struct config *config = configs; config; config = config->next)
		update->count++;
	update->changes = xcalloc(update->count, sizeof(*update->changes));
	for (size_t i = 0; i < update->count; i++) {
		update->changes[i].config = configs;
		configs = configs->next;
		update->changes[i].config->next = NULL;
	}
}

bool functions_update(struct functions *functions, struct config *configs, struct buffer *news,
                      struct error *err)
{
	struct update update = { .functions = functions, .err = err };
	bool done;

	assert(configs);
	take_configs(&update, configs);
	done = prepare_all(&update);
	if (done)
		apply_all(&update, news);
	else
		abandon_all(&update);
	free(update.changes);
	return done;
}
