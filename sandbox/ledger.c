/* SPDX-License-Identifier: Apache-2.0 */
/* ledger - what the programs of a box were refused: counted, and told */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "sandbox/ledger.h"
#include "sandbox/message.h"
#include "sandbox/seccomp.h"

#define MAX_KINDS 64

#define FIRST_PAUSE_NS 1000000000ull
#define LAST_PAUSE_NS (64 * FIRST_PAUSE_NS)

/* How often something is told. */
struct pace {
	unsigned untold; /* how many were counted since */
	bool is_known;   /* it was told once */
	uint64_t pause_ns, due_ns, last_ns;
};

struct ledger_kind {
	int number;                      /* of the call; -1: all that the table has no room for */
	const struct syscall_rule *rule; /* NULL: on no list */
	unsigned phase;
	struct pace pace;
	struct caller caller; /* of the first that is untold */
};

struct ledger {
	unsigned phase;
	struct ledger_kind kinds[MAX_KINDS];
	size_t kind_count;

	uint64_t writes[LEDGER_WRITES]; /* hashes of those that were told */
	size_t write_count;
	struct pace other_writes;
	unsigned other_phase;
};

struct ledger *ledger_create(struct error *err)
{
	struct ledger *ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE,
	                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (ledger != MAP_FAILED)
		return ledger;
	error_set(err, errno, "allocate memory that a box shares");
	return NULL;
}

void ledger_destroy(struct ledger *ledger)
{
	if (ledger)
		munmap(ledger, sizeof(*ledger));
}

void ledger_set_phase(struct ledger *ledger, unsigned phase)
{
	__atomic_store_n(&ledger->phase, phase, __ATOMIC_RELAXED);
}

unsigned ledger_phase(const struct ledger *ledger)
{
	return __atomic_load_n(&ledger->phase, __ATOMIC_RELAXED);
}

/* ---- how often --------------------------------------------------------------------- */

/* Counts one. Returns whether it is to be told now. Whoever was quiet for long is news again. */
static bool pace_count(struct pace *pace, uint64_t now)
{
	if (!pace->pause_ns || now >= pace->last_ns + LAST_PAUSE_NS)
		pace->pause_ns = FIRST_PAUSE_NS;
	pace->last_ns = now;
	pace->untold++;
	return pace->due_ns <= now;
}

static void pace_tell(struct pace *pace, uint64_t now)
{
	pace->due_ns = now + pace->pause_ns;
	if (pace->pause_ns < LAST_PAUSE_NS)
		pace->pause_ns *= 2;
	pace->is_known = true;
	pace->untold = 0;
}

/* ---- calls that were refused -------------------------------------------------------- */

static bool is_kind(const struct ledger_kind *kind, int number, const struct syscall_rule *rule,
                    unsigned phase)
{
	return kind->number == number && kind->rule == rule && kind->phase == phase;
}

/* The last place is for all that come too late. */
struct ledger_kind *ledger_kind(struct ledger *ledger, int number, const struct syscall_rule *rule)
{
	size_t count = ledger->kind_count;
	unsigned phase = ledger_phase(ledger);

	for (size_t i = 0; i < count; i++) {
		if (is_kind(&ledger->kinds[i], number, rule, phase))
			return &ledger->kinds[i];
	}
	if (count == MAX_KINDS)
		return &ledger->kinds[MAX_KINDS - 1];
	ledger->kinds[count] = (struct ledger_kind){
		.number = count < MAX_KINDS - 1 ? number : -1,
		.rule = count < MAX_KINDS - 1 ? rule : NULL,
		.phase = phase,
	};
	ledger->kind_count++;
	return &ledger->kinds[count];
}

struct caller *ledger_caller(struct ledger_kind *kind)
{
	return kind->pace.untold ? NULL : &kind->caller;
}

/* Words for the call itself. */
static void name_call(const struct ledger_kind *kind, char *call, size_t size)
{
	char name[32];

	if (kind->number == -1)
		snprintf(call, size, "other system calls");
	else if (kind->rule)
		snprintf(call, size, "%s(2)", kind->rule->call);
	else if (syscall_name(kind->number, name, sizeof(name)))
		snprintf(call, size, "%s(2)", name);
	else
		snprintf(call, size, "system call %d", kind->number);
}

static void tell_kind(struct ledger_kind *kind, uint64_t now, struct sandbox_event *event)
{
	*event = (struct sandbox_event){ .type = SANDBOX_DENIED, .at_ns = now };
	struct sandbox_denial *denial = &event->denial;

	name_call(kind, denial->call, sizeof(denial->call));
	denial->with = kind->rule ? kind->rule->with : NULL;
	denial->is_strict = !kind->rule || kind->rule->strict;
	denial->phase = kind->phase;
	denial->pid = kind->caller.pid;
	memcpy(denial->name, kind->caller.name, sizeof(denial->name));
	denial->count = kind->pace.untold;
	denial->is_repeated = kind->pace.is_known;
	pace_tell(&kind->pace, now);
}

bool ledger_count(struct ledger_kind *kind, uint64_t now, struct sandbox_event *event)
{
	if (!pace_count(&kind->pace, now))
		return false;
	tell_kind(kind, now, event);
	return true;
}

/* ---- writes that failed ------------------------------------------------------------- */

/* FNV-1a. Whoever makes two of them collide hides a line about itself. */
static uint64_t add_to_hash(uint64_t hash, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Of the name, with its end, and the path or what of it is missing. */
static uint64_t hash_of(const struct sandbox_write *write)
{
	size_t length = write->missing ? write->missing : strlen(write->path);
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	hash = add_to_hash(hash, write->name, strlen(write->name) + 1);
	return add_to_hash(hash, write->path, length);
}

static bool has_hash(const uint64_t *hashes, size_t count, uint64_t hash)
{
	for (size_t i = 0; i < count; i++) {
		if (hashes[i] == hash)
			return true;
	}
	return false;
}

static void tell_others(struct ledger *ledger, uint64_t now, struct sandbox_event *event)
{
	*event = (struct sandbox_event){ .type = SANDBOX_WRITE_REFUSED,
		                         .at_ns = now,
		                         .write = { .count = ledger->other_writes.untold,
		                                    .phase = ledger->other_phase } };
	pace_tell(&ledger->other_writes, now);
}

bool ledger_write(struct ledger *ledger, const struct sandbox_write *write, uint64_t now,
                  struct sandbox_event *event)
{
	uint64_t hash = hash_of(write);

	if (has_hash(ledger->writes, ledger->write_count, hash))
		return false;
	if (ledger->write_count == LEDGER_WRITES) {
		ledger->other_phase = ledger_phase(ledger);
		if (!pace_count(&ledger->other_writes, now))
			return false;
		tell_others(ledger, now, event);
		return true;
	}
	ledger->writes[ledger->write_count++] = hash;
	*event = (struct sandbox_event){ .type = SANDBOX_WRITE_REFUSED,
		                         .at_ns = now,
		                         .write = *write };
	event->write.count = 1;
	event->write.phase = ledger_phase(ledger);
	return true;
}

bool ledger_is_news(struct ledger_told *told, const struct sandbox_write *write)
{
	uint64_t hash = hash_of(write);

	if (!write->path[0])
		return true;
	if (has_hash(told->hashes, told->count, hash))
		return false;
	if (told->count < sizeof(told->hashes) / sizeof(told->hashes[0]))
		told->hashes[told->count++] = hash;
	return true;
}

/* ---- telling what was counted -------------------------------------------------------- */

/* The untold kind that is due first, or NULL. */
static struct ledger_kind *first_due(const struct ledger *ledger)
{
	const struct ledger_kind *first = NULL;

	for (size_t i = 0; i < ledger->kind_count; i++) {
		const struct ledger_kind *kind = &ledger->kinds[i];
		if (kind->pace.untold && (!first || kind->pace.due_ns < first->pace.due_ns))
			first = kind;
	}
	return (struct ledger_kind *)first;
}

uint64_t ledger_due_ns(const struct ledger *ledger)
{
	const struct ledger_kind *kind = first_due(ledger);
	uint64_t due_ns = kind ? kind->pace.due_ns : UINT64_MAX;

	if (ledger->other_writes.untold && ledger->other_writes.due_ns < due_ns)
		due_ns = ledger->other_writes.due_ns;
	return due_ns;
}

bool ledger_take(struct ledger *ledger, uint64_t now, struct sandbox_event *event)
{
	struct ledger_kind *kind = first_due(ledger);
	uint64_t at_ns = now == UINT64_MAX ? message_now() : now;

	if (kind && kind->pace.due_ns <= now) {
		tell_kind(kind, at_ns, event);
		return true;
	}
	if (!ledger->other_writes.untold || ledger->other_writes.due_ns > now)
		return false;
	tell_others(ledger, at_ns, event);
	return true;
}
