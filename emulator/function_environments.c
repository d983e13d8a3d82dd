/* SPDX-License-Identifier: Apache-2.0 */
/* function_environments - which environments a function has, and what they are made of */
#include <stdlib.h>

#include "emulator/clock.h"
#include "emulator/function_private.h"
#include "emulator/observer.h"

/* ---- what is configured, and for how long ---- */

const struct config *function_config(const struct function *function)
{
	return function->current->context.config;
}

struct account *function_account(const struct function *function)
{
	return function_config(function)->concurrency ? NULL : function->current->context.account;
}

bool function_is_held_to_account(const struct function *function)
{
	const struct account *account = function_account(function);

	return account && account->limit;
}

static unsigned provisioned(const struct config *config)
{
	return config->initialization == PLATFORM_PROVISIONED_CONCURRENCY
	               ? (unsigned)config->provisioned
	               : 0;
}

unsigned function_limit(const struct function *function)
{
	const struct config *config = function_config(function);
	uint64_t limit = config->concurrency ? config->concurrency
	                 : function_is_held_to_account(function)
	                         ? account_pool(function_account(function))
	                         : FUNCTION_ENVIRONMENTS;

	if (config->only_apis != CONFIG_APIS_OFF)
		return 1; /* there is one address, and one debugger */
	return limit > provisioned(config) ? (unsigned)limit : provisioned(config);
}

static void end_generation(struct loop_garbage *garbage)
{
	struct generation *generation = container_of(garbage, struct generation, garbage);
	struct context_owner *owner = generation->context.owner;

	free(generation);
	if (owner)
		owner->on_unused(owner);
}

void function_end_generation(struct generation *generation)
{
	end_generation(&generation->garbage);
}

/* Its environments go after the turn of the loop, and it after them. */
static void leave_generation(struct generation *generation)
{
	generation->count--;
	if (generation->count == 0 && generation != generation->function->current)
		loop_dispose(generation->context.loop, &generation->garbage, end_generation);
}

/* ---- ages ---- */

static uint64_t age_limit_ns(const struct function *function)
{
	return function_config(function)->max_environment_age_ms * CLOCK_NS_PER_MS;
}

/* 0: never. */
static uint64_t too_old_at(const struct function *function, const struct environment *env)
{
	uint64_t born_ns = environment_born_ns(env);

	return born_ns && !environment_is_retired(env) ? born_ns + age_limit_ns(function) : 0;
}

void function_watch_ages(struct function *function)
{
	uint64_t first_ns = UINT64_MAX;

	if (!age_limit_ns(function) || function->stopping)
		return;
	for (unsigned at = 0; at < function->count; at++) {
		uint64_t at_ns = too_old_at(function, function->environments[at]);

		if (at_ns && at_ns < first_ns)
			first_ns = at_ns;
	}
	if (first_ns != UINT64_MAX)
		loop_timer_start(function->current->context.loop, &function->age, first_ns);
	else
		loop_timer_stop(&function->age);
}

/* ---- environments ---- */

void function_move_to_front(struct function *function, unsigned at)
{
	struct environment *env = function->environments[at];

	for (; at > 0; at--)
		function->environments[at] = function->environments[at - 1];
	function->environments[0] = env;
}

void function_add_environment(struct function *function,
                              enum platform_initialization initialization)
{
	unsigned at = function->count++;

	if (function->count > function->room) {
		function->room += 1 + function->count;
		function->environments = xrealloc(function->environments,
		                                  function->room * sizeof(*function->environments));
	}
	metrics_count_environment(&function->metrics);
	function->current->count++;
	function->environments[at] = environment_create(&function->current->context,
	                                                function->next_id++, initialization);
	function_move_to_front(function, at);
	function_watch_ages(function);
}

static void on_journal(struct environment_context *context, struct environment *env,
                       struct journal *journal)
{
	observer_attach(context->observer, env, context->config, journal, context->metrics);
}

enum platform_initialization function_beyond(const struct function *function)
{
	enum platform_initialization type = function_config(function)->initialization;

	return type == PLATFORM_PROVISIONED_CONCURRENCY ? PLATFORM_ON_DEMAND : type;
}

void function_forget(struct generation *generation, struct environment *env)
{
	struct function *function = generation->function;
	unsigned at = 0;

	while (function->environments[at] != env)
		at++;
	for (function->count--; at < function->count; at++)
		function->environments[at] = function->environments[at + 1];
	observer_forget(generation->context.observer, env);
	environment_destroy(env);
	leave_generation(generation);
}

/* Those that are about to end for good take nobody's place. */
unsigned function_count_in_use(const struct function *function)
{
	unsigned in_use = 0;

	for (unsigned at = 0; at < function->count; at++)
		in_use += !environment_is_retired(function->environments[at]) ||
		          environment_is_busy(function->environments[at]);
	return in_use;
}

/* Old environments that are still at work may leave no concurrency for new ones. */
static bool is_exhausted(const struct function *function)
{
	unsigned busy = 0;

	if (function->count == function->current->count)
		return false;
	for (unsigned at = 0; at < function->count; at++)
		busy += environment_is_busy(function->environments[at]);
	return busy >= function_limit(function);
}

int function_find_free(const struct function *function)
{
	static const enum environment_state order[] = {
		ENVIRONMENT_SERVING,
		ENVIRONMENT_STARTING,
		ENVIRONMENT_RESET,
		ENVIRONMENT_STOPPING,
	};

	if (is_exhausted(function))
		return -1;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		for (unsigned at = 0; at < function->count; at++)
			if (environment_state(function->environments[at]) == order[i] &&
			    environment_is_free(function->environments[at]))
				return (int)at;
	return -1;
}

unsigned function_count_finishing(const struct function *function)
{
	unsigned finishing = 0;

	for (unsigned at = 0; at < function->count; at++)
		finishing += environment_is_finishing(function->environments[at]);
	return finishing;
}

/* ---- too old ---- */

/* It may be gone, and out of the list, at once. */
static void retire(struct function *function, struct environment *env)
{
	struct invocation *next, *returned = environment_retire(env);

	for (; returned; returned = next) {
		next = returned->next;
		account_leave(&returned->account);
		if (!returned->queued_ns)
			returned->queued_ns = clock_now();
		line_rejoin(&function->line, returned);
	}
	function_watch_line(function);
}

static void retire_all(struct function *function)
{
	for (unsigned at = function->count; at > 0; at--)
		retire(function, function->environments[at - 1]);
}

/* Returns how many of them were provisioned. */
static unsigned retire_old(struct function *function)
{
	unsigned provisioned_ones = 0;
	uint64_t now = clock_now();

	for (unsigned at = function->count; at > 0; at--) {
		struct environment *env = function->environments[at - 1];
		uint64_t at_ns = too_old_at(function, env);

		if (!at_ns || at_ns > now)
			continue;
		provisioned_ones += environment_initialization(env) ==
		                    PLATFORM_PROVISIONED_CONCURRENCY;
		retire(function, env);
	}
	return provisioned_ones;
}

/* What was provisioned is to be there again; the others are replaced when they are needed. */
void function_on_age(struct loop_timer *timer)
{
	struct function *function = container_of(timer, struct function, age);
	unsigned missing;

	function->replacing = true;
	missing = retire_old(function);
	function->replacing = false;
	for (unsigned i = 0; i < missing; i++)
		function_add_environment(function, PLATFORM_PROVISIONED_CONCURRENCY);
	function_watch_ages(function);
	function_serve_line(function);
}

/* ---- what they are made of ---- */

void function_begin_generation(struct function *function, const struct environment_context *context)
{
	struct generation *generation = xcalloc(1, sizeof(*generation));

	generation->function = function;
	generation->context = *context;
	generation->context.on_change = function_on_change;
	generation->context.on_journal = on_journal;
	generation->context.metrics = &function->metrics;
	function->current = generation;
}

void function_add_first_environments(struct function *function, bool at_once)
{
	const struct config *config = function_config(function);

	for (unsigned i = 0; i < provisioned(config); i++)
		function_add_environment(function, config->initialization);
	if (provisioned(config) == 0 && at_once && !config->is_throttled)
		function_add_environment(function, function_beyond(function));
}

unsigned function_replace_environments(struct function *function,
                                       const struct environment_context *context)
{
	struct generation *old = function->current;
	unsigned replaced = old->count;

	function_begin_generation(function, context);
	if (old->count == 0)
		loop_dispose(context->loop, &old->garbage, end_generation);
	if (function->stopping || function->retiring)
		return 0;
	function->replacing = true;
	retire_all(function);
	function->replacing = false;
	function_add_first_environments(function, function->at_once || replaced > 0);
	function_serve_line(function);
	return replaced;
}
