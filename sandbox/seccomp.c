/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp - the filter that refuses system calls, and who answers for it
 *
 * Whether refused calls can be reported is known only when the filter is loaded:
 * there is one listener in a chain of filters, and a container may have it. So
 * the instructions are made with an action that we have no other use for, TRACE,
 * whose 16 bits of data carry the errno; the loader replaces it. The kernel ignores
 * the data beside USER_NOTIF, so that it is still there for the next try.
 *
 * The strict policy is two programs, one behind the other: what the first, which
 * refuses, would let through goes on to the second, which lets through what it
 * knows. One program that does both cannot be had from libseccomp: a call that is
 * allowed but for some arguments would need all others listed.
 *
 * A binary tree instead of a list saves nothing per call, since the kernel keeps
 * a map of calls that are always allowed; but it makes that map when a filter is
 * loaded, by trying every call: 36 us instead of 93, and for the strict policy
 * 86 instead of 300.
 */
#include <assert.h>
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/seccomp.h"

/* Since Linux 4.17, 5.5 and 5.19; older headers do not have them. */
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#	define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#	define SECCOMP_USER_NOTIF_FLAG_CONTINUE (1UL << 0)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#	define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* In the data of TRACE, beside the errno: only whoever hears of the call can tell. */
#define ASK 0x8000u

#define NO_NUMBER INT32_MIN

struct program {
	struct sock_filter *code;
	size_t count;
};

struct syscall_filter {
	struct program program;
};

/* Of rules and changes; NO_NUMBER where this architecture has no such call. */
struct syscall_judge {
	int *refused, *changes;
	int numbers[];
};

/* What rules are made of. */
struct source {
	const struct syscall_judge *judge;
	bool changes;
};

/* ---- rules for libseccomp ---------------------------------------------------------- */

/*
 * libseccomp has negative numbers for calls that this architecture lacks, below -10000, and for
 * those that it hides behind socketcall(2) and ipc(2), which libseccomp looks into by itself.
 */
static int resolve(const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	return number == __NR_SCMP_ERROR || number < -10000 ? NO_NUMBER : number;
}

static struct scmp_arg_cmp comparison(const struct syscall_condition *condition)
{
	static const enum scmp_compare compare[] = { [MATCH_BITS] = SCMP_CMP_MASKED_EQ,
		                                     [MATCH_ABOVE] = SCMP_CMP_GT,
		                                     [MATCH_OTHER] = SCMP_CMP_NE };
	bool masked = condition->match == MATCH_BITS;

	return (struct scmp_arg_cmp){ .arg = condition->argument,
		                      .op = compare[condition->match],
		                      .datum_a = masked ? condition->mask : condition->value,
		                      .datum_b = masked ? condition->value : 0 };
}

static uint32_t action_of(const struct syscall_rule *rule)
{
	if (rule->quiet)
		return SCMP_ACT_ERRNO((unsigned)rule->code);
	return SCMP_ACT_TRACE((unsigned)rule->code | (rule->harmless ? ASK : 0));
}

static int add_rule(scmp_filter_ctx context, const struct syscall_rule *rule, int number)
{
	struct scmp_arg_cmp comparisons[SYSCALL_CONDITIONS];

	assert(rule->condition_count <= SYSCALL_CONDITIONS);
	for (unsigned i = 0; i < rule->condition_count; i++)
		comparisons[i] = comparison(&rule->conditions[i]);
	return seccomp_rule_add_array(context, action_of(rule), number, rule->condition_count,
	                              comparisons);
}

/* With nobody to ask it is allowed. */
static int add_change(scmp_filter_ctx context, const struct syscall_change *change, int number)
{
	struct scmp_arg_cmp only;

	if (change->condition)
		only = comparison(change->condition);
	return seccomp_rule_add_array(context, SCMP_ACT_TRACE(ASK), number,
	                              change->condition != NULL, &only);
}

static int add_changes(scmp_filter_ctx context, const struct syscall_judge *judge)
{
	int result = 0;

	for (size_t i = 0; i < syscall_changes_count && result == 0; i++) {
		if (judge->changes[i] != NO_NUMBER)
			result = add_change(context, &syscall_changes[i], judge->changes[i]);
	}
	return result;
}

static int add_refusals(scmp_filter_ctx context, const struct source *source)
{
	const int *numbers = source->judge->refused;
	int result = 0;

	for (size_t i = 0; i < syscall_refused_count && result == 0; i++) {
		if (numbers[i] != NO_NUMBER)
			result = add_rule(context, &syscall_refused[i], numbers[i]);
	}
	return result == 0 && source->changes ? add_changes(context, source->judge) : result;
}

static int add_allowances(scmp_filter_ctx context, const struct source *source)
{
	const char *next = syscall_allowed;
	char name[SYSCALL_NAME_SIZE];
	int result = 0;

	(void)source;
	while (result == 0 && (next = syscall_next_allowed(next, name))) {
		int number = resolve(name);
		if (number != NO_NUMBER)
			result = seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
	}
	return result;
}

/* ---- instructions ------------------------------------------------------------------ */

/* libseccomp writes to a descriptor, at once and without looking at how much was written. */
static bool export(scmp_filter_ctx context, struct program *program)
{
	autoclose int fd = fd_memory("lrie-filter");

	if (fd == -1)
		return false;
	int result = seccomp_export_bpf(context, fd);
	off_t size = lseek(fd, 0, SEEK_CUR);
	errno = -result;
	if (result != 0 || size <= 0)
		return false;
	program->count = (size_t)size / sizeof(*program->code);
	program->code = malloc((size_t)size);
	if (!program->code)
		abort();
	return pread(fd, program->code, (size_t)size, 0) == size;
}

/*
 * What is no rule's business gets 'fallback'. Calls by another architecture's numbers (int 0x80 and
 * x32 on x86-64) fail as they do in a kernel without it.
 */
static bool make_program(uint32_t fallback,
                         int (*add_rules)(scmp_filter_ctx, const struct source *),
                         const struct source *source, struct program *program)
{
	scmp_filter_ctx context = seccomp_init(fallback);
	int result = context ? 0 : -ENOMEM;

	if (result == 0)
		result = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (result == 0)
		result = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (result == 0)
		result = add_rules(context, source);
	errno = -result;
	bool made = result == 0 && export(context, program);
	int code = errno;
	if (context)
		seccomp_release(context);
	errno = code;
	return made;
}

static bool is_return_of(const struct sock_filter *instruction, uint32_t action)
{
	return instruction->code == (BPF_RET | BPF_K) &&
	       (instruction->k & SECCOMP_RET_ACTION_FULL) == action;
}

/* Puts 'second' behind 'first', which goes on to it where it would allow. */
static void chain(struct program *first, const struct program *second)
{
	size_t end = first->count;
	struct sock_filter *code = realloc(first->code, (end + second->count) * sizeof(*code));

	if (!code)
		abort();
	for (size_t i = 0; i < end; i++) {
		if (is_return_of(&code[i], SECCOMP_RET_ALLOW))
			code[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
			                                       (uint32_t)(end - i - 1));
	}
	memcpy(code + end, second->code, second->count * sizeof(*code));
	*first = (struct program){ .code = code, .count = end + second->count };
}

/* ---- making one -------------------------------------------------------------------------- */

struct syscall_judge *syscall_judge_create(enum sandbox_syscalls policy)
{
	bool strict = policy == SANDBOX_SYSCALLS_STRICT;
	size_t count = syscall_refused_count + syscall_changes_count;
	struct syscall_judge *judge = calloc(1, sizeof(*judge) + count * sizeof(int));

	if (!judge)
		abort();
	judge->refused = judge->numbers;
	judge->changes = judge->numbers + syscall_refused_count;
	for (size_t i = 0; i < syscall_refused_count; i++) {
		bool wanted = strict || !syscall_refused[i].strict;
		judge->refused[i] = wanted ? resolve(syscall_refused[i].call) : NO_NUMBER;
	}
	for (size_t i = 0; i < syscall_changes_count; i++) {
		int number = resolve(syscall_changes[i].call);
		/* What comes by way of another call is not recognised when it arrives. */
		judge->changes[i] = number < 0 ? NO_NUMBER : number;
	}
	return judge;
}

void syscall_judge_destroy(struct syscall_judge *judge)
{
	free(judge);
}

static bool make_filter(struct syscall_filter *filter, enum sandbox_syscalls policy, bool changes)
{
	struct syscall_judge *judge = syscall_judge_create(policy);
	const struct source source = { .judge = judge, .changes = changes };
	struct program allowed = { .code = NULL };

	bool made = make_program(SCMP_ACT_ALLOW, add_refusals, &source, &filter->program);
	if (made && policy == SANDBOX_SYSCALLS_STRICT) {
		made = make_program(SCMP_ACT_TRACE(ENOSYS), add_allowances, &source, &allowed);
		if (made)
			chain(&filter->program, &allowed);
		free(allowed.code);
	}
	syscall_judge_destroy(judge);
	return made;
}

struct syscall_filter *syscall_filter_create(enum sandbox_syscalls policy, bool changes,
                                             struct error *err)
{
	struct syscall_filter *filter = calloc(1, sizeof(*filter));

	if (!filter)
		abort();
	if (make_filter(filter, policy, changes))
		return filter;
	error_set(err, errno, "make the filter of system calls");
	syscall_filter_destroy(filter);
	return NULL;
}

void syscall_filter_destroy(struct syscall_filter *filter)
{
	if (!filter)
		return;
	free(filter->program.code);
	free(filter);
}

const struct sock_filter *syscall_filter_code(const struct syscall_filter *filter, size_t *count)
{
	*count = filter->program.count;
	return filter->program.code;
}

/* ---- loading it ----------------------------------------------------------------------------- */

/* SPEC_ALLOW: before Linux 5.16 a filter without it slows all that the program does, since the
 * kernel then takes it for somebody who runs others' code, as a browser does. */
static long load(struct sock_filter *code, size_t count, unsigned long flags)
{
	struct sock_fprog program = { .len = (unsigned short)count, .filter = code };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void tell_of_refusals(struct sock_filter *code, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_return_of(&code[i], SECCOMP_RET_TRACE))
			code[i].k = SECCOMP_RET_USER_NOTIF | (code[i].k & SECCOMP_RET_DATA);
	}
}

/* With nobody to ask, the kernel's own answer has to do for what needs a look. */
static void keep_refusals_silent(struct sock_filter *code, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_return_of(&code[i], SECCOMP_RET_USER_NOTIF))
			continue;
		code[i].k = code[i].k & ASK ? SECCOMP_RET_ALLOW
		                            : SECCOMP_RET_ERRNO | (code[i].k & SECCOMP_RET_DATA);
	}
}

/* Since Linux 5.5. An answer to nobody is looked at before it is known that nobody waits. */
static bool can_let_through(int listener)
{
	struct seccomp_notif_resp answer = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == -1 && errno == ENOENT;
}

enum syscall_hold syscall_filter_load(struct sock_filter *code, size_t count, int *listener)
{
	const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER |
	                            SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	const struct sock_fprog program = { .len = (unsigned short)count, .filter = code };

	tell_of_refusals(code, count);
	/* A call whose notification was taken is not interrupted by signals any more, as a call
	 * that fails never is. Before Linux 5.19 it is, and starts again. */
	*listener = (int)load(code, count, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	if (*listener == -1 && errno == EINVAL)
		*listener = (int)load(code, count, flags);
	if (*listener != -1)
		return can_let_through(*listener) ? SYSCALL_HOLD_ASKED : SYSCALL_HOLD_TOLD;
	/* EBUSY: somebody above has the listener. EINVAL: before Linux 5.0. */
	keep_refusals_silent(code, count);
	if (load(code, count, SECCOMP_FILTER_FLAG_SPEC_ALLOW) == 0 || load(code, count, 0) == 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return SYSCALL_HOLD_SILENT;
	return SYSCALL_HOLD_NONE;
}

/* ---- answering --------------------------------------------------------------------------------
 */

static const struct syscall_rule *find_rule(const struct syscall_judge *judge,
                                            const struct seccomp_data *call)
{
	for (size_t i = 0; i < syscall_refused_count; i++) {
		if (judge->refused[i] == call->nr &&
		    syscall_rule_matches(&syscall_refused[i], call->args))
			return &syscall_refused[i];
	}
	return NULL;
}

static const struct syscall_change *find_change(const struct syscall_judge *judge,
                                                const struct seccomp_data *call)
{
	for (size_t i = 0; i < syscall_changes_count; i++) {
		if (judge->changes[i] == call->nr &&
		    syscall_change_matches(&syscall_changes[i], call->args))
			return &syscall_changes[i];
	}
	return NULL;
}

struct syscall_verdict syscall_judge(const struct syscall_judge *judge,
                                     const struct seccomp_data *call, const struct syscall_ids *ids)
{
	const struct syscall_change *change = find_change(judge, call);
	const struct syscall_rule *rule = change ? NULL : find_rule(judge, call);
	struct syscall_verdict verdict = { .code = rule ? rule->code : ENOSYS, .rule = rule };

	if (change)
		verdict = (struct syscall_verdict){ .change = change };
	if (rule && rule->harmless && rule->harmless(call->args, ids))
		verdict.code = 0;
	return verdict;
}

bool syscall_name(int number, char *name, size_t size)
{
	char *found = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	name[0] = '\0';
	if (found)
		strncat(name, found, size - 1);
	free(found);
	return name[0];
}
