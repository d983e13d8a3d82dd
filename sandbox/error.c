/* SPDX-License-Identifier: Apache-2.0 */
/* error - what the machine refused, in words */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/error.h"

/* Puts ": text" behind the first 'length' bytes, as far as there is room. */
static void append(struct error *err, int length, const char *text)
{
	size_t used = length < 0 ? 0 : (size_t)length;

	if (used < sizeof(err->text) - 3)
		snprintf(err->text + used, sizeof(err->text) - used, ": %.*s",
		         (int)(sizeof(err->text) - used - 3), text);
}

bool error_set(struct error *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return false;
	*err = (struct error){ .code = code };
	va_start(args, format);
	int length = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (code)
		append(err, length, strerror(code));
	return false;
}

bool error_prefix(struct error *err, const char *format, ...)
{
	char old[sizeof(err->text)];
	va_list args;

	if (!err)
		return false;
	memcpy(old, err->text, sizeof(old));
	va_start(args, format);
	int length = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	append(err, length, old);
	return false;
}
