/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8 - where a character ends, and whether it is one.
 */
#ifndef EMULATOR_UTF8_H
#define EMULATOR_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The length of the UTF-8 sequence at 'at', or 0 and '*bad' at the offending
 * byte (which may be 'end'). Table 3-7 of the Unicode standard: no overlong
 * forms, no surrogates, nothing above U+10FFFF.
 */
size_t utf8_length(const char *at, const char *end, const char **bad);

/* Whether all of it is UTF-8. */
bool utf8_is_valid(const char *data, size_t length);

#endif
