/* SPDX-License-Identifier: Apache-2.0 */
/*
 * census - the processes of a box, looked up in /proc, and what they have in memory.
 *
 * What a process says of itself there it cannot forge, but for its name. Memory is in bytes.
 */
#ifndef SANDBOX_CENSUS_H
#define SANDBOX_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What /proc/PID/status says of interest. */
struct census_status {
	uint64_t peak; /* VmHWM */
	unsigned threads;
	bool dying;
};

/* 'fd' is such a file, open, or -1. Returns false when its process is gone. 6 us. */
bool census_read_status(int fd, struct census_status *status);

/*
 * What tells that the peak of a process is as it was when this was the same: nothing comes into its
 * memory but by page faults, its own or those of children that have ended, and by the kernel making
 * pages huge, which its size shows.
 */
struct census_signs {
	uint64_t faults;
	uint64_t resident_pages;
	unsigned threads;
};

/* 'fd' is its /proc/PID/stat, open, or -1. Returns false when that tells nothing. 3 us. */
bool census_read_signs(int fd, struct census_signs *signs);

/* The high-water marks of several processes. */
struct census {
	uint64_t sum, largest;
	unsigned threads, processes;

	bool with_faults; /* asks for the following */
	uint64_t faults;  /* page faults of children that ended and were waited for */
	bool has_dead;    /* one that ended was not waited for yet */
};

/* Adds a process. */
void census_add(struct census *census, const struct census_status *status);

/* Adds everybody in a box but its init: all in 'proc', the box's own /proc, or when that is -1
 * the descendants of 'init'. */
void census_add_box(struct census *census, int proc, pid_t init);

/* ---- walks -------------------------------------------------------------------------- */

/* Somebody who visits processes. First member of what it is part of. */
struct census_visitor {
	void (*visit)(struct census_visitor *visitor, int proc, pid_t pid);
	unsigned visits;
};

/* Visits everybody in a box but its init, as census_add_box() finds them; those that end meanwhile
 * may be missed. 'proc' is where a visited process has the number 'pid'. */
void census_visit(struct census_visitor *visitor, int proc, pid_t init);

/* Reads a file of a visited process as text. Returns false when it cannot be read, or is empty. */
bool census_read_file(int proc, pid_t pid, const char *file, char *text, size_t size);

/* The page faults that a process's stat, "PID (NAME) S ...", tells. */
struct census_faults {
	uint64_t minor, major;
	uint64_t children_minor, children_major; /* of those that ended and were waited for */
};

/* Returns false when it is none. */
bool census_parse_faults(const char *stat, struct census_faults *faults);

/* ---- what they have now ------------------------------------------------------- */

/* How closely is looked, and what that takes for a process. */
enum census_depth {
	CENSUS_RESIDENT, /* 4 us: all that is in memory, in 'own_bytes': the most that it can be */
	CENSUS_OWN,    /* 12 us: without files and the dying; what processes share counts in each */
	CENSUS_SHARES, /* up to milliseconds: what they share counts once */
};

struct census_usage {
	uint64_t own_bytes;    /* anonymous */
	uint64_t shared_bytes; /* files in tmpfs, memory files, shared anonymous memory */
	unsigned processes;
	unsigned dying; /* of them; known but for CENSUS_RESIDENT */
	pid_t largest;  /* of them, as 'proc' knows it; 0: nobody has anything */
	uint64_t largest_bytes;
};

/* Of everybody in a box but its init, as census_add_box() finds them. */
struct census_usage census_usage(enum census_depth depth, int proc, pid_t init);

#endif
