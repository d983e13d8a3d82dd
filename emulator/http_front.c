/* SPDX-License-Identifier: Apache-2.0 */
/* http_front - functions behind function URLs, APIs of API Gateway and load balancers */
#include "emulator/http_front.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "emulator/clock.h"
#include "emulator/front.h"
#include "emulator/http_event.h"
#include "emulator/http_front_private.h"
#include "emulator/http_listen.h"
#include "emulator/http_origin.h"
#include "emulator/quota.h"

/* ---- whose a request is ---- */

/* Of several functions each has a path, whether it was given one or not. */
static const char *route_of(const struct functions *functions, const struct served_function *served,
                            char fallback[static HTTP_ROUTE_SIZE])
{
	if (served->config->http_path)
		return served->config->http_path;
	fallback[0] = '\0';
	if (functions_count(functions) > 1)
		snprintf(fallback, HTTP_ROUTE_SIZE, "/%s", served->name);
	return fallback;
}

static bool is_below(const char *path, const char *route)
{
	size_t length = strlen(route);

	return strncmp(path, route, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static struct served_function *find_served(const struct http_front *front,
                                           const struct http_exchange *exchange)
{
	const struct functions *functions = front->functions;
	const char *path = http_exchange_path(exchange);
	struct served_function *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < functions_count(functions); i++) {
		struct served_function *served = functions_at(functions, i);
		char fallback[HTTP_ROUTE_SIZE];
		const char *route = route_of(functions, served, fallback);

		if (is_below(path, route) && (!best || strlen(route) > longest)) {
			best = served;
			longest = strlen(route);
		}
	}
	return best;
}

static void take_function(struct http_call *call, struct served_function *served)
{
	const struct config *config = served->config;

	call->served = served_function_ref(served);
	call->binary_types = xstrdup_if(config->binary_types);
	http_site_init(&call->site, config->http_as, config->region, config->account_id,
	               config->function_name);
	call->site.is_multi_value = config->alb_multi_value;
	call->site.binary_types = call->binary_types;
	call->site.route = route_of(call->front->functions, served, call->route);
}

/* ---- the end of a call ---- */

static void dispose(struct loop_garbage *garbage)
{
	free(container_of(garbage, struct http_call, garbage));
}

void http_call_release(struct http_call *call)
{
	if (call->exchange || call->invocation)
		return;
	loop_timer_stop(&call->timeout);
	http_prelude_finish(&call->prelude);
	free(call->binary_types);
	served_function_unref(call->served);
	loop_dispose(call->front->loop, &call->garbage, dispose);
}

/* ---- the event ---- */

static void append_address(struct buffer *out, int socket)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)&address;
	socklen_t size = sizeof(address);
	char text[INET6_ADDRSTRLEN] = "";

	getpeername(socket, (struct sockaddr *)&address, &size);
	if (address.ss_family == AF_INET)
		inet_ntop(AF_INET, &four->sin_addr, text, sizeof(text));
	else if (address.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], text, sizeof(text));
	else if (address.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof(text));
	/* It may have left already. */
	buffer_append_text(out, text[0] ? text : "127.0.0.1");
}

static void add_header(void *request, const char *name, const char *value)
{
	http_request_add_header(request, name, value);
}

static void make_event(const struct http_call *call, struct invocation *invocation)
{
	autobuffer struct buffer body = BUFFER_INIT, address = BUFFER_INIT;
	struct http_exchange *exchange = call->exchange;
	struct http_request request;

	http_exchange_take_body(exchange, &body);
	append_address(&address, http_exchange_socket(exchange));
	http_request_init(&request, &call->site);
	request.method = http_exchange_method(exchange);
	request.path = http_exchange_path(exchange);
	request.query = http_exchange_raw_query(exchange);
	request.body = body.data;
	request.body_length = body.length;
	request.source_ip = address.data;
	request.port = call->front->port;
	request.request_id = invocation->request_id;
	request.trace_header = invocation->trace_header;
	request.wall_ns = clock_wall_ns(clock_now());
	http_exchange_each_header(exchange, add_header, &request);
	http_event_append(&invocation->event, &request);
	http_request_finish(&request);
}

/* The site does not wait any longer; the function goes on. */
static void on_timeout(struct loop_timer *timer)
{
	struct http_call *call = container_of(timer, struct http_call, timeout);

	if (call->exchange && !call->is_answered)
		http_call_fail(call, HTTP_FAILURE_TIMEOUT, 0);
}

static void start_timeout(struct http_call *call)
{
	uint64_t timeout_ms = http_site_timeout_ms(call->site.format);

	call->timeout = (struct loop_timer){ .on_due = on_timeout, .is_virtual = true };
	if (timeout_ms > 0)
		loop_timer_start(call->front->loop, &call->timeout,
		                 clock_now() + timeout_ms * CLOCK_NS_PER_MS);
}

/* Nothing will come of it, and its ops are not called any more. */
static void refuse(struct http_call *call, enum function_verdict verdict)
{
	const char *throttle = function_throttle_reason(verdict);

	if (throttle)
		http_call_throttle(call, throttle);
	else
		http_call_fail(call, HTTP_FAILURE_SERVICE, 0);
	invocation_unref(call->invocation);
	call->invocation = NULL;
}

static void submit(struct http_call *call, struct invocation *invocation)
{
	enum function_verdict verdict;

	invocation->asker = call;
	call->invocation = invocation_ref(invocation);
	start_timeout(call); /* first: there may be an answer at once */
	verdict = function_submit(call->served->function, invocation);
	if (verdict != FUNCTION_ACCEPTED)
		refuse(call, verdict);
}

static void invoke(struct http_call *call)
{
	const struct config *config = call->served->config;
	struct invocation *invocation = invocation_make(config, http_call_ops(call));
	const char *trace = http_exchange_header(call->exchange, "X-Amzn-Trace-Id");

	if (trace)
		invocation_take_trace(invocation, config, trace);
	make_event(call, invocation);
	if (invocation->event.length <= QUOTA_EVENT)
		submit(call, invocation);
	else
		http_call_fail(call, HTTP_FAILURE_EVENT, invocation->event.length);
	invocation_unref(invocation);
}

/* ---- the request ---- */

/* The host of an authority without its port. */
static size_t host_length(const char *authority)
{
	return authority[0] == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":");
}

/* ".example.com" stands for all names that end so. */
static bool is_name(const char *host, size_t length, const char *name)
{
	size_t name_length = strlen(name);

	if (name[0] == '.' && length > name_length)
		host += length - name_length;
	else if (length != name_length)
		return false;
	return strncasecmp(host, name, name_length) == 0;
}

static bool is_host_known(const struct http_call *call)
{
	const char *host = http_exchange_header(call->exchange, "Host");
	const struct config_list *names = &call->front->config->http_hosts;
	autobuffer struct buffer domain = BUFFER_INIT;

	if (!call->front->is_loopback || http_host_is_own(host))
		return true;
	for (size_t i = 0; i < names->count; i++)
		if (is_name(host, host_length(host), names->items[i]))
			return true;
	http_site_append_domain(&domain, &call->site);
	return is_name(host, host_length(host), domain.data);
}

static void handle(struct http_call *call)
{
	struct http_exchange *exchange = call->exchange;

	if (http_exchange_path(exchange)[0] != '/') {
		front_reply_text(exchange, 400, "text/plain", "The path does not begin with /.\n");
	} else if (!call->served) {
		front_reply_text(exchange, 404, "application/json", "{\"message\":\"Not Found\"}");
	} else if (!is_host_known(call)) {
		front_reply_text(exchange, 403, "text/plain",
		                 "lrie is not known by this name (its Host header). It may be that "
		                 "of another site, whose page calls it through your browser. If it "
		                 "is yours, start lrie with --http-host NAME.\n");
	} else if (http_exchange_body_state(exchange) == HTTP_BODY_TOO_LARGE) {
		http_call_fail(call, HTTP_FAILURE_BODY, http_exchange_body_length(exchange));
	} else {
		invoke(call);
	}
}

/* ---- the listener ---- */

static void on_head(struct http_listener *listener, struct http_exchange *exchange)
{
	struct http_front *front = container_of(listener, struct http_front, listener);
	const struct served_function *served = find_served(front, exchange);
	struct http_call *call = xcalloc(1, sizeof(*call));

	call->front = front;
	call->exchange = exchange;
	http_prelude_init(&call->prelude);
	http_exchange_set_user(exchange, call);
	if (served)
		http_exchange_accept_body(exchange, http_site_body_limit(served->config->http_as));
}

static void on_request(struct http_listener *listener, struct http_exchange *exchange)
{
	struct http_call *call = http_exchange_user(exchange);
	struct served_function *served = find_served(call->front, exchange);

	(void)listener;
	if (served)
		take_function(call, served);
	handle(call);
}

static void on_room(struct http_listener *listener, struct http_exchange *exchange)
{
	(void)listener;
	http_call_go_on(http_exchange_user(exchange));
}

/* It may only have closed its sending side, and what has begun goes on anyway. What has not leaves
 * the line to others. */
static void on_hangup(struct http_listener *listener, struct http_exchange *exchange)
{
	struct http_call *call = http_exchange_user(exchange);

	(void)listener;
	if (!call->is_answered && call->invocation &&
	    function_withdraw(call->served->function, call->invocation))
		refuse(call, FUNCTION_LINE_IS_FULL);
}

static void on_finished(struct http_listener *listener, struct http_exchange *exchange)
{
	struct http_call *call = http_exchange_user(exchange);

	(void)listener;
	call->exchange = NULL;
	http_call_go_on(call);
	http_call_release(call);
}

static bool is_loopback(int fd)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)&address;
	socklen_t size = sizeof(address);

	getsockname(fd, (struct sockaddr *)&address, &size);
	if (address.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) &&
		        six->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
	return address.ss_family == AF_INET && ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

struct http_front *http_front_create(struct http_server *server, struct loop *loop, int fd,
                                     struct functions *functions, const struct config *config,
                                     struct error *err)
{
	struct http_front *front = xcalloc(1, sizeof(*front));

	front->loop = loop;
	front->functions = functions;
	front->config = config;
	front->port = http_listen_port(fd);
	front->is_loopback = is_loopback(fd);
	front->listener = (struct http_listener){
		.on_head = on_head,
		.on_request = on_request,
		.on_hangup = on_hangup,
		.on_room = on_room,
		.on_finished = on_finished,
		.is_site = true,
	};
	if (http_listener_open(server, &front->listener, fd, err))
		return front;
	free(front);
	return NULL;
}

void http_front_destroy(struct http_front *front)
{
	if (!front)
		return;
	http_listener_close(&front->listener);
	free(front);
}
