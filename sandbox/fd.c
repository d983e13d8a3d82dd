/* SPDX-License-Identifier: Apache-2.0 */
/* fd - ownership of file descriptors, and the few calls everyone repeats */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "sandbox/fd.h"

bool fd_write_file(int dir, const char *path, const char *data)
{
	size_t size = strlen(data);
	autoclose int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);

	if (fd == -1)
		return false;
	ssize_t written = write(fd, data, size);
	if (written >= 0 && (size_t)written != size)
		errno = EIO;
	return written == (ssize_t)size;
}

ssize_t fd_read_file(int dir, const char *path, char *data, size_t size)
{
	autoclose int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;

	if (fd == -1)
		return -1;
	while (length < size - 1) {
		ssize_t got = read(fd, data + length, size - 1 - length);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return -1;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	data[length] = '\0';
	return (ssize_t)length;
}

bool fd_read_again(int fd, char *text, size_t size)
{
	ssize_t length = fd == -1 ? -1 : pread(fd, text, size - 1, 0);

	if (length <= 0)
		return false;
	text[length] = '\0';
	return true;
}

int fd_above_stdio(int fd)
{
	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int code = errno;
	close(fd);
	errno = code;
	return moved;
}

int fd_memory(const char *name)
{
#ifdef MFD_NOEXEC_SEAL
	/* Newer kernels complain in their log about those who do not say; older know no flag. */
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	if (fd != -1 || errno != EINVAL)
		return fd;
#endif
	return memfd_create(name, MFD_CLOEXEC);
}

bool fd_watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* All from 'first' to 'last', if there are any. */
static void close_range_of(int first, int last)
{
	struct rlimit limit;

	if (first > last)
		return;
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, last, 0) == 0)
		return;
#endif
	/* Before Linux 5.9, or where a filter does not know the call. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur > 65536)
		limit.rlim_cur = 65536;
	for (int fd = first; fd <= last && fd < (int)limit.rlim_cur; fd++)
		close(fd);
}

void fd_close_from(int first)
{
	close_range_of(first, INT_MAX);
}

void fd_close_all_but(int one, int other)
{
	int low = one < other ? one : other, high = one < other ? other : one;

	close_range_of(STDERR_FILENO + 1, low - 1);
	close_range_of(low + 1, high - 1);
	fd_close_from(high + 1);
}
