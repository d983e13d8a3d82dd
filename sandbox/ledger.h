/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger - what the programs of a box were refused: counted, and told.
 *
 * The first call of a kind is told at once. Those that follow are counted, and told
 * together a second later, then two, then four; so a program that is refused
 * thousands of calls a second costs their answers and nothing else. A write that fails
 * is told once for each path, or folder that is missing, and name of a process; of too many,
 * the number.
 *
 * A box's init writes it and its owner reads the rest when init is dead: it lies in
 * memory that a fork shares. Times are CLOCK_MONOTONIC nanoseconds.
 */
#ifndef SANDBOX_LEDGER_H
#define SANDBOX_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/error.h"
#include "sandbox/sandbox.h"
#include "sandbox/syscall_list.h"

struct ledger;

/* The paths that are told one by one. */
#define LEDGER_WRITES 64

/* Of a box. Returns NULL and fills 'err' when there is no memory to share. */
struct ledger *ledger_create(struct error *err);
void ledger_destroy(struct ledger *ledger); /* NULL is fine */

/* What is counted from now on carries 'phase' when it is told. By the owner, at any time. */
void ledger_set_phase(struct ledger *ledger, unsigned phase);
unsigned ledger_phase(const struct ledger *ledger);

/* ---- calls that were refused -------------------------------------------------------- */

/* Who made a call: pid and name as the program itself sees them. */
struct caller {
	pid_t pid; /* 0: unknown */
	char name[16];
};

/* Calls that are told together, of one phase. */
struct ledger_kind;

/* The kind of such calls: 'rule' is NULL for those on no list. */
struct ledger_kind *ledger_kind(struct ledger *ledger, int number, const struct syscall_rule *rule);

/* Where to put the caller, or NULL when nobody asks: the first of those told together is named. */
struct caller *ledger_caller(struct ledger_kind *kind);

/* Counts a call. Returns true when it is to be told now, and makes 'event' SANDBOX_DENIED. */
bool ledger_count(struct ledger_kind *kind, uint64_t now, struct sandbox_event *event);

/* ---- writes that failed ------------------------------------------------------------- */

/* Counts one. Returns true when it is to be told now, and makes 'event' SANDBOX_WRITE_REFUSED of
 * it, or of all that were counted. */
bool ledger_write(struct ledger *ledger, const struct sandbox_write *write, uint64_t now,
                  struct sandbox_event *event);

/* Those that any box has told, for whoever owns several. Zeroes are none. */
struct ledger_told {
	uint64_t hashes[4 * LEDGER_WRITES];
	size_t count;
};

/* Returns whether a box has told it for the first time. Once it is full, everything is news. */
bool ledger_is_news(struct ledger_told *told, const struct sandbox_write *write);

/* ---- telling what was counted -------------------------------------------------------- */

/* When something is due next; UINT64_MAX: nothing is. */
uint64_t ledger_due_ns(const struct ledger *ledger);

/* Takes what has become due; all, one after another, when 'now' is UINT64_MAX. */
bool ledger_take(struct ledger *ledger, uint64_t now, struct sandbox_event *event);

#endif
