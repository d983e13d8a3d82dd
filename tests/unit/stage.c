/* SPDX-License-Identifier: Apache-2.0 */
/* stage - what surrounds the core in a test: config, package, runtimes, askers */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/folder.h"
#include "emulator/log_tail.h"
#include "sandbox/fd.h"
#include "tests/unit/fakes.h"

struct stage stage;
struct stage_port *stage_ports;
bool stage_port_fails, stage_listen_fails;
uint16_t stage_inside;

static unsigned next_port, open_invocations;
static uint64_t done_count;

/* ---- the Runtime API ---- */

static void deliver(struct runtime_port *base, struct invocation *invocation, bool to_all)
{
	struct stage_port *port = container_of(base, struct stage_port, base);

	assert(!invocation->is_answered && invocation->deadline_ms > clock_machine_wall_ms());
	assert(!stage_box(port)->is_frozen);
	base->waiting -= to_all ? base->waiting : 1;
	port->deliveries++;
	snprintf(port->delivered, sizeof(port->delivered), "%s", invocation->request_id);
}

static bool listen_inside(struct runtime_port *base, int listener, struct error *err)
{
	struct stage_port *port = container_of(base, struct stage_port, base);

	assert(base->inside && listener != -1 && !port->is_listening);
	close(listener);
	port->is_listening = !stage_listen_fails;
	return port->is_listening || error_set(err, 0, "watch: no");
}

unsigned stage_count_ports(void)
{
	unsigned count = 0;

	for (const struct stage_port *port = stage_ports; port; port = port->next)
		count++;
	return count;
}

static void close_port(struct runtime_port *base)
{
	struct stage_port *port = container_of(base, struct stage_port, base);
	struct stage_port **place = &stage_ports;

	while (*place != port)
		place = &(*place)->next;
	*place = port->next;
	if (port->is_uploading)
		invocation_unref(port->answered);
	free(port);
}

static void restore(struct runtime_port *base)
{
	struct stage_port *port = container_of(base, struct stage_port, base);

	assert(!stage_box(port)->is_frozen);
	port->restores++;
}

static void notify(struct runtime_port *base, const struct extension *extension,
                   const struct extension_event *event)
{
	struct stage_port *port = container_of(base, struct stage_port, base);
	unsigned index = extension_index(environment_extensions(port->env), extension);

	assert(!stage_box(port)->is_frozen);
	port->notices[index]++;
	port->noticed[index] = *event;
}

static const struct runtime_port_ops port_ops = {
	.deliver = deliver,
	.notify = notify,
	.restore = restore,
	.listen = listen_inside,
	.close = close_port,
};

static struct runtime_port *open_port(struct runtime_ports *ports, struct environment *env,
                                      struct error *err)
{
	struct stage_port *port;

	(void)ports;
	if (stage_port_fails) {
		error_set(err, 0, "listen on '127.0.0.1:0': no");
		return NULL;
	}
	port = xcalloc(1, sizeof(*port));
	port->base.ops = &port_ops;
	snprintf(port->base.address, sizeof(port->base.address), "127.0.0.1:%u", next_port++);
	port->base.inside = stage_inside;
	port->env = env;
	port->next = stage_ports;
	stage_ports = port;
	return &port->base;
}

static struct runtime_ports ports = { .open = open_port };

struct sandbox *stage_box(const struct stage_port *port)
{
	return fake_box_of(port->base.address);
}

/* ---- the runtime ---- */

enum runtime_verdict runtime_next(struct stage_port *port)
{
	environment_runtime_contact(port->env);
	port->base.waiting++;
	return environment_runtime_next(port->env);
}

enum runtime_verdict runtime_restore_next(struct stage_port *port)
{
	environment_runtime_contact(port->env);
	return environment_runtime_restore_next(port->env);
}

enum runtime_verdict runtime_restore_error(struct stage_port *port, const char *type)
{
	environment_runtime_contact(port->env);
	return environment_runtime_restore_error(port->env, type);
}

enum runtime_verdict runtime_begin(struct stage_port *port, const char *id, enum runtime_call call)
{
	enum runtime_verdict verdict;

	environment_runtime_contact(port->env);
	verdict = environment_runtime_begin_answer(port->env, id, call, &port->answered);
	if (verdict == RUNTIME_ACCEPTED)
		port->is_uploading = true;
	return verdict;
}

void runtime_finish(struct stage_port *port, const char *body, bool is_error)
{
	struct answer answer = { .body = BUFFER_INIT,
		                 .is_error = is_error,
		                 .content_type = "text/fixture" };

	assert(port->is_uploading);
	port->is_uploading = false;
	buffer_append_text(&answer.body, body);
	environment_runtime_answer(port->env, port->answered, &answer);
}

void runtime_truncate(struct stage_port *port)
{
	struct fault fault = fault_make(FAULT_ERROR, "Runtime.TruncatedResponse", "truncated");

	assert(port->is_uploading);
	port->is_uploading = false;
	environment_runtime_break_off(port->env, port->answered, &fault);
}

static void pause_source(struct response_source *source)
{
	struct stage_port *port = container_of(source, struct stage_port, source);

	assert(!port->is_paused);
	port->is_paused = true;
}

static void resume_source(struct response_source *source)
{
	struct stage_port *port = container_of(source, struct stage_port, source);

	assert(port->is_paused);
	port->is_paused = false;
}

void runtime_stream(struct stage_port *port, const char *content_type)
{
	assert(port->is_uploading && invocation_takes_pieces(port->answered));
	port->source = (struct response_source){ pause_source, resume_source };
	environment_runtime_stream(port->env, port->answered, &port->source, content_type);
}

bool runtime_piece(struct stage_port *port, const char *text)
{
	return environment_runtime_piece(port->answered, text, strlen(text));
}

bool runtime_bytes(struct stage_port *port, size_t length)
{
	char *bytes = xcalloc(length, 1);
	bool is_taken = environment_runtime_piece(port->answered, bytes, length);

	free(bytes);
	return is_taken;
}

void runtime_give_up_size(struct stage_port *port)
{
	struct fault fault = fault_response_too_large(RESPONSE_STREAM_LIMIT);

	assert(port->is_uploading);
	port->is_uploading = false;
	response_stream_lose_source(port->answered->stream);
	environment_runtime_answer_fault(port->env, port->answered, &fault, false);
}

enum runtime_verdict runtime_respond(struct stage_port *port, const char *id, const char *body)
{
	enum runtime_verdict verdict = runtime_begin(port, id, RUNTIME_CALL_RESPONSE);

	if (verdict == RUNTIME_ACCEPTED)
		runtime_finish(port, body, false);
	return verdict;
}

enum runtime_verdict runtime_error(struct stage_port *port, const char *id, const char *body)
{
	enum runtime_verdict verdict = runtime_begin(port, id, RUNTIME_CALL_ERROR);

	if (verdict == RUNTIME_ACCEPTED)
		runtime_finish(port, body, true);
	return verdict;
}

enum runtime_verdict runtime_init_error(struct stage_port *port, const char *type, const char *body)
{
	autobuffer struct buffer bytes = BUFFER_INIT;

	buffer_append_text(&bytes, body);
	environment_runtime_contact(port->env);
	return environment_runtime_init_error(port->env, type, &bytes);
}

/* ---- askers ---- */

static void on_answered(struct invocation *invocation, struct answer *answer)
{
	struct asker *asker = invocation->asker;

	asker->answered++;
	asker->is_error = answer->is_error;
	asker->is_of_restore = answer->is_of_restore;
	asker->throttle = answer->throttle;
	if (answer->fault)
		snprintf(asker->fault, sizeof(asker->fault), "%s", answer->fault->type);
	free(asker->body);
	asker->body = buffer_steal(&answer->body, NULL);
}

static void on_done(struct invocation *invocation, const struct log_tail *tail)
{
	struct asker *asker = invocation->asker;
	struct buffer text = BUFFER_INIT;

	asker->done++;
	asker->done_order = ++done_count;
	free(asker->tail);
	asker->tail = NULL;
	if (tail) {
		log_tail_copy(tail, &text);
		asker->tail = buffer_steal(&text, NULL);
	}
	if (asker->done > 1)
		return;
	asker->invocation = NULL;
	open_invocations--;
	invocation_unref(invocation);
	if (asker->then)
		asker->then(asker);
}

static const struct invocation_ops ops = { .on_answered = on_answered, .on_done = on_done };

static void on_response_head(struct invocation *invocation, const struct response_head *head)
{
	struct asker *asker = invocation->asker;

	assert(asker->answered == 0 && asker->pieces == 0);
	asker->heads++;
	asker->is_streamed = head->is_streamed;
	snprintf(asker->content_type, sizeof(asker->content_type), "%s",
	         head->content_type ? head->content_type : "");
}

static void on_chunk(struct invocation *invocation, const char *data, size_t length)
{
	struct asker *asker = invocation->asker;

	assert(asker->answered == 0 && asker->heads == 1 && length > 0);
	asker->pieces++;
	asker->got_length += length;
	if (asker->got_length <= 1 << 20)
		buffer_append(&asker->got, data, length);
	if (asker->pauses)
		invocation_pause(invocation);
}

static const struct invocation_ops ops_for_pieces = { .on_response_head = on_response_head,
	                                              .on_chunk = on_chunk,
	                                              .on_answered = on_answered,
	                                              .on_done = on_done };

struct asker *asker_create_for_pieces(const char *id)
{
	struct asker *asker = asker_create(id);

	asker->invocation->ops = &ops_for_pieces;
	return asker;
}

struct asker *asker_create(const char *id)
{
	struct asker *asker = xcalloc(1, sizeof(*asker));

	buffer_init(&asker->got);
	asker->invocation = invocation_create(&ops);
	asker->invocation->asker = asker;
	assert(strlen(id) < UUID_SIZE);
	strcpy(asker->invocation->request_id, id);
	buffer_append_text(&asker->invocation->event, "{}");
	open_invocations++;
	return asker;
}

void asker_destroy(struct asker *asker)
{
	if (asker->invocation) {
		invocation_unref(asker->invocation);
		open_invocations--;
	}
	buffer_finish(&asker->got);
	free(asker->body);
	free(asker->tail);
	free(asker);
}

/* ---- the stage ---- */

static void bootstrap_path(char *path, size_t size)
{
	snprintf(path, size, "%s/bootstrap", stage.folder);
}

void stage_put_bootstrap(void)
{
	char path[128];

	bootstrap_path(path, sizeof(path));
	autoclose int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	assert(fd != -1);
}

static void extension_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/layer/extensions/%s", stage.folder, name);
}

void stage_put_extensions(const char *const *names, size_t count)
{
	static char layer[96];
	static const char *layers[2];
	char path[192];
	struct error err;

	snprintf(layer, sizeof(layer), "%s/layer", stage.folder);
	mkdir(layer, 0755);
	extension_path(path, sizeof(path), "");
	mkdir(path, 0755);
	for (size_t i = 0; i < count; i++) {
		extension_path(path, sizeof(path), names[i]);
		autoclose int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
		assert(fd != -1);
	}
	layers[0] = layer;
	stage.config.layers = (struct config_list){ layers, 1 };
	package_destroy(stage.context.package);
	stage.context.package = package_create(&stage.config, true, &err);
	assert(stage.context.package);
}

void stage_remove_bootstrap(void)
{
	char path[128];

	bootstrap_path(path, sizeof(path));
	unlink(path);
}

static const struct config defaults = {
	.task_root = stage.folder,
	.handler = "handler",
	.function_name = "function",
	.function_version = "$LATEST",
	.region = "us-east-1",
	.account_id = "012345678912",
	.memory_bytes = UINT64_C(128) << 20,
	.timeout_ms = 3000,
	.freeze = true,
	.init_timeout_ms = 10000,
	.early_init_timeout_ms = 130000,
	.restore_timeout_ms = 10000,
	.tmp_bytes = UINT64_C(512) << 20,
};

void stage_open(void)
{
	struct error err;

	stage = (struct stage){ .config = defaults, .folder = "/tmp/lrie-unit-XXXXXX" };
	stage_port_fails = stage_listen_fails = false;
	stage_inside = 0;
	next_port = 40000;
	fake_box_reset();
	if (!mkdtemp(stage.folder))
		abort();
	stage_put_bootstrap();
	stage.context.config = &stage.config;
	stage.context.loop = loop_create(&err);
	stage.context.output = output_create(stage.context.loop, STDOUT_FILENO, &err);
	stage.context.package = package_create(&stage.config, true, &err);
	stage.context.ports = &ports;
	assert(stage.context.package);
}

void stage_close(void)
{
	struct error err;

	assert(!fake_boxes && !stage_ports && open_invocations == 0);
	package_destroy(stage.context.package);
	output_destroy(stage.context.output, 0);
	loop_destroy(stage.context.loop);
	folder_remove(AT_FDCWD, stage.folder, &err);
}
