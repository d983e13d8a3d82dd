/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock - what programs may write, where they cannot have a root of their own
 *
 * The kernel's structs and numbers are written down here: headers are often older
 * than the kernel, and a larger struct whose end is zero is taken by every kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/landlock.h"

/* The same on all architectures. */
#ifndef SYS_landlock_create_ruleset
#	define SYS_landlock_create_ruleset 444
#	define SYS_landlock_add_rule 445
#	define SYS_landlock_restrict_self 446
#endif

#define CREATE_VERSION (1u << 0)
#define RULE_PATH_BENEATH 1

struct ruleset {
	uint64_t handled_files;
	uint64_t handled_network;
	uint64_t scoped;
};

struct path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* Rights to files. Those to execute, and to read files and folders, stay with everybody. */
#define WRITE_FILE (1u << 1)
#define REMOVE_DIR (1u << 4)
#define REMOVE_FILE (1u << 5)
#define MAKE_CHAR (1u << 6)
#define MAKE_DIR (1u << 7)
#define MAKE_REG (1u << 8)
#define MAKE_SOCK (1u << 9)
#define MAKE_FIFO (1u << 10)
#define MAKE_BLOCK (1u << 11)
#define MAKE_SYM (1u << 12)
#define REFER (1u << 13)
#define TRUNCATE (1u << 14)
#define IOCTL_DEV (1u << 15)

#define SCOPE_ABSTRACT_SOCKETS (1u << 0)
#define SCOPE_SIGNALS (1u << 1)

/* No devices: what could be made has no use but to reach the machine's. */
#define IN_TMP                                                                                 \
	(WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | \
	 MAKE_SYM | REFER | TRUNCATE)
#define ON_DEVICE (WRITE_FILE | TRUNCATE | IOCTL_DEV)

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/* What the kernel can take away. */
static uint64_t rights_to_write(int abi)
{
	uint64_t rights = IN_TMP | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV;

	if (abi < LANDLOCK_ABI_REFER)
		rights &= ~(uint64_t)REFER;
	if (abi < LANDLOCK_ABI_TRUNCATE)
		rights &= ~(uint64_t)TRUNCATE;
	if (abi < LANDLOCK_ABI_IOCTL)
		rights &= ~(uint64_t)IOCTL_DEV;
	return rights;
}

static int create_ruleset(const struct ruleset *ruleset)
{
	return (int)syscall(SYS_landlock_create_ruleset, ruleset, sizeof(*ruleset), 0);
}

static bool allow(int rules, int parent, uint64_t rights)
{
	const struct path_beneath rule = { .allowed = rights, .parent = parent };

	return syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0) == 0;
}

/* Where there is no /tmp, there is nothing to be written to. */
static bool allow_tmp(int rules, uint64_t handled, struct error *err)
{
	autoclose int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return (tmp == -1 && errno == ENOENT) ||
	       (tmp != -1 && allow(rules, tmp, IN_TMP & handled)) ||
	       error_set(err, errno, "allow programs to write to '/tmp'");
}

/* Of those that Lambda has. One that is missing, or something else, is not allowed. */
static bool allow_device(int rules, const char *path, unsigned minor, uint64_t handled,
                         struct error *err)
{
	autoclose int device = open(path, O_PATH | O_CLOEXEC);
	struct stat status;

	if (device == -1 || fstat(device, &status) == -1 || !S_ISCHR(status.st_mode) ||
	    status.st_rdev != makedev(1, minor))
		return true;
	return allow(rules, device, ON_DEVICE & handled) ||
	       error_set(err, errno, "allow programs to write to '%s'", path);
}

static bool add_rules(int rules, uint64_t handled, struct error *err)
{
	return allow_tmp(rules, handled, err) &&
	       allow_device(rules, "/dev/null", 3, handled, err) &&
	       allow_device(rules, "/dev/zero", 5, handled, err) &&
	       allow_device(rules, "/dev/full", 7, handled, err) &&
	       allow_device(rules, "/dev/random", 8, handled, err) &&
	       allow_device(rules, "/dev/urandom", 9, handled, err);
}

int landlock_make_rules(struct error *err)
{
	int abi = landlock_abi();
	const struct ruleset ruleset = {
		.handled_files = rights_to_write(abi),
		.scoped = abi >= LANDLOCK_ABI_SCOPE ? SCOPE_SIGNALS : 0,
	};
	autoclose int rules = create_ruleset(&ruleset);

	if (rules == -1)
		error_set(err, errno, "make rules for Landlock");
	if (rules == -1 || !add_rules(rules, ruleset.handled_files, err))
		return -1;
	return steal_fd(&rules);
}

bool landlock_allow_device(int rules, int fd)
{
	return allow(rules, fd, ON_DEVICE & rights_to_write(landlock_abi()));
}

bool landlock_follow(int rules)
{
	return syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}

bool landlock_leave_sockets(void)
{
	const struct ruleset ruleset = { .scoped = SCOPE_ABSTRACT_SOCKETS };
	autoclose int rules = create_ruleset(&ruleset);

	return rules != -1 && landlock_follow(rules);
}
