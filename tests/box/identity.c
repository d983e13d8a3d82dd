/* SPDX-License-Identifier: Apache-2.0 */
/* identity - who a function is, what it inherits, and that it can become nobody else */
#include <grp.h>
#include <linux/keyctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "tests/box/box.h"

static void test_user(void)
{
	NEED(SANDBOX_WALL_IDENTITY);
	BOX_CHECK(NULL, { "uid", "993 993 993" }, { "gid", "990 990 990" },
	          { "status:NoNewPrivs", "1" }, { "status:CapInh", "0000000000000000" },
	          { "status:CapPrm", "0000000000000000" }, { "status:CapEff", "0000000000000000" },
	          { "status:CapBnd", "0000000000000000" }, { "status:CapAmb", "0000000000000000" });
}

static void test_no_groups(void)
{
	gid_t groups[2] = { 1, 2 };

	NEED(SANDBOX_WALL_IDENTITY);
	if (geteuid() != 0)
		SKIP("only root can have supplementary groups to drop");
	if (setgroups(2, groups) == -1)
		box_die("setgroups");
	BOX_CHECK(NULL, { "groups", "0" });
	setgroups(0, NULL);
}

/* What a child of lrie has that a function must not: blocked and ignored signals, a mask of
 * its own, its session, its descriptors. */
static void test_nothing_is_inherited(void)
{
	sigset_t all, old;
	mode_t mask = umask(077);
	int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, on purpose */

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	signal(SIGHUP, SIG_IGN);
	BOX_CHECK(NULL, { "signals", "standard" }, { "umask", "022" }, { "session", "own" },
	          { "fds", "0 1 2" }, { "stdin", "empty" }, { "env:HOME", "unset" });
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(leak);
	umask(mask);
}

static void test_limits(void)
{
	struct sandbox_spec spec = box_spec();

	NEED(SANDBOX_WALL_IDENTITY);
	spec.open_files = 100;
	BOX_CHECK(&spec, { "limit:files", "100 100" }, { "limit:core", "1 1 or 0 0" },
	          { "open-files", "97 EMFILE" }, { "fds", "0 1 2" });
}

static void test_no_privilege_can_be_had(void)
{
	NEED(SANDBOX_WALL_IDENTITY);
	BOX_CHECK(NULL, { "setuid:0", "EPERM or EINVAL" }, { "setgid:0", "EPERM or EINVAL" },
	          { "setuid:1000", "EPERM or EINVAL" }, { "setgroups", "EPERM" },
	          { "sethostname:x", "EPERM" }, { "chroot:/tmp", "EPERM" },
	          { "mount:/tmp", "EPERM" }, { "umount:/tmp", "EPERM" }, { "remount:/", "EPERM" },
	          { "mknod:/tmp/x", "EPERM" }, { "nice:-5", "EPERM" }, { "uid", "993 993 993" });
}

/* Keys of the session that lrie was started in: tickets, tokens. */
static void test_keys_are_not_inherited(void)
{
	NEED(SANDBOX_WALL_IDENTITY);
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) == -1 ||
	    syscall(SYS_add_key, "user", "lrie-test", "x", 1, KEY_SPEC_SESSION_KEYRING) == -1)
		SKIP("no keyrings");
	CHECK(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "lrie-test",
	              0) != -1);
	BOX_CHECK(NULL, { "key:lrie-test", "ENOKEY or EACCES or EPERM or ENOSYS" });
}

/* Init is a copy of lrie, but does not go by its name. */
static void test_command_line_is_hidden(void)
{
	static struct box_run run;

	NEED(SANDBOX_WALL_PROCESSES);
	box_run(&run, NULL, "read:/proc/1/cmdline", "read:/proc/1/environ");
	CHECK_STR(box_says(&run, "read:/proc/1/cmdline"), "init");
	CHECK_STR(box_says(&run, "read:/proc/1/environ"), "EACCES");
}

/* As an ordinary user init has the function's own: it can be hurt, and the box ends with it. */
static void test_init_may_be_hurt_by_its_own_user(void)
{
	static struct box_run run;

	NEED(SANDBOX_WALL_PROCESSES);
	box_start(&run, NULL, "daemon", "starve:1", "orphans");
	BOX_UNTIL(&run, box_find(&run, "starve:1"));
	CHECK(box_is_one_of(box_says(&run, "starve:1"), "EPERM or ok"));
	if (geteuid() == 0)
		CHECK_STR(box_says(&run, "starve:1"), "EPERM");
	else
		BOX_UNTIL(&run, run.gone);
	box_end(&run);
	errno = 0;
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) <= 0);
}

/* A setuid program, here the probe itself owned by whoever runs this test. */
static void test_setuid_programs_gain_nothing(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	struct sandbox_spec spec = box_spec();
	char command[2 * PATH_MAX];
	static struct box_run run;

	snprintf(command, sizeof(command), "cp '%s' '%s/probe' && chmod 6755 '%s/probe'",
	         box_probe_path(), folder, folder);
	if (system(command) != 0)
		SKIP("cannot make a setuid program");
	spec.task_root = folder;
	const char *const argv[] = { "/var/task/probe", "uid", "gid", "status:CapEff", NULL };
	box_begin(&run, box_host(), &spec, argv, NULL, "/");
	BOX_UNTIL(&run, run.exited);
	box_end(&run);
	CHECK_STR(box_says(&run, "uid"), "993 993 993");
	CHECK_STR(box_says(&run, "gid"), "990 990 990");
	CHECK_STR(box_says(&run, "status:CapEff"), "0000000000000000");
	box_remove(folder);
}

/* CAP_SYS_ADMIN and all others, permitted and effective, in the format of the kernel since 2.6.25.
 */
static const unsigned char all_capabilities[] = { 1, 0, 0,    2,    0xff, 0xff, 0xff, 0xff, 0, 0,
	                                          0, 0, 0xff, 0xff, 0xff, 0xff, 0,    0,    0, 0 };

static void test_capabilities_of_files_are_not_gained(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	struct sandbox_spec spec = box_spec();
	char command[2 * PATH_MAX], path[PATH_MAX];
	static struct box_run run;

	snprintf(path, sizeof(path), "%s/probe", folder);
	snprintf(command, sizeof(command), "cp '%s' '%s/probe'", box_probe_path(), folder);
	if (system(command) != 0)
		box_die(command);
	if (setxattr(path, "security.capability", all_capabilities, sizeof(all_capabilities), 0) ==
	    -1) {
		box_remove(folder);
		SKIP("only root can give a file capabilities, where the file system keeps them");
	}
	spec.task_root = folder;
	const char *const argv[] = { "/var/task/probe", "status:CapPrm", "status:CapEff",
		                     "status:CapAmb",   "sethostname:x", NULL };
	box_begin(&run, box_host(), &spec, argv, NULL, "/");
	BOX_UNTIL(&run, run.exited || run.exec_failed);
	box_end(&run);
	CHECK_STR(run.error.text, "");
	CHECK_STR(box_says(&run, "status:CapPrm"), "0000000000000000");
	CHECK_STR(box_says(&run, "status:CapEff"), "0000000000000000");
	CHECK_STR(box_says(&run, "status:CapAmb"), "0000000000000000");
	CHECK_STR(box_says(&run, "sethostname:x"), "EPERM");
	box_remove(folder);
}

static void test_host_name(void)
{
	char before[128], after[128];

	NEED(SANDBOX_WALL_HOSTNAME);
	gethostname(before, sizeof(before));
	BOX_CHECK(NULL, { "hostname", "function" });
	gethostname(after, sizeof(after));
	CHECK_STR(after, before);
}

static void test_ipc_is_its_own(void)
{
	char word[32];

	NEED(SANDBOX_WALL_IPC);
	key_t key = (key_t)getpid() + 0x10000000;
	int queue = msgget(key, IPC_CREAT | 0666);
	if (queue == -1)
		box_die("msgget");
	snprintf(word, sizeof(word), "msgget:%d", (int)key);
	BOX_CHECK(NULL, { word, "ENOENT" });
	msgctl(queue, IPC_RMID, NULL);
}

static void test_cpus_are_as_many_as_asked_for(void)
{
	struct sandbox_spec spec = box_spec();
	cpu_set_t own;
	char all[16];

	CHECK(sched_getaffinity(0, sizeof(own), &own) == 0);
	snprintf(all, sizeof(all), "%d", CPU_COUNT(&own));
	BOX_CHECK(&spec, { "cpus", all });
	spec.cpus = 1;
	BOX_CHECK(&spec, { "cpus", "1" });
	spec.cpus = 1000;
	BOX_CHECK(&spec, { "cpus", all });
}

TEST_MAIN(test_user, test_no_groups, test_nothing_is_inherited, test_limits,
          test_no_privilege_can_be_had, test_keys_are_not_inherited, test_command_line_is_hidden,
          test_init_may_be_hurt_by_its_own_user, test_setuid_programs_gain_nothing,
          test_capabilities_of_files_are_not_gained, test_host_name, test_ipc_is_its_own,
          test_cpus_are_as_many_as_asked_for)
