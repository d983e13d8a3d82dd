/* SPDX-License-Identifier: Apache-2.0 */
/* hosts - the /etc/hosts of a box */
#include "sandbox/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/fd.h"

/* Lists of what is to be blocked may have megabytes; the root of a box has four. */
#define HOSTS_MAX (1 << 20)

/* First, since a machine may go by these names itself. The first name is what the address is called
 * when it is looked up, and stays what it was. */
static const char own_line[] = "127.0.0.1 localhost sandbox.localdomain sandbox\n";

static bool write_all(int fd, const char *text, size_t size)
{
	return write(fd, text, size) == (ssize_t)size;
}

/* Half a line would be another name. */
static size_t whole_lines(const char *text, size_t size)
{
	while (size > 0 && text[size - 1] != '\n')
		size--;
	return size;
}

bool hosts_write(const char *path, int target, struct error *err)
{
	char *text = malloc(HOSTS_MAX);

	if (!text)
		abort();
	ssize_t got = fd_read_file(AT_FDCWD, path, text, HOSTS_MAX);
	size_t size = got > 0 ? (size_t)got : 0;
	if (size == HOSTS_MAX - 1)
		size = whole_lines(text, size);
	bool written = write_all(target, own_line, sizeof(own_line) - 1) &&
	               write_all(target, text, size);
	free(text);
	return written || error_set(err, errno, "write '/etc/hosts' of the box");
}
