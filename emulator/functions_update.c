/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions_update - other functions in their place, while they run
 *
 * In three steps: layers are made, which takes its time and is done beside the loop; then, in one
 * turn of it, all that can fail is made and nothing is changed, and all is changed and nothing can
 * fail.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "emulator/functions_private.h"

/* What becomes of one function that there shall be. */
struct change {
	struct config *config;          /* owned, until an edition has it */
	struct served_function *served; /* that has its name; NULL: there is none */
	bool is_same;
	struct layer_job *job; /* NULL: not begun, or the layers of another will do */

	/* if there is none */
	struct served_function *added;

	/* if it is not the same */
	struct edition *edition;
	struct event_queue_change *events;
	struct renewal *renewal;
};

struct functions_update {
	struct functions *functions;
	struct functions_listener *listener;
	struct change *changes;
	size_t count;
	struct loop_watch watch; /* of the job that is waited for */
	struct error err;
	struct loop_garbage garbage;
};

/* ---- what takes its time ---- */

/* Of a function that is there, or of one that comes before it. */
static struct layers *find_layers(const struct functions_update *update,
                                  const struct change *change)
{
	for (const struct change *other = update->changes; other < change; other++) {
		if (other->job &&
		    layers_serve(layer_job_layers(other->job), other->config, change->config))
			return layer_job_layers(other->job);
	}
	return functions_find_layers(update->functions, change->config);
}

static enum layer_job_state begin_layers(struct change *change, struct functions_update *update)
{
	const struct sandbox_host *host = update->functions->shared.host;

	change->job = package_begin_layers(change->config, host, &update->err);
	if (!change->job)
		return LAYER_JOB_FAILED;
	return layer_job_fd(change->job) == -1 ? LAYER_JOB_DONE : LAYER_JOB_RUNNING;
}

static enum layer_job_state make_layers(struct change *change, struct functions_update *update)
{
	if (change->is_same)
		return LAYER_JOB_DONE;
	if (change->job && layer_job_is_current(change->job, change->config))
		return layer_job_state(change->job, &update->err);
	layer_job_destroy(change->job); /* files have changed meanwhile */
	change->job = NULL;
	return find_layers(update, change) ? LAYER_JOB_DONE : begin_layers(change, update);
}

static void on_made(struct loop_watch *watch, uint32_t events);

static bool wait_for(struct functions_update *update, const struct layer_job *job)
{
	update->watch.on_ready = on_made;
	return loop_watch_start(update->functions->shared.loop, &update->watch, layer_job_fd(job),
	                        EPOLLIN, &update->err);
}

/* As far as it goes now; waits for one at a time, so that what runs keeps most of the machine. */
static enum layer_job_state make_all_layers(struct functions_update *update)
{
	for (size_t i = 0; i < update->count; i++) {
		struct change *change = &update->changes[i];
		enum layer_job_state state = make_layers(change, update);

		if (state == LAYER_JOB_RUNNING && wait_for(update, change->job))
			return LAYER_JOB_RUNNING;
		if (state != LAYER_JOB_DONE) {
			error_prefix(&update->err, "%s", change->config->function_name);
			return LAYER_JOB_FAILED;
		}
	}
	return LAYER_JOB_DONE;
}

/* ---- what can fail ---- */

static struct layers *layers_of(const struct functions_update *update, const struct change *change)
{
	return change->job ? layer_job_layers(change->job) : find_layers(update, change);
}

static bool prepare_other(struct change *change, struct functions_update *update)
{
	struct served_function *served = change->served;

	change->edition = edition_create(&update->functions->shared, change->config,
	                                 layers_of(update, change), &update->err);
	if (!change->edition)
		return false;
	change->events = event_queue_prepare(served->events, change->config, &update->err);
	return change->events && served_function_watch(served, change->config, change->edition,
	                                               &change->renewal, &update->err);
}

static bool prepare(struct change *change, struct functions_update *update)
{
	if (change->is_same)
		return true;
	if (change->served)
		return prepare_other(change, update);
	change->added = served_function_create(update->functions, change->config,
	                                       layers_of(update, change), &update->err);
	return change->added;
}

static bool prepare_all(struct functions_update *update)
{
	for (size_t i = 0; i < update->count; i++) {
		struct change *change = &update->changes[i];

		if (!prepare(change, update))
			return error_prefix(&update->err, "%s", change->config->function_name);
	}
	return true;
}

static void abandon_all(struct functions_update *update)
{
	for (size_t i = 0; i < update->count; i++) {
		struct change *change = &update->changes[i];

		served_function_destroy(change->added);
		renewal_destroy(change->renewal);
		event_queue_abandon(change->events);
		edition_destroy(change->edition);
	}
}

/* ---- those that go ---- */

static void dispose(struct loop_garbage *garbage)
{
	served_function_unref(container_of(garbage, struct served_function, garbage));
}

/* Events that it gave back are those of the one that has its name by now. */
static void hand_over(const struct served_function *served)
{
	struct served_function *next = functions_find_exactly(served->functions, served->name);

	if (next)
		event_queue_start(next->events);
}

static void on_retired(struct function_end *end)
{
	struct served_function *served = container_of(end, struct served_function, end);
	struct served_function **place = &served->functions->retired;

	while (*place != served)
		place = &(*place)->next;
	*place = served->next;
	hand_over(served);
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

static bool shall_stay(const struct functions_update *update, const struct served_function *served)
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

static void retire_others(struct functions_update *update, struct buffer *names)
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

static struct config *steal_config(struct change *change)
{
	struct config *config = change->config;

	change->config = NULL;
	return config;
}

static void change_one(struct change *change)
{
	struct served_function *served = change->served;

	event_queue_change(served->events, change->events);
	renewal_destroy(served->renewal);
	served->renewal = change->renewal;
	served->config = change->config;
	served->workload = &change->edition->workload;
	edition_own_config(change->edition, steal_config(change));
	function_replace_environments(served->function, &change->edition->workload.context);
}

static void apply(struct functions_update *update, struct buffer *changed, struct buffer *added)
{
	for (size_t i = 0; i < update->count; i++) {
		struct change *change = &update->changes[i];

		if (change->is_same)
			continue;
		if (change->served) {
			append_name(changed, change->served->name);
			change_one(change);
		} else {
			append_name(added, change->added->name);
			edition_own_config(served_function_edition(change->added),
			                   steal_config(change));
			functions_insert(update->functions, change->added);
		}
	}
	update->functions->are_several = update->functions->count > 1;
	functions_count_reserved(update->functions);
}

static void start_added(struct functions_update *update)
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

static void apply_all(struct functions_update *update, struct buffer *news)
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

static void dispose_update(struct loop_garbage *garbage)
{
	struct functions_update *update = container_of(garbage, struct functions_update, garbage);

	free(update->changes);
	free(update);
}

/* What was made and nobody has taken goes. */
static void end(struct functions_update *update)
{
	update->functions->update = NULL;
	loop_watch_stop(&update->watch);
	for (size_t i = 0; i < update->count; i++) {
		layer_job_destroy(update->changes[i].job);
		config_destroy(update->changes[i].config);
	}
	loop_dispose(update->functions->shared.loop, &update->garbage, dispose_update);
}

void functions_update_abandon(struct functions_update *update)
{
	if (update)
		end(update);
}

static void commit(struct functions_update *update, bool has_layers)
{
	autobuffer struct buffer news = BUFFER_INIT;
	bool done = has_layers && prepare_all(update);

	if (done)
		apply_all(update, &news);
	else
		abandon_all(update);
	end(update);
	update->listener->on_updated(update->listener, done ? news.data : NULL, &update->err);
}

static void go_on(struct functions_update *update)
{
	enum layer_job_state state = make_all_layers(update);

	if (state != LAYER_JOB_RUNNING)
		commit(update, state == LAYER_JOB_DONE);
}

static void on_made(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	loop_watch_stop(watch); /* of a descriptor that may be closed now */
	go_on(container_of(watch, struct functions_update, watch));
}

/* Makes single ones of a list. */
static void take_configs(struct functions_update *update, struct config *configs)
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

/* That does not change meanwhile: functions come and go with an update. */
static void find_served(struct change *change, const struct functions *functions)
{
	change->served = functions_find_exactly(functions, change->config->function_name);
	change->is_same = change->served &&
	                  config_is_same_function(change->served->config, change->config);
}

void functions_update(struct functions *functions, struct config *configs,
                      struct functions_listener *listener)
{
	struct functions_update *update = xcalloc(1, sizeof(*update));

	assert(configs && !functions->update);
	update->functions = functions;
	update->listener = listener;
	functions->update = update;
	take_configs(update, configs);
	for (size_t i = 0; i < update->count; i++)
		find_served(&update->changes[i], functions);
	go_on(update);
}

bool functions_are_updating(const struct functions *functions)
{
	return functions->update;
}
