/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container - boxes where there are no namespaces, as in a default Docker container: what stands,
 * what does not, and that it is said
 */
#include "sandbox/landlock.h"
#include "tests/box/machine.h"

/* Within which a box is gone: 30 ms, but without a limit of CPU those that fight it have all of it,
 * and other tests may have, too. */
#define SOON_NS 3000000000

/* ---- as in Docker --------------------------------------------------------------- */

static const struct sandbox_wall_state *state_of(enum sandbox_wall wall)
{
	return sandbox_host_wall(box_host(), wall);
}

static void check_missing(enum sandbox_wall wall)
{
	test_case(sandbox_wall_name(wall));
	CHECK_INT(state_of(wall)->standing, SANDBOX_NO);
	CHECK(strstr(state_of(wall)->detail, "Operation not permitted") != NULL);
	CHECK(strstr(state_of(wall)->detail, "; ") != NULL);
}

static void see_the_walls(void)
{
	become_docker();
	CHECK(!sandbox_host_has_root(box_host()));
	if (landlock_abi() == 0)
		check_missing(SANDBOX_WALL_FILES);
	else
		CHECK_STR(state_of(SANDBOX_WALL_FILES)->mechanism, "Landlock");
	test_case("tmp");
	CHECK_INT(state_of(SANDBOX_WALL_TMP)->standing, SANDBOX_PARTLY);
	CHECK(strstr(state_of(SANDBOX_WALL_TMP)->detail, "/tmp") != NULL);
	check_missing(SANDBOX_WALL_IPC);
	check_missing(SANDBOX_WALL_HOSTNAME);
	test_case("identity");
	CHECK_INT(sandbox_host_wall(box_host(), SANDBOX_WALL_IDENTITY)->standing,
	          geteuid() == 0 ? SANDBOX_YES : SANDBOX_NO);
	test_case(NULL);
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++)
		printf("# %s\n", state_of((enum sandbox_wall)wall)->detail);
}

static void test_missing_walls_have_reasons(void)
{
	IN_CONTAINER(see_the_walls());
}

/* Root of a machine that is no container, whatever this one is: its mark is in the root. */
static void leave_container(void)
{
	static const char *const folders[] = { "/dev", "/proc", "/tmp" };
	char path[PATH_MAX];

	if (mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == -1)
		box_die("/mnt");
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "/mnt%s", folders[i]);
		if (mkdir(path, 0755) == -1 || mount(folders[i], path, NULL, MS_BIND, NULL) == -1)
			box_die(path);
	}
	if (chroot("/mnt") == -1 || chdir("/") == -1)
		box_die("chroot");
}

/* A machine that says so: with a folder of /proc/sys that has one file. */
static void be_told(const char *folder, const char *file, const char *value, const char *remedy)
{
	leave_container();
	if (mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == -1)
		box_die(folder);
	box_put(folder, file, value, 0644);
	become_docker();
	for (int wall = SANDBOX_WALL_IPC; wall <= SANDBOX_WALL_HOSTNAME; wall++)
		CHECK(strstr(state_of((enum sandbox_wall)wall)->detail, remedy) != NULL);
}

/* Why there are no user namespaces is known in three ways; Ubuntu's is one. */
static void test_remedies(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) == -1)
		SKIP("cannot mount");
	IN_CONTAINER(be_told("/proc/sys/kernel", "apparmor_restrict_unprivileged_userns", "1\n",
	                     "kernel.apparmor_restrict_unprivileged_userns=0"));
	IN_CONTAINER(be_told("/proc/sys/kernel", "unprivileged_userns_clone", "0\n",
	                     "kernel.unprivileged_userns_clone=1"));
	IN_CONTAINER(be_told("/proc/sys/user", "max_user_namespaces", "0\n",
	                     "user.max_user_namespaces=10000"));
}

static void require_walls(void)
{
	struct error err = { .code = 0 };

	become_docker();
	CHECK(!sandbox_probe(SANDBOX_AUTO, 1u << SANDBOX_WALL_IPC, &err));
	CHECK(strstr(err.text, "ipc (") && !strstr(err.text, "hostname ("));
	CHECK(!sandbox_probe(SANDBOX_FULL, 0, &err));
	CHECK(strstr(err.text, "ipc (") && strstr(err.text, "hostname ("));
}

static void test_required_walls(void)
{
	IN_CONTAINER(require_walls());
}

/* It is not one of all walls, but one that nothing replaces. */
static void want_no_network(void)
{
	struct error err = { .code = 0 };

	become_docker();
	CHECK(!sandbox_host_set_network(box_host(), SANDBOX_NETWORK_NONE, &err));
	printf("# %s\n", err.text);
	CHECK(strstr(err.text, "no network of its own: ") && strstr(err.text, "; "));
	const struct sandbox_wall_state *state = sandbox_host_wall(box_host(),
	                                                           SANDBOX_WALL_NETWORK);
	CHECK_INT(state->standing, SANDBOX_NO);
	CHECK(!state->by_choice);
	CHECK(strstr(err.text, state->detail) != NULL);
	CHECK(sandbox_host_set_network(box_host(), SANDBOX_NETWORK_HOST, &err));
	CHECK(state->by_choice && strstr(state->detail, "by choice"));
}

static void test_no_network_is_not_possible(void)
{
	IN_CONTAINER(want_no_network());
}

static void run_a_box(void)
{
	static struct box_run run;

	become_docker();
	BOX_CHECK(NULL, { "status:NoNewPrivs", "1" }, { "status:CapEff", "0000000000000000" },
	          { "session", "own" }, { "fds", "0 1 2" }, { "signals", "standard but SIGXFSZ" },
	          { "limit:files", "1024 1024" }, { "write:/usr/x", "EACCES or EROFS" },
	          { "setuid:0", "EPERM" });
	box_run(&run, NULL, "exit:3");
	CHECK_INT(run.status, W_EXITCODE(3, 0));
	box_run(&run, NULL, "eat:30", "exit:0");
	CHECK(run.peak >= MB(30) && run.peak < MB(35));
	box_start(&run, NULL, "family:3:10", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	uint64_t peak = 0;
	CHECK(sandbox_memory_peak(run.box, &peak));
	CHECK(peak >= MB(30) && peak < MB(40));
	box_end(&run);
}

static void test_boxes_work_without_namespaces(void)
{
	IN_CONTAINER(run_a_box());
}

/* A folder that everybody may write to, as far as permissions go. */
static const char *open_folder(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/var/tmp/lrie-box-XXXXXX");
	if (!mkdtemp(path) || chmod(path, 0777) == -1)
		box_die("mkdtemp");
	box_put(path, "file", "text", 0666);
	return path;
}

/* "verb:folder/name". Valid until the next call but fifteen. */
static const char *word(const char *verb, const char *folder, const char *name)
{
	static char words[16][128];
	static unsigned next;
	char *made = words[next++ % 16];

	snprintf(made, sizeof(words[0]), "%s:%s/%s", verb, folder, name);
	return made;
}

/* What permissions allow, Landlock takes away, but for /tmp and the devices. */
static void write_everywhere(const char *elsewhere, const char *in_tmp)
{
	become_docker();
	BOX_CHECK(NULL, { word("write", elsewhere, "new"), "EACCES" },
	          { word("mkdir", elsewhere, "new"), "EACCES" },
	          { word("write", elsewhere, "file"), "EACCES" },
	          { word("unlink", elsewhere, "file"), "EACCES" },
	          { word("read", elsewhere, "file"), "text" }, { "write:/dev/null", "ok" },
	          { "write:/dev/zero", "ok" }, { "write:/dev/full", "ENOSPC" },
	          { "shm-open:/lrie-degraded", "EACCES" }, { "write:/proc/self/comm", "EACCES" });
	if (landlock_abi() >= LANDLOCK_ABI_TRUNCATE)
		BOX_CHECK(NULL, { word("truncate", elsewhere, "file"), "EACCES" });
	BOX_CHECK(NULL, { word("write", in_tmp, "new"), "ok" },
	          { word("truncate", in_tmp, "new"), "ok" },
	          { word("unlink", in_tmp, "new"), "ok" },
	          { word("mkdir", in_tmp, "folder"), "ok" },
	          { word("write", in_tmp, "folder/new"), "ok" },
	          { word("unlink", in_tmp, "folder/new"), "ok" },
	          { word("exec-copy", in_tmp, "copy"), "ok" });
}

/* As where the file system itself is read-only. Links lead where they lead. */
static void report_writes(const char *elsewhere, const char *in_tmp)
{
	static struct box_run run;
	struct sandbox_spec spec = box_spec();

	become_docker();
	if (sandbox_host_wall(box_host(), SANDBOX_WALL_SYSCALLS)->standing != SANDBOX_YES)
		return;
	spec.report_writes = true;
	box_run(&run, &spec, word("file:create", elsewhere, "new"),
	        word("file:append", elsewhere, "file"), word("file:unlink", elsewhere, "file"),
	        word("file:create", elsewhere, "no/such/folder"), word("cd", elsewhere, "."),
	        "file:mkdir:relative", word("file:create", in_tmp, "new"),
	        word("file:create", elsewhere, "to-tmp/new"), "file:write:/dev/null");
	CHECK_INT(run.write_count, 4);
	CHECK(strcmp(run.writes[0].path + strlen(elsewhere), "/new") == 0);
	CHECK_INT(run.writes[1].kind, SANDBOX_WRITE_CONTENT);
	CHECK_STR(run.writes[0].name, "probe");
	CHECK_INT(run.writes[2].missing, strlen(elsewhere) + strlen("/no"));
	CHECK(strcmp(run.writes[3].path + strlen(elsewhere), "/relative") == 0);
}

static void test_failed_writes_without_namespaces(void)
{
	char link[PATH_MAX];

	if (landlock_abi() == 0)
		SKIP("the kernel has no Landlock");
	const char *elsewhere = open_folder(), *in_tmp = box_folder();
	CHECK(chmod(in_tmp, 0777) == 0);
	snprintf(link, sizeof(link), "%s/to-tmp", elsewhere);
	CHECK(symlink(in_tmp, link) == 0);
	IN_CONTAINER(report_writes(elsewhere, in_tmp));
	box_remove(elsewhere);
	box_remove(in_tmp);
}

static void test_writing_without_namespaces(void)
{
	if (landlock_abi() == 0)
		SKIP("the kernel has no Landlock");
	const char *elsewhere = open_folder(), *in_tmp = box_folder();
	CHECK(chmod(in_tmp, 0777) == 0);
	IN_CONTAINER(write_everywhere(elsewhere, in_tmp));
	box_remove(elsewhere);
	box_remove(in_tmp);
}

/* Where /tmp has no end, a file has; and who goes on beyond it is not killed for that. */
static void fill_a_file(const char *in_tmp)
{
	struct sandbox_spec spec = box_spec();

	become_docker();
	BOX_CHECK(&spec, { word("fill", in_tmp, "file"), "16 EFBIG" });
}

static void test_files_are_bounded_without_namespaces(void)
{
	const char *in_tmp = box_folder();

	CHECK(chmod(in_tmp, 0777) == 0);
	IN_CONTAINER(fill_a_file(in_tmp));
	box_remove(in_tmp);
}

/* "kill:12:19" and the like. Valid until the next call but fifteen. */
static const char *with_pid(const char *verb, pid_t pid, const char *rest)
{
	static char words[16][64];
	static unsigned next;
	char *made = words[next++ % 16];

	snprintf(made, sizeof(words[0]), "%s%d%s", verb, (int)pid, rest);
	return made;
}

/* A kernel without Landlock, or a filter that does not know it. */
static void live_without_landlock(void)
{
	become_docker();
	refuse_one(444 /* landlock_create_ruleset */, ENOSYS);
	check_missing(SANDBOX_WALL_FILES);
	test_case(NULL);
	BOX_CHECK(NULL, { "write:/usr/x", "EACCES or EROFS" }, { "setuid:0", "EPERM or EINVAL" },
	          { with_pid("read:/proc/", getpid(), "/environ"), "EACCES" },
	          { with_pid("ls:/proc/", getpid(), "/fd"), "EACCES" });
	if (geteuid() != 0)
		CHECK_INT(prctl(PR_GET_DUMPABLE), 0);
	box_forget_host();
	CHECK_INT(prctl(PR_GET_DUMPABLE), 1);
}

static void test_no_landlock(void)
{
	IN_CONTAINER(live_without_landlock());
}

/* ---- users ------------------------------------------------------------------------------ */

static const char *uid_of(struct box_run *run)
{
	static char uid[4][32];
	static unsigned next;
	char *made = uid[next++ % 4];

	box_start(run, NULL, "uid", "hold");
	BOX_UNTIL(run, box_find(run, "hold"));
	const char *said = box_says(run, "uid");
	snprintf(made, sizeof(uid[0]), "%s", said ? said : "");
	return made;
}

static bool is_own_user(const char *uid)
{
	return atoi(uid) >= 60706 && atoi(uid) < 61184;
}

/* One each, which is free again when the box is gone. */
static void live_side_by_side(void)
{
	static struct box_run first, second, third;

	become_docker();
	const char *one = uid_of(&first), *two = uid_of(&second);
	CHECK(strcmp(one, "993 993 993") == 0 || is_own_user(one));
	CHECK(is_own_user(two) && strcmp(one, two) != 0);
	box_end(&first);
	CHECK_STR(uid_of(&third), one);
	box_end(&second);
	box_end(&third);
}

static void test_boxes_have_users_of_their_own(void)
{
	if (geteuid() != 0)
		SKIP("only root can give a box another user");
	IN_CONTAINER(live_side_by_side());
}

/* Somebody who was there before, as a daemon is, is not the box's, nor are its signals for it. */
static void live_beside(uid_t uid)
{
	static struct box_run run;
	int report[2];
	char byte;

	CHECK(pipe2(report, O_CLOEXEC) == 0);
	pid_t somebody = fork();
	if (somebody == 0) {
		if (setresuid(uid, uid, uid) == -1 || write(report[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(report[1]);
	CHECK(read(report[0], &byte, 1) == 1);
	close(report[0]);
	become_docker();
	box_host();
	CHECK(atoi(uid_of(&run)) != (int)uid);
	box_end(&run);
	CHECK(waitpid(somebody, NULL, WNOHANG) == 0);
	kill(somebody, SIGKILL);
	CHECK(waitpid(somebody, NULL, 0) == somebody);
}

static void test_users_of_others_are_not_taken(void)
{
	if (geteuid() != 0)
		SKIP("only root can give a box another user");
	IN_CONTAINER(live_beside(993));
	IN_CONTAINER(live_beside(60706));
	IN_CONTAINER(live_beside(60707));
}

/* ---- others ------------------------------------------------------------------------------ */

static void attack(pid_t pid)
{
	if (pid != 1)
		BOX_CHECK(NULL, { with_pid("kill:-", pid, ":15"), "EPERM or ESRCH" });
	BOX_CHECK(NULL, { with_pid("kill:", pid, ""), "EPERM" },
	          { with_pid("kill:", pid, ":19"), "EPERM" },
	          { with_pid("read:/proc/", pid, "/environ"), "EACCES" },
	          { with_pid("read:/proc/", pid, "/maps"), "EACCES" },
	          { with_pid("link:/proc/", pid, "/fd/0"), "EACCES" },
	          { with_pid("ls:/proc/", pid, "/root"), "EACCES" },
	          { with_pid("link:/proc/", pid, "/exe"), "EACCES" },
	          { with_pid("write:/proc/", pid, "/mem"), "EACCES" },
	          { with_pid("write:/proc/", pid, "/oom_score_adj"), "EACCES" });
}

static pid_t parent_of(pid_t pid)
{
	char path[32], stat[512] = "";
	int parent = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd_read_file(AT_FDCWD, path, stat, sizeof(stat));
	const char *name_end = strrchr(stat, ')');
	if (name_end)
		sscanf(name_end + 1, " %*c %d", &parent);
	return parent;
}

/* Everybody outside: lrie, who started it, another box's program and its init. */
static void attack_others(void)
{
	static struct box_run victim, run;

	become_docker();
	box_start(&victim, NULL, "hold");
	BOX_UNTIL(&victim, box_find(&victim, "hold"));
	CHECK(victim.pid > 0);
	if (victim.pid <= 0) /* else everybody would be attacked */
		return;
	attack(getpid());
	attack(victim.pid);
	attack(parent_of(victim.pid));
	box_run(&run, NULL, "ignore", "kill:-1:9", "kill:-1:19", "exit:5");
	CHECK_INT(run.status, W_EXITCODE(5, 0));
	box_turn(&victim, 0);
	CHECK(!victim.exited && kill(victim.pid, 0) == 0);
	sandbox_signal(victim.box, 1, SIGTERM);
	BOX_UNTIL(&victim, victim.exited);
	CHECK_INT(victim.status, SIGTERM);
	box_end(&victim);
}

static void test_others_are_out_of_reach(void)
{
	if (geteuid() != 0 && landlock_abi() < LANDLOCK_ABI_SCOPE)
		SKIP("they have the same user, and only Linux 6.12 and later can keep them apart");
	IN_CONTAINER(attack_others());
}

/* ---- too many --------------------------------------------------------------------------- */

/* No cgroups, as in a container: RLIMIT_NPROC has to do. */
static void become_container(void)
{
	become_docker();
	refuse_one(SYS_flock, EPERM);
}

/* A bomb has all CPU there is, so it is a small one. */
static void explode(const char *bomb)
{
	static struct box_run run, other;

	test_case(bomb);
	box_start(&run, NULL, "ignore", bomb);
	BOX_UNTIL(&run, box_find(&run, bomb));
	CHECK_STR(box_says(&run, bomb), "EAGAIN");
	box_run(&other, NULL, "fork:63", "exit:3");
	CHECK_STR(box_says(&other, "fork:63"), "63 ok");
	CHECK_INT(other.status, W_EXITCODE(3, 0));
	uint64_t killed = box_now();
	sandbox_kill(run.box);
	BOX_UNTIL(&run, false);
	CHECK(run.gone && box_now() - killed < SOON_NS);
	box_end(&run);
}

static void explode_without_cgroups(void)
{
	static struct box_run first;
	struct sandbox_spec spec = box_spec();

	become_container();
	CHECK_INT(state_of(SANDBOX_WALL_PIDS)->standing, SANDBOX_YES);
	CHECK_STR(state_of(SANDBOX_WALL_PIDS)->mechanism, "RLIMIT_NPROC");
	/* Takes user 993, which others of this machine may have in other containers: they count. */
	spec.processes = 0;
	box_start(&first, &spec, "hold");
	BOX_UNTIL(&first, box_find(&first, "hold"));
	BOX_CHECK(NULL, { "fork:100", "63 EAGAIN" });
	BOX_CHECK(NULL, { "threads:100", "63 EAGAIN" });
	explode("fork-bomb");
	explode("thread-bomb");
	CHECK(!first.exited);
	box_end(&first);
}

static void miss_the_bound(void)
{
	become_container();
	CHECK_INT(state_of(SANDBOX_WALL_PIDS)->standing, SANDBOX_NO);
	CHECK(strstr(state_of(SANDBOX_WALL_PIDS)->detail, "RLIMIT_NPROC") != NULL);
	BOX_CHECK(NULL, { "fork:100", "100 ok" });
}

static void test_bombs_without_cgroups(void)
{
	if (geteuid() == 0)
		IN_CONTAINER(explode_without_cgroups());
	else
		IN_CONTAINER(miss_the_bound());
}

/* ---- the end ---------------------------------------------------------------------------- */

static bool is_stopped(pid_t pid)
{
	char path[32], stat[512] = "";

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd_read_file(AT_FDCWD, path, stat, sizeof(stat));
	return strstr(stat, ") T ") != NULL;
}

/* Who stops all that it may signal, for ever, must not hold up what ends it. */
static void fight_back(void)
{
	static struct box_run run;

	become_docker();
	for (int round = 0; round < 5; round++) {
		box_start(&run, NULL, "ignore", "daemon", "fight");
		BOX_UNTIL(&run, box_find(&run, "fight") && is_stopped(run.pid));
		uint64_t killed = box_now();
		sandbox_kill(run.box);
		BOX_UNTIL(&run, false);
		CHECK(run.gone && box_now() - killed < SOON_NS);
		box_end(&run);
	}
}

static void test_fighters_end_without_namespaces(void)
{
	if (geteuid() != 0 && landlock_abi() < LANDLOCK_ABI_SCOPE)
		SKIP("they have the user of this test");
	IN_CONTAINER(fight_back());
}

/* Without a pid namespace init has to hunt them down itself. */
static void hunt_daemons(void)
{
	static struct box_run run;
	struct sandbox_spec spec = box_spec();

	become_docker();
	spec.processes = 0;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	box_start(&run, &spec, "ignore", "daemon", "fork:20", "daemon", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	sandbox_kill(run.box);
	BOX_UNTIL(&run, false);
	CHECK(run.gone);
	box_end(&run);
	CHECK(box_all_dead(2000));
}

static void test_daemons_end_without_namespaces(void)
{
	IN_CONTAINER(hunt_daemons());
}

static void die_with_daemons(int report)
{
	static struct box_run run;
	char byte = 0;

	box_start(&run, NULL, "ignore", "daemon", "fork:5", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	if (write(report, &byte, 1) == -1)
		_exit(1);
	for (;;)
		pause();
}

static void kill_lrie(void)
{
	int report[2];
	char byte;

	become_docker();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe2(report, O_CLOEXEC) == -1)
		box_die("pipe");
	pid_t lrie = fork();
	if (lrie == 0)
		die_with_daemons(report[1]);
	close(report[1]);
	CHECK(read(report[0], &byte, 1) == 1);
	kill(lrie, SIGKILL);
	CHECK(box_all_dead(2000));
}

static void test_nothing_survives_lrie_without_namespaces(void)
{
	IN_CONTAINER(kill_lrie());
}

TEST_MAIN(test_missing_walls_have_reasons, test_remedies, test_required_walls,
          test_no_network_is_not_possible, test_boxes_work_without_namespaces,
          test_failed_writes_without_namespaces, test_writing_without_namespaces,
          test_files_are_bounded_without_namespaces, test_no_landlock,
          test_boxes_have_users_of_their_own, test_users_of_others_are_not_taken,
          test_others_are_out_of_reach, test_bombs_without_cgroups,
          test_fighters_end_without_namespaces, test_daemons_end_without_namespaces,
          test_nothing_survives_lrie_without_namespaces)
