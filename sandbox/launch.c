/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch - the child of init that becomes a program
 *
 * Programs are started by a child that shares init's memory until its execve
 * (CLONE_VM and CLONE_VFORK), since copying even a small process costs more than
 * all the rest of a start. Such a child makes system calls only. It tells the
 * owner itself that it is about to execute: were init to tell, whose turn comes
 * only afterwards, a program could be over before anybody has heard that it began.
 * What went wrong it tells init, through memory. That memory is shared by name, so
 * that the same code works in a child with memory of its own, where one that
 * shares it cannot be had.
 *
 * The child has the function's user before it executes, and init's memory is
 * still its own: nobody with that user can attach to it, because init is not
 * dumpable and a child that shares its memory is not either. The change of user
 * makes both whatever fs.suid_dumpable says, so it is said once more after that:
 * with 1 everybody could be attached to.
 */
#include "sandbox/launch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/identity.h"
#include "sandbox/landlock.h"
#include "sandbox/namespace.h"
#include "sandbox/rlimit.h"
#include "sandbox/seccomp.h"

#define CHILD_STACK (64 * 1024)

/* What the child is about to do, in order. */
enum step {
	STEP_ENTER,
	STEP_SESSION,
	STEP_STREAMS,
	STEP_LIMITS,
	STEP_USER,
	STEP_CWD,
	STEP_RULES,
	STEP_FILTER,
	STEP_ANNOUNCE,
	STEP_DESCRIPTORS,
	STEP_EXEC,
};

static const char *const step_name[] = {
	[STEP_ENTER] = "enter the cgroups",
	[STEP_SESSION] = "start a session",
	[STEP_STREAMS] = "connect the standard streams",
	[STEP_LIMITS] = "set the resource limits",
	[STEP_USER] = "change the user",
	[STEP_CWD] = "enter the working directory",
	[STEP_RULES] = "restrict the writing",
	[STEP_FILTER] = "filter the system calls",
	[STEP_ANNOUNCE] = "announce the start",
	[STEP_DESCRIPTORS] = "pass on the descriptors",
	[STEP_EXEC] = "execute",
};

/* How a child fared; in memory that both processes see. */
struct outcome {
	enum step step;
	int code; /* errno; 0: executed */

	enum syscall_hold hold; /* what became of its filter */
	int filter_code;        /* errno: why there is none */

	uint64_t entry_ns; /* its CPU time when it had entered its cgroups; 0: born in one */
};

bool launcher_init(struct launcher *launcher, struct error *err)
{
	launcher->outcome = mmap(NULL, sizeof(*launcher->outcome), PROT_READ | PROT_WRITE,
	                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	launcher->stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE,
	                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (launcher->outcome == MAP_FAILED || launcher->stack == MAP_FAILED)
		return error_set(err, errno, "allocate memory for children");
	return message_socketpair(launcher->listener_sockets, err);
}

/* ---- in the child --------------------------------------------------------- */

/* All that the child needs. */
struct start {
	const struct launcher *launcher;
	struct outcome *outcome;
	unsigned id;
	struct sock_filter *filter;
	size_t instructions; /* 0: no filter */
	char **argv, **envp, **paths;
	const char *cwd;
	int input, output, errors;
	bool is_terminal;
	struct message_fds others; /* descriptors, and as which the program has them */
	const unsigned *numbers;
	bool rehearse;
	unsigned open_files;
};

static uint64_t own_cpu_ns(void)
{
	struct timespec spent;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent) == -1)
		return 0;
	return (uint64_t)spent.tv_sec * 1000000000u + (uint64_t)spent.tv_nsec;
}

/* Entering by "tasks", and as itself, spares the kernel a wait for a grace period. */
static bool enter_cgroups(const struct start *start)
{
	const struct message_fds *entries = &start->launcher->entries;

	for (unsigned i = 0; i < entries->count; i++) {
		if (write(entries->fd[i], "0", 1) != 1)
			return false;
	}
	if (start->launcher->plan->spec->counts_usage && start->launcher->born_in == -1)
		start->outcome->entry_ns = own_cpu_ns();
	return true;
}

static bool start_session(void)
{
	sigset_t none;

	sigemptyset(&none);
	return setsid() != -1 && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/*
 * Who opens the terminal anew, as a script that writes to /dev/stderr does, needs the right to. The
 * user who has it in a user namespace owns the terminal already.
 */
static bool take_terminal(const struct start *start)
{
	if (start->launcher->plan->identity == IDENTITY_ASSUMED &&
	    fchown(STDIN_FILENO, start->launcher->plan->user.uid, IDENTITY_GID) == -1 &&
	    errno != EPERM)
		return false;
	if (start->launcher->rules != -1 &&
	    !landlock_allow_device(start->launcher->rules, STDIN_FILENO))
		return false;
	return ioctl(STDIN_FILENO, TIOCSCTTY, 0) == 0;
}

/* Standard input is /dev/null until it is taken, so it comes last. */
static bool connect_streams(const struct start *start)
{
	return dup2(start->output, STDOUT_FILENO) != -1 &&
	       dup2(start->errors, STDERR_FILENO) != -1 && dup2(start->input, STDIN_FILENO) != -1 &&
	       (!start->is_terminal || take_terminal(start));
}

static bool take_identity(const struct init_plan *plan)
{
	switch (plan->identity) {
	case IDENTITY_KEPT:
		return true;
	case IDENTITY_CAPPED:
		return identity_drop_capabilities();
	case IDENTITY_ASSUMED:
	case IDENTITY_MAPPED:
		return identity_assume(plan->user.uid, plan->identity == IDENTITY_MAPPED);
	}
	return false;
}

/* A change of user has cleared the signal, if init asked for one; where init's end does not
 * end the box, at least its programs follow it. */
static bool follow_init(const struct launcher *launcher)
{
	return launcher->plan->namespaces & CLONE_NEWPID || prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

/* Whether calls are really refused is tried with one that fails in another way where it is not, and
 * that the owner is not asked about: its answer would take a tenth of a millisecond of every start
 * of lrie. */
static bool refuses_calls(void)
{
	return syscall(SYS_clone3, NULL, (size_t)0) == -1 && errno == ENOSYS;
}

/* To init, which answers when it goes on: at the execve. */
static bool hand_over(const struct start *start, int listener)
{
	const struct message message = { .type = MESSAGE_FILTER };
	const struct message_fds fds = { .fd = { listener }, .count = 1 };

	return message_send(start->launcher->listener_sockets[1], &message, &fds);
}

/* A program is not started without the filter that it was to have; a rehearsal goes on. */
static bool filter_calls(const struct start *start)
{
	struct outcome *outcome = start->outcome;
	int listener;

	if (!start->instructions)
		return true;
	outcome->hold = syscall_filter_load(start->filter, start->instructions, &listener);
	if (outcome->hold >= SYSCALL_HOLD_TOLD && !hand_over(start, listener))
		return false;
	if (!start->rehearse)
		return outcome->hold != SYSCALL_HOLD_NONE;
	if (outcome->hold == SYSCALL_HOLD_NONE)
		outcome->filter_code = errno;
	else if (!refuses_calls())
		outcome->hold = SYSCALL_HOLD_NONE;
	return true;
}

/* Tries the limit of processes, which is one: the child must be the only one. */
static __attribute__((noreturn)) void end_rehearsal(void)
{
	pid_t pid = namespace_vfork(-1);

	_exit(pid == -1 && errno == EAGAIN ? REHEARSAL_BOUND : REHEARSAL_UNBOUND);
}

/* What was used before the program began is none of its. */
static struct message_spent spent(const struct start *start)
{
	struct message_spent spent = { .cpu_ns = own_cpu_ns(),
		                       .entry_ns = start->outcome->entry_ns };
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) == -1)
		return spent;
	spent.system_ns = ((uint64_t)usage.ru_stime.tv_sec * 1000000u +
	                   (uint64_t)usage.ru_stime.tv_usec) *
	                  1000u;
	spent.minor_faults = (uint64_t)usage.ru_minflt;
	spent.major_faults = (uint64_t)usage.ru_majflt;
	return spent;
}

static bool announce(const struct start *start)
{
	const struct outcome *outcome = start->outcome;
	struct message message = { .type = MESSAGE_STARTED,
		                   .id = start->id,
		                   .number = (int)outcome->hold,
		                   .error.code = outcome->filter_code };

	if (start->launcher->plan->spec->counts_usage)
		message.spent = spent(start);
	message.at_ns = message_now();
	return message_send(start->launcher->socket, &message, NULL);
}

/* Whatever has these numbers was init's, and is not needed any more. First all are moved out of
 * each other's way. */
static bool pass_on_descriptors(const struct start *start)
{
	int high[SANDBOX_DESCRIPTORS], above = 0;

	for (unsigned i = 0; i < start->others.count; i++)
		above = (int)start->numbers[i] >= above ? (int)start->numbers[i] + 1 : above;
	for (unsigned i = 0; i < start->others.count; i++) {
		high[i] = fcntl(start->others.fd[i], F_DUPFD_CLOEXEC, above);
		if (high[i] == -1)
			return false;
	}
	for (unsigned i = 0; i < start->others.count; i++) {
		if (dup2(high[i], (int)start->numbers[i]) == -1)
			return false;
	}
	return true;
}

/* Like execvp(3): what may not be executed is told of unless another one can be. */
static bool execute(const struct start *start)
{
	bool is_denied = false;

	for (char **path = start->paths; *path; path++) {
		execve(*path, start->argv, start->envp);
		is_denied |= errno == EACCES;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			return false;
	}
	if (is_denied)
		errno = EACCES;
	return false;
}

static bool set_limits(const struct start *start)
{
	const struct init_plan *plan = start->launcher->plan;

	return plan->identity == IDENTITY_KEPT ||
	       (rlimit_apply(start->open_files, plan->process_limit) &&
	        (!plan->file_limit || rlimit_bound_files(plan->file_limit)));
}

static bool take_step(const struct start *start, enum step step)
{
	const struct init_plan *plan = start->launcher->plan;

	switch (step) {
	case STEP_ENTER:
		return enter_cgroups(start);
	case STEP_SESSION:
		return start_session();
	case STEP_STREAMS:
		return connect_streams(start);
	case STEP_LIMITS:
		return set_limits(start);
	case STEP_USER:
		return take_identity(plan) && prctl(PR_SET_DUMPABLE, 0) == 0 &&
		       follow_init(start->launcher);
	case STEP_CWD:
		return chdir(start->cwd) == 0;
	case STEP_RULES:
		return start->launcher->rules == -1 || landlock_follow(start->launcher->rules);
	case STEP_FILTER:
		return filter_calls(start);
	case STEP_ANNOUNCE:
		return announce(start);
	case STEP_DESCRIPTORS:
		return pass_on_descriptors(start);
	case STEP_EXEC:
		if (start->rehearse)
			end_rehearsal();
		return execute(start);
	}
	return false;
}

static int become_program(void *argument)
{
	const struct start *start = argument;
	struct outcome *outcome = start->outcome;

	for (enum step step = STEP_ENTER; step <= STEP_EXEC; step++) {
		outcome->step = step;
		if (!take_step(start, step))
			break;
	}
	outcome->code = errno;
	_exit(126);
}

/* Where clone3 is not there, the child moves itself, which takes much longer. */
static bool enter_later(struct launcher *launcher)
{
	autoclose int group = steal_fd(&launcher->born_in);
	int procs = group == -1 ? -1 : openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (procs == -1)
		return false;
	launcher->entries.fd[launcher->entries.count++] = procs;
	return true;
}

/* AddressSanitizer does not follow a child onto a stack of its own in shared memory. */
#if defined(__SANITIZE_ADDRESS__)
#	define CAN_SHARE_MEMORY false
#elif defined(__has_feature)
#	if __has_feature(address_sanitizer)
#		define CAN_SHARE_MEMORY false
#	endif
#endif
#ifndef CAN_SHARE_MEMORY
#	define CAN_SHARE_MEMORY true
#endif

static pid_t fork_sharing(struct launcher *launcher, struct start *start)
{
	if (CAN_SHARE_MEMORY)
		return namespace_vfork_shared(launcher->born_in, become_program, start,
		                              launcher->stack, CHILD_STACK);
	errno = ENOSYS;
	return -1;
}

static pid_t fork_program(struct launcher *launcher, struct start *start)
{
	pid_t pid = fork_sharing(launcher, start);

	if (pid != -1 || errno != ENOSYS)
		return pid;
	pid = namespace_vfork(launcher->born_in);
	if (pid == 0)
		become_program(start);
	if (pid == -1 && errno == ENOSYS && enter_later(launcher))
		return fork_program(launcher, start);
	return pid;
}

/* ---- in init -------------------------------------------------------------- */

/* Points 'count' strings and a NULL into the block. */
static char *point_into(char **pointers, unsigned count, char *at, const char *block_end)
{
	for (unsigned i = 0; i < count; i++) {
		pointers[i] = at;
		at = memchr(at, '\0', (size_t)(block_end - at));
		assert(at);
		at++;
	}
	pointers[count] = NULL;
	return at;
}

static struct message explain(const struct launcher *launcher, unsigned id, const char *path,
                              const char *cwd)
{
	const struct outcome *outcome = launcher->outcome;
	struct message message = { .type = MESSAGE_EXEC_FAILED,
		                   .id = id,
		                   .at_ns = message_now(),
		                   .bad_cwd = outcome->step == STEP_CWD };

	if (outcome->step == STEP_EXEC || outcome->step == STEP_CWD)
		error_set(&message.error, outcome->code, "%s '%s'", step_name[outcome->step],
		          outcome->step == STEP_CWD ? cwd : path);
	else
		error_set(&message.error, outcome->code, "%s of '%s'", step_name[outcome->step],
		          path);
	return message;
}

/* A descriptor, or /dev/null. */
static int or_null(int fd)
{
	return fd == -1 ? STDIN_FILENO : fd;
}

/* Those beyond the streams come last. */
static struct message_fds take_others(const struct message *message, struct message_fds *fds)
{
	struct message_fds others = { .count = 0 };
	unsigned count = message->exec.others;

	assert(count <= SANDBOX_DESCRIPTORS && count <= fds->count);
	for (unsigned i = fds->count - count; i < fds->count; i++)
		others.fd[others.count++] = message_fds_steal(fds, i);
	return others;
}

pid_t launch(struct launcher *launcher, const struct message *message, char *block,
             struct message_fds *fds, struct message *failed)
{
	unsigned argc = message->exec.argc, envc = message->exec.envc, pathc = message->exec.pathc;
	char **pointers = calloc(argc + envc + pathc + 3, sizeof(*pointers));
	struct message_fds others = take_others(message, fds);
	autoclose int output = message_fds_steal(fds, 1);
	autoclose int errors = message_fds_steal(fds, 2);
	autoclose int input = message_fds_steal(fds, 3);
	const char *block_end = block + message->exec.bytes;

	assert(pointers && argc > 0 && pathc > 0);
	char *strings = block + message->exec.instructions * sizeof(struct sock_filter);
	char **envp = pointers + argc + 1, **paths = envp + envc + 1;
	char *at = point_into(pointers, argc, strings, block_end);
	at = point_into(envp, envc, at, block_end);
	struct start start = { .launcher = launcher,
		               .outcome = launcher->outcome,
		               .id = message->id,
		               .filter = (struct sock_filter *)block,
		               .instructions = message->exec.instructions,
		               .argv = pointers,
		               .envp = envp,
		               .paths = paths,
		               .cwd = point_into(paths, pathc, at, block_end),
		               .input = or_null(input),
		               .output = or_null(output),
		               .errors = or_null(errors == -1 ? output : errors),
		               .is_terminal = message->exec.is_terminal,
		               .others = others,
		               .numbers = message->exec.numbers,
		               .rehearse = message->exec.rehearse,
		               .open_files = launcher->plan->spec->open_files };

	*launcher->outcome = (struct outcome){ .step = STEP_ENTER };
	pid_t pid = fork_program(launcher, &start);
	if (pid == -1)
		launcher->outcome->code = errno;
	if (launcher->outcome->code != 0) {
		if (pid != -1)
			waitpid(pid, NULL, __WALL);
		pid = -1;
		*failed = explain(launcher, message->id, pointers[0], start.cwd);
	}
	message_fds_close(&others);
	free(pointers);
	return pid;
}
