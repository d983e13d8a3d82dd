/* SPDX-License-Identifier: Apache-2.0 */
/* tmp - what of an environment outlives its box: /tmp */
#include "sandbox/tmp.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/sandbox.h"

struct sandbox_tmp *sandbox_tmp_create(void)
{
	struct sandbox_tmp *tmp = malloc(sizeof(*tmp));

	if (!tmp)
		abort();
	*tmp = (struct sandbox_tmp){ .mount = -1, .user.lock = -1 };
	return tmp;
}

void sandbox_tmp_destroy(struct sandbox_tmp *tmp)
{
	if (!tmp)
		return;
	fd_close(&tmp->mount);
	user_leave(&tmp->user);
	free(tmp);
}

int tmp_mount(const struct sandbox_tmp *tmp)
{
	return tmp ? tmp->mount : -1;
}

bool tmp_take_user(struct sandbox_tmp *tmp, struct user *user)
{
	if (!tmp || !tmp->user.uid)
		return false;
	*user = tmp->user;
	tmp->user = (struct user){ .lock = -1 };
	return true;
}

void tmp_keep_mount(struct sandbox_tmp *tmp, int mount)
{
	/* The one before is that of the box that left it. */
	fd_close(&tmp->mount);
	tmp->mount = fcntl(mount, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

void tmp_keep_user(struct sandbox_tmp *tmp, struct user *user)
{
	user_leave(&tmp->user);
	tmp->user = *user;
	*user = (struct user){ .lock = -1 };
}
