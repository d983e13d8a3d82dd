/* SPDX-License-Identifier: Apache-2.0 */
/* front - what the HTTP fronts have in common: finding a route, and plain replies */
#include "emulator/front.h"

#include <string.h>

#include "emulator/json.h"

int front_find_route(const struct route *routes, const struct http_exchange *exchange,
                     char *argument, size_t size)
{
	int id;

	switch (route_find(routes, http_exchange_method(exchange), http_exchange_path(exchange),
	                   &id, argument, size)) {
	case ROUTE_FOUND:
		return id;
	case ROUTE_BAD_ARGUMENT:
		argument[0] = '\0';
		return id;
	case ROUTE_WRONG_METHOD:
		return FRONT_WRONG_METHOD;
	case ROUTE_UNKNOWN:
		break;
	}
	return FRONT_UNKNOWN;
}

void front_reply_text(struct http_exchange *exchange, unsigned status, const char *type,
                      const char *text)
{
	http_exchange_add_header(exchange, "Content-Type", type);
	http_exchange_reply_borrowed(exchange, status, text, strlen(text));
}

void front_reply_message(struct http_exchange *exchange, unsigned status, const char *message)
{
	struct buffer body = BUFFER_INIT;

	json_object_begin(&body);
	json_object_text(&body, "message", message);
	json_object_end(&body);
	buffer_append_text(&body, "\n");
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_reply(exchange, status, &body);
}

void front_reply_error(struct http_exchange *exchange, unsigned status, const char *type,
                       const char *message)
{
	struct buffer body = BUFFER_INIT;

	json_object_begin(&body);
	json_object_text(&body, "errorMessage", message);
	json_object_text(&body, "errorType", type);
	json_object_end(&body);
	buffer_append_text(&body, "\n");
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_reply(exchange, status, &body);
}

void front_reply_accepted(struct http_exchange *exchange)
{
	front_reply_text(exchange, 202, "application/json", "{\"status\":\"OK\"}\n");
}

void front_reply_unknown(struct http_exchange *exchange)
{
	front_reply_text(exchange, 404, "text/plain; charset=utf-8", "404 page not found\n");
}

void front_reply_wrong_method(struct http_exchange *exchange)
{
	http_exchange_reply(exchange, 405, NULL);
}
