/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_event - what happens in a box, told to its owner one by one */
#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "sandbox/fd.h"
#include "sandbox/sandbox_private.h"

static void on_started(struct sandbox *box, const struct message *message)
{
	box->hold = (enum syscall_hold)message->number;
	box->filter_code = message->error.code;
	memory_program_started(box->memory, message->id, message->pid);
	if (box->usage)
		usage_program_started(box->usage, message);
	box->has_programs = true;
}

static void on_exited(struct sandbox *box, const struct message *message,
                      struct sandbox_event *event)
{
	event->status = message->number;
	box->out_of_reach = message->out_of_reach;
	event->out_of_memory = memory_program_exited(box->memory, message);
}

/* Its /tmp and its /proc, of which it has the latter for itself only along with the former. */
static void take_files(struct sandbox *box, const struct message *message, struct message_fds *fds)
{
	unsigned next = 0;

	if (message->has_template)
		templates_keep(&box->host->templates, message_fds_steal(fds, next++),
		               box->host_state);
	autoclose int tmp = message_fds_steal(fds, next++);
	if (box->tmp && tmp != -1)
		tmp_keep_mount(box->tmp, tmp);
	/* To watch it takes longer than all the rest of a rehearsal. */
	memory_ready(box->memory, box->rehearses ? -1 : steal_fd(&tmp), box->had_tmp,
	             message_fds_steal(fds, next));
	if (box->usage)
		usage_ready(box->usage, message);
}

static void translate(struct sandbox *box, const struct message *message, struct message_fds *fds,
                      struct sandbox_event *event)
{
	*event = (struct sandbox_event){ .at_ns = message->at_ns,
		                         .id = message->id,
		                         .bad_cwd = message->bad_cwd,
		                         .error = message->error };
	switch (message->type) {
	case MESSAGE_READY:
		event->type = SANDBOX_READY;
		box->ready = true;
		take_files(box, message, fds);
		break;
	case MESSAGE_STARTED:
		event->type = SANDBOX_STARTED;
		event->pid = message->pid;
		on_started(box, message);
		break;
	case MESSAGE_EXEC_FAILED:
		event->type = SANDBOX_EXEC_FAILED;
		memory_program_ended(box->memory, message->id);
		break;
	case MESSAGE_EXITED:
		event->type = SANDBOX_EXITED;
		on_exited(box, message, event);
		break;
	case MESSAGE_CONNECTED:
		event->type = SANDBOX_CONNECTED;
		event->socket = message_fds_steal(fds, 0);
		break;
	case MESSAGE_DENIED:
		event->type = SANDBOX_DENIED;
		event->denial = message->denial;
		break;
	case MESSAGE_WRITE_REFUSED:
		event->type = SANDBOX_WRITE_REFUSED;
		event->write = message->write;
		break;
	case MESSAGE_FILES:
	case MESSAGE_LISTENERS:
	case MESSAGE_ADOPTED:
	case MESSAGE_FAILED:
	case MESSAGE_CONFINE:
	case MESSAGE_EXEC:
	case MESSAGE_SIGNAL:
	case MESSAGE_SIGNAL_ALL:
	case MESSAGE_CONNECT:
	case MESSAGE_FILTER:
		event->type = SANDBOX_FAILED;
		box->ready = true; /* as far as it will ever be: nothing more to tell */
		break;
	}
}

static void take_listeners(struct sandbox *box, const struct message *message,
                           struct message_fds *fds)
{
	unsigned next = 0;

	if (message->has_stream && box->listener == -1)
		box->listener = message_fds_steal(fds, next++);
	if (message->has_datagram && box->datagram == -1)
		box->datagram = message_fds_steal(fds, next);
}

/* What is not the caller's business, or not yet. */
static bool keep_message(struct sandbox *box, const struct message *message,
                         struct message_fds *fds)
{
	if (message->type == MESSAGE_ADOPTED)
		memory_adopted_exited(box->memory, message); /* only as a sum */
	else if (message->type == MESSAGE_FILES && box->usage)
		usage_count_files(box->usage, message_fds_steal(fds, 0), message->number,
		                  box->epoll);
	else if (message->type == MESSAGE_LISTENERS && !box->ready)
		take_listeners(box, message, fds);
	else if (message->type != MESSAGE_WRITE_REFUSED ||
	         ledger_is_news(&box->host->told, &message->write))
		return false;
	message_fds_close(fds);
	return true;
}

static bool take_message(struct sandbox *box, struct sandbox_event *event)
{
	struct message message;
	struct message_fds fds;

	if (box->socket == -1)
		return false;
	int got;
	do {
		got = message_receive(box->socket, &message, &fds);
	} while (got == 1 && keep_message(box, &message, &fds));
	if (got == 1) {
		translate(box, &message, &fds, event);
		message_fds_close(&fds);
		return true;
	}
	/* At its end a socket is readable for ever; the pidfd tells the rest. */
	if (got == 0 || errno != EAGAIN) {
		epoll_ctl(box->epoll, EPOLL_CTL_DEL, box->socket, NULL);
		sandbox_thaw(box); /* whoever has killed init has killed the others, too */
	}
	return false;
}

static bool take_failure(struct sandbox *box, struct sandbox_event *event)
{
	if (!box->has_failure)
		return false;
	box->has_failure = false;
	*event = (struct sandbox_event){ .type = SANDBOX_FAILED,
		                         .at_ns = message_now(),
		                         .error = box->failure };
	return true;
}

static bool take_end(struct sandbox *box, struct sandbox_event *event)
{
	if (!box->reaped)
		return false;
	if (ledger_take(box->ledger, UINT64_MAX, event) || memory_take_rest(box->memory, event))
		return true;
	*event = (struct sandbox_event){ .at_ns = message_now() };
	if (!box->ready && !box->killed) {
		box->ready = true;
		event->type = SANDBOX_FAILED;
		error_set(&event->error, 0, "the box's init process was killed during set-up");
		return true;
	}
	event->type = SANDBOX_GONE;
	box->gone = true;
	fd_close(&box->pidfd);
	return true;
}

bool sandbox_next_event(struct sandbox *box, struct sandbox_event *event)
{
	if (box->gone)
		return false;
	/* First whether it has ended, then what it said before. */
	sandbox_reap(box, WNOHANG);
	if (box->usage)
		usage_heed(box->usage);
	return take_failure(box, event) || take_message(box, event) ||
	       memory_take_oom(box->memory, event) || take_end(box, event);
}
