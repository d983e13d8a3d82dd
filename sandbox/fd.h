/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd - ownership of file descriptors, and the few calls everyone repeats.
 *
 * A local that owns a descriptor is declared 'autoclose int fd'; steal_fd()
 * hands it on. -1 stands for "none" everywhere.
 */
#ifndef SANDBOX_FD_H
#define SANDBOX_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

static inline void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#define autoclose __attribute__((cleanup(fd_close)))

static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Writes all of 'data' to the file 'path' below 'dir' (AT_FDCWD is fine) in
 * one write(2), as cgroup and /proc files want it. errno tells why not. */
bool fd_write_file(int dir, const char *path, const char *data);

/* Reads at most 'size' - 1 bytes of the file 'path' below 'dir' and terminates
 * them. Returns the length, or -1 and errno. */
ssize_t fd_read_file(int dir, const char *path, char *data, size_t size);

/* The text that a file of the kernel, kept open, holds now: one pread(2). Returns false when 'fd'
 * is -1, or there is none. */
bool fd_read_again(int fd, char *text, size_t size);

/* Moves 'fd' out of the range 0 to 2, so that a dup2() onto standard streams
 * cannot hit it. Takes over 'fd'; returns -1 and errno on failure. */
int fd_above_stdio(int fd);

/* Adds 'fd' to the epoll descriptor, which knows it by its number; both are borrowed. errno tells
 * why not. */
bool fd_watch(int epoll, int fd, uint32_t events);

/* Closes 'first' and all above it. */
void fd_close_from(int first);

/* In a child that shall have nothing open but streams and these two. */
void fd_close_all_but(int one, int other);

/* A new file in memory. 'name' is for those who look at /proc. Returns -1 and errno on failure. */
int fd_memory(const char *name);

#endif
