/* SPDX-License-Identifier: Apache-2.0 */
/* environment_telemetry - telemetry of an environment: its time, and the way to its subscribers */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "emulator/environment_private.h"
#include "emulator/log.h"

#define HOSTS_FILE "/etc/hosts"

/* ---- the way ---- */

static void on_dial(struct telemetry *telemetry, unsigned ticket, uint16_t port)
{
	struct environment *env = telemetry_owner(telemetry);
	struct error err;

	if (!env->box)
		error_set(&err, 0, "the box is gone");
	else if (sandbox_connect(env->box, ticket, port, &err))
		return;
	telemetry_refuse(telemetry, ticket, &err);
}

void environment_on_connected(struct environment *env, const struct sandbox_event *event)
{
	if (event->socket == -1 && env->telemetry)
		telemetry_refuse(env->telemetry, event->id, &event->error);
	else if (env->telemetry)
		telemetry_connect(env->telemetry, event->id, event->socket);
	else
		close(event->socket);
}

/* ---- its time ---- */

static void on_flushed(struct telemetry *telemetry)
{
	struct environment *env = telemetry_owner(telemetry);

	shutdown_notify(&env->shutdown);
}

/* Where nothing freezes, the subscribers listen all the time. */
static void on_freezer_change(struct freezer *freezer, bool frozen)
{
	struct environment *env = container_of(freezer, struct environment, freezer);
	const struct sandbox_host *host = env->context->host;

	if (sandbox_host_wall(host, SANDBOX_WALL_FREEZE)->standing != SANDBOX_NO)
		telemetry_freeze(env->telemetry, frozen);
}

void environment_create_telemetry(struct environment *env)
{
	const struct environment_context *context = env->context;

	if (!context->telemetry_sinks)
		return;
	env->telemetry = telemetry_create(&(struct telemetry_setup){
		.loop = context->loop,
		.journal = &env->journal,
		.sinks = context->telemetry_sinks,
		.label = env->label,
		.json_lines = context->config->json_logs,
		.on_dial = on_dial,
		.on_flushed = on_flushed,
		.owner = env,
	});
	env->freezer.on_change = on_freezer_change;
}

void environment_open_telemetry(struct environment *env)
{
	if (env->telemetry)
		telemetry_open(env->telemetry);
}

void environment_close_telemetry(struct environment *env)
{
	if (env->telemetry)
		telemetry_close(env->telemetry);
}

bool environment_flush_telemetry(struct environment *env)
{
	if (!env->telemetry)
		return true;
	telemetry_freeze(env->telemetry, false);
	return telemetry_flush(env->telemetry);
}

void environment_end_telemetry(struct environment *env)
{
	if (env->telemetry)
		telemetry_end(env->telemetry);
}

/* ---- subscriptions ---- */

static bool line_has_name(const char *line, const char *name)
{
	static const char blanks[] = " \t\r\n";
	const char *end = line + strcspn(line, "#");

	while (line < end) {
		size_t length = strcspn(line, blanks);

		if (length == strlen(name) && strncmp(line, name, length) == 0)
			return true;
		line += length;
		line += strspn(line, blanks);
	}
	return false;
}

static bool machine_knows(const char *name)
{
	FILE *file = fopen(HOSTS_FILE, "re");
	bool found = false;
	char line[1024];

	while (file && !found && fgets(line, sizeof(line), file))
		found = line_has_name(line, name);
	if (file)
		fclose(file);
	return found;
}

/* Once is enough: it is true of the machine. */
static void warn_of_missing_name(const struct environment *env)
{
	static bool has_warned;

	if (has_warned || sandbox_host_has_root(env->context->host) ||
	    machine_knows(SUBSCRIPTION_HOST))
		return;
	has_warned = true;
	log_warning("telemetry goes to extensions at 127.0.0.1, but those that listen by the name "
	            "'%s' do not find it: boxes have no " HOSTS_FILE " of their own here; add "
	            "\"127.0.0.1 %s %s\" to that of this machine",
	            SUBSCRIPTION_HOST, SUBSCRIPTION_HOST, SUBSCRIPTION_SHORT_HOST);
}

bool environment_takes_subscriptions(const struct environment *env)
{
	return env->telemetry && env->state == ENVIRONMENT_STARTING &&
	       telemetry_is_open(env->telemetry);
}

enum telemetry_verdict environment_subscribe(struct environment *env, const char *name,
                                             const struct subscription *subscription)
{
	if (!environment_takes_subscriptions(env))
		return TELEMETRY_CLOSED;
	warn_of_missing_name(env);
	return telemetry_subscribe(env->telemetry, name, subscription);
}
