/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay - passes bytes on from one descriptor to another, as fast as both go.
 *
 * Never waits and never has more than a block at hand: a reader that is slow makes the writer wait,
 * as if there were only a pipe between them. Either end may be a regular file.
 */
#ifndef EMULATOR_RELAY_H
#define EMULATOR_RELAY_H

#include "emulator/loop.h"
#include "emulator/stream.h"

#define RELAY_BLOCK ((size_t)16 << 10)

enum relay_end {
	RELAY_SOURCE_ENDED, /* everything was passed on */
	RELAY_TARGET_GONE,  /* nobody takes it any more: EPIPE, a full disk */
};

struct relay {
	/* Called once, when both ends are closed; 'code' is the errno of TARGET_GONE. */
	void (*on_end)(struct relay *relay, enum relay_end end, int code);

	struct loop *loop;
	struct stream from, to;
	struct loop_watch readable, writable;
	bool from_is_file, to_is_file; /* which no epoll takes */
	bool runs;
	size_t start, length; /* of what is at hand */
	char block[RELAY_BLOCK];
};

/* Takes over both streams, also when it fails. 'on_end' is set. */
bool relay_start(struct relay *relay, struct loop *loop, struct stream *from, struct stream *to,
                 struct error *err);

/* Closes both ends at once; 'on_end' is not called. Fine on one that has ended or was zeroed. */
void relay_stop(struct relay *relay);

#endif
