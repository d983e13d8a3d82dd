/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine - makes a child's machine one on which walls cannot stand.
 *
 * By a seccomp filter, as containers have one, or by unmounting cgroups. The child then does the
 * test; its checks count by its exit status.
 */
#ifndef TESTS_BOX_MACHINE_H
#define TESTS_BOX_MACHINE_H

#include <ftw.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "tests/box/box.h"

#define ALL_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | \
	 CLONE_NEWCGROUP)

#ifdef __s390__
#	define CLONE_FLAGS_ARGUMENT 1
#else
#	define CLONE_FLAGS_ARGUMENT 0
#endif

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#	define LOW_HALF 4
#else
#	define LOW_HALF 0
#endif

struct filter {
	struct sock_filter code[128];
	unsigned short length;
};

BOX_UNUSED static void add(struct filter *filter, struct sock_filter instruction)
{
	filter->code[filter->length++] = instruction;
}

BOX_UNUSED static void load(struct filter *filter, size_t offset)
{
	add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

BOX_UNUSED static void refuse(struct filter *filter, long call, int code)
{
	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1));
	add(filter,
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code));
}

/* clone() with any namespace; without, it is fork(). Comes last: it loads something else. */
BOX_UNUSED static void refuse_namespaces(struct filter *filter)
{
	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
	load(filter, offsetof(struct seccomp_data, args[CLONE_FLAGS_ARGUMENT]) + LOW_HALF);
	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, ALL_NAMESPACES, 0, 1));
	add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
}

BOX_UNUSED static void install(struct filter *filter)
{
	add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	const struct sock_fprog program = { .len = filter->length, .filter = filter->code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1)
		box_die("seccomp");
}

BOX_UNUSED static void refuse_one(long call, int code)
{
	struct filter filter = { .length = 0 };

	load(&filter, offsetof(struct seccomp_data, nr));
	refuse(&filter, call, code);
	install(&filter);
}

/* A refusal that the low half of an argument decides: BPF_JEQ or BPF_JSET with 'value'. */
BOX_UNUSED static void refuse_with(long call, unsigned argument, unsigned test, unsigned value,
                                   int code)
{
	struct filter filter = { .length = 0 };

	load(&filter, offsetof(struct seccomp_data, nr));
	add(&filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 3));
	load(&filter, offsetof(struct seccomp_data, args[argument]) + LOW_HALF);
	add(&filter, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value, 0, 1));
	add(&filter,
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code));
	install(&filter);
}

/* What Docker's default profile refuses of all that a box needs. */
BOX_UNUSED static void become_docker(void)
{
	static const long calls[] = { SYS_unshare,       SYS_setns,      SYS_mount,
		                      SYS_umount2,       SYS_pivot_root, SYS_fsopen,
		                      SYS_fsmount,       SYS_open_tree,  SYS_move_mount,
		                      SYS_mount_setattr, SYS_sethostname };
	struct filter filter = { .length = 0 };

	load(&filter, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		refuse(&filter, calls[i], EPERM);
	refuse(&filter, SYS_clone3, ENOSYS);
	refuse_namespaces(&filter);
	install(&filter);
}

/* Unmounts cgroups whose line in mountinfo has 'mark' (" - cgroup2 ", "freezer"), for this process
 * only. Takes root. */
BOX_UNUSED static void unmount_cgroups(const char *mark)
{
	char line[4096], point[1024];
	if (unshare(CLONE_NEWNS) == -1)
		box_die("unshare");
	FILE *file = fopen("/proc/self/mountinfo", "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, " - cgroup") && strstr(line, mark) &&
		    sscanf(line, "%*s %*s %*s %*s %1023s", point) == 1)
			umount2(point, MNT_DETACH);
	}
	if (file)
		fclose(file);
}

static int machine_found;
static const char *machine_wanted;

BOX_UNUSED static int machine_compare(const char *path, const struct stat *status, int type,
                                      struct FTW *where)
{
	(void)status;
	if (type == FTW_D && strcmp(path + where->base, machine_wanted) == 0)
		machine_found++;
	return 0;
}

/* How many cgroups have this name. */
BOX_UNUSED static int machine_count_cgroups(const char *name)
{
	machine_found = 0;
	machine_wanted = name;
	nftw("/sys/fs/cgroup", machine_compare, 32, FTW_PHYS);
	return machine_found;
}

/* fork(), into a pid namespace with a /proc to match, if that is allowed. */
BOX_UNUSED static pid_t machine_fork(void)
{
	int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	bool apart = geteuid() == 0 && own != -1 && unshare(CLONE_NEWPID) == 0;
	pid_t pid = fork();

	if (pid == 0 && apart &&
	    (unshare(CLONE_NEWNS) == -1 ||
	     mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) == -1 ||
	     mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == -1))
		box_die("mount '/proc'");
	if (pid != 0 && apart && setns(own, CLONE_NEWPID) == -1)
		box_die("setns");
	close(own);
	return pid;
}

/* Runs 'scene' in a child that 'fork_call' makes; its failed checks are this test's. */
#define IN_CHILD_BY(fork_call, scene)                                     \
	do {                                                              \
		box_forget_host();                                        \
		fflush(stdout);                                           \
		pid_t scene_pid = fork_call;                              \
		int scene_status = -1;                                    \
		if (scene_pid == 0) {                                     \
			test_now.failed = false;                          \
			scene;                                            \
			box_forget_host();                                \
			fflush(stdout);                                   \
			_exit(test_now.failed);                           \
		}                                                         \
		CHECK(waitpid(scene_pid, &scene_status, 0) == scene_pid); \
		CHECK_INT(scene_status, 0);                               \
	} while (0)

#define IN_CHILD(scene) IN_CHILD_BY(fork(), scene)

/* A container has processes of its own: those of the machine are not in reach of what is tried. */
#define IN_CONTAINER(scene) IN_CHILD_BY(machine_fork(), scene)

#endif
