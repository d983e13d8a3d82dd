/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observer - listens to all environments, and makes records of what it hears.
 *
 * Of the function's lines those in CloudWatch's embedded metric format (emf.h) are checked: one
 * that CloudWatch would drop without a word is told, once for each kind of mistake. Of the
 * platform's events it makes the records that were asked for: metrics (--emf), and the segments
 * that Lambda gives X-Ray (--xray, where it is the X-Ray daemon, too).
 *
 * Records never hold anything up: files are opened at the start and written from the loop, and
 * what cannot be written is lost and said once (output.h). Memory: a few bytes for each
 * environment, and the backlog of a file.
 */
#ifndef EMULATOR_OBSERVER_H
#define EMULATOR_OBSERVER_H

#include "emulator/config.h"
#include "emulator/journal.h"
#include "emulator/loop.h"
#include "emulator/metrics.h"

struct environment;
struct observer;

/* Opens the files that 'config' names. The loop must outlive it. */
struct observer *observer_create(const struct config *config, struct loop *loop, struct error *err);

/* Writes what is left, for at most 'grace_ms' a file. All environments must be forgotten. NULL is
 * fine. */
void observer_destroy(struct observer *observer, unsigned grace_ms);

/* Listens to a new environment of the function of 'config'; counts in 'metrics', which may be NULL.
 * Nothing happens without an observer. */
void observer_attach(struct observer *observer, const struct environment *env,
                     const struct config *config, struct journal *journal, struct metrics *metrics);

/*
 * Where programs find the X-Ray daemon; NULL where there is none. In a box with a network of its
 * own that is OBSERVER_XRAY_PORT there, and the socket that listens at it is handed over here; it
 * is closed when the box ends, by observer_leave_box().
 */
#define OBSERVER_XRAY_PORT 2000
const char *observer_xray_address(const struct observer *observer, bool is_inside);
bool observer_enter_box(struct observer *observer, const struct environment *env, int socket,
                        struct error *err);
void observer_leave_box(struct observer *observer, const struct environment *env);

/* Whether somebody wants to know why an invocation failed; then the runtime's word for that in
 * 'env', as xray_cause() made it: it is taken over. Of a failed init there is no 'request_id'. */
bool observer_wants_cause(const struct observer *observer);
void observer_tell_cause(struct observer *observer, const struct environment *env,
                         const char *request_id, char *cause);

/* It is GONE. */
void observer_forget(struct observer *observer, const struct environment *env);

#endif
