/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_log - records one after the other in a file, and what a crash or a disk left of them.
 *
 * A file has a head of RECORD_LOG_HEAD bytes: what it is, a marker that was drawn for this
 * file, and their checksum. A record follows the other, each as
 *
 *	4 bytes  the marker of the file
 *	4        length of the body
 *	4        CRC-32 of the eight before and of the body
 *	...      the body
 *
 * with numbers in network order. Where a record is damaged the marker tells where the next one
 * begins. Whoever chooses what is in a body does not know the marker, so nothing in a body
 * passes for a record, nor makes the search for one long.
 *
 * Pure: bytes in memory, of files that anybody may have written. A body has at most
 * RECORD_LOG_LIMIT bytes.
 */
#ifndef EMULATOR_RECORD_LOG_H
#define EMULATOR_RECORD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define RECORD_LOG_HEAD 16
#define RECORD_LOG_FRAME 12 /* before a body */
#define RECORD_LOG_LIMIT ((size_t)16 << 20)

void record_log_head(char head[RECORD_LOG_HEAD], uint32_t marker);

/* Whether the bytes begin with a head; and its marker. */
bool record_log_read_head(const char *data, size_t length, uint32_t *marker);

/* What stands before the body that consists of 'parts'. */
void record_log_frame(char frame[RECORD_LOG_FRAME], uint32_t marker, const struct iovec *parts,
                      size_t count);

enum record_log_kind {
	RECORD_LOG_NOTHING, /* no bytes are left */
	RECORD_LOG_RECORD,
	RECORD_LOG_DAMAGED, /* bytes that are no record */
	RECORD_LOG_TORN,    /* the last record, whose end was never written */
	RECORD_LOG_MORE,    /* that cannot be told without more bytes */
};

struct record_log_part {
	enum record_log_kind kind;
	size_t length;    /* of the bytes that it takes, frame included; 0 for _NOTHING and _MORE */
	const char *body; /* of a record; in 'data' */
	size_t body_length;
};

/* What 'data', some bytes of a file behind its head, begins with. 'is_end': the file ends with
 * them. A caller that has RECORD_LOG_FRAME + RECORD_LOG_LIMIT bytes is never asked for more. */
struct record_log_part record_log_next(uint32_t marker, const char *data, size_t length,
                                       bool is_end);

#endif
