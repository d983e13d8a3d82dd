/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error - what the machine refused, in words.
 *
 * A flat struct without pointers, so that a process inside a box can send it
 * through its socket as it is. It is filled where the call failed, given more
 * context on the way up, and printed once, at the top.
 */
#ifndef SANDBOX_ERROR_H
#define SANDBOX_ERROR_H

#include <stdbool.h>

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

struct error {
	int code;       /* errno, or 0 when no system call was involved */
	char text[508]; /* "open cgroup '/sys/fs/cgroup/lrie': Permission denied" */
};

/*
 * Fills 'err' with the formatted text, followed by ": " and the meaning of
 * 'code' unless that is 0. A text that does not fit is cut. 'err' may be NULL.
 * Always returns false, so that a failure can be set and returned in one line.
 */
bool error_set(struct error *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "text: " before what 'err' already says. Always returns false. */
bool error_prefix(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
