/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user - a user of its own for each box, where nothing else tells the boxes apart
 *
 * What keeps two lries from the same user is the name of an abstract socket: it
 * needs no folder that can be written to, ends with its owner, and costs two
 * system calls. Programs may take such names, too; what they get by it is that
 * lrie skips a user.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "sandbox/fd.h"
#include "sandbox/identity.h"
#include "sandbox/user.h"

/*
 * Two users for each place, from two ranges. The first is free by systemd's list (UIDS-GIDS), and
 * below 65536, which is all that many containers have; the second lies between what 16 bits hold
 * and where the users of user namespaces begin (subuid(5)).
 */
#define FIRST_RANGE 60706
#define FIRST_PLACES 239
#define SECOND_RANGE 66000
#define PLACES 2000

/* ---- who is there --------------------------------------------------------------- */

/* All user ids of all processes, with repetitions. */
struct uids {
	uid_t *list;
	size_t count;
};

static void uids_free(struct uids *uids)
{
	free(uids->list);
}

static void add_uid(struct uids *uids, uid_t uid)
{
	if (uids->count && uids->list[uids->count - 1] == uid)
		return;
	if (uids->count % 64 == 0) {
		uids->list = realloc(uids->list, (uids->count + 64) * sizeof(uid));
		if (!uids->list)
			abort();
	}
	uids->list[uids->count++] = uid;
}

/* Real, effective, saved, and that for files. */
static void add_uids_of(struct uids *uids, int proc, int pid)
{
	char path[32], status[4096];
	unsigned uid[4];

	snprintf(path, sizeof(path), "%d/status", pid);
	if (fd_read_file(proc, path, status, sizeof(status)) == -1)
		return;
	const char *line = strstr(status, "\nUid:");
	if (!line || sscanf(line, "\nUid: %u %u %u %u", &uid[0], &uid[1], &uid[2], &uid[3]) != 4)
		return;
	for (int i = 0; i < 4; i++)
		add_uid(uids, (uid_t)uid[i]);
}

static bool list_uids(struct uids *uids)
{
	autoclose int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char entries[4096];
	long got = -1;

	while (proc != -1 && (got = syscall(SYS_getdents64, proc, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got;) {
			/* struct linux_dirent64: inode, offset, length, type, name */
			unsigned short length;
			memcpy(&length, entries + at + 16, sizeof(length));
			int pid = atoi(entries + at + 19);
			if (pid > 0)
				add_uids_of(uids, proc, pid);
			at += length;
		}
	}
	return got == 0;
}

/* Whether the machine has named the user: somebody's daemon may start at any time. The file may be
 * missing, as in small images. */
static bool has_name(uid_t uid)
{
	char line[1024];
	unsigned number;
	FILE *accounts = fopen("/etc/passwd", "re");
	bool found = false;

	while (accounts && !found && fgets(line, sizeof(line), accounts)) {
		const char *password = strchr(line, ':');
		const char *id = password ? strchr(password + 1, ':') : NULL;
		found = id && sscanf(id, ":%u:", &number) == 1 && number == uid;
	}
	if (accounts)
		fclose(accounts);
	return found;
}

static bool is_in_use(const struct uids *uids, const struct user *user)
{
	if (user->uid == IDENTITY_UID && has_name(user->uid))
		return true;
	for (size_t i = 0; i < uids->count; i++) {
		if (uids->list[i] == user->uid || (user->marshal && uids->list[i] == user->marshal))
			return true;
	}
	return false;
}

/* ---- taking one ------------------------------------------------------------------- */

static struct user user_at(unsigned place)
{
	uid_t first = place < FIRST_PLACES ? FIRST_RANGE + 2 * place
	                                   : SECOND_RANGE + 2 * (place - FIRST_PLACES);

	if (place == 0)
		return (struct user){ .uid = IDENTITY_UID, .lock = -1 };
	return (struct user){ .uid = first, .marshal = first + 1, .lock = -1 };
}

static bool lock_user(struct user *user)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	autoclose int lock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "lrie-user-%u",
	                      (unsigned)user->uid);

	if (lock == -1 ||
	    bind(lock, (struct sockaddr *)&address,
	         (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)length) == -1)
		return false;
	user->lock = steal_fd(&lock);
	return true;
}

bool user_take(struct user *user, struct error *err)
{
	__attribute__((cleanup(uids_free))) struct uids uids = { .count = 0 };

	*user = (struct user){ .lock = -1 };
	for (unsigned place = 0; place < PLACES; place++) {
		struct user candidate = user_at(place);
		if (!lock_user(&candidate)) {
			if (errno == EADDRINUSE)
				continue;
			return error_set(err, errno, "reserve user %u", (unsigned)candidate.uid);
		}
		/* Under the lock: whoever left it has no processes any more. */
		if (!uids.count && !list_uids(&uids)) {
			user_leave(&candidate);
			return error_set(err, errno, "list the processes in '/proc'");
		}
		if (!is_in_use(&uids, &candidate)) {
			*user = candidate;
			return true;
		}
		user_leave(&candidate);
	}
	return error_set(err, 0, "no user is left for one more box");
}

void user_leave(struct user *user)
{
	if (user->uid)
		fd_close(&user->lock);
	*user = (struct user){ .lock = -1 };
}
