/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restricted - machines as administrators restrict them: a box runs each time, and what is missing
 * names its reason
 */
#include <grp.h>
#include <linux/capability.h>

#include "tests/box/machine.h"

static const struct sandbox_wall_state *state_of(enum sandbox_wall wall)
{
	return sandbox_host_wall(box_host(), wall);
}

#define NOBODY 65534

/* What is mounted from here on is mounted for this process and its children. */
static void leave_mounts(void)
{
	if (unshare(CLONE_NEWNS) == -1 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) == -1)
		box_die("leave the mounts");
}

/* Root, here and now, as an ordinary user. */
static void become_nobody(void)
{
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) == -1 || setresgid(NOBODY, NOBODY, NOBODY) == -1 ||
	     setresuid(NOBODY, NOBODY, NOBODY) == -1))
		box_die("become an ordinary user");
	prctl(PR_SET_DUMPABLE, 1); /* else its own /proc is root's */
}

static void check_a_box(void)
{
	static struct box_run run;
	struct sandbox_spec spec = box_spec();

	spec.processes = 0; /* RLIMIT_NPROC would count what other boxes of this machine have */
	box_run(&run, &spec, "eat:10", "exit:3");
	CHECK_STR(run.error.text, "");
	CHECK(run.exited && run.gone);
	CHECK_INT(run.status, W_EXITCODE(3, 0));
}

/* As containers have it. */
static void live_with_read_only_cgroups(void)
{
	const struct sandbox_wall_state *memory, *cpu;
	char line[4096], point[1024];

	leave_mounts();
	FILE *file = fopen("/proc/self/mountinfo", "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, " - cgroup") &&
		    sscanf(line, "%*s %*s %*s %*s %1023s", point) == 1 &&
		    mount(NULL, point, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == -1)
			box_die(point);
	}
	if (file)
		fclose(file);
	cpu = state_of(SANDBOX_WALL_CPU);
	memory = state_of(SANDBOX_WALL_MEMORY);
	CHECK_INT(cpu->standing, SANDBOX_NO);
	CHECK(strstr(cpu->detail, "Read-only file system") != NULL);
	CHECK(memory->standing != SANDBOX_YES && strcmp(memory->mechanism, "cgroup v1") != 0);
	CHECK(memory->detail[0]);
	check_a_box();
}

static void test_read_only_cgroups(void)
{
	if (geteuid() != 0)
		SKIP("only root can mount");
	IN_CONTAINER(live_with_read_only_cgroups());
}

/* Where no more groups can be made; 0755 is the mode of those, and of folders in a root. */
static void live_with_full_cgroups(int code)
{
	refuse_one(SYS_mkdirat, code);
	CHECK_INT(state_of(SANDBOX_WALL_CPU)->standing, SANDBOX_NO);
	CHECK(strstr(state_of(SANDBOX_WALL_CPU)->detail, strerror(code)) != NULL);
	check_a_box();
}

static void test_full_cgroups(void)
{
	NEED(SANDBOX_WALL_CPU);
	IN_CONTAINER(live_with_full_cgroups(ENOSPC));
	IN_CONTAINER(live_with_full_cgroups(EAGAIN));
	IN_CONTAINER(live_with_full_cgroups(ENOMEM));
}

/* As in two containers of one cgroup, of which each has a first process. */
static void test_another_lrie_of_this_pid(void)
{
	struct error err = { .code = 0 };

	NEED(SANDBOX_WALL_CPU);
	struct sandbox_host *other = sandbox_probe(SANDBOX_AUTO, 0, &err);
	CHECK_STR(err.text, "");
	CHECK_STR(sandbox_host_wall(other, SANDBOX_WALL_CPU)->detail,
	          state_of(SANDBOX_WALL_CPU)->detail);
	CHECK_INT(sandbox_host_wall(other, SANDBOX_WALL_CPU)->standing, SANDBOX_YES);
	sandbox_host_destroy(other);
}

/* The limit is one of a user namespace, and this one's own. */
static bool forbid_user_namespaces(void)
{
	char map[64];
	unsigned uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWUSER) == -1)
		return false;
	fd_write_file(AT_FDCWD, "/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	bool mapped = fd_write_file(AT_FDCWD, "/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	mapped = mapped && fd_write_file(AT_FDCWD, "/proc/self/gid_map", map);
	return mapped && fd_write_file(AT_FDCWD, "/proc/sys/user/max_user_namespaces", "0");
}

static void live_without_user_namespaces(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	struct error err = { .code = 0 };

	become_nobody();
	if (!forbid_user_namespaces()) {
		printf("# no user namespace to forbid others in\n");
		return;
	}
	if (syscall(SYS_capset, &header, none) == -1)
		box_die("capset");
	CHECK(!sandbox_host_has_root(box_host()));
	CHECK_INT(state_of(SANDBOX_WALL_IPC)->standing, SANDBOX_NO);
	CHECK(strstr(state_of(SANDBOX_WALL_IPC)->detail, "No space left on device; ") != NULL);
	CHECK(strstr(state_of(SANDBOX_WALL_IPC)->detail, "user.max_user_namespaces") != NULL);
	check_a_box();
	box_forget_host();
	CHECK(!sandbox_probe(SANDBOX_AUTO, 1u << SANDBOX_WALL_HOSTNAME, &err));
	CHECK(strstr(err.text, "hostname (") != NULL);
}

static void test_no_user_namespaces(void)
{
	IN_CONTAINER(live_without_user_namespaces());
}

/* As container engines cover parts of it: nobody can then mount one that shows more. */
static void live_with_a_masked_proc(void)
{
	leave_mounts();
	if (mount("tmpfs", "/proc/sys", "tmpfs", MS_RDONLY, NULL) == -1)
		box_die("mount");
	become_nobody();
	if (!sandbox_host_has_root(box_host())) {
		printf("# %s\n", state_of(SANDBOX_WALL_IPC)->detail);
	} else {
		CHECK_INT(state_of(SANDBOX_WALL_PROCESSES)->standing, SANDBOX_PARTLY);
		CHECK(strstr(state_of(SANDBOX_WALL_PROCESSES)->detail, "unmask=/proc") != NULL);
		BOX_CHECK(NULL, { "kill:1:9", "EPERM or ok" }, { "read:/proc/1/environ", "EACCES" },
		          { "uid", "993 993 993" });
	}
	check_a_box();
}

/* As on machines of many users. */
static void live_with_a_hiding_proc(void)
{
	leave_mounts();
	if (mount("proc", "/proc", "proc", 0, "hidepid=2") == -1)
		box_die("mount");
	become_nobody();
	if (sandbox_host_has_root(box_host()))
		BOX_CHECK(NULL, { "read:/proc/1/environ", "EACCES or ENOENT" },
		          { "uid", "993 993 993" });
	check_a_box();
}

static void test_restricted_proc(void)
{
	if (geteuid() != 0)
		SKIP("only root can mount");
	IN_CONTAINER(live_with_a_masked_proc());
	IN_CONTAINER(live_with_a_hiding_proc());
}

/* As in the barest of chroots. */
static void live_without_proc(bool as_nobody)
{
	struct error err = { .code = 0 };

	leave_mounts();
	if (mount("tmpfs", "/proc", "tmpfs", MS_RDONLY, NULL) == -1)
		box_die("mount");
	if (as_nobody)
		become_nobody();
	box_host_now = sandbox_probe(SANDBOX_AUTO, 0, &err);
	if (box_host_now)
		check_a_box();
	else
		CHECK(strstr(err.text, "/proc") != NULL);
}

static void test_no_proc(void)
{
	if (geteuid() != 0)
		SKIP("only root can mount");
	IN_CONTAINER(live_without_proc(false));
	IN_CONTAINER(live_without_proc(true));
}

TEST_MAIN(test_read_only_cgroups, test_full_cgroups, test_another_lrie_of_this_pid,
          test_no_user_namespaces, test_restricted_proc, test_no_proc)
