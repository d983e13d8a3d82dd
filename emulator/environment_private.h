/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment_private - what the parts of an environment share, and nobody else.
 *
 *   environment.c         its states, its invocations, the calls of the runtime
 *   environment_life.c    a life: one box from start to end, and what happens in it
 *   environment_report.c  what is told of both: journal and metrics
 */
#ifndef EMULATOR_ENVIRONMENT_PRIVATE_H
#define EMULATOR_ENVIRONMENT_PRIVATE_H

#include "emulator/box.h"
#include "emulator/environment.h"
#include "emulator/freezer.h"
#include "emulator/journal.h"
#include "emulator/program_output.h"

/* What the programs of the box are doing, for what the box tells of them. */
enum activity { ACTIVITY_INIT, ACTIVITY_INVOKE, ACTIVITY_IDLE };

struct environment {
	struct environment_context *context;
	unsigned id;
	enum environment_state state;
	bool retiring; /* ends as GONE, not as RESET */
	char log_stream[BOX_LOG_STREAM_SIZE];
	uint64_t memory_peak_bytes; /* of all its lives; 0: not measured */
	struct buffer told;         /* how the last exec failure was explained */

	/* this life */
	struct sandbox *box;
	struct loop_watch box_watch;
	struct freezer freezer;
	struct program_output output;
	struct runtime_port *port;
	enum runtime_state runtime;
	struct init_phase init;
	bool suppressed;          /* its init runs inside an invocation */
	bool init_is_news;        /* the next REPORT tells Init Duration */
	bool throttled;           /* the CPU share of the invoke phase is in force */
	struct fault fatal;       /* what ends this life; FAULT_NONE while all is well */
	uint64_t fatal_ns;        /* when it happened */
	bool fatal_is_told;       /* in words, on stderr */
	unsigned exit_turns;      /* turns left before 'fatal' is acted on */
	struct buffer init_error; /* body of /init/error; it becomes the caller's answer */
	bool has_init_error;

	/* this invocation */
	struct invocation *current;
	bool current_started;   /* its clock runs */
	bool current_announced; /* START is written */
	struct fault unusable;  /* why its answer could not be used */

	struct loop_timer limit;   /* init limit, or the function's time-out */
	struct loop_timer verdict; /* acts on 'fatal' */
	struct journal journal;
	struct loop_garbage garbage;
};

/* ---- environment.c ---- */

void environment_enter(struct environment *env, enum environment_state next);
void environment_set_activity(struct environment *env, enum activity activity);

/* The invocation's clock runs from 'now' on, and its deadline is set. */
void environment_start_clock(struct environment *env, uint64_t now);

/* Ends the invoke phase. The asker has its answer already, or gets it by 'fault'. */
void environment_finish_invocation(struct environment *env, uint64_t ended_ns,
                                   const struct fault *fault);

/* The asker gets what ended the life as its answer. */
void environment_answer_failure(struct environment *env);

/* ---- environment_life.c ---- */

void environment_start_life(struct environment *env, bool suppressed);

/* Ends the life: RESET or GONE follows. */
void environment_stop_box(struct environment *env);

/* Takes what the box has told by now. */
void environment_hear_box(struct environment *env);

/* Whether this life is over, or about to be. */
bool environment_is_ending(const struct environment *env);

/* Ends the life by 'fault', which happened at 'at_ns', from the loop at 'due_ns'. The first one
 * wins. */
void environment_fail_soon(struct environment *env, const struct fault *fault, uint64_t at_ns,
                           uint64_t due_ns);

/* Timers. */
void environment_on_limit(struct loop_timer *timer);
void environment_on_verdict(struct loop_timer *timer);

/* Whether the answer is still arriving. */
bool environment_is_uploading(const struct environment *env);

/* ---- environment_report.c ---- */

void environment_measure_memory(struct environment *env);
void environment_tell_init_start(struct environment *env);

/* The runtime is done with init: with its first /next, or by 'fault'. */
void environment_tell_init_runtime_done(struct environment *env, const struct fault *fault);

void environment_tell_init_report(struct environment *env, const struct fault *fault);
void environment_report_init_success(struct environment *env);

/* START, once for each invocation. */
void environment_announce(struct environment *env);

/* The runtime is done with the invocation: with its next /next, or by 'fault'. */
void environment_tell_runtime_done(struct environment *env, const struct fault *fault);

/* The invoke phase is over: END and REPORT. */
void environment_report_invocation(struct environment *env, const struct fault *fault);
void environment_count_invocation(const struct environment *env, const struct fault *fault);

#endif
