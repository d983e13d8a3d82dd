/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server_private - what the parts of the HTTP server share, and nobody else.
 *
 *   http_server.c             servers and listeners, and when libmicrohttpd runs
 *   http_server_connection.c  connections, and which daemon serves one
 *   http_server_exchange.c    an exchange's life, as libmicrohttpd calls for it
 *   http_server_request.c     what the peer asks
 *   http_server_reply.c       what it is answered
 *   http_server_stream.c      ... in pieces
 *
 * They alone include microhttpd.h.
 */
#ifndef EMULATOR_HTTP_SERVER_PRIVATE_H
#define EMULATOR_HTTP_SERVER_PRIVATE_H

#include <microhttpd.h>

#include "emulator/http_server.h"

/* Heads up to this size are served from small pools. */
#define SHORT_HEAD ((size_t)8 << 10)

struct http_server {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct loop_watch watch;
	struct loop_hook hook;
	struct loop_timer pause;
	struct loop_timer expiry;
	struct loop_timer accept_retry;
	struct http_listener *listeners;
	struct http_exchange *writers;    /* whose sockets are ours */
	bool has_pieces;                  /* one of them has */
	struct http_connection *arriving; /* handed to MHD right now */
	struct http_server *long_heads;   /* serves what we cannot; NULL in that one */
	size_t head_limit;
	unsigned max_connections; /* of each listener */
	unsigned due_count;       /* this server's part of http_due_total */
	unsigned active_count;    /* connections that are */
	bool is_accepting;
	bool must_run;
	unsigned burst;
	unsigned runs_without_progress;
	uint64_t busy_since; /* MHD has not come to rest since; 0 while it does */
	bool has_progress;   /* a callback of ours was called in this run */
};

struct http_connection {
	struct http_server *home;       /* counts it */
	struct http_server *server;     /* serves it; NULL until its first bytes have come */
	struct http_listener *listener; /* NULL once it is closed */
	struct http_connection *next, **link;
	struct MHD_Connection *mhd;
	struct http_exchange *exchange;
	struct loop_watch watch; /* on the socket, for its whole life */
	const char *target;      /* the request target that MHD is parsing now */
	char *query;             /* what is behind its '?'; of a site, until the exchange has it */
	unsigned mark;           /* the handler's */
	bool is_active;          /* it is MHD's turn: a request comes, or a reply goes */
	bool has_hung_up;
	bool is_expiring;
};

enum exchange_phase {
	EXCHANGE_RECEIVING, /* head seen, body on its way */
	EXCHANGE_WAITING,   /* with the handler, in on_request or kept */
	EXCHANGE_REPLIED,   /* the reply is known, perhaps not sent yet */
	EXCHANGE_DROPPED,
};

struct http_exchange {
	struct http_connection *connection;
	struct http_listener *listener; /* NULL: no handler (any more) */
	const char *method;
	const char *path;
	char *query; /* NULL: none, or not asked for */
	void *user;

	struct buffer body;
	size_t body_limit;
	uint64_t body_length;
	uint64_t body_announced; /* Content-Length; 0 when there is none */
	uint64_t stuck_at;       /* body_length + 1 at the last look for the stuck; 0: was not */
	bool is_http_1_0;
	bool is_chunked;
	bool is_body_streamed; /* its pieces are the handler's */
	bool is_body_paused;   /* ... who has no room for them */
	bool is_refused;       /* by the server itself: 'body' is our text */
	bool is_suspended;
	bool is_due;     /* counted in http_due_total */
	bool is_hung_up; /* on_hangup was called */
	bool must_close;

	enum exchange_phase phase;
	unsigned status;
	struct buffer headers; /* of the reply: name, NUL, value, NUL, ... */
	struct buffer reply;
	bool is_reply_streamed; /* 'reply' is what is written and not yet sent: */
	size_t reply_sent;      /* from here on */
	bool is_reply_ended;    /* nothing more is written */
	bool is_reply_broken;
	bool is_room_wanted; /* the writer waits for on_room */
	bool is_reply_ours; /* MHD has sent the head, and rests: it is among its server's writers */
	bool has_pieces;    /* that are to be sent in this turn */
	struct http_exchange *next_writer, **writer_link;
	const char *borrowed; /* the reply's body, when it is the handler's; else in 'reply' */
	size_t borrowed_length;
};

/*
 * Exchanges of all servers that were resumed and that MHD has not called us for since. Replies
 * leave in the order in which handlers give them: a handler that answers a kept exchange (the
 * client) and then its own (the runtime that brought the answer) means that order, and with as
 * many processors as there are peers it is what the client waits for.
 */
extern unsigned http_due_total;

static inline void server_wake(struct http_server *server)
{
	server->must_run = true;
}

/* ---- http_server.c ---- */

/* Looks out for connections, unless there are too many already or descriptors are short. */
void listener_update(struct http_listener *listener);
void server_set_accepting(struct http_server *server, bool is_accepting);

/* ---- http_server_connection.c ---- */

/* Takes over 'fd', also on failure. */
struct http_connection *connection_create(struct http_listener *listener, int fd);

/* Its first bytes decide who serves it. */
void connection_admit(struct http_connection *connection);

/* Lets MHD close the connection when nothing moves on it for a while, or no longer. */
void connection_expire(struct http_connection *connection, bool is_expiring);
void connection_shut(struct http_connection *connection);

void connection_set_active(struct http_connection *connection, bool is_active);

/* Its listener is gone. A reply that the handler has given still goes out; everything else ends. */
void connection_close(struct http_connection *connection);

struct http_connection *connection_of(struct MHD_Connection *mhd);

/* For MHD_OPTION_NOTIFY_CONNECTION. */
void connection_on_notice(void *closure, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code);

/* ---- http_server_exchange.c ---- */

/* on_finished, once. */
void exchange_finish(struct http_exchange *exchange);

/* on_hangup, once, of one that is kept. */
void exchange_tell_hangup(struct http_exchange *exchange);

/* For MHD's access handler, and its options for completed requests, targets and decoding. */
enum MHD_Result exchange_on_access(void *closure, struct MHD_Connection *mhd, const char *target,
                                   const char *method, const char *version, const char *data,
                                   size_t *data_length, void **context);
void exchange_on_completed(void *closure, struct MHD_Connection *mhd, void **context,
                           enum MHD_RequestTerminationCode code);
void *exchange_on_target(void *closure, const char *target, struct MHD_Connection *mhd);
size_t exchange_on_unescape(void *closure, struct MHD_Connection *mhd, char *text);

/* ---- http_server_reply.c ---- */

void exchange_suspend(struct http_exchange *exchange);

/* A reply is there: it is this one's turn among those of all servers. */
void exchange_resume(struct http_exchange *exchange);

/* It moves on, at some time in this turn of the loop. */
void exchange_wake(struct http_exchange *exchange);

/* MHD has called, or the exchange is over. */
void exchange_met(struct http_exchange *exchange);

/* Gives the reply to MHD, from inside the access handler. */
enum MHD_Result exchange_queue_reply(struct http_exchange *exchange);

/* ---- http_server_stream.c ---- */

/* Whether its reply is being written. */
bool exchange_is_writing(const struct http_exchange *exchange);

/* The socket takes bytes, or its peer is gone. */
void exchange_send_pieces(struct http_exchange *exchange);

/* It is over. */
void exchange_stop_writing(struct http_exchange *exchange);

/* Sends what was written in this turn. Returns whether there was anything. */
bool server_send_pieces(struct http_server *server);

/* Nobody writes any more, and no connection stays suspended. */
void server_break_writers(struct http_server *server);

struct MHD_Response *exchange_create_stream(struct http_exchange *exchange);

#endif
