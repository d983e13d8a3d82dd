/* SPDX-License-Identifier: Apache-2.0 */
/* finding - what is wrong with a deployment package, in words */
#include "emulator/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct finding *findings_add(struct findings *findings, enum finding_severity severity,
                             const char *check, const char *file)
{
	struct finding *items = xrealloc(findings->items, (findings->count + 1) * sizeof(*items));

	findings->items = items;
	items[findings->count] = (struct finding){ .severity = severity,
		                                   .check = check,
		                                   .file = xstrdup_if(file) };
	return &items[findings->count++];
}

void findings_finish(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		struct finding *finding = &findings->items[i];

		free(finding->file);
		free(finding->problem);
		free(finding->type);
		free(finding->message);
		free(finding->log);
		free(finding->fix);
	}
	free(findings->items);
	*findings = (struct findings){ .count = 0 };
}

/* By insertion, which keeps the order of equals; there are never many. */
void findings_sort(struct findings *findings)
{
	for (size_t i = 1; i < findings->count; i++) {
		struct finding moved = findings->items[i];
		size_t place = i;

		for (; place > 0 && findings->items[place - 1].severity > moved.severity; place--)
			findings->items[place] = findings->items[place - 1];
		findings->items[place] = moved;
	}
}

size_t findings_count(const struct findings *findings, enum finding_severity severity)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->items[i].severity == severity;
	return count;
}

static PRINTF_LIKE(2, 0) void set(char **text, const char *format, va_list arguments)
{
	free(*text);
	if (vasprintf(text, format, arguments) == -1)
		abort();
}

void finding_problem(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(&finding->problem, format, arguments);
	va_end(arguments);
}

void finding_fix(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(&finding->fix, format, arguments);
	va_end(arguments);
}

void finding_log(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(&finding->log, format, arguments);
	va_end(arguments);
}

void finding_fault(struct finding *finding, const struct fault *fault)
{
	free(finding->type);
	free(finding->message);
	finding->type = xstrdup(fault->type);
	finding->message = xstrdup(fault->message);
}

void finding_exec(struct finding *finding, const char *shown, int code)
{
	struct fault fault = fault_exec(shown, code);

	finding_fault(finding, &fault);
	finding->code = code;
}

void finding_exit(struct finding *finding, int status)
{
	struct fault fault = fault_exit((status & 0xff) << 8, false); /* as from waitpid(2) */

	finding_fault(finding, &fault);
}

const char *finding_severity_name(enum finding_severity severity)
{
	static const char *const names[FINDING_SEVERITY_COUNT] = {
		[FINDING_ERROR] = "error",
		[FINDING_WARNING] = "warning",
		[FINDING_HINT] = "hint",
	};

	return names[severity];
}
