/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function - owns the environments and hands invocations to them.
 *
 * An invocation goes to the most recently used free environment; if none is
 * free, to a new one; beyond the limit it waits in line, for a while, or is refused
 * when concurrency is reserved, or that of the account was chosen (spec
 * invoke-api.md §4). One environment and ten are the same code.
 *
 * The first environment starts with the function, before any invocation; with provisioned
 * concurrency as many as that.
 */
#ifndef EMULATOR_FUNCTION_H
#define EMULATOR_FUNCTION_H

#include <stdbool.h>

#include "emulator/environment.h"
#include "emulator/line.h"

/* Environments at once when no concurrency is reserved. */
#define FUNCTION_ENVIRONMENTS 10

struct function;

/* 'context' is copied; what it points to must stay until its owner hears that it is unused, which
 * is at the end of the function, or after its environments were replaced. Its on_change and
 * on_journal are the function's own and need not be set. No environment runs yet. */
struct function *function_create(const struct environment_context *context);

/* Starts those that are provisioned; where there are none, the first one if that is not to wait for
 * the first invocation. Once, before any other call. */
void function_start(struct function *function, bool at_once);

enum function_verdict {
	FUNCTION_ACCEPTED,
	FUNCTION_CONCURRENCY_EXCEEDED, /* the reserved concurrency is in use */
	FUNCTION_ACCOUNT_EXCEEDED,     /* that of all functions is */
	FUNCTION_LINE_IS_FULL,
	FUNCTION_IS_STOPPING,
};

/* Submits an invocation; its ops are called from now on if it was accepted. */
enum function_verdict function_submit(struct function *function, struct invocation *invocation);

/* Takes back one that waits in line. Returns false, and does nothing, when it has begun or is about
 * to; else its ops are not called any more. */
bool function_withdraw(struct function *function, const struct invocation *invocation);

/* When it may be worth to try again what was refused, for Retry-After; 0: that is not known, since
 * no invocation has ended yet. */
unsigned function_retry_after_s(const struct function *function);

/* Lambda's word for what is in use; NULL for a verdict that is no throttle. */
const char *function_throttle_reason(enum function_verdict verdict);

/* What was counted of its invocations, and what is so now. Starts nothing. */
const struct metrics *function_metrics(const struct function *function);
struct metrics_now function_now(const struct function *function);

/* What goes on in it, for an advance of the clock. */
enum advance_work function_work(const struct function *function,
                                const struct advance_moments *moments);

/*
 * Other code, or the same code run otherwise: 'context' is copied as above, and environments made
 * of it take the place of all there are. They begin as with function_start(), and one at once where
 * there was one.
 * Old ones end as soon as they have no invocation; what they have not begun waits for a new one,
 * and nobody hears of it. Line, limits in use and metrics stay; old environments that are at work
 * count as concurrency. Returns how many were replaced.
 */
unsigned function_replace_environments(struct function *function,
                                       const struct environment_context *context);

/* Embedded in whoever stops a function. */
struct function_end {
	void (*on_stopped)(struct function_end *end);
};

/* It takes no more invocations; those that it has accepted go on to their end, and so do
 * environments, as soon as they have nothing to do. 'end' is called once, when the last one is
 * gone, but not in this call. function_stop() may still follow, and 'end' is then forgotten. */
void function_retire(struct function *function, struct function_end *end);

/* Ends all environments; 'end' is called once, when the last one is gone: in this call, when there
 * is none. */
void function_stop(struct function *function, struct function_end *end);

/* Never started, or stopped. NULL is fine. */
void function_destroy(struct function *function);

#endif
