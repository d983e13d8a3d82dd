/* SPDX-License-Identifier: Apache-2.0 */
/* clock_api - /_lrie/clock: what time it is for Lambda, and moving that forward */
#include "emulator/clock_api.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/advance.h"
#include "emulator/duration.h"
#include "emulator/front.h"
#include "emulator/json.h"
#include "emulator/timestamp.h"

/* How long what is under way may take before time moves on over its head. */
#define SETTLE_NS (1 * CLOCK_NS_PER_S)

struct clock_api {
	struct clock_api_subjects subjects;
	bool is_virtual;
	struct advance advance;
	struct http_exchange *exchange; /* who waits for the advance; NULL: nobody */
};

/* ---- replies ---- */

static void reply_time(const struct clock_api *api, struct http_exchange *exchange)
{
	struct buffer body = BUFFER_INIT;
	char now[TIMESTAMP_SIZE];

	timestamp_format(clock_wall_ns(clock_now()), now);
	json_object_begin(&body);
	json_object_text(&body, "clock", api->is_virtual ? "virtual" : "real");
	json_object_text(&body, "now", now);
	json_object_number(&body, "aheadMs", clock_ahead() / CLOCK_NS_PER_MS);
	json_object_end(&body);
	buffer_append_text(&body, "\n");
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_reply(exchange, 200, &body);
}

/* ---- the request ---- */

struct request {
	uint64_t advance_ns, settle_ns;
};

static bool read_member(const char *name, const struct json *value, struct request *request,
                        struct error *err)
{
	const char *text = json_text(value);
	bool is_advance = strcmp(name, "advance") == 0;
	struct error why;

	if (!is_advance && strcmp(name, "settle") != 0)
		return error_set(err, 0, "'%.40s' is unknown: there are 'advance' and 'settle'",
		                 name);
	if (!text)
		return error_set(err, 0, "'%s' must be a text, such as \"90s\"", name);
	if (!duration_parse(text, is_advance ? &request->advance_ns : &request->settle_ns, &why))
		return error_set(err, 0, "'%s': %s", name, why.text);
	return true;
}

static bool read_members(const struct json *json, struct request *request, struct error *err)
{
	const char *name;

	if (!json_is_object(json) || !json_member(json, "advance"))
		return error_set(err, 0,
		                 "the body must be an object with 'advance', such as "
		                 "{\"advance\":\"2m\"}");
	for (size_t i = 0; (name = json_member_name(json, i)); i++) {
		if (!read_member(name, json_member(json, name), request, err))
			return false;
	}
	return true;
}

static bool read_request(struct http_exchange *exchange, struct request *request, struct error *err)
{
	autobuffer struct buffer body = BUFFER_INIT;
	struct json *json;
	bool is_read;

	if (http_exchange_body_state(exchange) != HTTP_BODY_COMPLETE)
		return error_set(err, 0, "the body is longer than %d bytes", CLOCK_API_BODY_LIMIT);
	http_exchange_take_body(exchange, &body);
	json = json_read(body.data, body.length, err);
	if (!json)
		return false;
	is_read = read_members(json, request, err);
	json_destroy(json);
	return is_read;
}

static bool fits(const struct request *request, struct error *err)
{
	if (request->advance_ns <= ADVANCE_MOST_NS - clock_ahead())
		return true;
	return error_set(err, 0,
	                 "'advance': the clock can be at most %u hours ahead of the "
	                 "machine's, and is %u ahead",
	                 (unsigned)(ADVANCE_MOST_NS / CLOCK_NS_PER_S / 3600),
	                 (unsigned)(clock_ahead() / CLOCK_NS_PER_S / 3600));
}

/* ---- the advance ---- */

static enum advance_work look(const struct advance *advance, const struct advance_moments *moments)
{
	const struct clock_api_subjects *of = &container_of(advance, struct clock_api, advance)
	                                               ->subjects;
	enum advance_work most = ADVANCE_NO_WORK;

	/* Servers answer in the machine's time, and give up in it. */
	if (event_delivery_is_under_way(of->letters))
		return ADVANCE_OWN_WORK;
	for (size_t i = 0; i < functions_count(of->functions); i++) {
		const struct function *function = functions_at(of->functions, i)->function;
		enum advance_work work = function_work(function, moments);

		if (work > most)
			most = work;
	}
	return most;
}

static void on_complete(struct advance *advance)
{
	struct clock_api *api = container_of(advance, struct clock_api, advance);

	if (api->exchange)
		reply_time(api, api->exchange);
}

/* ---- from outside ---- */

void clock_api_tell(struct clock_api *api, struct http_exchange *exchange)
{
	reply_time(api, exchange);
}

void clock_api_move(struct clock_api *api, struct http_exchange *exchange)
{
	struct request request = { .settle_ns = SETTLE_NS };
	struct error err;

	if (!api->is_virtual) {
		front_reply_message(exchange, 409,
		                    "the clock is the machine's, which lrie does not move: start "
		                    "lrie with --clock virtual");
	} else if (!read_request(exchange, &request, &err) || !fits(&request, &err)) {
		front_reply_message(exchange, 400, err.text);
	} else if (advance_is_under_way(&api->advance)) {
		front_reply_message(exchange, 409,
		                    "the clock is being moved already: wait for the answer to "
		                    "that request");
	} else {
		api->exchange = exchange;
		advance_start(&api->advance, api->subjects.loop, request.advance_ns,
		              request.settle_ns);
	}
}

void clock_api_on_finished(struct clock_api *api, const struct http_exchange *exchange)
{
	if (api->exchange == exchange)
		api->exchange = NULL;
}

struct clock_api *clock_api_create(const struct clock_api_subjects *subjects, bool is_virtual)
{
	struct clock_api *api = xcalloc(1, sizeof(*api));

	api->subjects = *subjects;
	api->is_virtual = is_virtual;
	api->advance.look = look;
	api->advance.on_complete = on_complete;
	return api;
}

void clock_api_destroy(struct clock_api *api)
{
	if (!api)
		return;
	advance_stop(&api->advance);
	free(api);
}
