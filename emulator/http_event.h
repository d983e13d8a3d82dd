/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_event - an HTTP request as the event that a function gets.
 *
 * Payload 2.0 for function URLs and HTTP APIs, 1.0 for REST APIs, and the load balancer's own;
 * written in one pass into one buffer. What departs from AWS, since it would not be true here:
 * x-forwarded-proto is "http", and x-forwarded-port is the port that was connected to. Headers that
 * are about one connection are left out, as AWS's own front does (the load balancer keeps
 * Connection). A text that is not UTF-8 is sent in base64 where the format has a choice.
 *
 * Source: spec invoke-api.md §5.
 */
#ifndef EMULATOR_HTTP_EVENT_H
#define EMULATOR_HTTP_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"
#include "emulator/http_fields.h"
#include "emulator/http_site.h"

/* All texts are borrowed. */
struct http_request {
	const struct http_site *site;
	const char *method;
	const char *path;  /* as it was sent; begins with '/' */
	const char *query; /* as it was sent, without '?'; "" for none */
	const char *body;
	size_t body_length;
	const char *source_ip;
	unsigned port; /* that of the server */
	const char *request_id;
	const char *trace_header; /* the Root of it is told */
	uint64_t wall_ns;

	/* private to http_event.c */
	struct http_fields headers;
	const char *user_agent, *content_type, *content_encoding, *forwarded_for;
};

/* To be called before headers are added; the members above may be set later. */
void http_request_init(struct http_request *request, const struct http_site *site);
void http_request_finish(struct http_request *request);

/* In the order in which they were sent. */
void http_request_add_header(struct http_request *request, const char *name, const char *value);

/* How API Gateway names a request beside its id. */
void http_event_append_gateway_id(struct buffer *out, const char *request_id);

/* Appends the event. Once per request. */
void http_event_append(struct buffer *out, struct http_request *request);

#endif
