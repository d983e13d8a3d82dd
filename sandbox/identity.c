/* SPDX-License-Identifier: Apache-2.0 */
/* identity - who a program is: uid 993, gid 990, no groups, no capabilities */
#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/identity.h"

/* Beyond the last capability that this kernel knows, prctl() says EINVAL. */
static bool empty_bounding_set(bool must, struct error *err)
{
	for (unsigned long capability = 0; capability < 64; capability++) {
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL || !must)
			break;
		return error_set(err, errno, "drop capability %lu", capability);
	}
	return true;
}

/* The keys of whoever started lrie (Kerberos tickets, disk keys) are in a keyring that children
 * inherit. Where the kernel or a filter refuses another one, programs get no keys either. */
static void leave_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) == -1)
		return;
}

bool identity_prepare(bool privileged, struct error *err)
{
	if (!empty_bounding_set(privileged, err))
		return false;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return error_set(err, errno, "set no_new_privs");
	leave_keyring();
	return true;
}

bool identity_drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	/* Kernels before 4.3 know no ambient set; it is empty there. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 && errno != EINVAL)
		return false;
	return syscall(SYS_capset, &header, none) == 0;
}

static bool drop_groups(void)
{
#ifdef SYS_setgroups32
	return syscall(SYS_setgroups32, 0, NULL) == 0;
#else
	return syscall(SYS_setgroups, 0, NULL) == 0;
#endif
}

static bool set_ids(uid_t uid)
{
#ifdef SYS_setresuid32
	return syscall(SYS_setresgid32, IDENTITY_GID, IDENTITY_GID, IDENTITY_GID) == 0 &&
	       syscall(SYS_setresuid32, uid, uid, uid) == 0;
#else
	return syscall(SYS_setresgid, IDENTITY_GID, IDENTITY_GID, IDENTITY_GID) == 0 &&
	       syscall(SYS_setresuid, uid, uid, uid) == 0;
#endif
}

bool identity_assume(uid_t uid, bool mapped)
{
	/* A user namespace made by an ordinary user forbids setgroups(): its groups stay. */
	return (mapped || drop_groups()) && set_ids(uid) && identity_drop_capabilities();
}
