/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server - HTTP/1.1 on the event loop. Its parts are the one home of libmicrohttpd.
 *
 * A server has any number of listeners (the Invoke endpoint is one; each
 * execution environment has one for its Runtime API). Each request is an
 * exchange. Its life:
 *
 *   on_head      the head has arrived. The handler looks at method, path and
 *                headers and may set how many bytes of body it will take
 *                (http_exchange_accept_body), or that it takes them as they
 *                come (http_exchange_stream_body). It must not reply yet.
 *   on_body      a piece of a body that is taken so.
 *   on_request   the whole body has arrived (or ended early, or was too large:
 *                see http_exchange_body_state). The handler replies now, or
 *                keeps the exchange and replies later.
 *   on_finished  the reply was sent, or the peer or the listener went away. The
 *                last call for this exchange, always made exactly once if
 *                on_head was; its memory is gone afterwards.
 *
 * For an exchange that is kept, on_hangup tells that the peer closed its side
 * while it waits. A peer may also have only half-closed and still read: the
 * handler decides, by http_exchange_drop(), or by doing nothing.
 *
 * A reply may also be written in pieces: begun, written to, and ended. What the
 * peer has not taken yet is kept; a writer who is told that this is enough
 * waits for on_room. Of a connection no more is kept than twice HTTP_REPLY_ROOM
 * and one write, and of a body that is taken in pieces nothing: a handler that has
 * no room pauses it, and the peer has to wait.
 *
 * The server refuses by itself what no handler should see: bad syntax, two
 * different Content-Lengths, Content-Length beside Transfer-Encoding, heads
 * over the limit, and requests that a web page of another site made a browser
 * send (Origin or Sec-Fetch-Site that is not loopback), unless a listener is
 * for pages of any site.
 *
 * Sources: RFC 9110, RFC 9112; libmicrohttpd 0.9.75.
 */
#ifndef EMULATOR_HTTP_SERVER_H
#define EMULATOR_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"
#include "emulator/loop.h"

struct http_server;
struct http_exchange;

struct http_server_config {
	size_t head_limit;        /* bytes of request line and headers */
	unsigned max_connections; /* of each listener; more wait in its backlog */
};

struct http_server *http_server_create(struct loop *loop, const struct http_server_config *config,
                                       struct error *err);

/* All listeners must be closed. NULL is fine. */
void http_server_destroy(struct http_server *server);

/* ---- listeners: embedded in their owner ---- */

struct http_listener {
	void (*on_head)(struct http_listener *listener, struct http_exchange *exchange);
	void (*on_request)(struct http_listener *listener, struct http_exchange *exchange);
	void (*on_hangup)(struct http_listener *listener, struct http_exchange *exchange);
	void (*on_finished)(struct http_listener *listener, struct http_exchange *exchange);

	/* Needed where bodies are taken, or replies written, in pieces. */
	void (*on_body)(struct http_listener *listener, struct http_exchange *exchange,
	                const char *data, size_t length);
	void (*on_room)(struct http_listener *listener, struct http_exchange *exchange);

	/* Set before it is opened. A site is what pages are for: those of other sites may send it
	 * what browsers let them, and it alone says whether they may read the answers. Its
	 * exchanges know their queries as they were sent. */
	bool is_site;

	/* private to the server */
	struct http_server *server;
	struct loop_watch watch;
	struct http_connection *connections;
	unsigned connection_count;
	struct http_listener *next;
	int fd;
};

/* Accepts connections of 'fd', which is taken over (also on failure). The
 * callbacks must be set. */
bool http_listener_open(struct http_server *server, struct http_listener *listener, int fd,
                        struct error *err);

/* Closes the socket and all its connections. Exchanges that were kept get
 * on_finished during the call; the listener's memory may be freed right after. */
void http_listener_close(struct http_listener *listener);

/* ---- the request ---- */

/* All strings live as long as the exchange. */
const char *http_exchange_method(const struct http_exchange *exchange);

/* The path as sent, before '?', not percent-decoded. */
const char *http_exchange_path(const struct http_exchange *exchange);

/* Query argument, percent-decoded; NULL when absent, "" when it has no value or one with a NUL. */
const char *http_exchange_query(const struct http_exchange *exchange, const char *name);

/* All of it as sent, behind '?'; "" when there is none. Of a listener that is a site. */
const char *http_exchange_raw_query(const struct http_exchange *exchange);

/* Calls 'each' for each header, in the order in which they were sent. */
void http_exchange_each_header(const struct http_exchange *exchange,
                               void (*each)(void *user, const char *name, const char *value),
                               void *user);

/* First header of that name, in any case; NULL when absent. */
const char *http_exchange_header(const struct http_exchange *exchange, const char *name);

/* Trailer of a chunked body; only from on_request on. NULL when absent. */
const char *http_exchange_trailer(const struct http_exchange *exchange, const char *name);

/* Sets, in on_head, how many bytes of body are kept. More are read and
 * forgotten, so that the peer can see the reply. Without this call none are. */
void http_exchange_accept_body(struct http_exchange *exchange, size_t limit);

/* Says, in on_head, that the body is taken as it comes, however long it is: by on_body. */
void http_exchange_stream_body(struct http_exchange *exchange);

/* Says, in on_body, that it is too large: the rest is read and forgotten, as that of a body which
 * is kept, and on_request follows. */
void http_exchange_forget_body(struct http_exchange *exchange);

/* Takes no more of it until it is resumed. A pause inside on_body is in force at once, another
 * after one more piece at most. */
void http_exchange_pause_body(struct http_exchange *exchange);
void http_exchange_resume_body(struct http_exchange *exchange);

enum http_body_state {
	HTTP_BODY_COMPLETE,
	HTTP_BODY_TOO_LARGE, /* none of it was kept; http_exchange_body_length() tells how large */
};

/* A body that ended early (the connection broke) is never handed to on_request:
 * on_finished follows on_head, and http_exchange_is_truncated() says so there. */
enum http_body_state http_exchange_body_state(const struct http_exchange *exchange);
uint64_t http_exchange_body_length(const struct http_exchange *exchange);
bool http_exchange_is_truncated(const struct http_exchange *exchange);

/* Moves the body into 'body' without copying. */
void http_exchange_take_body(struct http_exchange *exchange, struct buffer *body);

/* A pointer for the handler; NULL at first. */
void http_exchange_set_user(struct http_exchange *exchange, void *user);
void *http_exchange_user(const struct http_exchange *exchange);

/* The connection: its socket, to ask the kernel about the peer, and a number of the handler's own
 * that all exchanges on it share, 0 at first. */
int http_exchange_socket(const struct http_exchange *exchange);
void http_exchange_set_mark(struct http_exchange *exchange, unsigned mark);
unsigned http_exchange_mark(const struct http_exchange *exchange);

/* ---- the reply ---- */

/* Adds a response header. A value with line breaks or control characters is refused: the header
 * is left out and false comes back. */
bool http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value);

/* Sends the reply; once per exchange. 'body' is moved out (it is empty afterwards); NULL means
 * no body. Allowed inside on_request, or later for a kept exchange. Ignored, apart from the body,
 * after http_exchange_drop(). */
void http_exchange_reply(struct http_exchange *exchange, unsigned status, struct buffer *body);

/* The same with bytes that stay the caller's and must live until on_finished. */
void http_exchange_reply_borrowed(struct http_exchange *exchange, unsigned status, const void *data,
                                  size_t length);

/* What a reply that is written in pieces may hold back before its writer is told to wait. */
#define HTTP_REPLY_ROOM ((size_t)64 << 10)

/* Begins a reply that is written in pieces, where http_exchange_reply() would be allowed. */
void http_exchange_begin_reply(struct http_exchange *exchange, unsigned status);

/* Writes a piece, which is copied. Returns whether there is room for more; if not, on_room follows,
 * from the loop: to write on without waiting for it is allowed, and takes memory. */
bool http_exchange_write(struct http_exchange *exchange, const void *data, size_t length);

/* All is written. */
void http_exchange_end_reply(struct http_exchange *exchange);

/* Nothing more will come, and the peer is to see that this is not all: the connection breaks off.
 * on_finished comes later, from the loop. */
void http_exchange_break_reply(struct http_exchange *exchange);

/* Closes the connection without a reply; nothing happens once there is one, or has begun. For a
 * kept exchange on_finished comes later, from the loop. */
void http_exchange_drop(struct http_exchange *exchange);

#endif
