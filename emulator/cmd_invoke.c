/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_invoke - one invocation, without a server in between */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/clock.h"
#include "emulator/commands.h"
#include "emulator/event.h"
#include "emulator/log.h"
#include "emulator/service.h"
#include "sandbox/fd.h"

struct shot {
	struct service service;
	struct loop_timer end;
	struct buffer result;
	bool has_result;
	int code;
	bool stopping;
};

static struct shot shot;

static void on_stopped(struct functions *functions)
{
	(void)functions;
	loop_stop(shot.service.loop);
}

static void stop(struct loop_timer *timer)
{
	(void)timer;
	if (shot.stopping)
		return;
	shot.stopping = true;
	functions_stop(shot.service.functions, on_stopped);
}

static void on_signal(struct loop_signal *signal)
{
	if (shot.stopping)
		_exit(128 + signal->number);
	shot.code = 128 + signal->number;
	shot.has_result = false; /* who wants an end does not want to wait for a slow reader */
	stop(NULL);
}

/* ---- the result ---- */

static bool write_all(int fd, const char *data, size_t length)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	while (length > 0) {
		ssize_t written = write(fd, data, length);

		if (written == -1 && errno == EAGAIN)
			poll(&room, 1, -1); /* whoever shares it with us has made it non-blocking */
		else if (written == -1 && errno != EINTR)
			return false;
		if (written > 0) {
			data += written;
			length -= (size_t)written;
		}
	}
	return true;
}

/* At the very end: the loop is over, and a reader who takes his time keeps nobody waiting. */
static void print_result(void)
{
	const struct buffer *result = &shot.result;

	if (shot.has_result && !write_all(STDOUT_FILENO, result->data, result->length)) {
		log_error("write the result: %s", strerror(errno));
		shot.code = EXIT_FUNCTION_FAILED;
	}
}

static int code_of(const struct answer *answer)
{
	if (answer->fault && answer->fault->status == FAULT_TIMEOUT)
		return EXIT_TIMED_OUT;
	return answer->is_error ? EXIT_FUNCTION_FAILED : EXIT_FINE;
}

static void on_answered(struct invocation *invocation, struct answer *answer)
{
	struct buffer *body = &answer->body;

	(void)invocation;
	if (shot.stopping)
		return;
	shot.code = code_of(answer);
	if (body->length == 0 || body->data[body->length - 1] != '\n')
		buffer_append_text(body, "\n");
	shot.has_result = true;
	buffer_move(&shot.result, body);
}

static void on_done(struct invocation *invocation, const struct log_tail *tail)
{
	(void)tail;
	invocation_unref(invocation);
	/* Not here: the environment is in the middle of something. */
	loop_timer_start(shot.service.loop, &shot.end, clock_now());
}

static const struct invocation_ops ops = { .on_answered = on_answered, .on_done = on_done };

/* ---- the command ---- */

static void run(struct buffer *event)
{
	struct served_function *served = functions_at(shot.service.functions, 0);
	struct invocation *invocation = invocation_make(served->config, &ops);
	struct error err;

	shot.end.on_due = stop;
	if (!service_watch_signals(&shot.service, on_signal, &err))
		log_warning("%s", err.text);
	buffer_move(&invocation->event, event);
	if (function_submit(served->function, invocation) != FUNCTION_ACCEPTED)
		abort(); /* the first invocation always finds room */
	loop_run(shot.service.loop);
	loop_timer_stop(&shot.end);
}

int cmd_invoke(const struct config *config)
{
	autobuffer struct buffer event = BUFFER_INIT;
	struct error err;

	if (!event_read(config->event, &event, &err)) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	buffer_init(&shot.result);
	shot.code = service_init(&shot.service, config, STDERR_FILENO);
	if (shot.code == EXIT_FINE)
		run(&event);
	service_finish(&shot.service);
	print_result();
	buffer_finish(&shot.result);
	return shot.code;
}
