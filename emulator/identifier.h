/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identifier - request ids, trace ids and other names drawn at random.
 *
 * Random bytes come from getrandom(2), a page at a time, so that an invocation
 * does not pay a system call for its id.
 */
#ifndef EMULATOR_IDENTIFIER_H
#define EMULATOR_IDENTIFIER_H

#include <stdbool.h>
#include <stddef.h>

#define UUID_SIZE 37 /* with the terminating NUL */

/* A UUID v4 in lower case. */
void uuid_make(char uuid[static UUID_SIZE]);

/* Whether 'text' has the form of a UUID, in any case. */
bool uuid_is_valid(const char *text);

/* 'digits' random hexadecimal digits and a NUL. */
void hex_make(char *text, size_t digits);

#define TRACE_HEADER_SIZE 128

/* "Root=1-<8 hex of the seconds>-<24 hex>;Parent=<16 hex>;Sampled=0" (X-Ray
 * developer guide, "Tracing header"). */
void trace_header_make(char header[static TRACE_HEADER_SIZE]);

/*
 * Completes what a caller sent: Root, Parent, Sampled and Lineage are kept, in this order; Parent
 * and Sampled are added where they are missing. Returns false when there is no Root of the right
 * form, or no room.
 */
bool trace_header_complete(const char *given, char *header, size_t size);

/*
 * Makes the header of who is called out of that of who calls: a Parent of its own, and Sampled=1
 * unless the caller has decided. 'caller' gets the Parent that was there, or "" when that is no id
 * of a segment. Returns false, with nothing changed, when there is no room.
 */
#define TRACE_PARENT_SIZE 17
bool trace_header_descend(const char *given, char *header, size_t size,
                          char caller[static TRACE_PARENT_SIZE]);

/* Whether X-Ray keeps the trace: there is a Root, and Sampled is 1. */
bool trace_header_is_sampled(const char *header);

/* Copies the value of a field such as "Root". Returns false when there is none, or no room. */
bool trace_header_field(const char *header, const char *name, char *value, size_t size);

#endif
