/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor - answers the calls of programs that wait for it
 *
 * Receiving a notification blocks when there is none, whatever the descriptor's flags say. When
 * poll() has seen one it does not: there is no other reader, and a call that ends meanwhile, since
 * its process was killed, still counts for the receiver, who finds nothing then.
 *
 * The process that waits for the answer cannot go away unnoticed: that it waits still, when it has
 * been looked at, proves that what /proc said was about it and not about a later one with its pid.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "sandbox/fd.h"
#include "sandbox/message.h"
#include "sandbox/supervisor.h"

/* Since Linux 5.5. */
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#	define SECCOMP_USER_NOTIF_FLAG_CONTINUE (1UL << 0)
#endif

/* Since Linux 6.6. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#	define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#	define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

/* ---- listeners ------------------------------------------------------------------------ */

static size_t larger(size_t one, size_t other)
{
	return one > other ? one : other;
}

static void allocate_messages(struct supervisor *supervisor)
{
	struct seccomp_notif_sizes sizes = { 0 };

	/* Where it fails, in a container that allows no seccomp(2), ours have to do. */
	syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
	supervisor->call_size = larger(sizes.seccomp_notif, sizeof(*supervisor->call));
	supervisor->answer_size = larger(sizes.seccomp_notif_resp, sizeof(*supervisor->answer));
	supervisor->call = malloc(supervisor->call_size);
	supervisor->answer = malloc(supervisor->answer_size);
	if (!supervisor->call || !supervisor->answer)
		abort();
}

bool supervisor_has_room(const struct supervisor *supervisor)
{
	return supervisor->count < SUPERVISOR_LISTENERS;
}

void supervisor_listen(struct supervisor *supervisor, int listener)
{
	if (!supervisor->call)
		allocate_messages(supervisor);
	supervisor->listeners[supervisor->count++] = listener;
	/* Who waits can do nothing else: we are to run where it ran. To wake another core up takes
	 * four times as long. Older kernels do not know, and nothing is lost but time. */
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

static void forget_listener(struct supervisor *supervisor, int listener)
{
	for (nfds_t i = 0; i < supervisor->count; i++) {
		if (supervisor->listeners[i] == listener) {
			supervisor->listeners[i] = supervisor->listeners[--supervisor->count];
			close(listener);
			return;
		}
	}
}

nfds_t supervisor_fill(const struct supervisor *supervisor, struct pollfd *fds)
{
	for (nfds_t i = 0; i < supervisor->count; i++)
		fds[i] = (struct pollfd){ .fd = supervisor->listeners[i], .events = POLLIN };
	return supervisor->count;
}

/* ---- who called ------------------------------------------------------------------------ */

/* The last number of a line of /proc/PID/status: a process has a pid in each namespace from that of
 * /proc down to its own. */
static pid_t last_number(const char *status, const char *key)
{
	const char *at = strstr(status, key);
	long number = 0;

	if (at)
		at += strlen(key);
	while (at && *at == '\t')
		number = strtol(at + 1, (char **)&at, 10);
	return (pid_t)number;
}

/* A thread has a name of its own, which is not the one to look for in a list of processes. */
static void read_name(pid_t pid, char *name, size_t size)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (fd_read_file(AT_FDCWD, path, name, size) <= 0)
		name[0] = '\0';
	name[strcspn(name, "\n")] = '\0';
}

static struct caller find_caller(const struct supervisor *supervisor)
{
	pid_t thread = (pid_t)supervisor->call->pid;
	struct caller caller = { .pid = supervisor->has_proc ? 0 : thread };
	char path[32], status[4096];

	if (!supervisor->has_proc)
		return caller;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
	if (fd_read_file(AT_FDCWD, path, status, sizeof(status)) <= 0)
		return caller;
	pid_t process = last_number(status, "\nTgid:");
	caller.pid = last_number(status, "\nNStgid:");
	if (!caller.pid) /* before Linux 4.1 */
		caller.pid = process;
	read_name(process, caller.name, sizeof(caller.name));
	return caller;
}

/* ---- answering --------------------------------------------------------------------------- */

/* ENOENT: whoever waited has ended. Anything else would come again and again: then the listener is
 * closed, and the calls fail with ENOSYS. */
static bool receive(struct supervisor *supervisor, int listener)
{
	/* The kernel insists on zeroes. */
	memset(supervisor->call, 0, supervisor->call_size);
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, supervisor->call) == 0)
		return true;
	if (errno != ENOENT && errno != EINTR)
		forget_listener(supervisor, listener);
	return false;
}

/* What /proc said of the caller is true when it still waits. */
static bool still_waits(const struct supervisor *supervisor)
{
	__u64 id = supervisor->call->id;

	return ioctl(supervisor->waiting, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0 ||
	       errno != ENOENT;
}

/* What is only counted is not looked up. */
static bool refuse(struct supervisor *supervisor, const struct syscall_verdict *verdict,
                   struct sandbox_event *event)
{
	struct ledger_kind *kind = ledger_kind(supervisor->ledger, supervisor->call->data.nr,
	                                       verdict->rule);
	struct caller *caller = ledger_caller(kind);

	if (caller)
		*caller = find_caller(supervisor);
	return still_waits(supervisor) && ledger_count(kind, message_now(), event);
}

static bool look_at_change(struct supervisor *supervisor, const struct syscall_change *change,
                           struct sandbox_event *event)
{
	const struct seccomp_notif *call = supervisor->call;
	struct sandbox_write write;

	if (!write_check_fails(&supervisor->writes, (pid_t)call->pid, change, call->data.args,
	                       &write))
		return false;
	struct caller caller = find_caller(supervisor);
	write.pid = caller.pid;
	memcpy(write.name, caller.name, sizeof(write.name));
	return still_waits(supervisor) &&
	       ledger_write(supervisor->ledger, &write, message_now(), event);
}

static bool look(struct supervisor *supervisor, struct sandbox_event *event)
{
	if (!supervisor->judge)
		supervisor->judge = syscall_judge_create(supervisor->policy);
	const struct syscall_verdict verdict = syscall_judge(supervisor->judge,
	                                                     &supervisor->call->data,
	                                                     &supervisor->ids);
	supervisor->code = verdict.code;
	if (verdict.change)
		return look_at_change(supervisor, verdict.change, event);
	return verdict.code && refuse(supervisor, &verdict, event);
}

bool supervisor_serve(struct supervisor *supervisor, const struct pollfd *listener,
                      struct sandbox_event *event)
{
	supervisor->waiting = -1;
	if (!(listener->revents & POLLIN)) {
		/* Nobody is left who has that filter. */
		if (listener->revents)
			forget_listener(supervisor, listener->fd);
		return false;
	}
	if (!receive(supervisor, listener->fd))
		return false;
	supervisor->waiting = listener->fd;
	return look(supervisor, event);
}

static bool answer(struct supervisor *supervisor, int code)
{
	memset(supervisor->answer, 0, supervisor->answer_size);
	supervisor->answer->id = supervisor->call->id;
	supervisor->answer->error = -code;
	if (code == 0)
		supervisor->answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	return ioctl(supervisor->waiting, SECCOMP_IOCTL_NOTIF_SEND, supervisor->answer) == 0;
}

/* ENOENT: it was killed, or interrupted and will ask again. */
void supervisor_answer(struct supervisor *supervisor)
{
	if (supervisor->waiting == -1)
		return;
	/* Linux 5.0 to 5.4 cannot let a call through. */
	if (!answer(supervisor, supervisor->code) && supervisor->code == 0 && errno == EINVAL)
		answer(supervisor, EPERM);
	supervisor->waiting = -1;
}

/* ---- what was counted --------------------------------------------------------------------- */

int supervisor_timeout_ms(const struct supervisor *supervisor)
{
	uint64_t due_ns = ledger_due_ns(supervisor->ledger), now;

	if (due_ns == UINT64_MAX)
		return -1;
	now = message_now();
	return due_ns <= now ? 0 : (int)((due_ns - now) / 1000000 + 1);
}

bool supervisor_take(struct supervisor *supervisor, struct sandbox_event *event)
{
	return ledger_due_ns(supervisor->ledger) != UINT64_MAX &&
	       ledger_take(supervisor->ledger, message_now(), event);
}
