/* SPDX-License-Identifier: Apache-2.0 */
/* removal - removes folders in children, so that nobody waits who is served meanwhile */
#include "emulator/removal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "emulator/folder.h"
#include "emulator/log.h"
#include "emulator/signals.h"
#include "sandbox/fd.h"

/* A pipe that nobody writes to: it has its end when the last child has, whoever reaps them. */
static int children[2] = { -1, -1 };

static void remove_now(const char *path)
{
	struct error err;

	if (!folder_remove(AT_FDCWD, path, &err))
		log_warning("%s", err.text);
}

void removal_begin(const char *path, int lock)
{
	if (children[0] == -1 && pipe2(children, O_CLOEXEC) == -1) {
		remove_now(path);
		return;
	}
	switch (fork()) {
	case -1:
		remove_now(path);
		return;
	case 0:
		signals_ignore_ending();
		fd_close_all_but(lock, children[1]);
		remove_now(path);
		_exit(0);
	default:
		return;
	}
}

void removal_await(void)
{
	char none;

	fd_close(&children[1]);
	while (children[0] != -1 && read(children[0], &none, 1) == -1 && errno == EINTR)
		;
	fd_close(&children[0]);
}
