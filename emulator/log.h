/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - diagnostics, to stderr.
 *
 * For the person who runs lrie: "lrie: warning: ..." lines, silent at the
 * default level when all is well. The function's output and Lambda's own lines
 * are not diagnostics: see output.h. Never blocks: when stderr is full, lines
 * are dropped and counted, and the count is printed when there is room again.
 */
#ifndef EMULATOR_LOG_H
#define EMULATOR_LOG_H

#include <stdbool.h>

#include "sandbox/error.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* Lines above 'level' are not formatted. 'color' paints the level word. */
void log_set(enum log_level level, bool color);
bool log_enabled(enum log_level level);

/* What the user is always told, at any level: where lrie listens. */
void log_notice(const char *format, ...) PRINTF_LIKE(1, 2);

void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);
void log_trace(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
