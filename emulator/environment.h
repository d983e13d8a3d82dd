/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment - one execution environment: a box, its runtime, and its life.
 *
 * An environment runs one invocation at a time, or several where the runtime can
 * (AWS_LAMBDA_MAX_CONCURRENCY, spec runtime-api.md §9): each has a slot of its own. It begins with
 * init in a fresh box; when the runtime crashes, times out or fails to initialise, the box is
 * killed and the environment is reset: it keeps its identity (id, log stream)
 * and the next invocation starts with a suppressed init, whose time counts in
 * that invocation's Duration. Source: spec lifecycle-and-logs.md §1.
 *
 *   STARTING   box and init are under way; an invocation may wait already
 *   SERVING    init is done; idle, or an invocation is at the runtime
 *   STOPPING   the box is being killed
 *   RESET      no box; the next invocation starts with init
 *   GONE       for good
 *
 * With SnapStart what init leaves behind is the snapshot: the first invocation restores it, and
 * then starts. An environment that was reset makes another one, which no invocation is billed
 * for: init is never suppressed, and when it fails, whoever waits for it is told so at once.
 * Source: spec runtime-api.md §8.
 *
 * With extensions, init and an invocation end when the runtime and they have come
 * back for the next event, and a life ends as shutdown.h says; the caller waits for
 * the runtime alone. Source: spec extensions-telemetry.md §2.
 *
 * Knows no HTTP: the runtime and the extensions are spoken to through a
 * runtime_port, which the fronts fill in.
 */
#ifndef EMULATOR_ENVIRONMENT_H
#define EMULATOR_ENVIRONMENT_H

#include <stdbool.h>

#include "emulator/account.h"
#include "emulator/advance.h"
#include "emulator/config.h"
#include "emulator/extension.h"
#include "emulator/invocation.h"
#include "emulator/journal.h"
#include "emulator/loop.h"
#include "emulator/metrics.h"
#include "emulator/output.h"
#include "emulator/package.h"
#include "emulator/runtime_state.h"
#include "emulator/telemetry.h"
#include "sandbox/sandbox.h"

struct environment;
struct observer;

/* ---- what surrounds it ---- */

/* What an extension that waits for an event gets. */
struct extension_event {
	enum extension_event_kind kind;
	uint64_t deadline_ms;                /* by clock_machine_wall_ms() */
	const struct invocation *invocation; /* INVOKE */
	const char *reason;                  /* SHUTDOWN: "spindown", "timeout", "failure" */
};

/* 256 bits in hexadecimal, with the NUL. */
#define CREDENTIALS_TOKEN_SIZE 65

/* The Runtime API of one life of an environment, and the APIs of its extensions. */
struct runtime_port {
	const struct runtime_port_ops *ops;
	char address[64]; /* "127.0.0.1:41234", for AWS_LAMBDA_RUNTIME_API */
	uint16_t inside;  /* the port that the box itself is to listen on; 0: it needs not */
	char credentials_token[CREDENTIALS_TOKEN_SIZE]; /* SnapStart; "": gives no credentials */
	unsigned waiting;                               /* /next that are held */
};

struct runtime_port_ops {
	/* Hands the event to one held /next, or to all of them. */
	void (*deliver)(struct runtime_port *port, struct invocation *invocation, bool to_all);

	/* Hands an event to the extension, whose call for one is held. */
	void (*notify)(struct runtime_port *port, const struct extension *extension,
	               const struct extension_event *event);

	/* Answers every held call that waits to be restored. */
	void (*restore)(struct runtime_port *port);

	/* Takes calls from 'listener', which was made inside the box and is taken over (also on
	 * failure). */
	bool (*listen)(struct runtime_port *port, int listener, struct error *err);

	/* No more calls: closes all connections and frees the port. */
	void (*close)(struct runtime_port *port);
};

/* Opens a Runtime API for 'env', or returns NULL and fills 'err'. */
struct runtime_ports {
	struct runtime_port *(*open)(struct runtime_ports *ports, struct environment *env,
	                             struct error *err);
};

/* When what an environment has used is looked at. */
enum environment_moment {
	ENVIRONMENT_INIT_ENDED,
	ENVIRONMENT_FIRST_ENDED, /* the invocation that init was for */
};

/* Who owns what a context points to. */
struct context_owner {
	/* No environment has it, and none will get it: it may go. Once for each function that had
	 * the context. */
	void (*on_unused)(struct context_owner *owner);
};

/* What all environments of a function share. Must outlive them. */
struct environment_context {
	struct context_owner *owner; /* NULL: nobody wants to hear when it is unused */

	const struct config *config;
	struct loop *loop;
	struct output *output;
	struct sandbox_host *host;
	struct package *package;
	struct runtime_ports *ports;
	struct telemetry_sinks *telemetry_sinks; /* NULL: nobody can subscribe */
	struct account *account;                 /* NULL: there is no limit of all functions */
	struct metrics *metrics;                 /* NULL: nobody counts */
	struct observer *observer;               /* NULL: nobody makes records */

	/* Whether lines of the log tell which function's they are, now. NULL: they do not. */
	const bool *names_lines;

	/* The environment can take an invocation now, or has had its last one, or is GONE: then it
	 * must be destroyed, in this call or later. */
	void (*on_change)(struct environment_context *context, struct environment *env);

	/* A new environment is about to be created, and nothing is said yet: whoever wants to
	 * hear all of it attaches a listener, which must live until 'env' is GONE. May be NULL. */
	void (*on_journal)(struct environment_context *context, struct environment *env,
	                   struct journal *journal);

	/* What the box has used up to then, and how long the look took while the runtime waited.
	 * NULL: nobody looks, and nothing is counted. */
	void (*on_usage)(struct environment_context *context, enum environment_moment moment,
	                 const struct sandbox_usage *usage, uint64_t took_ns);
	bool counts_files; /* and files, which makes opening them slower; see sandbox.h */
};

/* ---- life ---- */

enum environment_state {
	ENVIRONMENT_STARTING,
	ENVIRONMENT_SERVING,
	ENVIRONMENT_STOPPING,
	ENVIRONMENT_RESET,
	ENVIRONMENT_GONE,
};

/*
 * Starts one; init begins at once. Never fails: what goes wrong is the init's failure. One that is
 * provisioned may take longer for its init, never ends for want of work, and its init is told by
 * INIT_REPORT and is no part of an invocation. So is it with SnapStart, where an environment does
 * end for want of work once it was restored.
 */
struct environment *environment_create(struct environment_context *context, unsigned id,
                                       enum platform_initialization initialization);

/* GONE only. Frees after the turn of the loop. */
void environment_destroy(struct environment *env);

/* Ends it for good: kills the box, answers the invocation it has; on_change follows with GONE. */
void environment_stop(struct environment *env);

/*
 * It gets no invocation any more, and ends for good once it has none: at once, if its runtime has
 * been given none. What was meant for the runtime and has not got there comes back, with a
 * reference each, linked by 'next'; its clock does not run any more. NULL: nothing.
 */
struct invocation *environment_retire(struct environment *env);

/* Since when it grows old; 0: it does not yet, being a snapshot that waits to be restored. */
uint64_t environment_born_ns(const struct environment *env);

/* Whether it has been retired, or stopped. */
bool environment_is_retired(const struct environment *env);

enum environment_state environment_state(const struct environment *env);
enum platform_initialization environment_initialization(const struct environment *env);

/* ---- invocations ---- */

/* Whether it has room for an invocation and is not about to end. */
bool environment_is_free(const struct environment *env);

/* Whether it has an invocation, wherever that is. */
bool environment_is_busy(const struct environment *env);

/* Whether its invocation is answered, so that it will be free in a moment. */
bool environment_is_finishing(const struct environment *env);

/* What goes on in it, for an advance of the clock. */
enum advance_work environment_work(const struct environment *env,
                                   const struct advance_moments *moments);

/* Takes an invocation; the environment must be free. It starts as soon as the runtime is there. */
void environment_invoke(struct environment *env, struct invocation *invocation);

/* ---- calls of the runtime, made by the Runtime API ---- */

enum runtime_verdict {
	RUNTIME_ACCEPTED,
	RUNTIME_INVALID_REQUEST_ID, /* 400 */
	RUNTIME_INVALID_STATE,      /* 403; environment_runtime_state() tells which */
	RUNTIME_TOO_LATE,           /* 410; its caller was told that it takes too long */
};

enum runtime_state environment_runtime_state(const struct environment *env);

/* Who made a connection to the Runtime API. Takes a while: once per connection. */
enum sandbox_peer environment_find_peer(const struct environment *env, int connection);

/* It is about to ask for an event, over this connection: once for each, where somebody else starts
 * the runtime (--only-apis). Returns false when that is another, which has an event or waits for
 * one: this one gets none. Takes a while. */
bool environment_meet_guest(struct environment *env, int connection);

/* The runtime speaks to the Runtime API: marks the first contact. */
void environment_runtime_contact(struct environment *env);

/* /next. The Runtime API counts the call among the held ones before it asks: the event may
 * be delivered during this call already. After any other verdict it no longer waits. */
enum runtime_verdict environment_runtime_next(struct environment *env);

/* The head of /{id}/response or /{id}/error has arrived. After RUNTIME_ACCEPTED
 * exactly one of environment_runtime_answer(), _answer_fault() and _break_off() follows, with the
 * 'invocation' that this gave. */
enum runtime_verdict environment_runtime_begin_answer(struct environment *env, const char *id,
                                                      enum runtime_call call,
                                                      struct invocation **invocation);

/* Why the runtime failed, before it answers 'invocation' with an error, or reports a failed init
 * (NULL). 'cause' is taken over. Only where it is wanted. */
bool environment_wants_cause(const struct environment *env);
void environment_runtime_cause(struct environment *env, const struct invocation *invocation,
                               char *cause);

/* The whole answer has arrived; 'answer' is finished. Returns false when it is of no use any more:
 * its time was up meanwhile. */
bool environment_runtime_answer(struct environment *env, struct invocation *invocation,
                                struct answer *answer);

/* The body of the answer broke off: 'fault' is the answer, unless the runtime turns out to have
 * ended: then that is. */
void environment_runtime_break_off(struct environment *env, struct invocation *invocation,
                                   const struct fault *fault);

/*
 * Before any of them, where invocation_takes_pieces(): the answer comes bit by bit, read by
 * 'source', which pauses and resumes (response_stream.h); and a piece of it, which is passed on, or
 * dropped when nobody waits for it any more. The second returns false when it is more than Lambda
 * takes: then environment_runtime_answer_fault() must follow, and what still comes is dropped.
 */
void environment_runtime_stream(struct environment *env, struct invocation *invocation,
                                struct response_source *source, const char *content_type);
bool environment_runtime_piece(struct invocation *invocation, const char *data, size_t length);

/* The answer is of no use: too large, a bad response mode. The caller gets the
 * fault's body, or none when 'empty' is set. The runtime lives on. */
bool environment_runtime_answer_fault(struct environment *env, struct invocation *invocation,
                                      const struct fault *fault, bool empty);

/* /init/error. 'type' as the runtime sent it, or NULL; 'body' is moved out. */
enum runtime_verdict environment_runtime_init_error(struct environment *env, const char *type,
                                                    struct buffer *body);

/* /restore/next. Held as /next is, and to be counted as early. */
enum runtime_verdict environment_runtime_restore_next(struct environment *env);

/* /restore/error. 'type' as the runtime sent it, or NULL. */
enum runtime_verdict environment_runtime_restore_error(struct environment *env, const char *type);

/* ---- calls of its extensions, made by the Extensions API ---- */

/* Whether there are to be any: a file in /opt switches them off, API and all. */
bool environment_offers_extensions(const struct environment *env);

/* The list of this life. Who is in it stays in it, and where it is. */
struct extensions *environment_extensions(struct environment *env);

enum extension_verdict {
	EXTENSION_ACCEPTED,
	EXTENSION_INVALID_STATE, /* its state tells which */
	EXTENSION_REGISTRATION_CLOSED,
	EXTENSION_NAME_TAKEN,
	EXTENSION_TOO_MANY,
};

/* Registers one: that which was launched from a file of that name, or an internal one, which
 * cannot want SHUTDOWN. 'extension' gets it when it was accepted. */
enum extension_verdict environment_register_extension(struct environment *env, const char *name,
                                                      const enum extension_event_kind *events,
                                                      unsigned count, struct extension **extension);

/* Whether it may ask for an event now. */
bool environment_extension_may_wait(const struct environment *env,
                                    const struct extension *extension);

/* It waits for an event, which may be handed to it during this call already. */
void environment_extension_next(struct environment *env, struct extension *extension);

/* It does not wait any more: its connection broke off. */
void environment_extension_left(struct environment *env, struct extension *extension);

/* /init/error or /exit/error; 'type' as it sent it. Returns false when its state forbids it. */
bool environment_extension_error(struct environment *env, struct extension *extension,
                                 enum extension_call call, const char *type);

/* ---- telemetry, made by the Telemetry API ---- */

/* Whether init still runs, so that an extension may subscribe. */
bool environment_takes_subscriptions(const struct environment *env);

/* The extension 'name' subscribes. */
enum telemetry_verdict environment_subscribe(struct environment *env, const char *name,
                                             const struct subscription *subscription);

#endif
