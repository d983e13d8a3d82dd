/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_private - what the two halves of a function share, and nobody else.
 *
 *   function.c               its line: who gets an environment, waits, or is refused
 *   function_environments.c  which it has: added, found, too old, replaced by those of other code
 */
#ifndef EMULATOR_FUNCTION_PRIVATE_H
#define EMULATOR_FUNCTION_PRIVATE_H

#include "emulator/function.h"

/* What environments are made of, until the last of them is gone. */
struct generation {
	struct environment_context context;
	struct function *function;
	unsigned count; /* of its environments */
	struct loop_garbage garbage;
};

struct function {
	struct generation *current;
	struct environment **environments; /* most recently used first; old ones among them */
	unsigned count, room, next_id;
	struct line line;
	struct loop_timer handover;
	struct loop_timer patience; /* of those who wait in line */
	struct loop_timer age;      /* when the oldest environment is too old */
	struct metrics metrics;
	struct loop_timer wind_up;
	bool at_once, replacing, retiring, stopping;
	struct function_end *end;
};

/* ---- function_environments.c ---- */

const struct config *function_config(const struct function *function);

/* Whose invocations these are, unless the function has a limit of its own; NULL: nobody counts. */
struct account *function_account(const struct function *function);

/* Whether the account's limit was chosen: then it is held as on Lambda, and nobody waits. */
bool function_is_held_to_account(const struct function *function);

/* Environments at once. */
unsigned function_limit(const struct function *function);

/* Those that have a place among them; and whose runtimes are about to come back. */
unsigned function_count_in_use(const struct function *function);
unsigned function_count_finishing(const struct function *function);

/* The place of the free one that will get to work soonest, or -1. */
int function_find_free(const struct function *function);

/* It is the one that was used last. */
void function_move_to_front(struct function *function, unsigned at);

/* How those begin that are needed beyond what was provisioned. */
enum platform_initialization function_beyond(const struct function *function);

void function_add_environment(struct function *function,
                              enum platform_initialization initialization);

/* One that is GONE. */
void function_forget(struct generation *generation, struct environment *env);

/* An environment has come or gone, or was restored. */
void function_watch_ages(struct function *function);
void function_on_age(struct loop_timer *timer);

void function_begin_generation(struct function *function,
                               const struct environment_context *context);
/* None of its environments is left. */
void function_end_generation(struct generation *generation);

void function_add_first_environments(struct function *function, bool at_once);

/* ---- function.c ---- */

/* For environments: one can take an invocation now, or is GONE. */
void function_on_change(struct environment_context *context, struct environment *env);

/* One has gone, or will not come back, that may have kept a new one from its place. */
void function_serve_line(struct function *function);

/* Somebody waits. */
void function_watch_line(struct function *function);

#endif
