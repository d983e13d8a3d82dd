/* SPDX-License-Identifier: Apache-2.0 */
/* functions - all functions that one lrie serves, found by their names */
#include "emulator/functions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What environments of a function are made of, until the last of them is gone. */
struct edition {
	struct workload workload;
	struct context_owner owner;
};

struct functions {
	struct environment_context shared;
	struct served_function **items; /* by their names */
	size_t count;
	bool are_several;
	size_t running; /* that are not stopped */
	void (*on_stopped)(struct functions *functions);
};

/* ---- one ---- */

static void destroy_edition(struct edition *edition)
{
	workload_finish(&edition->workload);
	free(edition);
}

static void on_unused(struct context_owner *owner)
{
	destroy_edition(container_of(owner, struct edition, owner));
}

/* It is made of the same as 'old', as that is now. */
static struct edition *renew_edition(const struct workload *old, struct error *err)
{
	struct edition *edition = xcalloc(1, sizeof(*edition));

	edition->owner.on_unused = on_unused;
	if (workload_renew(&edition->workload, old, err) &&
	    package_is_complete(edition->workload.package, err)) {
		edition->workload.context.owner = &edition->owner;
		return edition;
	}
	destroy_edition(edition);
	return NULL;
}

static struct edition *create_edition(const struct functions *functions,
                                      const struct config *config, struct error *err)
{
	struct edition *edition = xcalloc(1, sizeof(*edition));

	edition->owner.on_unused = on_unused;
	if (workload_init(&edition->workload, &functions->shared, config, err)) {
		edition->workload.context.owner = &edition->owner;
		return edition;
	}
	destroy_edition(edition);
	return NULL;
}

static bool renew(struct renewal_owner *owner, unsigned *count, struct error *err)
{
	struct served_function *served = container_of(owner, struct served_function, renewal_owner);
	struct edition *edition = renew_edition(served->workload, err);

	if (!edition)
		return false;
	served->workload = &edition->workload;
	*count = function_replace_environments(served->function, &edition->workload.context);
	return true;
}

/* From before the first environment begins: what changes then is not missed. */
static bool start_to_watch(struct served_function *served, struct error *err)
{
	struct loop *loop = served->functions->shared.loop;

	if (!served->config->watch)
		return true;
	served->renewal_owner.renew = renew;
	served->renewal = renewal_create(loop, &served->renewal_owner, served->config,
	                                 served->workload->package, err);
	return served->renewal;
}

static void destroy(struct served_function *served)
{
	renewal_destroy(served->renewal);
	function_destroy(served->function);
	free(served->name);
	free(served);
}

struct served_function *served_function_ref(struct served_function *served)
{
	served->references++;
	return served;
}

void served_function_unref(struct served_function *served)
{
	if (served && --served->references == 0)
		destroy(served);
}

static struct served_function *create(struct functions *functions, const struct config *config,
                                      struct error *err)
{
	struct edition *edition = create_edition(functions, config, err);
	struct served_function *served;

	if (!edition)
		return NULL;
	served = xcalloc(1, sizeof(*served));
	*served = (struct served_function){
		.name = xstrdup(config->function_name),
		.config = config,
		.workload = &edition->workload,
		.function = function_create(&edition->workload.context),
		.functions = functions,
		.references = 1,
	};
	served->events = event_queue_create(config, functions->shared.loop, served->function, err);
	if (served->events && start_to_watch(served, err))
		return served;
	event_queue_destroy(served->events, 0);
	destroy(served);
	return NULL;
}

/* ---- all ---- */

/* The place of that name, or where it would be. */
static size_t find_place(const struct functions *functions, const char *name)
{
	size_t low = 0, high = functions->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(functions->items[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool functions_add(struct functions *functions, const struct config *config, struct error *err)
{
	size_t place = find_place(functions, config->function_name);
	struct served_function *served = create(functions, config, err);

	if (!served)
		return false;
	functions->items = xrealloc(functions->items,
	                            (functions->count + 1) * sizeof(*functions->items));
	for (size_t at = functions->count++; at > place; at--)
		functions->items[at] = functions->items[at - 1];
	functions->items[place] = served;
	functions->are_several = functions->count > 1;
	return true;
}

/* No file has named it: there is one, and it is meant whatever it is called. */
static bool goes_by_any_name(const struct functions *functions)
{
	return !functions->items[0]->config->file;
}

struct served_function *functions_find(const struct functions *functions, const char *name)
{
	size_t place;

	if (goes_by_any_name(functions))
		return functions->items[0];
	place = find_place(functions, name);
	if (place == functions->count || strcmp(functions->items[place]->name, name) != 0)
		return NULL;
	return functions->items[place];
}

size_t functions_count(const struct functions *functions)
{
	return functions->count;
}

struct served_function *functions_at(const struct functions *functions, size_t index)
{
	return functions->items[index];
}

/* ---- life ---- */

struct functions *functions_create(const struct environment_context *shared)
{
	struct functions *functions = xcalloc(1, sizeof(*functions));

	functions->shared = *shared;
	functions->shared.names_lines = &functions->are_several;
	return functions;
}

void functions_start(struct functions *functions)
{
	for (size_t i = 0; i < functions->count; i++)
		function_start(functions->items[i]->function, functions->count == 1);
}

static void on_function_stopped(struct function_end *end)
{
	struct functions *functions = container_of(end, struct served_function, end)->functions;

	if (--functions->running == 0)
		functions->on_stopped(functions);
}

void functions_stop(struct functions *functions, void (*on_stopped)(struct functions *functions))
{
	functions->on_stopped = on_stopped;
	functions->running = functions->count;
	for (size_t i = 0; i < functions->count; i++) {
		struct served_function *served = functions->items[i];

		renewal_destroy(served->renewal);
		served->renewal = NULL;
		served->end.on_stopped = on_function_stopped;
		event_queue_stop(served->events);
		function_stop(served->function, &served->end);
	}
}

void functions_destroy(struct functions *functions, unsigned grace_ms)
{
	if (!functions)
		return;
	for (size_t i = 0; i < functions->count; i++) {
		struct served_function *served = functions->items[i];

		event_queue_destroy(served->events, grace_ms);
		assert(served->references == 1);
		served_function_unref(served);
	}
	free(functions->items);
	free(functions);
}
