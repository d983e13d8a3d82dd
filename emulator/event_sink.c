/* SPDX-License-Identifier: Apache-2.0 */
/* event_sink - where it is told what became of an event: a file or another function */
#include "emulator/event_sink.h"

#include <stdlib.h>

#include "emulator/buffer.h"
#include "emulator/event_queue.h"
#include "emulator/output.h"

/* ---- a file ---- */

struct file_sink {
	struct event_sink base;
	struct output *output;
};

static bool file_send(struct event_sink *base, const struct event_letter *letter, struct error *err)
{
	(void)err; /* output.h tells what is lost */
	output_write(container_of(base, struct file_sink, base)->output, letter->data,
	             letter->length);
	return true;
}

static void file_destroy(struct event_sink *base, unsigned grace_ms)
{
	struct file_sink *sink = container_of(base, struct file_sink, base);

	output_destroy(sink->output, grace_ms);
	free(base->destination);
	free(sink);
}

static const struct event_sink_ops file_ops = { .send = file_send, .destroy = file_destroy };

static struct event_sink *open_file(struct loop *loop, char *destination, struct error *err)
{
	struct output *output = output_open(loop, destination, err);
	struct file_sink *sink;

	if (!output)
		return NULL;
	sink = xcalloc(1, sizeof(*sink));
	sink->base = (struct event_sink){ .ops = &file_ops, .destination = destination };
	sink->output = output;
	return &sink->base;
}

/* ---- another function ---- */

struct peer_sink {
	struct event_sink base;
	const struct event_means *means;
	const char *name;
};

static struct event_queue *find_queue(const struct event_means *means, const char *name)
{
	return means->peers ? means->peers->find(means->peers, name) : NULL;
}

/* The letter is the event, without its line feed. */
static bool peer_send(struct event_sink *base, const struct event_letter *letter, struct error *err)
{
	struct peer_sink *sink = container_of(base, struct peer_sink, base);
	struct event_queue *queue = find_queue(sink->means, sink->name);

	if (!queue)
		return error_set(err, 0, "there is no function '%s'", sink->name);
	if (letter->chain >= EVENT_CHAIN)
		return error_set(err, 0,
		                 "RecursiveInvocationException: functions have handed on "
		                 "%u times, which looks like a loop",
		                 letter->chain);
	return event_queue_add_letter(queue, letter, err);
}

static void peer_destroy(struct event_sink *base, unsigned grace_ms)
{
	(void)grace_ms;
	free(base->destination);
	free(container_of(base, struct peer_sink, base));
}

static const struct event_sink_ops peer_ops = { .send = peer_send, .destroy = peer_destroy };

static struct event_sink *open_peer(const struct event_means *means, const char *name,
                                    char *destination)
{
	struct peer_sink *sink = xcalloc(1, sizeof(*sink));

	sink->base = (struct event_sink){ .ops = &peer_ops, .destination = destination };
	sink->means = means;
	sink->name = name;
	return &sink->base;
}

/* ---- all ---- */

static struct event_sink *open_kind(const struct event_means *means,
                                    const struct destination_address *address, char *destination,
                                    struct error *err)
{
	switch (address->kind) {
	case DESTINATION_FILE:
		return open_file(means->loop, destination, err);
	case DESTINATION_FUNCTION:
		return open_peer(means, address->name, destination);
	case DESTINATION_HTTP:
		if (means->servers)
			return means->servers->open(means->servers, address, destination, err);
		break;
	}
	error_set(err, 0, "'%s' cannot be reached from here", destination);
	return NULL;
}

struct event_sink *event_sink_open(const struct event_means *means, const char *destination,
                                   struct error *err)
{
	char *own = xstrdup(destination);
	struct destination_address address;
	struct event_sink *sink = NULL;

	if (destination_address_parse(own, &address, err))
		sink = open_kind(means, &address, own, err);
	if (!sink)
		free(own);
	return sink;
}

void event_sink_destroy(struct event_sink *sink, unsigned grace_ms)
{
	if (sink)
		sink->ops->destroy(sink, grace_ms);
}
