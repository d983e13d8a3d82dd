/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmp_watch - how much is in the /tmp of a box, and when the first file comes into it.
 *
 * Whoever opens the first file is held until the owner has taken note of it, by fanotify(7), which
 * only root may use. Elsewhere inotify(7) tells of it while the program goes on: it has written
 * some 100 KB by the time the owner hears of it, and megabytes on a busy machine. What comes after
 * the first file, neither sees nor slows.
 */
#ifndef SANDBOX_TMP_WATCH_H
#define SANDBOX_TMP_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* What the kernel holds for a file in tmpfs beside its pages: inode, dentry, a name. */
#define TMP_FILE_BYTES 1024

/* As many as boxes may well end at about the same time; a user has 128 of either kind at most. */
#define TMP_SPARES 8

/*
 * The descriptors of watches that are over, which watch nothing now, for the next ones. They are
 * those of one owner; zeroed at first. It takes half a millisecond to be rid of one, see
 * tmp_spares_finish(), and a microsecond to take one of these.
 */
struct tmp_spares {
	struct tmp_spare {
		int fanotify, inotify; /* one of them; the other is -1 */
	} kept[TMP_SPARES];
	unsigned count;
};

/* Closes all, without waiting for it: a process does it that nobody needs to wait for. */
void tmp_spares_finish(struct tmp_spares *spares);

/* That of one box. */
struct tmp_watch;

/* 'tmp' is a descriptor of /tmp, a tmpfs; taken over. What becomes readable when the
 * first file comes is added to the epoll descriptor, which is borrowed. 'spares' must live as long.
 */
struct tmp_watch *tmp_watch_create(int tmp, int epoll, struct tmp_spares *spares);

/* Whoever is held goes on. NULL is fine. */
void tmp_watch_destroy(struct tmp_watch *watch);

/* Asks to be told of a file that comes from now on. Returns false when nobody will tell. */
bool tmp_watch_arm(struct tmp_watch *watch);

/* Whether one has come since then; perhaps once more soon after. Those who are held wait for
 * tmp_watch_release(). */
bool tmp_watch_heard(struct tmp_watch *watch);
void tmp_watch_release(struct tmp_watch *watch);

/* What is there: a microsecond. Both are 0 when it is empty. NULL is always empty. */
struct tmp_usage {
	uint64_t bytes; /* memory, that which the kernel holds for the files included */
	uint64_t files; /* folders and all else as well */
};

struct tmp_usage tmp_watch_usage(const struct tmp_watch *watch);

#endif
