/* SPDX-License-Identifier: Apache-2.0 */
/* events_api - what is queued of events that nobody waits for */
#include "emulator/events_api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/front.h"
#include "emulator/json.h"
#include "emulator/option_value.h"
#include "emulator/timestamp.h"

#define PAGE_PRESET "100"

struct events_page {
	struct event_visitor visitor;
	struct buffer body;
	const char *function; /* whose events are wanted; NULL: all */
	char from[64 + 1];    /* behind this event, of that function ... */
	uint64_t after;       /* ... and number; "" and 0: from the first on */
	uint64_t left;        /* events that are wanted still */
	const char *of;       /* whose are being told */
	uint64_t last;        /* number of the one that was told last */
	const char *last_of;  /* ... and whose it was */
	bool has_more;
};

/* ---- what is asked for ---- */

static bool take_limit(struct events_page *page, const struct http_exchange *exchange)
{
	const char *text = http_exchange_query(exchange, "limit");
	struct error err;

	return option_value_number(text ? text : PAGE_PRESET, 1, EVENTS_API_PAGE, &page->left,
	                           &err);
}

/* "NAME:NUMBER" */
static bool take_from(struct events_page *page, const struct http_exchange *exchange)
{
	const char *text = http_exchange_query(exchange, "from");
	const char *colon = text ? strrchr(text, ':') : NULL;
	struct error err;

	if (!text)
		return true;
	if (!colon || (size_t)(colon - text) >= sizeof(page->from))
		return false;
	snprintf(page->from, sizeof(page->from), "%.*s", (int)(colon - text), text);
	return option_value_number(colon + 1, 0, UINT64_MAX, &page->after, &err);
}

/* ---- telling ---- */

static void append_event(struct events_page *page, const struct event_view *view)
{
	static const char *const states[] = {
		[EVENT_READY] = "waiting",
		[EVENT_RUNNING] = "running",
		[EVENT_DELAYED] = "delayed",
	};
	struct buffer *out = &page->body;
	char due[TIMESTAMP_SIZE];

	json_array_item(out);
	json_object_text(out, "requestId", view->request_id);
	json_object_text(out, "function", page->of);
	json_object_text(out, "state", states[view->state]);
	json_object_number(out, "attempts", view->attempts);
	json_object_number(out, "failures", view->failures);
	json_object_number(out, "bytes", view->bytes);
	json_object_number(out, "ageMs", view->age_ns / CLOCK_NS_PER_MS);
	if (view->state == EVENT_DELAYED) {
		timestamp_format(view->due_wall_ns, due);
		json_object_text(out, "due", due);
	}
	json_object_end(out);
}

static bool on_event(struct event_visitor *visitor, const struct event_view *view)
{
	struct events_page *page = container_of(visitor, struct events_page, visitor);

	if (page->left == 0) {
		page->has_more = true;
		return false;
	}
	page->left--;
	page->last = view->number;
	page->last_of = page->of;
	append_event(page, view);
	return true;
}

static bool is_wanted(const struct events_page *page, const struct served_function *served)
{
	if (page->function && strcmp(served->name, page->function) != 0)
		return false;
	return strcmp(served->name, page->from) >= 0;
}

static void append_next(struct events_page *page)
{
	char next[100];

	if (!page->has_more)
		return;
	snprintf(next, sizeof(next), "%s:%" PRIu64, page->last_of, page->last);
	json_object_text(&page->body, "next", next);
}

static void append_page(struct events_page *page, const struct functions *functions)
{
	uint64_t queued = 0;

	json_object_begin(&page->body);
	json_array_open(&page->body, "events");
	for (size_t i = 0; i < functions_count(functions); i++) {
		const struct served_function *served = functions_at(functions, i);

		if (!page->function || strcmp(served->name, page->function) == 0)
			queued += event_queue_length(served->events);
		if (page->has_more || !is_wanted(page, served))
			continue;
		page->of = served->name;
		page->visitor.after = strcmp(served->name, page->from) == 0 ? page->after : 0;
		event_queue_each(served->events, &page->visitor);
	}
	json_array_end(&page->body);
	json_object_number(&page->body, "queued", queued);
	append_next(page);
	json_object_end(&page->body);
	buffer_append_text(&page->body, "\n");
}

void events_api_tell(const struct functions *functions, struct http_exchange *exchange)
{
	struct events_page page = {
		.visitor.on_event = on_event,
		.body = BUFFER_INIT,
		.function = http_exchange_query(exchange, "function"),
	};

	if (!take_limit(&page, exchange)) {
		front_reply_message(exchange, 400, "'limit' is a number from 1 to 1000");
		return;
	}
	if (!take_from(&page, exchange)) {
		front_reply_message(exchange, 400, "'from' is what 'next' of a page has told");
		return;
	}
	append_page(&page, functions);
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_reply(exchange, 200, &page.body);
}
