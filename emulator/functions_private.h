/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions_private - what the parts of functions share, and nobody else.
 *
 *   functions.c         one and all of them, from their start to their end
 *   functions_update.c  others in their place, while they run
 */
#ifndef EMULATOR_FUNCTIONS_PRIVATE_H
#define EMULATOR_FUNCTIONS_PRIVATE_H

#include "emulator/edition.h"
#include "emulator/functions.h"

struct functions {
	struct environment_context shared;
	struct event_means means; /* of all queues */
	struct event_peers peers;
	struct served_function **items; /* by their names */
	size_t count;
	bool are_several;
	struct functions_update *update; /* NULL: there is none */
	struct served_function *retired; /* that are found no more, and run on; by 'next' */
	size_t running;                  /* that are not stopped */
	void (*on_stopped)(struct functions *functions);
};

/* One that nobody finds yet, and nothing of it runs. 'layers' is as for edition_create(). */
struct served_function *served_function_create(struct functions *functions,
                                               const struct config *config, struct layers *layers,
                                               struct error *err);

/* Those of one that has the layers of 'config', as they are now; else NULL. */
struct layers *functions_find_layers(const struct functions *functions,
                                     const struct config *config);

/* From now on it takes invocations, and goes on with events that were kept. */
void served_function_start(struct served_function *served, bool at_once);

/* For one that was never started, or is stopped. NULL is fine. */
void served_function_destroy(struct served_function *served);

/* A watch over the files of an edition, or NULL where none is asked for; returns false and fills
 * 'err' when it cannot be had. */
bool served_function_watch(struct served_function *served, const struct config *config,
                           const struct edition *edition, struct renewal **renewal,
                           struct error *err);

/* The edition that new environments are made of. */
struct edition *served_function_edition(const struct served_function *served);

/* NULL when there is none of exactly that name. */
struct served_function *functions_find_exactly(const struct functions *functions, const char *name);

/* What they reserve of the account may be another sum now. */
void functions_count_reserved(const struct functions *functions);

/* Forgets an update that has not come to its end. NULL is fine. */
void functions_update_abandon(struct functions_update *update);

/* Takes it over: it is found from now on. */
void functions_insert(struct functions *functions, struct served_function *served);

#endif
