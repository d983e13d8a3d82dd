/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denial - what the programs of a box were refused: answered, counted, told
 *
 * Receiving a notification blocks when there is none, whatever the descriptor's flags say. When
 * poll() has seen one it does not: there is no other reader, and a call that ends meanwhile, since
 * its process was killed, still counts for the receiver, who finds nothing then.
 *
 * The process that waits for the answer cannot go away unnoticed: an answer that is accepted proves
 * that what /proc said before was about it and not about a later one with its pid.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "sandbox/denial.h"
#include "sandbox/fd.h"
#include "sandbox/message.h"

#define MAX_LISTENERS 64
#define MAX_KINDS 64

/* How many calls are answered before others get their turn: some 0.2 ms. */
#define ANSWERS_A_TURN 64

#define FIRST_PAUSE_NS 1000000000ull
#define LAST_PAUSE_NS (64 * FIRST_PAUSE_NS)

/* Since Linux 5.5. */
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#	define SECCOMP_USER_NOTIF_FLAG_CONTINUE (1UL << 0)
#endif

/* Who made a call: pid and name as the program itself sees them. */
struct caller {
	pid_t pid; /* 0: unknown */
	char name[16];
};

/* Calls that are told together. */
struct kind {
	int number;                      /* of the call; -1: all that the table has no room for */
	const struct syscall_rule *rule; /* NULL: on no list */
	unsigned phase;

	unsigned untold; /* how many were counted since */
	bool is_known;   /* it was told once */
	uint64_t pause_ns, due_ns;
	struct caller caller; /* of the first that is untold */
};

struct denials {
	const struct syscall_filter *filter;
	struct syscall_ids ids;
	unsigned phase;

	int epoll, timer;
	struct pollfd listeners[MAX_LISTENERS];
	nfds_t listener_count;

	/* As long as this kernel has them, which may be longer than ours. */
	size_t call_size, answer_size;
	struct seccomp_notif *call;
	struct seccomp_notif_resp *answer;

	struct kind kinds[MAX_KINDS];
	size_t kind_count;
};

/* ---- beginning and end --------------------------------------------------------- */

static size_t larger(size_t one, size_t other)
{
	return one > other ? one : other;
}

static void allocate_messages(struct denials *denials)
{
	struct seccomp_notif_sizes sizes = { 0 };

	/* Where it fails, in a container that allows no seccomp(2), ours have to do. */
	syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
	denials->call_size = larger(sizes.seccomp_notif, sizeof(*denials->call));
	denials->answer_size = larger(sizes.seccomp_notif_resp, sizeof(*denials->answer));
	denials->call = malloc(denials->call_size);
	denials->answer = malloc(denials->answer_size);
	if (!denials->call || !denials->answer)
		abort();
}

struct denials *denials_create(const struct syscall_filter *filter, struct syscall_ids ids,
                               int epoll)
{
	struct denials *denials = calloc(1, sizeof(*denials));

	if (!denials)
		abort();
	denials->filter = filter;
	denials->ids = ids;
	denials->epoll = epoll;
	denials->timer = -1;
	return denials;
}

/* Taken out of epoll by name: an init that was just forked may have the descriptor, too, and it
 * would stay in there until that closes it. */
static void forget_listener(struct denials *denials, nfds_t index)
{
	int fd = denials->listeners[index].fd;

	epoll_ctl(denials->epoll, EPOLL_CTL_DEL, fd, NULL);
	close(fd);
	denials->listeners[index] = denials->listeners[--denials->listener_count];
}

void denials_destroy(struct denials *denials)
{
	if (!denials)
		return;
	while (denials->listener_count)
		forget_listener(denials, 0);
	fd_close(&denials->timer);
	free(denials->call);
	free(denials->answer);
	free(denials);
}

void denials_listen(struct denials *denials, int listener)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };

	if (!denials->call)
		allocate_messages(denials);
	/* Without anybody to listen, refused calls fail with ENOSYS instead of waiting. */
	if (denials->listener_count == MAX_LISTENERS ||
	    epoll_ctl(denials->epoll, EPOLL_CTL_ADD, listener, &event) == -1) {
		close(listener);
		return;
	}
	denials->listeners[denials->listener_count++] = (struct pollfd){ .fd = listener,
		                                                         .events = POLLIN };
}

void denials_set_phase(struct denials *denials, unsigned phase)
{
	denials->phase = phase;
}

/* ---- who called ------------------------------------------------------------------- */

/* The last number of a line of /proc/PID/status: a process has a pid in each namespace from ours
 * down to its own. */
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

static struct caller find_caller(pid_t thread)
{
	struct caller caller = { .pid = 0 };
	char path[32], status[4096];

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

/* ---- telling ----------------------------------------------------------------------- */

static bool is_kind(const struct kind *kind, int number, const struct syscall_rule *rule,
                    unsigned phase)
{
	return kind->number == number && kind->rule == rule && kind->phase == phase;
}

/* The kind of such calls, which may be new; the last place is for all that come too late. */
static struct kind *find_kind(struct denials *denials, int number, const struct syscall_rule *rule)
{
	size_t count = denials->kind_count;

	for (size_t i = 0; i < count; i++) {
		if (is_kind(&denials->kinds[i], number, rule, denials->phase))
			return &denials->kinds[i];
	}
	if (count == MAX_KINDS)
		return &denials->kinds[MAX_KINDS - 1];
	denials->kind_count++;
	denials->kinds[count] = (struct kind){ .number = count < MAX_KINDS - 1 ? number : -1,
		                               .rule = count < MAX_KINDS - 1 ? rule : NULL,
		                               .phase = denials->phase,
		                               .pause_ns = FIRST_PAUSE_NS };
	return &denials->kinds[count];
}

/* Words for the call itself. */
static void name_call(const struct kind *kind, char *call, size_t size)
{
	char name[32];

	if (kind->number == -1)
		snprintf(call, size, "other system calls");
	else if (kind->rule)
		snprintf(call, size, "%s(2)", kind->rule->call);
	else if (syscall_name(kind->number, name, sizeof(name)))
		snprintf(call, size, "%s(2)", name);
	else
		snprintf(call, size, "system call %d", kind->number);
}

static void tell(struct kind *kind, uint64_t now, struct sandbox_event *event)
{
	*event = (struct sandbox_event){ .type = SANDBOX_DENIED, .at_ns = now };
	struct sandbox_denial *denial = &event->denial;

	name_call(kind, denial->call, sizeof(denial->call));
	denial->with = kind->rule ? kind->rule->with : NULL;
	denial->is_strict = !kind->rule || kind->rule->strict;
	denial->phase = kind->phase;
	denial->pid = kind->caller.pid;
	memcpy(denial->name, kind->caller.name, sizeof(denial->name));
	denial->count = kind->untold;
	denial->is_repeated = kind->is_known;
	/* Whoever was quiet for a while is news again. */
	if (kind->untold == 1)
		kind->pause_ns = FIRST_PAUSE_NS;
	else if (kind->pause_ns < LAST_PAUSE_NS)
		kind->pause_ns *= 2;
	kind->due_ns = now + kind->pause_ns;
	kind->is_known = true;
	kind->untold = 0;
}

static void set_timer(struct denials *denials, uint64_t at_ns)
{
	struct itimerspec when = { .it_value = { .tv_sec = (time_t)(at_ns / 1000000000),
		                                 .tv_nsec = (long)(at_ns % 1000000000) } };
	struct epoll_event event = { .events = EPOLLIN };

	if (denials->timer == -1) {
		denials->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		event.data.fd = denials->timer;
		if (denials->timer == -1 ||
		    epoll_ctl(denials->epoll, EPOLL_CTL_ADD, denials->timer, &event) == -1)
			return; /* told with the rest, then */
	}
	timerfd_settime(denials->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* The untold kind that is due first, or NULL. */
static struct kind *first_due(struct denials *denials)
{
	struct kind *first = NULL;

	for (size_t i = 0; i < denials->kind_count; i++) {
		struct kind *kind = &denials->kinds[i];
		if (kind->untold && (!first || kind->due_ns < first->due_ns))
			first = kind;
	}
	return first;
}

/* Takes what has become due, and sets the timer for what has not. */
static bool take_due(struct denials *denials, struct sandbox_event *event)
{
	uint64_t now = message_now(), ignored;
	struct kind *kind;

	if (denials->timer == -1 || read(denials->timer, &ignored, sizeof(ignored)) <= 0)
		return false;
	kind = first_due(denials);
	bool is_due = kind && kind->due_ns <= now;
	if (is_due) {
		tell(kind, now, event);
		kind = first_due(denials);
	}
	if (kind)
		set_timer(denials, kind->due_ns);
	return is_due;
}

bool denials_take_rest(struct denials *denials, struct sandbox_event *event)
{
	struct kind *kind = first_due(denials);

	if (!kind)
		return false;
	tell(kind, message_now(), event);
	return true;
}

/* ---- answering --------------------------------------------------------------------- */

/* ENOENT: whoever waited has ended. Anything else would come again and again: then the listener is
 * closed, and the calls fail with ENOSYS. */
static bool receive(struct denials *denials, nfds_t index)
{
	/* The kernel insists on zeroes. */
	memset(denials->call, 0, denials->call_size);
	if (ioctl(denials->listeners[index].fd, SECCOMP_IOCTL_NOTIF_RECV, denials->call) == 0)
		return true;
	if (errno != ENOENT && errno != EINTR)
		forget_listener(denials, index);
	return false;
}

static bool answer(struct denials *denials, int listener, int code)
{
	memset(denials->answer, 0, denials->answer_size);
	denials->answer->id = denials->call->id;
	denials->answer->error = -code;
	if (code == 0)
		denials->answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, denials->answer) == 0)
		return true;
	/* Linux 5.0 to 5.4 cannot let a call through. */
	return code == 0 && errno == EINVAL && answer(denials, listener, EPERM);
}

/* Counts a call that was refused. Returns its kind when that is to be told now. */
static struct kind *count_refusal(struct denials *denials, struct kind *kind)
{
	kind->untold++;
	if (kind->due_ns <= message_now())
		return kind;
	if (kind->untold == 1 && first_due(denials) == kind)
		set_timer(denials, kind->due_ns);
	return NULL;
}

/* Answers one call, and makes 'event' if it is news. What is only counted is not looked up. */
static bool serve(struct denials *denials, nfds_t index, struct sandbox_event *event)
{
	int listener = denials->listeners[index].fd;

	if (!receive(denials, index))
		return false;
	const struct syscall_verdict verdict = syscall_filter_judge(denials->filter,
	                                                            &denials->call->data,
	                                                            &denials->ids);
	if (verdict.code == 0) {
		answer(denials, listener, 0);
		return false;
	}
	struct kind *kind = find_kind(denials, denials->call->data.nr, verdict.rule);
	if (!kind->untold)
		kind->caller = find_caller((pid_t)denials->call->pid);
	/* It was killed, or interrupted and will ask again. */
	if (!answer(denials, listener, verdict.code))
		return false;
	kind = count_refusal(denials, kind);
	if (kind)
		tell(kind, message_now(), event);
	return kind != NULL;
}

static bool is_waiting(const struct pollfd *listener)
{
	return listener->revents & POLLIN;
}

/* Nobody is left who has that filter. */
static bool is_over(const struct pollfd *listener)
{
	return !is_waiting(listener) && (listener->revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* Looks once at every listener. Returns how many calls were answered; -1: there is an event. */
static int serve_all(struct denials *denials, struct sandbox_event *event)
{
	int served = 0;

	if (poll(denials->listeners, denials->listener_count, 0) <= 0)
		return 0;
	for (nfds_t i = denials->listener_count; i-- > 0;) {
		if (is_over(&denials->listeners[i])) {
			forget_listener(denials, i);
		} else if (is_waiting(&denials->listeners[i])) {
			if (serve(denials, i, event))
				return -1;
			served++;
		}
	}
	return served;
}

bool denials_take(struct denials *denials, struct sandbox_event *event)
{
	int served = denials->listener_count ? 1 : 0;

	for (int total = 0; served && total < ANSWERS_A_TURN; total += served) {
		served = serve_all(denials, event);
		if (served == -1)
			return true;
	}
	return take_due(denials, event);
}
