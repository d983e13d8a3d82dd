/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fakes - what stands in for the machine when the core is tested.
 *
 * Chosen at link time: each fake defines what the product's header declares, so
 * the product has no hooks. Time stands still until a test moves it. A box does
 * nothing until a test says what happened in it.
 *
 *   fake_time.c    emulator/clock.h, emulator/loop.h
 *   fake_box.c     sandbox/sandbox.h
 *   fake_output.c  emulator/output.h
 *   stage.c        the rest of an environment_context: config, package, Runtime
 *                  API; and askers, who submit invocations
 */
#ifndef TESTS_UNIT_FAKES_H
#define TESTS_UNIT_FAKES_H

#include "emulator/clock.h"
#include "emulator/environment.h"
#include "emulator/loop.h"
#include "emulator/output.h"
#include "sandbox/sandbox.h"

#define MS CLOCK_NS_PER_MS

/* ---- time ---- */

/* The wall clock at the start of a test, when clock_now() is FAKE_START_NS. */
#define FAKE_START_NS (1000 * CLOCK_NS_PER_S)
#define FAKE_START_WALL_MS UINT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

/* Turns the loop until nothing is ready or due; time stands still. */
void fake_settle(struct loop *loop);

/* Lets 'ns' pass, from one due timer to the next. */
void fake_pass(struct loop *loop, uint64_t ns);

/* Somebody sets the machine's wall clock, forward or back. */
void fake_move_wall(int64_t ns);

/* One turn; 'order' changes the order in which descriptors get theirs. Returns false when
 * nothing was ready or due. */
bool fake_turn(struct loop *loop, unsigned order);

/* The first part of a turn: descriptors only, no timers. */
bool fake_turn_watches(struct loop *loop, unsigned order);

/* When the next timer is due; UINT64_MAX when there is none. */
uint64_t fake_next_due(const struct loop *loop);

/* The next 'count' calls of loop_watch_start() fail after 'spared' more have succeeded. */
void fake_refuse_watches(unsigned spared, unsigned count);

/* ---- boxes ---- */

struct sandbox {
	struct sandbox *next;
	unsigned id;             /* of the program that was asked for; 0 for none */
	char runtime_api[64];    /* its AWS_LAMBDA_RUNTIME_API */
	char path[256];          /* its argv[0] */
	uint64_t memory_bytes;   /* of the spec */
	unsigned cpu_millis;     /* of the spec */
	uint16_t listen_port;    /* of the spec */
	int listener;            /* a descriptor, where there is a port; -1 once it is taken */
	struct sandbox_tmp *tmp; /* of the spec */
	enum sandbox_cpu cpu;    /* in force */
	unsigned phase;          /* as set last */
	bool is_frozen;
	unsigned freezes;                /* how often it was frozen */
	uint64_t memory_peak;            /* what sandbox_memory_peak() tells; 0: nothing */
	bool counts_usage, counts_files; /* of the spec */
	bool has_program;                /* its start was heard of */
	unsigned looks;                  /* calls of sandbox_usage(), which tells their number */
	int output;                      /* the program's stdout; -1 once it has ended */
	struct {
		unsigned id;    /* 0: none */
		int output;     /* its stdout; -1 once it has ended */
		char path[256]; /* its argv[0] */
	} extensions[EXTENSION_LIMIT];
	unsigned signalled[EXTENSION_LIMIT + 2]; /* by program: a bit for each signal it got */
	bool is_killed;                          /* sandbox_kill() was called */
	bool is_gone;                            /* SANDBOX_GONE was posted */
	int event_fd;                            /* readable while events wait */
	struct sandbox_event events[32];
	unsigned event_count;
};

/* All boxes that were created and not destroyed, newest first. */
extern struct sandbox *fake_boxes;

/* Calls that shall fail from now on. */
extern bool fake_box_create_fails, fake_box_exec_fails;

/* A killed box is gone at once, unless this is set: then the test calls fake_box_gone(). */
extern bool fake_box_dies_slowly;

/* The box whose program was given that Runtime API. */
struct sandbox *fake_box_of(const char *runtime_api);

/* What happens in a box, now. The core hears of it when the loop turns. */
void fake_box_ready(struct sandbox *box);
void fake_box_started(struct sandbox *box);
void fake_box_exec_failed(struct sandbox *box, int code);
void fake_box_exited(struct sandbox *box, int status, bool out_of_memory);

/* The same of an extension, by its place in the environment's list. */
void fake_extension_started(struct sandbox *box, unsigned index);
void fake_extension_exec_failed(struct sandbox *box, unsigned index, int code);
void fake_extension_exited(struct sandbox *box, unsigned index, int status);
void fake_extension_print(struct sandbox *box, unsigned index, const char *text);
void fake_box_oom(struct sandbox *box);
void fake_box_denied(struct sandbox *box, const struct sandbox_denial *denial);      /* now */
void fake_box_write_refused(struct sandbox *box, const struct sandbox_write *write); /* now */
void fake_box_failed(struct sandbox *box, const char *why);
void fake_box_gone(struct sandbox *box);

/* What the program writes; lost once it has ended. */
void fake_box_print(struct sandbox *box, const char *text);

/* Forgets all settings. All boxes must be destroyed. */
void fake_box_reset(void);

/* ---- output ---- */

/* All lines since the last call, as a string that is valid until the next. */
const char *fake_output_take(void);

/* ---- the stage ---- */

/* The Runtime API of one life, as the test plays it. */
struct stage_port {
	struct runtime_port base;
	struct stage_port *next;
	struct environment *env;
	unsigned deliveries;
	char delivered[UUID_SIZE]; /* request id of the last event */
	bool is_uploading;
	struct invocation *answered;       /* whose answer that is */
	struct response_source source;     /* ... if it comes in pieces */
	bool is_paused;                    /* ... and is held up */
	unsigned restores;                 /* how often it was told to let the runtime go on */
	bool is_listening;                 /* it was given a listener from inside the box */
	unsigned notices[EXTENSION_LIMIT]; /* how many events an extension got */
	struct extension_event noticed[EXTENSION_LIMIT]; /* ... and the last */
};

/* Open ports, newest first; an environment with a box has one. */
extern struct stage_port *stage_ports;
unsigned stage_count_ports(void);

/* Opening a port fails from now on. */
extern bool stage_port_fails;

/* Ports want boxes to listen at that port of their own; to take over the listener fails. */
extern uint16_t stage_inside;
extern bool stage_listen_fails;

/* A context with Lambda's defaults: 128 MB, 3 s, a bootstrap that exists. Its config may be
 * changed until the first environment is created; its on_change is the test's. */
struct stage {
	struct config config;
	struct environment_context context;
	char folder[64]; /* holds the bootstrap */
};

/* There is one at a time. */
extern struct stage stage;

void stage_open(void);

/* Checks that nothing is left: no box, no port, no asker's invocation, no timer. */
void stage_close(void);

void stage_remove_bootstrap(void);
void stage_put_bootstrap(void);

/* A layer with such files in its extensions folder: before the first environment. */
void stage_put_extensions(const char *const *names, size_t count);

/* The box that belongs to a port. */
struct sandbox *stage_box(const struct stage_port *port);

/* ---- the runtime's calls, on an open port ---- */

enum runtime_verdict runtime_next(struct stage_port *port);
enum runtime_verdict runtime_begin(struct stage_port *port, const char *id, enum runtime_call call);
void runtime_finish(struct stage_port *port, const char *body, bool is_error);
void runtime_truncate(struct stage_port *port);

/* Between the two: the answer comes in pieces. Of the last one, what environment_runtime_piece()
 * said. */
void runtime_stream(struct stage_port *port, const char *content_type);
bool runtime_piece(struct stage_port *port, const char *text);
bool runtime_bytes(struct stage_port *port, size_t length);

/* What came was too much. */
void runtime_give_up_size(struct stage_port *port);

enum runtime_verdict runtime_restore_next(struct stage_port *port);
enum runtime_verdict runtime_restore_error(struct stage_port *port, const char *type);

/* Head and body at once. */
enum runtime_verdict runtime_respond(struct stage_port *port, const char *id, const char *body);
enum runtime_verdict runtime_error(struct stage_port *port, const char *id, const char *body);
enum runtime_verdict runtime_init_error(struct stage_port *port, const char *type,
                                        const char *body);

/* ---- askers ---- */

struct asker {
	struct invocation *invocation;
	unsigned answered, done;
	bool is_error;
	char fault[128];      /* its type; "" for none */
	bool is_of_restore;   /* ... and not of the function */
	const char *throttle; /* ... or for want of concurrency; NULL */
	char *body;
	unsigned heads, pieces; /* of one that takes pieces */
	bool is_streamed;
	char content_type[64]; /* "" for none */
	struct buffer got;     /* the first MiB of the pieces */
	uint64_t got_length;
	bool pauses;                       /* with each piece */
	char *tail;                        /* NULL: on_done had none */
	uint64_t done_order;               /* counts all on_done, from 1 */
	void (*then)(struct asker *asker); /* called last in on_done, if set */
};

/* An invocation with that request id, not yet submitted. */
struct asker *asker_create(const char *id);

/* One that takes its answer in pieces. */
struct asker *asker_create_for_pieces(const char *id);

/* The invocation is either done or was never accepted. */
void asker_destroy(struct asker *asker);

#endif
