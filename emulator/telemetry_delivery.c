/* SPDX-License-Identifier: Apache-2.0 */
/* telemetry_delivery - how batches of telemetry get to those who asked for them */
#include "emulator/telemetry_delivery.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/http_client.h"

#define ANSWER_NS (TELEMETRY_ANSWER_MS * CLOCK_NS_PER_MS)

struct telemetry_delivery {
	struct telemetry_sinks sinks;
	struct loop *loop;
};

/* ---- HTTP ---- */

struct http_sink {
	struct telemetry_sink base;
	struct http_client client;
	struct subscription wanted;
	struct loop_garbage garbage;
};

static struct http_sink *http_sink_of(struct telemetry_sink *base)
{
	return container_of(base, struct http_sink, base);
}

static void http_send(struct telemetry_sink *base, const char *data, size_t length)
{
	struct http_sink *sink = http_sink_of(base);
	struct http_client_request request = {
		.method = sink->wanted.put ? "PUT" : "POST",
		.target = sink->wanted.target,
		.host = sink->wanted.host,
		.port = sink->wanted.port,
		.content_type = "application/json",
		.body = data,
		.length = length,
	};

	http_client_send(&sink->client, &request, ANSWER_NS);
}

static void http_connect(struct telemetry_sink *base, int fd)
{
	http_client_connect(&http_sink_of(base)->client, fd);
}

static void http_refuse(struct telemetry_sink *base, const struct error *why)
{
	http_client_fail(&http_sink_of(base)->client, why);
}

static void http_pause(struct telemetry_sink *base, bool pause)
{
	http_client_pause(&http_sink_of(base)->client, pause);
}

static void free_http_sink(struct loop_garbage *garbage)
{
	free(container_of(garbage, struct http_sink, garbage));
}

static void http_destroy(struct telemetry_sink *base)
{
	struct http_sink *sink = http_sink_of(base);

	http_client_finish(&sink->client);
	loop_dispose(sink->client.loop, &sink->garbage, free_http_sink);
}

static const struct telemetry_sink_ops http_ops = {
	.send = http_send,
	.connect = http_connect,
	.refuse = http_refuse,
	.pause = http_pause,
	.destroy = http_destroy,
};

static void on_http_dial(struct http_client *client)
{
	struct http_sink *sink = container_of(client, struct http_sink, client);

	sink->base.on_dial(&sink->base);
}

static void on_http_done(struct http_client *client, unsigned status, const struct error *why)
{
	struct http_sink *sink = container_of(client, struct http_sink, client);
	struct error refused;

	if (status >= 200 && status < 300) {
		sink->base.on_sent(&sink->base, NULL);
		return;
	}
	if (status) {
		error_set(&refused, 0, "it answers %u", status);
		why = &refused;
	}
	sink->base.on_sent(&sink->base, why);
}

static struct telemetry_sink *open_http(struct loop *loop, const struct subscription *wanted)
{
	struct http_sink *sink = xcalloc(1, sizeof(*sink));

	sink->base.ops = &http_ops;
	sink->wanted = *wanted;
	sink->client.loop = loop;
	sink->client.on_dial = on_http_dial;
	sink->client.on_done = on_http_done;
	http_client_init(&sink->client);
	return &sink->base;
}

/* ---- TCP ---- */

struct tcp_sink {
	struct telemetry_sink base;
	struct tcp_client client;
	struct loop_timer outcome; /* tells what became of the batch, never during send() */
	bool is_sent;
	struct error why;
	bool is_sending;
	struct loop_garbage garbage;
};

static struct tcp_sink *tcp_sink_of(struct telemetry_sink *base)
{
	return container_of(base, struct tcp_sink, base);
}

static void tell_outcome_soon(struct tcp_sink *sink)
{
	loop_timer_start(sink->client.loop, &sink->outcome, clock_now());
}

static void tcp_send(struct telemetry_sink *base, const char *data, size_t length)
{
	struct tcp_sink *sink = tcp_sink_of(base);
	const struct tcp_client_part parts[TCP_CLIENT_PARTS] = { { data, length } };

	sink->is_sending = true;
	sink->is_sent = false;
	loop_timer_start(sink->client.loop, &sink->outcome, clock_now() + ANSWER_NS);
	tcp_client_send(&sink->client, parts);
}

static void tcp_connect(struct telemetry_sink *base, int fd)
{
	tcp_client_connect(&tcp_sink_of(base)->client, fd);
}

static void tcp_refuse(struct telemetry_sink *base, const struct error *why)
{
	tcp_client_break(&tcp_sink_of(base)->client, why);
}

static void tcp_pause(struct telemetry_sink *base, bool pause)
{
	struct tcp_sink *sink = tcp_sink_of(base);

	if (!sink->is_sending)
		return;
	if (pause)
		loop_timer_stop(&sink->outcome);
	else
		loop_timer_start(sink->client.loop, &sink->outcome, clock_now() + ANSWER_NS);
}

static void free_tcp_sink(struct loop_garbage *garbage)
{
	free(container_of(garbage, struct tcp_sink, garbage));
}

static void tcp_destroy(struct telemetry_sink *base)
{
	struct tcp_sink *sink = tcp_sink_of(base);

	loop_timer_stop(&sink->outcome);
	tcp_client_finish(&sink->client, false);
	loop_dispose(sink->client.loop, &sink->garbage, free_tcp_sink);
}

static const struct telemetry_sink_ops tcp_ops = {
	.send = tcp_send,
	.connect = tcp_connect,
	.refuse = tcp_refuse,
	.pause = tcp_pause,
	.destroy = tcp_destroy,
};

static void on_tcp_dial(struct tcp_client *client)
{
	struct tcp_sink *sink = container_of(client, struct tcp_sink, client);

	sink->base.on_dial(&sink->base);
}

static void on_tcp_sent(struct tcp_client *client)
{
	struct tcp_sink *sink = container_of(client, struct tcp_sink, client);

	tcp_client_finish(client, true);
	sink->is_sending = false;
	sink->is_sent = true;
	tell_outcome_soon(sink);
}

static void on_tcp_data(struct tcp_client *client, const char *data, size_t length)
{
	(void)client, (void)data, (void)length; /* there is nothing that it could say */
}

static void on_tcp_broken(struct tcp_client *client, const struct error *why)
{
	struct tcp_sink *sink = container_of(client, struct tcp_sink, client);

	sink->is_sending = false;
	sink->why = *why;
	tell_outcome_soon(sink);
}

static void on_outcome(struct loop_timer *timer)
{
	struct tcp_sink *sink = container_of(timer, struct tcp_sink, outcome);

	if (sink->is_sending) {
		error_set(&sink->why, 0, "it takes nothing for %d ms", TELEMETRY_ANSWER_MS);
		sink->is_sending = false;
		tcp_client_finish(&sink->client, false);
	}
	sink->base.on_sent(&sink->base, sink->is_sent ? NULL : &sink->why);
}

static struct telemetry_sink *open_tcp(struct loop *loop)
{
	struct tcp_sink *sink = xcalloc(1, sizeof(*sink));

	sink->base.ops = &tcp_ops;
	sink->outcome.on_due = on_outcome;
	sink->client.loop = loop;
	sink->client.on_dial = on_tcp_dial;
	sink->client.on_sent = on_tcp_sent;
	sink->client.on_data = on_tcp_data;
	sink->client.on_broken = on_tcp_broken;
	tcp_client_init(&sink->client);
	return &sink->base;
}

/* ---- both ---- */

static struct telemetry_sink *open_sink(struct telemetry_sinks *sinks,
                                        const struct subscription *wanted)
{
	struct telemetry_delivery *delivery = container_of(sinks, struct telemetry_delivery, sinks);

	return wanted->protocol == SUBSCRIPTION_HTTP ? open_http(delivery->loop, wanted)
	                                             : open_tcp(delivery->loop);
}

struct telemetry_delivery *telemetry_delivery_create(struct loop *loop)
{
	struct telemetry_delivery *delivery = xcalloc(1, sizeof(*delivery));

	delivery->sinks.open = open_sink;
	delivery->loop = loop;
	return delivery;
}

void telemetry_delivery_destroy(struct telemetry_delivery *delivery)
{
	free(delivery);
}

struct telemetry_sinks *telemetry_delivery_sinks(struct telemetry_delivery *delivery)
{
	return &delivery->sinks;
}
