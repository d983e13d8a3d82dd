/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch - tells when files have changed, once they are done changing.
 *
 * Changes that come one upon the other are told as one: WATCH_QUIET_NS after the last of them, and
 * at the latest WATCH_MOST_NS after the first. A file that somebody still has open for writing is
 * not done; that is waited for up to WATCH_PATIENCE_NS more. What is not of interest is left out
 * (watch_noise.h).
 */
#ifndef EMULATOR_WATCH_H
#define EMULATOR_WATCH_H

#include "emulator/clock.h"
#include "emulator/loop.h"

#define WATCH_QUIET_NS (10 * CLOCK_NS_PER_MS)
#define WATCH_MOST_NS (1 * CLOCK_NS_PER_S)
#define WATCH_PATIENCE_NS (1 * CLOCK_NS_PER_S)

/* Files that are told apart; of more nobody knows how many there were. */
#define WATCH_COUNTED 500

struct watch;

struct watch_change {
	const char *path; /* of the first, below the folder that was given; NULL: nobody knows */
	unsigned more;    /* others; WATCH_COUNTED: as many, or more */
};

struct watch_listener {
	/* May not destroy the watch. 'change' is valid during the call. */
	void (*on_change)(struct watch_listener *listener, const struct watch_change *change);
};

/*
 * Watches 'paths': whole folders, and files; what does not exist is waited for. Relative ones begin
 * at the current folder. They are copied. Returns NULL and fills 'err' when the kernel does not
 * allow it; what it allows in part is a warning.
 */
struct watch *watch_create(struct loop *loop, struct watch_listener *listener,
                           const char *const *paths, size_t count, struct error *err);

/* NULL is fine. */
void watch_destroy(struct watch *watch);

/* Whether there is no change that is still to be told. */
bool watch_is_quiet(struct watch *watch);

/* Whether somebody has the file 'path' open for writing, so that it cannot be executed. False if
 * that cannot be told, as of the files of other users. */
bool watch_is_being_written(const char *path);

#endif
