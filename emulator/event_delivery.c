/* SPDX-License-Identifier: Apache-2.0 */
/* event_delivery - how it gets to servers what became of events */
#include "emulator/event_delivery.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/address.h"
#include "emulator/backlog.h"
#include "emulator/clock.h"
#include "emulator/http_client.h"
#include "emulator/identifier.h"
#include "emulator/log.h"

#define ANSWER_NS (30 * CLOCK_NS_PER_S)
#define FIRST_PAUSE_NS (1 * CLOCK_NS_PER_S)
#define LONGEST_PAUSE_NS (60 * CLOCK_NS_PER_S)

struct letter {
	struct letter *next;
	struct event_store_item *item; /* NULL: it does not outlive lrie */
	char request_id[UUID_SIZE];
	uint64_t since_ns; /* may be before the clock's beginning, and wrap: of an earlier lrie */
	size_t length;
	char data[];
};

/* A destination, and the line of letters to it. */
struct server_sink {
	struct event_sink base;
	struct event_delivery *delivery;
	struct server_sink *next, **place; /* in the delivery */
	struct http_client client;
	union address address;
	char *host; /* for the Host header */
	uint16_t port;
	const char *target;
	struct letter *first, **last;
	unsigned count;
	struct backlog backlog; /* the bytes of all */
	bool is_sending, is_failing;
	bool has_given_up; /* at the end of lrie: the last attempt was in vain */
	bool is_retired;   /* no more letters come: it goes when the last one has gone */
	uint64_t pause_ns;
	struct loop_timer retry;
	struct loop_garbage garbage;
};

struct event_delivery {
	struct event_servers servers;
	struct loop *loop;
	struct event_store *store;
	struct server_sink *sinks;
	struct loop_timer grace;
	void (*on_drained)(struct event_delivery *delivery); /* NULL: it is not the end yet */
	bool is_over;                                        /* ... or it was */
};

/* ---- the line ---- */

/* None is younger than nothing, whatever the clock was. */
static uint64_t age_of(const struct event_letter *letter)
{
	uint64_t wall_ns = clock_wall_ns(clock_now());

	if (letter->kept_wall_ns == 0 || letter->kept_wall_ns > wall_ns)
		return 0;
	return wall_ns - letter->kept_wall_ns;
}

static struct letter *make_letter(const struct event_letter *from, struct event_store_item *item)
{
	struct letter *letter = xcalloc(1, sizeof(*letter) + from->length);

	letter->item = item;
	snprintf(letter->request_id, sizeof(letter->request_id), "%s", from->request_id);
	letter->since_ns = clock_now() - age_of(from);
	letter->length = from->length;
	memcpy(letter->data, from->data, from->length);
	return letter;
}

static void join(struct server_sink *sink, struct letter *letter)
{
	*sink->last = letter;
	sink->last = &letter->next;
	sink->count++;
	backlog_add(&sink->backlog, letter->length);
}

static void drop_first(struct server_sink *sink)
{
	struct letter *letter = sink->first;
	size_t length;

	sink->first = letter->next;
	if (!sink->first)
		sink->last = &sink->first;
	sink->count--;
	length = letter->length;
	free(letter);
	backlog_remove(&sink->backlog, length);
}

bool event_delivery_is_under_way(const struct event_delivery *delivery)
{
	for (const struct server_sink *at = delivery->sinks; at; at = at->next) {
		if (at->is_sending)
			return true;
	}
	return false;
}

/* ---- the end of lrie ---- */

static bool is_drained(const struct event_delivery *delivery)
{
	for (const struct server_sink *at = delivery->sinks; at; at = at->next) {
		if (at->first && !at->has_given_up)
			return false;
	}
	return true;
}

static void end(struct event_delivery *delivery)
{
	void (*on_drained)(struct event_delivery *) = delivery->on_drained;

	delivery->on_drained = NULL;
	delivery->is_over = true;
	loop_timer_stop(&delivery->grace);
	on_drained(delivery);
}

static void look_for_end(struct event_delivery *delivery)
{
	if (delivery->on_drained && is_drained(delivery))
		end(delivery);
}

/* ---- sending ---- */

static void send_first(struct server_sink *sink)
{
	const struct http_client_request request = {
		.method = "POST",
		.target = sink->target,
		.host = sink->host,
		.port = sink->port,
		.content_type = "application/json",
		.body = sink->first->data,
		.length = sink->first->length - 1, /* without its line feed */
	};

	sink->is_sending = true;
	loop_timer_stop(&sink->retry);
	http_client_send(&sink->client, &request, ANSWER_NS);
}

static void go_on(struct server_sink *sink)
{
	if (sink->first && !sink->is_sending && !sink->retry.loop)
		send_first(sink);
}

static void on_retry(struct loop_timer *timer)
{
	go_on(container_of(timer, struct server_sink, retry));
}

static void on_dial(struct http_client *client)
{
	struct server_sink *sink = container_of(client, struct server_sink, client);
	struct error err;
	int fd = tcp_client_dial(&sink->address, &err);

	if (fd == -1)
		http_client_fail(client, &err);
	else
		http_client_connect(client, fd);
}

static void take_first(struct server_sink *sink)
{
	if (sink->is_failing)
		log_notice("'%s' takes what became of events again", sink->base.destination);
	sink->is_failing = false;
	sink->pause_ns = 0;
	event_store_remove(sink->delivery->store, sink->first->item);
	drop_first(sink);
}

/* Where that cannot be, the store still has it, for the next lrie. */
static void put_first_aside(struct server_sink *sink, const char *why)
{
	struct event_store *store = sink->delivery->store;
	const struct letter *letter = sink->first;
	struct error err;

	sink->base.dropped++;
	log_warning("event %s: what became of it is not told to '%s': %s", letter->request_id,
	            sink->base.destination, why);
	if (store && event_store_set_aside(store, letter->data, letter->length, &err))
		event_store_remove(store, letter->item);
	else if (store)
		log_warning("event %s: nor can that be put aside: %s", letter->request_id,
		            err.text);
	drop_first(sink);
}

static bool is_too_old(const struct letter *letter)
{
	return clock_now() - letter->since_ns > EVENT_DELIVERY_AGE_S * CLOCK_NS_PER_S;
}

static void back_off(struct server_sink *sink, const char *why)
{
	if (!sink->is_failing)
		log_warning("'%s' does not take what became of events, which is tried again: %s",
		            sink->base.destination, why);
	sink->is_failing = true;
	if (is_too_old(sink->first))
		put_first_aside(sink, "it is too old");
	sink->has_given_up = sink->delivery->on_drained != NULL;
	if (!sink->first || sink->has_given_up)
		return;
	sink->pause_ns = sink->pause_ns == 0 ? FIRST_PAUSE_NS : 2 * sink->pause_ns;
	if (sink->pause_ns > LONGEST_PAUSE_NS)
		sink->pause_ns = LONGEST_PAUSE_NS;
	loop_timer_start(sink->delivery->loop, &sink->retry, clock_now() + sink->pause_ns);
}

static void tell_rest(const struct server_sink *sink)
{
	if (sink->count > 0)
		log_warning("'%s' has not taken what became of %u event%s: %s",
		            sink->base.destination, sink->count, sink->count == 1 ? "" : "s",
		            sink->delivery->store ? "kept" : "lost");
}

static void free_sink(struct loop_garbage *garbage)
{
	struct server_sink *sink = container_of(garbage, struct server_sink, garbage);

	free(sink->base.destination);
	free(sink->host);
	free(sink);
}

static void end_sink(struct server_sink *sink)
{
	tell_rest(sink);
	while (sink->first)
		drop_first(sink);
	loop_timer_stop(&sink->retry);
	http_client_finish(&sink->client);
	*sink->place = sink->next;
	if (sink->next)
		sink->next->place = sink->place;
	loop_dispose(sink->delivery->loop, &sink->garbage, free_sink);
}

/* Of statuses that are no 2xx: whether the same may be taken later. */
static bool may_be_taken_later(unsigned status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void on_done(struct http_client *client, unsigned status, const struct error *why)
{
	struct server_sink *sink = container_of(client, struct server_sink, client);
	char words[64];

	snprintf(words, sizeof(words), "it answers %u", status);
	sink->is_sending = false;
	if (status >= 200 && status < 300)
		take_first(sink);
	else if (status == 0 || may_be_taken_later(status))
		back_off(sink, status == 0 ? why->text : words);
	else
		put_first_aside(sink, words);
	if (!sink->has_given_up)
		go_on(sink);
	look_for_end(sink->delivery);
	if (sink->is_retired && !sink->first)
		end_sink(sink);
}

/* ---- a sink ---- */

static struct server_sink *sink_of(struct event_sink *base)
{
	return container_of(base, struct server_sink, base);
}

/* What cannot be kept is sent all the same. */
static struct event_store_item *keep(struct server_sink *sink, const struct event_letter *letter)
{
	const struct event_record record = {
		.kind = EVENT_RECORD_LETTER,
		.accepted_wall_ns = clock_wall_ns(clock_now()),
		.chain = letter->chain,
		.function = letter->function,
		.request_id = letter->request_id,
		.destination = sink->base.destination,
		.data = letter->data,
		.length = letter->length,
	};
	struct error err;
	struct event_store_item *item;

	if (!sink->delivery->store)
		return NULL;
	item = event_store_add(sink->delivery->store, &record, &err);
	if (!item)
		log_warning("event %s: what became of it is not kept: %s", letter->request_id,
		            err.text);
	return item;
}

static bool server_send(struct event_sink *base, const struct event_letter *letter,
                        struct error *err)
{
	struct server_sink *sink = sink_of(base);

	if (sink->count >= EVENT_DELIVERY_LETTERS ||
	    sink->backlog.bytes + letter->length > EVENT_DELIVERY_BYTES)
		return error_set(err, 0, "%u records wait for it already", sink->count);
	join(sink, make_letter(letter, keep(sink, letter)));
	go_on(sink);
	return true;
}

static void server_resume(struct event_sink *base, const struct event_letter *letter,
                          struct event_store_item *item)
{
	join(sink_of(base), make_letter(letter, item));
	loop_timer_start(sink_of(base)->delivery->loop, &sink_of(base)->retry, clock_now());
}

/* While lrie runs, letters outlive the destination that they are for. */
static void server_destroy(struct event_sink *base, unsigned grace_ms)
{
	struct server_sink *sink = sink_of(base);

	(void)grace_ms; /* event_delivery_drain() was the time for that */
	sink->is_retired = true;
	if (!sink->first || sink->delivery->is_over)
		end_sink(sink);
}

static const struct event_sink_ops server_ops = {
	.send = server_send,
	.resume = server_resume,
	.destroy = server_destroy,
};

static struct server_sink *make_sink(struct event_delivery *delivery,
                                     const struct destination_address *address, char *destination)
{
	struct server_sink *sink = xcalloc(1, sizeof(*sink));

	sink->base = (struct event_sink){ .ops = &server_ops, .destination = destination };
	sink->delivery = delivery;
	sink->host = xstrdup(address->header);
	sink->port = address->port;
	sink->target = address->target;
	sink->last = &sink->first;
	sink->retry = (struct loop_timer){ .on_due = on_retry, .is_virtual = true };
	sink->client.loop = delivery->loop;
	sink->client.on_dial = on_dial;
	sink->client.on_done = on_done;
	http_client_init(&sink->client);
	sink->place = &delivery->sinks;
	sink->next = delivery->sinks;
	if (sink->next)
		sink->next->place = &sink->next;
	delivery->sinks = sink;
	return sink;
}

static struct event_sink *open_sink(struct event_servers *servers,
                                    const struct destination_address *address, char *destination,
                                    struct error *err)
{
	struct event_delivery *delivery = container_of(servers, struct event_delivery, servers);
	struct address_list list = { .count = 0 };
	struct server_sink *sink;

	address_find(&list, address->host, htons(address->port));
	if (list.count == 0) {
		error_set(err, 0,
		          "destination '%s': the host is neither an address nor a name "
		          "in " ADDRESS_HOSTS_FILE,
		          destination);
		return NULL;
	}
	sink = make_sink(delivery, address, destination);
	sink->address = list.items[0];
	return &sink->base;
}

/* ---- all ---- */

static void on_grace_over(struct loop_timer *timer)
{
	end(container_of(timer, struct event_delivery, grace));
}

void event_delivery_drain(struct event_delivery *delivery, unsigned grace_ms,
                          void (*on_drained)(struct event_delivery *delivery))
{
	delivery->on_drained = on_drained;
	for (struct server_sink *at = delivery->sinks; at; at = at->next) {
		loop_timer_stop(&at->retry); /* once more, and now */
		go_on(at);
	}
	loop_timer_start(delivery->loop, &delivery->grace,
	                 clock_now() + (is_drained(delivery) ? 0 : grace_ms * CLOCK_NS_PER_MS));
}

struct event_delivery *event_delivery_create(struct loop *loop, struct event_store *store)
{
	struct event_delivery *delivery = xcalloc(1, sizeof(*delivery));

	delivery->servers.open = open_sink;
	delivery->loop = loop;
	delivery->store = store;
	delivery->grace.on_due = on_grace_over;
	return delivery;
}

void event_delivery_destroy(struct event_delivery *delivery)
{
	struct server_sink *sink = delivery ? delivery->sinks : NULL, *next;

	for (; sink; sink = next) {
		next = sink->next;
		end_sink(sink);
	}
	free(delivery);
}

struct event_servers *event_delivery_servers(struct event_delivery *delivery)
{
	return &delivery->servers;
}
