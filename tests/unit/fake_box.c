/* SPDX-License-Identifier: Apache-2.0 */
/* fake_box - boxes in which nothing happens but what the test says */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "sandbox/fd.h"
#include "tests/unit/fakes.h"

#define EVENTS (sizeof(((struct sandbox *)0)->events) / sizeof(struct sandbox_event))

struct sandbox *fake_boxes;
bool fake_box_create_fails, fake_box_exec_fails, fake_box_dies_slowly;

void fake_box_reset(void)
{
	assert(!fake_boxes);
	fake_box_create_fails = fake_box_exec_fails = fake_box_dies_slowly = false;
}

struct sandbox *fake_box_of(const char *runtime_api)
{
	struct sandbox *box = fake_boxes;

	while (box && strcmp(box->runtime_api, runtime_api) != 0)
		box = box->next;
	return box;
}

/* ---- events ---- */

static void post(struct sandbox *box, struct sandbox_event event)
{
	static const uint64_t one = 1;

	assert(!box->is_gone && box->event_count < EVENTS);
	event.at_ns = clock_machine();
	box->events[box->event_count++] = event;
	if (write(box->event_fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

void fake_box_ready(struct sandbox *box)
{
	post(box, (struct sandbox_event){ .type = SANDBOX_READY });
}

void fake_box_started(struct sandbox *box)
{
	post(box, (struct sandbox_event){ .type = SANDBOX_STARTED, .id = 1, .pid = 4711 });
}

void fake_box_exec_failed(struct sandbox *box, int code)
{
	struct sandbox_event event = { .type = SANDBOX_EXEC_FAILED, .id = 1 };

	error_set(&event.error, code, "execute '%s'", box->path);
	fd_close(&box->output);
	post(box, event);
}

void fake_box_exited(struct sandbox *box, int status, bool out_of_memory)
{
	fd_close(&box->output);
	post(box, (struct sandbox_event){
			  .type = SANDBOX_EXITED,
			  .id = 1,
			  .status = status,
			  .out_of_memory = out_of_memory,
		  });
}

/* Extensions are programs 2 and up, in the order of the environment's list. */
void fake_extension_started(struct sandbox *box, unsigned index)
{
	post(box, (struct sandbox_event){ .type = SANDBOX_STARTED, .id = index + 2, .pid = 4712 });
}

void fake_extension_exec_failed(struct sandbox *box, unsigned index, int code)
{
	struct sandbox_event event = { .type = SANDBOX_EXEC_FAILED, .id = index + 2 };

	error_set(&event.error, code, "execute '%s'", box->extensions[index].path);
	fd_close(&box->extensions[index].output);
	post(box, event);
}

void fake_extension_exited(struct sandbox *box, unsigned index, int status)
{
	fd_close(&box->extensions[index].output);
	post(box,
	     (struct sandbox_event){ .type = SANDBOX_EXITED, .id = index + 2, .status = status });
}

void fake_extension_print(struct sandbox *box, unsigned index, const char *text)
{
	if (write(box->extensions[index].output, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
}

void fake_box_oom(struct sandbox *box)
{
	post(box, (struct sandbox_event){ .type = SANDBOX_OOM, .kills = 1 });
}

void fake_box_denied(struct sandbox *box, const struct sandbox_denial *denial)
{
	struct sandbox_event event = { .type = SANDBOX_DENIED, .denial = *denial };

	event.denial.phase = box->phase;
	post(box, event);
}

void fake_box_write_refused(struct sandbox *box, const struct sandbox_write *write)
{
	struct sandbox_event event = { .type = SANDBOX_WRITE_REFUSED, .write = *write };

	event.write.phase = box->phase;
	post(box, event);
}

void fake_box_failed(struct sandbox *box, const char *why)
{
	struct sandbox_event event = { .type = SANDBOX_FAILED };

	error_set(&event.error, 0, "%s", why);
	post(box, event);
}

void fake_box_gone(struct sandbox *box)
{
	fd_close(&box->output);
	post(box, (struct sandbox_event){ .type = SANDBOX_GONE });
	box->is_gone = true;
}

/* The core must read what is written, so the pipe never fills here. */
void fake_box_print(struct sandbox *box, const char *text)
{
	size_t length = strlen(text);

	/* A program that is being killed writes to nobody. */
	signal(SIGPIPE, SIG_IGN);
	if (box->output != -1 && write(box->output, text, length) != (ssize_t)length &&
	    errno != EPIPE)
		abort();
}

/* ---- sandbox.h ---- */

/* That no two boxes have it at a time, and nobody when it goes. */
struct sandbox_tmp {
	int boxes;
};

struct sandbox_tmp *sandbox_tmp_create(void)
{
	return xcalloc(1, sizeof(struct sandbox_tmp));
}

void sandbox_tmp_destroy(struct sandbox_tmp *tmp)
{
	assert(!tmp || !tmp->boxes);
	free(tmp);
}

struct sandbox *sandbox_create(struct sandbox_host *host, const struct sandbox_spec *spec,
                               struct error *err)
{
	struct sandbox *box;

	(void)host;
	if (fake_box_create_fails) {
		error_set(err, EAGAIN, "fork the init of a box");
		return NULL;
	}
	box = xcalloc(1, sizeof(*box));
	box->memory_bytes = spec->memory_bytes;
	box->cpu_millis = spec->cpu_millis;
	box->counts_usage = spec->counts_usage;
	box->counts_files = spec->counts_files;
	box->cpu = SANDBOX_CPU_FULL;
	box->output = -1;
	box->listen_port = spec->listen_port;
	for (unsigned i = 0; i < EXTENSION_LIMIT; i++)
		box->extensions[i].output = -1;
	box->listener = -1;
	box->tmp = spec->tmp;
	if (box->tmp)
		box->tmp->boxes++;
	assert(!box->tmp || box->tmp->boxes == 1);
	if (spec->listen_port)
		box->listener = eventfd(0, EFD_CLOEXEC);
	box->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert(box->event_fd != -1);
	box->next = fake_boxes;
	fake_boxes = box;
	return box;
}

void sandbox_destroy(struct sandbox *box)
{
	struct sandbox **place = &fake_boxes;

	if (!box)
		return;
	while (*place != box)
		place = &(*place)->next;
	*place = box->next;
	if (box->tmp)
		box->tmp->boxes--;
	fd_close(&box->output);
	for (unsigned i = 0; i < EXTENSION_LIMIT; i++)
		fd_close(&box->extensions[i].output);
	fd_close(&box->listener);
	fd_close(&box->event_fd);
	free(box);
}

static const char *find_variable(const char *const *envp, const char *name)
{
	size_t length = strlen(name);

	for (; *envp; envp++)
		if (strncmp(*envp, name, length) == 0 && (*envp)[length] == '=')
			return *envp + length + 1;
	return "";
}

static bool exec_extension(struct sandbox *box, unsigned id, const struct sandbox_program *program)
{
	unsigned index = id - 2;

	assert(index < EXTENSION_LIMIT);
	box->extensions[index].id = id;
	snprintf(box->extensions[index].path, sizeof(box->extensions[index].path), "%s",
	         program->argv[0]);
	box->extensions[index].output = fcntl(program->output, F_DUPFD_CLOEXEC, 3);
	assert(box->extensions[index].output != -1);
	return true;
}

bool sandbox_exec(struct sandbox *box, unsigned id, const struct sandbox_program *program,
                  struct error *err)
{
	assert(id > 0 && program->argv[0] && program->cwd);
	if (fake_box_exec_fails)
		return error_set(err, E2BIG, "ask the box to execute '%s'", program->argv[0]);
	snprintf(box->runtime_api, sizeof(box->runtime_api), "%s",
	         find_variable(program->envp, "AWS_LAMBDA_RUNTIME_API"));
	if (id > 1)
		return exec_extension(box, id, program);
	box->id = id;
	snprintf(box->path, sizeof(box->path), "%s", program->argv[0]);
	box->output = fcntl(program->output, F_DUPFD_CLOEXEC, 3);
	assert(box->output != -1);
	return true;
}

int sandbox_take_listener(struct sandbox *box)
{
	return steal_fd(&box->listener);
}

int sandbox_take_datagram_listener(struct sandbox *box)
{
	(void)box;
	return -1;
}

bool sandbox_connect(struct sandbox *box, unsigned id, uint16_t port, struct error *err)
{
	(void)box, (void)id, (void)port;
	return error_set(err, 0, "nobody listens in a fake box");
}

/* Whose it is, the connection itself tells: one that is open elsewhere has the same number. */
int sandbox_open_peer(int connection, pid_t *pid)
{
	struct stat status = { .st_ino = 0 };

	fstat(connection, &status);
	*pid = (pid_t)status.st_ino;
	return dup(connection);
}

enum sandbox_peer sandbox_find_peer(const struct sandbox *box, int connection)
{
	(void)box, (void)connection;
	return SANDBOX_PEER_INSIDE;
}

void sandbox_signal(struct sandbox *box, unsigned id, int signal)
{
	assert(id > 0 && id < EXTENSION_LIMIT + 2 && !box->is_killed);
	box->signalled[id] |= 1u << signal;
}

void sandbox_kill(struct sandbox *box)
{
	assert(!box->is_killed);
	box->is_killed = true;
	if (fake_box_dies_slowly || box->is_gone)
		return;
	if (box->output != -1)
		fake_box_exited(box, SIGKILL, false);
	for (unsigned i = 0; i < EXTENSION_LIMIT; i++) {
		if (box->extensions[i].output != -1)
			fake_extension_exited(box, i, SIGKILL);
	}
	fake_box_gone(box);
}

int sandbox_fd(const struct sandbox *box)
{
	return box->event_fd;
}

bool sandbox_next_event(struct sandbox *box, struct sandbox_event *event)
{
	uint64_t ignored;

	if (box->event_count == 0) {
		if (read(box->event_fd, &ignored, sizeof(ignored)) == -1)
			assert(errno == EAGAIN);
		return false;
	}
	*event = box->events[0];
	box->has_program |= event->type == SANDBOX_STARTED;
	box->event_count--;
	memmove(box->events, box->events + 1, box->event_count * sizeof(*event));
	return true;
}

void sandbox_set_cpu(struct sandbox *box, enum sandbox_cpu cpu)
{
	box->cpu = cpu;
}

void sandbox_freeze(struct sandbox *box)
{
	assert(!box->is_killed && !box->is_frozen);
	box->is_frozen = true;
	box->freezes++;
}

void sandbox_thaw(struct sandbox *box)
{
	box->is_frozen = false;
}

void sandbox_set_phase(struct sandbox *box, unsigned phase)
{
	box->phase = phase;
}

bool sandbox_memory_peak(struct sandbox *box, uint64_t *bytes)
{
	*bytes = box->memory_peak;
	return box->memory_peak > 0;
}

void sandbox_usage(struct sandbox *box, struct sandbox_usage *usage)
{
	assert(box->counts_usage && box->has_program);
	box->looks++;
	*usage = (struct sandbox_usage){ .figures = { [SANDBOX_USAGE_CPU_NS] = box->looks } };
}

/* ---- the machine: all its walls stand ---- */

const struct sandbox_wall_state *sandbox_host_wall(const struct sandbox_host *host,
                                                   enum sandbox_wall wall)
{
	static const struct sandbox_wall_state stands = { .standing = SANDBOX_YES };

	(void)host, (void)wall;
	return &stands;
}

bool sandbox_walls_parse(const char *names, unsigned *mask, struct error *err)
{
	(void)names, (void)err;
	*mask = 0;
	return true;
}

bool sandbox_host_has_root(const struct sandbox_host *host)
{
	(void)host;
	return true;
}

bool sandbox_merges_layers(const struct sandbox_host *host, const struct sandbox_spec *spec)
{
	(void)host, (void)spec;
	return true;
}

struct sandbox_host *sandbox_probe(enum sandbox_mode mode, unsigned required, struct error *err)
{
	(void)mode, (void)required, (void)err;
	return NULL;
}

void sandbox_host_set_freezing(struct sandbox_host *host, bool on)
{
	(void)host, (void)on;
}

void sandbox_host_set_syscalls(struct sandbox_host *host, enum sandbox_syscalls policy)
{
	(void)host, (void)policy;
}

bool sandbox_host_set_network(struct sandbox_host *host, enum sandbox_network network,
                              struct error *err)
{
	(void)host, (void)network, (void)err;
	return true;
}

void sandbox_host_destroy(struct sandbox_host *host)
{
	(void)host;
}
