/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_file - a file of records (record_log.h) on a disk that may be full, or lie.
 *
 * Records are written with one call, and are the kernel's when that returns: what ends this
 * process does not take them back. Nothing is synced: a machine that loses power may
 * forget the last seconds. A record that does not fit is taken back, and an error.
 */
#ifndef EMULATOR_RECORD_FILE_H
#define EMULATOR_RECORD_FILE_H

#include <stdbool.h>

#include "emulator/buffer.h"
#include "emulator/record_log.h"
#include "sandbox/error.h"

/* Parts of a body, at most. */
#define RECORD_FILE_PARTS 2

struct record_file {
	int fd; /* -1: none */
	uint32_t marker;
	uint64_t size;
};

/* Makes a file, for its owner alone, or takes one that is there. 'dir' is the descriptor of its
 * folder, 'marker' drawn at random. Errors do not name the file. */
bool record_file_create(struct record_file *file, int dir, const char *name, uint32_t marker,
                        struct error *err);
bool record_file_open(struct record_file *file, int dir, const char *name, struct error *err);

/* Fine on one that has none. */
void record_file_close(struct record_file *file);

/* Whether its name, or its folder, is gone: what is written to it then will never be read. */
bool record_file_is_removed(const struct record_file *file);

/* Forgets what is behind the first 'size' bytes, if the file lets it. */
void record_file_cut(struct record_file *file, uint64_t size);

/* Appends to 'out' a record for this file, for record_file_append(). */
void record_file_make(const struct record_file *file, struct buffer *out, const struct iovec *parts,
                      size_t count);

/* Appends the records that are 'before', and then, if there are parts, a record of them: all or
 * none. The place of the first is 'size' before the call. */
bool record_file_append(struct record_file *file, const struct buffer *before,
                        const struct iovec *parts, size_t count, struct error *err);

/* Appends to 'out' what is there, whatever it is. Fewer bytes when the file ends before. */
bool record_file_copy(const struct record_file *file, uint64_t offset, size_t length,
                      struct buffer *out, struct error *err);

/* The body of the record at 'offset', whose frame and body are 'length' bytes. */
bool record_file_get(const struct record_file *file, uint64_t offset, size_t length,
                     struct buffer *body, struct error *err);

/* Tells each part of the file, in order, with its place; 'bytes' are all of it. A file that has no
 * head is one part, damaged or torn. */
struct record_file_reader {
	void (*on_part)(struct record_file_reader *reader, uint64_t offset,
	                const struct record_log_part *part, const char *bytes);
};

bool record_file_read(struct record_file *file, struct record_file_reader *reader,
                      struct error *err);

#endif
