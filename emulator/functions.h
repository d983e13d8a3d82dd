/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions - all functions that one lrie serves, found by their names.
 *
 * Each has its own configuration, package, environments and queue of events. Where no file defines
 * them there is one, and it goes by whatever name a caller uses.
 *
 * Who keeps one beyond the call that found it holds a reference. Its function and its queue stay;
 * its config and its workload may have been replaced when the loop turns, so these are looked up in
 * it each time.
 */
#ifndef EMULATOR_FUNCTIONS_H
#define EMULATOR_FUNCTIONS_H

#include "emulator/event_queue.h"
#include "emulator/function.h"
#include "emulator/renewal.h"
#include "emulator/workload.h"

struct functions;

struct served_function {
	char *name;
	const struct config *config; /* this one counts, whatever others say */
	struct workload *workload;
	struct function *function;
	struct event_queue *events;

	/* private */
	struct functions *functions;
	struct renewal *renewal; /* NULL: nobody watches its files */
	struct renewal_owner renewal_owner;
	struct function_end end;
	struct served_function *next; /* of those that are retired */
	struct loop_garbage garbage;
	unsigned references;
};

/* 'shared' is as for workload_init(); 'means' are those of all queues, but their peers. Both are
 * copied. */
struct functions *functions_create(const struct environment_context *shared,
                                   const struct event_means *means);

/* Adds the function of 'config', which must outlive all; nothing of it runs yet. Returns false and
 * fills 'err' when something that it needs cannot be had. */
bool functions_add(struct functions *functions, const struct config *config, struct error *err);

/* From now on they take invocations; the first environments begin (function_start()). */
void functions_start(struct functions *functions);

/* Hears what has become of an update. */
struct functions_listener {
	/* 'news' says what has changed: nothing, or "changed a, b; added c". NULL: all is as it
	 * was, because of 'err'. */
	void (*on_updated)(struct functions_listener *listener, const char *news,
	                   const struct error *err);
};

/*
 * There shall be those of 'configs', a list which is taken over, and no others. One that is the
 * same as before is left alone. One that has changed keeps its line, its events and its metrics;
 * new environments take the place of the old, which go when they have no invocation. One that is no
 * longer there is not found any more, ends what it has accepted, and loses the events that have not
 * begun, unless there is a store. When something that one of them needs cannot be had, nothing
 * changes.
 *
 * Layers that are new are unpacked first, in a child at a time, while all goes on as before; if
 * there are none, 'listener' hears of it within the call. One update at a time.
 */
void functions_update(struct functions *functions, struct config *configs,
                      struct functions_listener *listener);
bool functions_are_updating(const struct functions *functions);

/* NULL when there is no such function. */
struct served_function *functions_find(const struct functions *functions, const char *name);

/* All of them, by their names; there is always one at least. */
size_t functions_count(const struct functions *functions);
struct served_function *functions_at(const struct functions *functions, size_t index);

struct served_function *served_function_ref(struct served_function *served);

/* Frees it with the last reference. NULL is fine. */
void served_function_unref(struct served_function *served);

/* Ends them all, and an update, which nobody hears of then; 'on_stopped' is called once, when the
 * last environment is gone. */
void functions_stop(struct functions *functions, void (*on_stopped)(struct functions *functions));

/* Never started, or stopped, and no references left but its own. Writes records that are left for
 * at most 'grace_ms' a file. NULL is fine. */
void functions_destroy(struct functions *functions, unsigned grace_ms);

#endif
