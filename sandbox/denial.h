/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denial - what the programs of a box were refused: answered, counted, told.
 *
 * The owner's side of the filter in seccomp.h. A refused call waits for the owner,
 * which answers it at once and tells of the first of its kind. Those that follow
 * are counted, and told together a second later, then two, then four; so a program
 * that is refused thousands of calls a second costs their answers and nothing else.
 */
#ifndef SANDBOX_DENIAL_H
#define SANDBOX_DENIAL_H

#include <stdbool.h>

#include "sandbox/sandbox.h"
#include "sandbox/seccomp.h"

/* Those of one box. */
struct denials;

/* 'filter' is what the box's programs will load, 'ids' who they are. What becomes readable is
 * added to the epoll descriptor. All are borrowed. */
struct denials *denials_create(const struct syscall_filter *filter, struct syscall_ids ids,
                               int epoll);

/* Closes the listeners: calls that still wait fail. NULL is fine. */
void denials_destroy(struct denials *denials);

/* A program has loaded the filter. Takes over its listener. */
void denials_listen(struct denials *denials, int listener);

/* Calls from now on carry 'phase' when they are told. */
void denials_set_phase(struct denials *denials, unsigned phase);

/* Answers calls that wait, a limited number of them, and takes what is to be told now: makes
 * 'event' SANDBOX_DENIED and returns true. Never blocks. */
bool denials_take(struct denials *denials, struct sandbox_event *event);

/* Takes what was counted but not told yet, when nothing more will come. */
bool denials_take_rest(struct denials *denials, struct sandbox_event *event);

#endif
