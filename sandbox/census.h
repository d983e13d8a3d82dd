/* SPDX-License-Identifier: Apache-2.0 */
/*
 * census - the processes of a box, looked up in /proc, and what they have in memory.
 *
 * What a process says of itself there it cannot forge, but for its name. Memory is in bytes.
 */
#ifndef SANDBOX_CENSUS_H
#define SANDBOX_CENSUS_H

#include <stdbool.h>
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

/* The high-water marks of several processes. */
struct census {
	uint64_t sum, largest;
	unsigned threads, processes;

	bool with_faults; /* asks for the following */
	uint64_t faults;  /* page faults of children that ended and were waited for */
	bool has_dead;    /* one that ended was not waited for yet */
};

/* Adds the process whose status is open as 'fd', or nothing. */
void census_add(struct census *census, int fd);

/* Adds everybody in a box but its init: all in 'proc', the box's own /proc, or when that is -1
 * the descendants of 'init'. */
void census_add_box(struct census *census, int proc, pid_t init);

#endif
