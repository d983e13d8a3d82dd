/* SPDX-License-Identifier: Apache-2.0 */
/* admin_api - what lrie adds to the HTTP surface of Lambda: all below /_lrie/ */
#include "emulator/admin_api.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/clock_api.h"
#include "emulator/events_api.h"
#include "emulator/front.h"
#include "emulator/metrics_page.h"
#include "emulator/prometheus.h"

static const char prefix[] = "/_lrie/";

struct admin_api {
	struct admin_api_subjects subjects;
	struct clock_api *clock;
};

/* ---- what there is to ask for ---- */

static void tell_health(struct admin_api *admin, struct http_exchange *exchange)
{
	(void)admin;
	front_reply_text(exchange, 200, "application/json", "{\"status\":\"ready\"}\n");
}

static struct metrics_page page_of(const struct served_function *served)
{
	struct metrics_page page = {
		.function = served->name,
		.memory_bytes = served->config->memory_bytes,
		.metrics = function_metrics(served->function),
		.now = function_now(served->function),
		.events = event_queue_counts(served->events),
	};

	page.now.events = event_queue_length(served->events);
	return page;
}

static void tell_metrics(struct admin_api *admin, struct http_exchange *exchange)
{
	size_t count = functions_count(admin->subjects.functions);
	struct metrics_page *pages = xcalloc(count, sizeof(*pages));
	struct buffer body = BUFFER_INIT;

	for (size_t i = 0; i < count; i++)
		pages[i] = page_of(functions_at(admin->subjects.functions, i));
	metrics_page_append(&body, pages, count);
	free(pages);
	http_exchange_add_header(exchange, "Content-Type", PROMETHEUS_CONTENT_TYPE);
	http_exchange_reply(exchange, 200, &body);
}

static void tell_clock(struct admin_api *admin, struct http_exchange *exchange)
{
	clock_api_tell(admin->clock, exchange);
}

static void move_clock(struct admin_api *admin, struct http_exchange *exchange)
{
	clock_api_move(admin->clock, exchange);
}

static void tell_events(struct admin_api *admin, struct http_exchange *exchange)
{
	events_api_tell(admin->subjects.functions, exchange);
}

static void leave_clock(struct admin_api *admin, struct http_exchange *exchange)
{
	clock_api_on_finished(admin->clock, exchange);
}

/* ---- routes ---- */

enum { HEALTH, METRICS, CLOCK, CLOCK_MOVE, EVENTS };

static const struct route routes[] = {
	{ "GET", "/_lrie/health", HEALTH },     { "HEAD", "/_lrie/health", HEALTH },
	{ "GET", "/_lrie/metrics", METRICS },   { "HEAD", "/_lrie/metrics", METRICS },
	{ "GET", "/_lrie/clock", CLOCK },       { "HEAD", "/_lrie/clock", CLOCK },
	{ "POST", "/_lrie/clock", CLOCK_MOVE }, { "GET", "/_lrie/events", EVENTS },
	{ "HEAD", "/_lrie/events", EVENTS },    { .method = NULL },
};

/* By the ids of routes. */
static const struct subject {
	size_t body_limit; /* bytes of body that it takes; more are read and forgotten */

	/* Replies, or keeps the exchange and replies later. */
	void (*on_request)(struct admin_api *admin, struct http_exchange *exchange);

	/* For those that keep exchanges; NULL: nothing to do. */
	void (*on_finished)(struct admin_api *admin, struct http_exchange *exchange);
} all_subjects[] = {
	[HEALTH] = { .on_request = tell_health },
	[METRICS] = { .on_request = tell_metrics },
	[CLOCK] = { .on_request = tell_clock },
	[EVENTS] = { .on_request = tell_events },
	[CLOCK_MOVE] = { .body_limit = CLOCK_API_BODY_LIMIT,
	                 .on_request = move_clock,
	                 .on_finished = leave_clock },
};

static int find_route(const struct http_exchange *exchange)
{
	char none[2];

	return front_find_route(routes, exchange, none, sizeof(none));
}

/* NULL: there is none. */
static const struct subject *find_subject(const struct http_exchange *exchange)
{
	int route = find_route(exchange);

	return route < 0 ? NULL : &all_subjects[route];
}

/* ---- callbacks ---- */

bool admin_api_owns(const struct http_exchange *exchange)
{
	return strncmp(http_exchange_path(exchange), prefix, sizeof(prefix) - 1) == 0;
}

void admin_api_on_head(struct admin_api *admin, struct http_exchange *exchange)
{
	const struct subject *subject = find_subject(exchange);

	(void)admin;
	if (subject && subject->body_limit > 0)
		http_exchange_accept_body(exchange, subject->body_limit);
}

void admin_api_on_request(struct admin_api *admin, struct http_exchange *exchange)
{
	int route = find_route(exchange);

	if (route == FRONT_UNKNOWN)
		front_reply_unknown(exchange);
	else if (route == FRONT_WRONG_METHOD)
		front_reply_wrong_method(exchange);
	else
		all_subjects[route].on_request(admin, exchange);
}

void admin_api_on_finished(struct admin_api *admin, struct http_exchange *exchange)
{
	const struct subject *subject = find_subject(exchange);

	if (subject && subject->on_finished)
		subject->on_finished(admin, exchange);
}

/* ---- life ---- */

struct admin_api *admin_api_create(const struct admin_api_subjects *subjects)
{
	struct admin_api *admin = xcalloc(1, sizeof(*admin));
	const struct clock_api_subjects of_clock = {
		.functions = subjects->functions,
		.letters = subjects->letters,
		.loop = subjects->loop,
	};

	admin->subjects = *subjects;
	admin->clock = clock_api_create(&of_clock, subjects->clock_is_virtual);
	return admin;
}

void admin_api_destroy(struct admin_api *admin)
{
	if (!admin)
		return;
	clock_api_destroy(admin->clock);
	free(admin);
}
