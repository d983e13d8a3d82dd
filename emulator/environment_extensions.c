/* SPDX-License-Identifier: Apache-2.0 */
/* environment_extensions - the extensions of an environment: launched, registered, told of events
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "emulator/clock.h"
#include "emulator/environment_private.h"
#include "emulator/log.h"
#include "sandbox/fd.h"

/* ---- failures ---- */

static void fail(struct environment *env, struct extension *extension, const struct fault *fault)
{
	if (env->fatal.status == FAULT_NONE && !environment_is_ending(env))
		env->culprit = extension;
	environment_fail_soon(env, fault, clock_now(), clock_now());
}

static void fail_launch(struct environment *env, struct extension *extension, const char *why)
{
	struct fault fault = fault_make(FAULT_ERROR, "Extension.LaunchError", "%s", why);

	extension->state = EXTENSION_LAUNCH_ERROR;
	extension->is_alive = false;
	snprintf(extension->error_type, sizeof(extension->error_type), "%s", why);
	if (!env->init.started_ns)
		env->init.started_ns = clock_now();
	fail(env, extension, &fault);
}

void environment_extension_exec_failed(struct environment *env, unsigned index,
                                       const struct sandbox_event *event)
{
	bool is_denied = event->error.code == EACCES || event->error.code == EPERM;

	assert(index < env->extensions.count);
	log_error("%sextension '%s': %s", env->prefix, env->extensions.items[index].name,
	          event->error.text);
	env->fatal_is_told = true;
	fail_launch(env, &env->extensions.items[index],
	            is_denied ? "PermissionDenied" : "UnknownError");
}

void environment_extension_exited(struct environment *env, unsigned index,
                                  const struct sandbox_event *event)
{
	struct extension *extension = &env->extensions.items[index];
	bool is_clean = WIFEXITED(event->status) && WEXITSTATUS(event->status) == 0;
	struct fault fault = fault_crash(event->status);

	assert(index < env->extensions.count);
	extension->is_alive = false;
	if (shutdown_is_under_way(&env->shutdown)) {
		extension->state = is_clean ? EXTENSION_EXITED : EXTENSION_SHUTDOWN_FAILED;
		shutdown_extension_exited(&env->shutdown);
		return;
	}
	if (!env->culprit)
		snprintf(extension->error_type, sizeof(extension->error_type), "%s", fault.type);
	environment_measure_memory(env);
	if (event->out_of_memory)
		log_warning("%s: out of memory: the function and its extensions need "
		            "more than %" PRIu64 " MB (--memory)",
		            env->label, env->context->config->memory_bytes >> 20);
	env->exit_turns = EXIT_TURNS;
	fail(env, extension, &fault);
}

/* ---- launching ---- */

static void on_lines(struct program_output *output, const char *data, size_t length)
{
	struct extension_program *program = container_of(output, struct extension_program, output);

	journal_lines(&program->env->journal, JOURNAL_EXTENSION, data, length);
}

static bool launch(struct environment *env, const struct extension *extension, const char *path,
                   const char *const *envp, struct error *err)
{
	const struct environment_context *context = env->context;
	unsigned index = extension_index(&env->extensions, extension);
	struct extension_program *own = &env->programs[index];
	const char *argv[] = { path, NULL };

	*own = (struct extension_program){ .env = env, .output.on_lines = on_lines };
	autoclose int end = program_output_open(&own->output, context->loop, err);
	if (end == -1)
		return false;

	const struct sandbox_program program = {
		.argv = argv,
		.envp = envp,
		.cwd = package_cwd(context->package),
		.output = end,
	};

	return sandbox_exec(env->box, EXTENSION_PROGRAM(index), &program, err);
}

static bool launch_all(struct environment *env, const struct extension_files *files,
                       struct error *err)
{
	const char **envp = environment_make_variables(env, true);
	bool all = true;

	for (size_t i = 0; all && i < files->count; i++) {
		struct extension *extension = extensions_add(&env->extensions, files->names[i],
		                                             true);
		char *path = extension_files_shown(files, i, env->context->package);

		extension->is_alive = all = launch(env, extension, path, envp, err);
		free(path);
	}
	free(envp);
	return all;
}

/* No program is started for a life that has failed already. */
static void refuse_eleventh(struct environment *env, const struct extension_files *files)
{
	const char *name = files->names[EXTENSION_LIMIT];

	fail_launch(env, extensions_add(&env->extensions, name, true), "TooManyExtensions");
}

bool environment_launch_extensions(struct environment *env, struct error *err)
{
	struct extension_files files;
	bool launched;

	if (environment_has_guest(env))
		return true;
	extension_files_find(&files, env->context->package);
	env->extensions_are_off = files.disabled;
	if (files.count > EXTENSION_LIMIT)
		refuse_eleventh(env, &files);
	launched = files.count == 0 || files.count > EXTENSION_LIMIT ||
	           launch_all(env, &files, err);
	extension_files_finish(&files);
	return launched;
}

/* ---- events ---- */

/* What it is told of is the one invocation that there can be. */
static void tell(struct environment *env, struct extension *extension)
{
	const struct invocation *invocation = env->slots[0].invocation;
	struct extension_event event = {
		.kind = EXTENSION_INVOKE,
		.deadline_ms = invocation->deadline_ms,
		.invocation = invocation,
	};

	extension->state = EXTENSION_RUNNING;
	extension->is_due = extension->is_waiting = false;
	env->port->ops->notify(env->port, extension, &event);
}

void environment_tell_extensions(struct environment *env)
{
	for (unsigned i = 0; i < env->extensions.count; i++) {
		struct extension *extension = &env->extensions.items[i];

		if (!extension_wants(extension, EXTENSION_INVOKE))
			continue;
		extension->is_due = true;
		if (extension->is_waiting)
			tell(env, extension);
	}
}

/* ---- calls of extensions ---- */

bool environment_offers_extensions(const struct environment *env)
{
	return !env->extensions_are_off;
}

struct extensions *environment_extensions(struct environment *env)
{
	return &env->extensions;
}

static void set_events(struct extension *extension, const enum extension_event_kind *events,
                       unsigned count)
{
	assert(count <= EXTENSION_EVENT_COUNT);
	for (unsigned i = 0; i < count; i++)
		extension->events[i] = events[i];
	extension->event_count = count;
	extension->state = EXTENSION_REGISTERED;
}

/* Part of the runtime's process, or of a child: until the runtime's first /next. */
static enum extension_verdict add_internal(struct environment *env, const char *name,
                                           struct extension **extension)
{
	if (env->runtime != RUNTIME_STARTED || environment_is_ending(env))
		return EXTENSION_REGISTRATION_CLOSED;
	if (extensions_find(&env->extensions, name))
		return EXTENSION_NAME_TAKEN;
	*extension = extensions_add(&env->extensions, name, false);
	return *extension ? EXTENSION_ACCEPTED : EXTENSION_TOO_MANY;
}

static void start_runtime_when_due(struct environment *env)
{
	struct error err;

	if (env->runtime_is_asked || env->fatal.status != FAULT_NONE ||
	    !extensions_are_registered(&env->extensions))
		return;
	if (!environment_start_runtime(env, &err))
		environment_on_box_failed(env, &err);
}

enum extension_verdict environment_register_extension(struct environment *env, const char *name,
                                                      const enum extension_event_kind *events,
                                                      unsigned count, struct extension **extension)
{
	enum extension_verdict verdict = EXTENSION_ACCEPTED;

	*extension = extensions_find(&env->extensions, name);
	if (!*extension || !(*extension)->is_external)
		verdict = add_internal(env, name, extension);
	else if (environment_is_ending(env) ||
	         !extension_call_is_allowed(*extension, EXTENSION_CALL_REGISTER))
		verdict = EXTENSION_INVALID_STATE;
	if (verdict != EXTENSION_ACCEPTED)
		return verdict;
	set_events(*extension, events, count);
	start_runtime_when_due(env);
	return EXTENSION_ACCEPTED;
}

bool environment_extension_may_wait(const struct environment *env,
                                    const struct extension *extension)
{
	return (!environment_is_ending(env) || shutdown_is_under_way(&env->shutdown)) &&
	       extension_call_is_allowed(extension, EXTENSION_CALL_NEXT);
}

void environment_extension_next(struct environment *env, struct extension *extension)
{
	bool is_first = extension->state == EXTENSION_REGISTERED;

	extension->state = EXTENSION_READY;
	extension->is_waiting = true;
	if (is_first)
		environment_tell_extension(env, extension);
	if (environment_is_ending(env))
		shutdown_extension_asks(&env->shutdown, extension);
	else if (extension->is_due)
		tell(env, extension);
	else
		environment_look_for_end(env);
}

void environment_extension_left(struct environment *env, struct extension *extension)
{
	(void)env;
	extension->is_waiting = false;
}

/* The type that logs show for what an extension sent: its own if it is one of Lambda's form. */
static void sanitise_type(const char *type, const char *otherwise, char *out, size_t size)
{
	static const char prefix[] = "Extension.";
	size_t length = strspn(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.");
	bool is_good = length < size && type[length] == '\0' &&
	               strncmp(type, prefix, sizeof(prefix) - 1) == 0 &&
	               length > sizeof(prefix) + 1;

	snprintf(out, size, "%s", is_good ? type : otherwise);
}

bool environment_extension_error(struct environment *env, struct extension *extension,
                                 enum extension_call call, const char *type)
{
	bool is_init = call == EXTENSION_CALL_INIT_ERROR;
	enum extension_state state = is_init ? EXTENSION_INIT_ERROR : EXTENSION_EXIT_ERROR;
	const char *kind = is_init ? "Extension.InitError" : "Extension.ExitError";
	struct fault fault;

	if (!extension_call_is_allowed(extension, call))
		return false;
	if (extension->state == state)
		return true; /* once is enough */
	extension->state = state;
	sanitise_type(type, kind, extension->error_type, sizeof(extension->error_type));
	fault = fault_make(FAULT_ERROR, kind, "extension '%s' reported %s", extension->name,
	                   extension->error_type);
	environment_fail_reported(env, extension, &fault);
	return true;
}
