/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finding - what is wrong with a deployment package, in words.
 *
 * A finding names the file, the problem, what Lambda would say, and what to do.
 * It is made step by step:
 *
 *	struct finding *finding = findings_add(list, FINDING_ERROR, "exec-bit", path);
 *
 *	finding_problem(finding, "'%s' is not executable", path);
 *	finding_fault(finding, &fault);
 *	finding_fix(finding, "chmod +x it");
 *
 * A pointer to one is good until the next is added. Texts may hold whatever a
 * file name holds: who prints them makes them safe.
 */
#ifndef EMULATOR_FINDING_H
#define EMULATOR_FINDING_H

#include <stddef.h>

#include "emulator/fault.h"
#include "sandbox/error.h"

enum finding_severity {
	FINDING_ERROR,   /* the function would not start, or not be accepted */
	FINDING_WARNING, /* it may fail */
	FINDING_HINT,    /* worth to know */
	FINDING_SEVERITY_COUNT,
};

struct finding {
	enum finding_severity severity;
	const char *check; /* a stable name of what was checked: "exec-bit" */
	char *file;        /* on the host; NULL: it is about no file */
	char *problem;
	char *type;    /* Lambda's error type, "Runtime.InvalidEntrypoint"; NULL: none is known */
	char *message; /* Lambda's message; NULL: none is known */
	char *log;     /* what stands in the function's log beside it, or NULL */
	char *fix;
	int code; /* the errno with which execve would fail, or 0 */
};

struct findings {
	struct finding *items;
	size_t count;
};

/* 'check' must be a constant; 'file' is copied and may be NULL. */
struct finding *findings_add(struct findings *findings, enum finding_severity severity,
                             const char *check, const char *file);
void findings_finish(struct findings *findings);

/* Errors first, else in the order in which they were found. */
void findings_sort(struct findings *findings);

size_t findings_count(const struct findings *findings, enum finding_severity severity);

void finding_problem(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);
void finding_fix(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);
void finding_log(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);
void finding_fault(struct finding *finding, const struct fault *fault);

/* execve of the bootstrap, which the function sees as 'shown', fails with the errno 'code'. */
void finding_exec(struct finding *finding, const char *shown, int code);

/* The bootstrap, or what runs it, ends with this exit status before it asks for an event. */
void finding_exit(struct finding *finding, int status);

/* "error", "warning", "hint" */
const char *finding_severity_name(enum finding_severity severity);

#endif
