/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay - passes bytes on from one descriptor to another, as fast as both go
 *
 * Either the source is watched, while nothing is at hand, or the target, while something is. A
 * regular file is always ready; then the other end alone sets the pace.
 */
#include "emulator/relay.h"

#include <errno.h>
#include <sys/epoll.h>

/* A source without end gets this much attention in one turn. */
#define BLOCKS_PER_TURN 16

void relay_stop(struct relay *relay)
{
	if (!relay->runs)
		return;
	relay->runs = false;
	loop_watch_stop(&relay->readable);
	loop_watch_stop(&relay->writable);
	stream_close(&relay->from);
	stream_close(&relay->to);
}

static void end(struct relay *relay, enum relay_end how, int code)
{
	relay_stop(relay);
	relay->on_end(relay, how, code);
}

/* The other end of a pseudo-terminal that is closed is an error, EIO, and as good as an end. */
static void end_of_source(struct relay *relay)
{
	end(relay, RELAY_SOURCE_ENDED, 0);
}

/* Returns false when there is nothing to read for now, or ever. */
static bool fill(struct relay *relay)
{
	ssize_t got = stream_read(&relay->from, relay->block, sizeof(relay->block));

	if (got > 0) {
		relay->start = 0;
		relay->length = (size_t)got;
		return true;
	}
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		end_of_source(relay);
	return false;
}

/* Returns false when there is no room for now, or nobody any more. */
static bool empty(struct relay *relay)
{
	while (relay->length > 0) {
		ssize_t written = stream_write(&relay->to, relay->block + relay->start,
		                               relay->length);

		if (written == -1 && errno == EINTR)
			continue;
		if (written == -1 && errno != EAGAIN)
			end(relay, RELAY_TARGET_GONE, errno);
		if (written == -1)
			return false;
		relay->start += (size_t)written;
		relay->length -= (size_t)written;
	}
	return true;
}

/* What is closed at the other end is ready for ever: a source that has to wait is not watched. */
static void watch_source(struct relay *relay, bool wanted)
{
	struct loop_watch *watch = &relay->readable;

	if (relay->from_is_file || wanted == (watch->loop != NULL))
		return;
	if (!wanted)
		loop_watch_stop(watch);
	else if (!loop_watch_start(relay->loop, watch, relay->from.fd, EPOLLIN, NULL))
		end_of_source(relay);
}

/* Watches whatever it is that must become ready. */
static void wait(struct relay *relay)
{
	bool for_target = (relay->length > 0 || relay->from_is_file) && !relay->to_is_file;

	if (!relay->to_is_file)
		loop_watch_change(&relay->writable, for_target ? EPOLLOUT : 0);
	watch_source(relay, !for_target);
}

static void pass_on(struct relay *relay)
{
	for (unsigned i = 0; i < BLOCKS_PER_TURN; i++) {
		if (!empty(relay) || !fill(relay))
			break;
	}
	if (relay->runs)
		wait(relay);
}

static void on_readable(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	pass_on(container_of(watch, struct relay, readable));
}

static void on_writable(struct loop_watch *watch, uint32_t events)
{
	struct relay *relay = container_of(watch, struct relay, writable);

	if (relay->length == 0 && (events & (EPOLLERR | EPOLLHUP)))
		end(relay, RELAY_TARGET_GONE, EPIPE);
	else
		pass_on(relay);
}

/* epoll takes no regular file: EPERM. */
static bool watch_end(struct relay *relay, struct loop_watch *watch, int fd, uint32_t events,
                      bool *is_file, struct error *err)
{
	struct error refused;

	*is_file = false;
	if (loop_watch_start(relay->loop, watch, fd, events, &refused))
		return true;
	*is_file = refused.code == EPERM;
	if (!*is_file && err)
		*err = refused;
	return *is_file;
}

bool relay_start(struct relay *relay, struct loop *loop, struct stream *from, struct stream *to,
                 struct error *err)
{
	relay->loop = loop;
	relay->from = *from;
	relay->to = *to;
	relay->runs = true;
	relay->length = 0;
	relay->readable = (struct loop_watch){ .on_ready = on_readable };
	relay->writable = (struct loop_watch){ .on_ready = on_writable };
	if (watch_end(relay, &relay->readable, from->fd, EPOLLIN, &relay->from_is_file, err) &&
	    watch_end(relay, &relay->writable, to->fd, 0, &relay->to_is_file, err)) {
		wait(relay);
		return true;
	}
	relay_stop(relay);
	return false;
}
