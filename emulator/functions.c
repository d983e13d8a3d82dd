/* SPDX-License-Identifier: Apache-2.0 */
/* functions - all functions that one lrie serves, found by their names */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/functions_private.h"

/* ---- one ---- */

struct edition *served_function_edition(const struct served_function *served)
{
	return container_of(served->workload, struct edition, workload);
}

static bool renew(struct renewal_owner *owner, bool has_changed, unsigned *count, struct error *err)
{
	struct served_function *served = container_of(owner, struct served_function, renewal_owner);
	struct edition *edition = edition_renew(served_function_edition(served), has_changed, err);

	if (!edition)
		return false;
	served->workload = &edition->workload;
	*count = function_replace_environments(served->function, &edition->workload.context);
	return true;
}

bool served_function_watch(struct served_function *served, const struct config *config,
                           const struct edition *edition, struct renewal **renewal,
                           struct error *err)
{
	if (!config->watch)
		return true;
	served->renewal_owner.renew = renew;
	*renewal = renewal_create(served->functions->shared.loop, &served->renewal_owner, config,
	                          edition->workload.package, err);
	return *renewal;
}

void served_function_destroy(struct served_function *served)
{
	if (!served)
		return;
	renewal_destroy(served->renewal);
	event_queue_destroy(served->events, 0);
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
		served_function_destroy(served);
}

/* The watch begins before the first environment: what changes then is not missed. */
struct served_function *served_function_create(struct functions *functions,
                                               const struct config *config, struct layers *layers,
                                               struct error *err)
{
	struct edition *edition = edition_create(&functions->shared, config, layers, err);
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
	served->events = event_queue_create(config, &functions->means, served->function, err);
	if (served->events && served_function_watch(served, config, edition, &served->renewal, err))
		return served;
	served_function_destroy(served);
	return NULL;
}

void served_function_start(struct served_function *served, bool at_once)
{
	event_queue_start(served->events);
	function_start(served->function, at_once);
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

void functions_count_reserved(const struct functions *functions)
{
	struct account *account = functions->shared.account;

	if (!account)
		return;
	account->reserved = 0;
	for (size_t i = 0; i < functions->count; i++)
		account->reserved += functions->items[i]->config->concurrency;
}

void functions_insert(struct functions *functions, struct served_function *served)
{
	size_t place = find_place(functions, served->name);

	functions->items = xrealloc(functions->items,
	                            (functions->count + 1) * sizeof(*functions->items));
	for (size_t at = functions->count++; at > place; at--)
		functions->items[at] = functions->items[at - 1];
	functions->items[place] = served;
	functions->are_several = functions->count > 1;
	functions_count_reserved(functions);
}

struct layers *functions_find_layers(const struct functions *functions, const struct config *config)
{
	struct layers *layers = NULL;

	for (size_t i = 0; !layers && i < functions->count; i++)
		layers = package_layers_for(functions->items[i]->workload->package, config);
	return layers;
}

bool functions_add(struct functions *functions, const struct config *config, struct error *err)
{
	struct layers *layers = functions_find_layers(functions, config);
	struct served_function *served = served_function_create(functions, config, layers, err);

	if (served)
		functions_insert(functions, served);
	return served;
}

struct served_function *functions_find_exactly(const struct functions *functions, const char *name)
{
	size_t place = find_place(functions, name);

	if (place == functions->count || strcmp(functions->items[place]->name, name) != 0)
		return NULL;
	return functions->items[place];
}

static struct event_queue *find_queue(struct event_peers *peers, const char *name)
{
	const struct served_function *served = functions_find_exactly(
		container_of(peers, struct functions, peers), name);

	return served ? served->events : NULL;
}

/* No file has named it: there is one, and it is meant whatever it is called. */
static bool goes_by_any_name(const struct functions *functions)
{
	return !functions->items[0]->config->file;
}

struct served_function *functions_find(const struct functions *functions, const char *name)
{
	return goes_by_any_name(functions) ? functions->items[0]
	                                   : functions_find_exactly(functions, name);
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

struct functions *functions_create(const struct environment_context *shared,
                                   const struct event_means *means)
{
	struct functions *functions = xcalloc(1, sizeof(*functions));

	functions->shared = *shared;
	functions->means = *means;
	functions->peers.find = find_queue;
	functions->means.peers = &functions->peers;
	functions->shared.names_lines = &functions->are_several;
	return functions;
}

void functions_start(struct functions *functions)
{
	for (size_t i = 0; i < functions->count; i++)
		served_function_start(functions->items[i], functions->count == 1);
}

static void on_function_stopped(struct function_end *end)
{
	struct functions *functions = container_of(end, struct served_function, end)->functions;

	if (--functions->running == 0)
		functions->on_stopped(functions);
}

static void stop(struct served_function *served)
{
	renewal_destroy(served->renewal);
	served->renewal = NULL;
	served->end.on_stopped = on_function_stopped;
	function_stop(served->function, &served->end);
}

void functions_stop(struct functions *functions, void (*on_stopped)(struct functions *functions))
{
	struct served_function *next;

	functions_update_abandon(functions->update);
	functions->on_stopped = on_stopped;
	functions->running = functions->count;
	for (struct served_function *served = functions->retired; served; served = served->next)
		functions->running++;
	for (struct served_function *served = functions->retired; served; served = next) {
		next = served->next;
		stop(served);
	}
	for (size_t i = 0; i < functions->count; i++) {
		event_queue_stop(functions->items[i]->events);
		stop(functions->items[i]);
	}
}

static void let_go(struct served_function *served, unsigned grace_ms)
{
	event_queue_destroy(served->events, grace_ms);
	served->events = NULL;
	assert(served->references == 1);
	served_function_unref(served);
}

void functions_destroy(struct functions *functions, unsigned grace_ms)
{
	struct served_function *next;

	if (!functions)
		return;
	for (struct served_function *served = functions->retired; served; served = next) {
		next = served->next;
		let_go(served, grace_ms);
	}
	for (size_t i = 0; i < functions->count; i++)
		let_go(functions->items[i], grace_ms);
	free(functions->items);
	free(functions);
}
