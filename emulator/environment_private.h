/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment_private - what the parts of an environment share, and nobody else.
 *
 *   environment.c         its states, and the calls of the runtime
 *   environment_slots.c   its invocations
 *   environment_life.c    a life: one box from start to end
 *   environment_box.c     what that tells: of itself, of programs, of memory
 *   environment_extensions.c  its extensions: launched, registered, told of events
 *   environment_telemetry.c  when there is telemetry, and the way to its subscribers
 *   environment_guest.c   a runtime that somebody else starts
 *   environment_restore.c  SnapStart: from the snapshot to the first event
 *   environment_stream.c  answers that come bit by bit, and those that break off
 *   environment_report.c  what is told of all that: journal and metrics
 */
#ifndef EMULATOR_ENVIRONMENT_PRIVATE_H
#define EMULATOR_ENVIRONMENT_PRIVATE_H

#include "emulator/box.h"
#include "emulator/environment.h"
#include "emulator/extension.h"
#include "emulator/extension_files.h"
#include "emulator/framed_output.h"
#include "emulator/freezer.h"
#include "emulator/journal.h"
#include "emulator/program_output.h"
#include "emulator/shutdown.h"

/* What the programs of the box are doing, for what the box tells of them. */
enum activity { ACTIVITY_INIT, ACTIVITY_INVOKE, ACTIVITY_IDLE, ACTIVITY_RESTORE };

/* An invocation that the environment has, or the room for one. */
struct slot {
	struct environment *env;
	struct invocation *invocation; /* NULL: it is free */
	enum runtime_state state; /* READY while it waits for the runtime, and when that is done */
	bool is_started;          /* its clock runs */
	bool is_announced;        /* START is written */
	bool runtime_is_done;     /* ... with it: only extensions are not */
	struct fault unusable;    /* why its answer could not be used */
	struct loop_timer limit;  /* the function's time-out */
	struct loop_timer broken; /* its answer broke off, and is 'unusable': until that is told */
};

/* Ids of invocations that took too long, while their runtime lives on: the last ones. */
#define LATE_IDS 32

struct late_ids {
	char ids[LATE_IDS][UUID_SIZE];
	unsigned next;
};

/* The program of an external extension. */
struct extension_program {
	struct environment *env;
	struct program_output output;
};

/* A runtime that is none of the box's programs (--only-apis). */
struct guest {
	int process; /* its end can be waited for; -1: there is none, or nobody can tell */
	pid_t pid;   /* of that */
	pid_t other; /* one that has been told that it is one too many; 0: none has */
	struct loop_watch end; /* of that */
	bool has_told;         /* what it needs */
	bool may_have_helpers; /* processes that ask for it: one has ended with an event */
	bool has_helpers;      /* ... and there was an answer */
};

struct environment {
	struct environment_context *context;
	unsigned id;
	char label[sizeof("environment 4294967295 of ") + 64]; /* what messages call it */
	char prefix[64 + sizeof(": ")]; /* of messages that do not: the function, of several */
	enum environment_state state;
	enum platform_initialization initialization;
	uint64_t created_ns;
	bool retiring; /* ends as GONE, not as RESET */
	char log_stream[BOX_LOG_STREAM_SIZE];
	struct sandbox_tmp *tmp;    /* of all its lives, as on Lambda */
	uint64_t memory_peak_bytes; /* of all its lives; 0: not measured */
	struct buffer told;         /* how the last exec failure was explained */

	/* this life */
	struct sandbox *box;
	struct loop_watch box_watch;
	struct freezer freezer;
	struct program_output output;
	struct framed_output frames; /* of the runtime's log descriptor, if it has one */
	struct runtime_port *port;
	enum runtime_state runtime;
	struct guest guest;
	struct init_phase init;
	struct restore_phase restore; /* SnapStart */
	bool runtime_is_asked;        /* the box has been told to start it */
	struct extensions extensions;
	struct extension_program programs[EXTENSION_LIMIT]; /* by their place in the list */
	bool extensions_are_off;                            /* the deployment package says so */
	const struct extension *culprit; /* the extension that 'fatal' is about; NULL: none */
	struct shutdown shutdown;
	bool suppressed;           /* its init runs inside an invocation */
	bool init_is_news;         /* the next REPORT tells Init Duration */
	bool restore_is_news;      /* the next REPORT tells Restore Duration */
	bool throttled;            /* the CPU share of the invoke phase is in force */
	struct fault fatal;        /* what ends this life; FAULT_NONE while all is well */
	uint64_t fatal_ns;         /* when it happened */
	uint64_t fatal_machine_ns; /* when it was heard of, by clock_machine() */
	bool fatal_is_told;        /* in words, on stderr */
	unsigned exit_turns;       /* turns left before 'fatal' is acted on */
	struct buffer init_error;  /* body of /init/error; it becomes the caller's answer */
	bool has_init_error;

	/* its invocations: one at a time, or several (AWS_LAMBDA_MAX_CONCURRENCY) */
	struct slot *slots;
	unsigned slot_count;
	struct late_ids *late;  /* NULL where a runtime does not outlive a time-out */
	bool waits_since_start; /* SnapStart: this life was begun for the one that waits */

	struct loop_timer limit; /* of the box, which is not virtual, then of init; of a restore */
	struct loop_timer verdict; /* acts on 'fatal' */
	struct loop_timer idle;    /* ends it for want of work */
	struct journal journal;
	struct telemetry *telemetry; /* NULL: there is none (--telemetry=stub) */
	struct loop_garbage garbage;
};

/* ---- environment.c ---- */

void environment_enter(struct environment *env, enum environment_state next);

/* The runtime waits, and gets what there is to do. */
void environment_find_work(struct environment *env);

/* Ends what is retired and has no invocation any more. */
void environment_end_if_done(struct environment *env);

/* Init or the invocation may be over: the runtime or an extension has come back. */
void environment_look_for_end(struct environment *env);

/* ---- environment_slots.c ---- */

void environment_make_slots(struct environment *env);

/* Whether it takes several invocations at once. */
bool environment_is_concurrent(const struct environment *env);

/* NULL when all are taken. */
struct slot *environment_find_free_slot(const struct environment *env);

/* Whose event the runtime has, and whose id that is; or whose invocation that is. NULL when it is
 * not, or no longer, here. */
struct slot *environment_find_slot_by_id(const struct environment *env, const char *id);
struct slot *environment_find_slot_of(const struct environment *env,
                                      const struct invocation *invocation);

/* Whether that id is one whose time was up. */
bool environment_is_late(const struct environment *env, const char *id);

/* Whether its invocation has not been handed out, and whether it could be now. */
bool slot_is_waiting(const struct slot *slot);
bool environment_can_deliver(const struct environment *env);

/* The invocation's clock runs from 'now' on, and its deadline is set. */
void slot_start_clock(struct slot *slot, uint64_t now);

/* Hands the event to the runtime, which waits for it. */
void slot_deliver(struct slot *slot);

/* The runtime's part of the invocation is over, by its next /next or by 'fault'. */
void slot_end_runtime_part(struct slot *slot, uint64_t at_ns, const struct fault *fault);

/* Ends the invoke phase. The asker has its answer already, or gets it by 'fault'. */
void slot_finish(struct slot *slot, uint64_t ended_ns, const struct fault *fault);

/* The asker has its answer, and hears that all is over. */
void slot_release(struct slot *slot);

/* lrie ends, and the invocation with it. */
void slot_cut_short(struct slot *slot);

/* Takes out what its runtime has not been given, linked by 'next' before 'others'. */
struct invocation *slot_take_back(struct slot *slot, struct invocation *others);

/* What ended the life is the answer, and the end, of all invocations that have begun. */
void environment_fail_invocations(struct environment *env);

void environment_set_activity(struct environment *env, enum activity activity);
void environment_look_at_usage(struct environment *env, enum environment_moment moment);

/* ---- environment_stream.c ---- */

void slot_on_broken(struct loop_timer *timer);

/* The runtime lives on: an answer that broke off is told as what it is. */
void slot_settle_broken(struct slot *slot);

/* ---- environment_life.c ---- */

void environment_start_life(struct environment *env, bool suppressed);

/* Ends the life: RESET or GONE follows. */
void environment_stop_box(struct environment *env);

/* Whether this life is over, or about to be. */
bool environment_is_ending(const struct environment *env);

/* Ends the life by 'fault', which happened at 'at_ns', from the loop at 'due_ns'. The first one
 * wins. */
void environment_fail_soon(struct environment *env, const struct fault *fault, uint64_t at_ns,
                           uint64_t due_ns);

/* Timers. */
void environment_on_limit(struct loop_timer *timer);
void environment_on_verdict(struct loop_timer *timer);

/* Starts the runtime, all extensions being registered. */
bool environment_start_runtime(struct environment *env, struct error *err);

/* The box could not be built, or something in it could not be started; or it is gone. */
void environment_on_box_failed(struct environment *env, const struct error *error);
void environment_on_box_gone(struct environment *env);

/* Init has begun, and may take as long as it may. */
void environment_limit_init(struct environment *env, uint64_t started_ns);

/* Whether programs find an X-Ray daemon in the box. */
bool environment_has_xray(const struct environment *env);

/* The variables of a program; to be freed. */
const char **environment_make_variables(const struct environment *env, bool is_extension);

/* An extension, or the runtime (NULL), has told that it fails and is about to exit: it may have
 * more to say. What it told before it exited counts, also when its exit was heard of first. Returns
 * whether 'fault' is what ends the life: another program's may have come before. */
bool environment_fail_reported(struct environment *env, const struct extension *reporter,
                               const struct fault *fault);

/* Turns of the loop between an exit and its judgement: what the program said before it may still
 * lie in a socket. */
#define EXIT_TURNS 2

/* Ends the life by 'fault' at once; the first one wins. */
void environment_fail_now(struct environment *env, const struct fault *fault);

/* Whether an init that failed is tried again inside an invocation, whose clock runs. */
bool environment_suppresses_init(const struct environment *env);

/* Whatever the programs have written by now is in the journal. */
void environment_drain_output(struct environment *env);

/* Whether the answer is still arriving. */
bool environment_is_uploading(const struct environment *env);

/* ---- environment_box.c ---- */

/* Takes what the box has told by now. */
void environment_hear_box(struct environment *env);

/* ---- environment_extensions.c ---- */

/* Launches the external extensions, if there are any. Returns false and fills 'err' when the
 * machine does not allow it. */
bool environment_launch_extensions(struct environment *env, struct error *err);

/* Events of their programs, by their place in the list. */
void environment_extension_exec_failed(struct environment *env, unsigned index,
                                       const struct sandbox_event *event);
void environment_extension_exited(struct environment *env, unsigned index,
                                  const struct sandbox_event *event);

/* Tells those that want to hear of it of the invocation that has just been delivered. */
void environment_tell_extensions(struct environment *env);

/* ---- environment_guest.c ---- */

/* Whether somebody else starts the runtime. Then nobody knows when its init began. */
bool environment_has_guest(const struct environment *env);

/* What runs in the box meanwhile. Tells, once, what the guest needs to know. */
void environment_fill_stand_in(struct environment *env, struct sandbox_program *program);

/* Its end is of no interest any more. */
void environment_forget_guest(struct environment *env);

/* ---- environment_restore.c ---- */

/* Whether it is a snapshot: the next invocation restores it. */
bool environment_awaits_restore(const struct environment *env);
bool environment_is_restoring(const struct environment *env);
bool environment_was_restored(const struct environment *env);

/* Programs of this life are to ask for credentials, with a token of their own. */
void environment_offer_credentials(struct environment *env);

/* Starts to restore it. A runtime that has not asked for that is restored at once. */
void environment_restore(struct environment *env);

/* The restored runtime waits for its first event. */
void environment_end_restore(struct environment *env);

/* What ends the life ends the restore. */
void environment_fail_restore(struct environment *env);
struct fault environment_restore_timeout(const struct environment *env);

/* ---- environment_report.c ---- */

void environment_tell_restore_start(struct environment *env);

/* It is over, well or by 'fault'. */
void environment_tell_restore_end(struct environment *env, const struct fault *fault);

/* An extension is ready, or has failed. */
void environment_tell_extension(struct environment *env, const struct extension *extension);

void environment_measure_memory(struct environment *env);
void environment_tell_init_start(struct environment *env);

/* The runtime is done with init: with its first /next, or by 'fault'. */
void environment_tell_init_runtime_done(struct environment *env, const struct fault *fault);

void environment_tell_init_report(struct environment *env, const struct fault *fault);
void environment_report_init_success(struct environment *env);

/* START, once for each invocation. */
void slot_announce(struct slot *slot);

/* The runtime is done with the invocation: with its next /next, or by 'fault'. */
void slot_tell_runtime_done(const struct slot *slot, const struct fault *fault);

/* The invoke phase is over: END and REPORT. */
void slot_report(struct slot *slot, const struct fault *fault);
void slot_count_invocation(const struct slot *slot, const struct fault *fault);

/* ---- environment_telemetry.c: does nothing where there is none ---- */

void environment_create_telemetry(struct environment *env);

/* A life begins: what is said from now on is for subscribers. */
void environment_open_telemetry(struct environment *env);

/* Init is over, and has been reported: nobody subscribes any more. */
void environment_close_telemetry(struct environment *env);

/* The end is near: returns false when shutdown_notify() follows. */
bool environment_flush_telemetry(struct environment *env);

/* The box is about to be killed. */
void environment_end_telemetry(struct environment *env);

/* Takes over the event's socket. */
void environment_on_connected(struct environment *env, const struct sandbox_event *event);

#endif
