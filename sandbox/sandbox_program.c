/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_program - how programs are started in a box, and signalled */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/sandbox_private.h"

#define MAX_ARGUMENTS (192 * 1024)

static unsigned count_strings(const char *const *strings, size_t *bytes)
{
	unsigned count = 0;

	for (; strings[count]; count++)
		*bytes += strlen(strings[count]) + 1;
	return count;
}

static const struct sock_filter *filter_of(const struct sandbox *box, size_t *instructions)
{
	*instructions = 0;
	return box->filter ? syscall_filter_code(box->filter, instructions) : NULL;
}

static char *append_string(char *at, const char *text)
{
	return (char *)memcpy(at, text, strlen(text) + 1) + strlen(text) + 1;
}

/*
 * Filter, arguments and environment travel in a memory file: whatever their size, the
 * message beside it is small and does not fill the socket while init is busy.
 */
static int pack(const struct sandbox *box, const struct sandbox_program *program, size_t bytes,
                struct error *err)
{
	autoclose int fd = fd_memory("lrie-exec");
	size_t instructions;
	const struct sock_filter *filter = filter_of(box, &instructions);
	char *block = malloc(bytes), *at = block;

	if (!block)
		abort();
	if (instructions)
		at = (char *)memcpy(at, filter, instructions * sizeof(*filter)) +
		     instructions * sizeof(*filter);
	for (const char *const *argv = program->argv; *argv; argv++)
		at = append_string(at, *argv);
	for (const char *const *envp = program->envp; *envp; envp++)
		at = append_string(at, *envp);
	for (const char *const *path = program->paths; path && *path; path++)
		at = append_string(at, *path);
	if (!program->paths)
		at = append_string(at, program->argv[0]);
	append_string(at, program->cwd);
	bool written = fd != -1 && write(fd, block, bytes) == (ssize_t)bytes;
	free(block);
	if (!written)
		error_set(err, errno, "pass on the arguments of '%s'", program->argv[0]);
	return written ? steal_fd(&fd) : -1;
}

/* Counts the strings of a program into 'exec', all but the working directory. */
static size_t measure_strings(struct message *message, const struct sandbox_program *program)
{
	size_t bytes = 0;

	message->exec.argc = count_strings(program->argv, &bytes);
	message->exec.envc = count_strings(program->envp, &bytes);
	if (program->paths) {
		message->exec.pathc = count_strings(program->paths, &bytes);
	} else {
		message->exec.pathc = 1;
		bytes += strlen(program->argv[0]) + 1;
	}
	return bytes;
}

static void add_streams(struct message *message, struct message_fds *fds,
                        const struct sandbox_program *program)
{
	const struct sandbox_streams *streams = program->streams;

	fds->fd[fds->count++] = streams ? streams->output : program->output;
	if (!streams)
		return;
	fds->fd[fds->count++] = streams->errors;
	fds->fd[fds->count++] = streams->input;
	message->exec.is_terminal = streams->is_terminal;
}

static void add_descriptors(struct message *message, struct message_fds *fds,
                            const struct sandbox_program *program)
{
	assert(program->descriptor_count <= SANDBOX_DESCRIPTORS);
	for (size_t i = 0; i < program->descriptor_count; i++) {
		unsigned number = program->descriptors[i].number;
		assert(number > STDERR_FILENO && number <= UINT8_MAX);
		message->exec.numbers[message->exec.others++] = number;
		fds->fd[fds->count++] = program->descriptors[i].fd;
	}
}

static bool ask_exec(struct sandbox *box, unsigned id, const struct sandbox_program *program,
                     bool rehearse, struct error *err)
{
	struct message message = { .type = MESSAGE_EXEC, .id = id };
	struct message_fds fds = { .count = 1 };

	if (box->killed || box->reaped)
		return error_set(err, ESRCH, "execute '%s'", program->argv[0]);
	sandbox_thaw(box); /* else init would wait for ever for its child to execute */
	message.exec.rehearse = rehearse;
	size_t bytes = measure_strings(&message, program);
	if (bytes > MAX_ARGUMENTS)
		return error_set(err, E2BIG, "execute '%s'", program->argv[0]);
	bytes += strlen(program->cwd) + 1;
	filter_of(box, &message.exec.instructions);
	message.exec.bytes = bytes + message.exec.instructions * sizeof(struct sock_filter);
	autoclose int block = pack(box, program, message.exec.bytes, err);
	if (block == -1)
		return false;
	fds.fd[0] = block;
	if (!rehearse)
		add_streams(&message, &fds, program);
	add_descriptors(&message, &fds, program);
	/* Why an init has ended that cannot be asked any more is told as an event. */
	return message_send(box->socket, &message, &fds) || errno == EPIPE || errno == ECONNRESET ||
	       error_set(err, errno, "execute '%s'", program->argv[0]);
}

bool sandbox_exec(struct sandbox *box, unsigned id, const struct sandbox_program *program,
                  struct error *err)
{
	return ask_exec(box, id, program, false, err);
}

bool sandbox_rehearse(struct sandbox *box, struct error *err)
{
	const char *const argv[] = { "rehearsal", NULL };
	const struct sandbox_program program = {
		.argv = argv, .envp = argv + 1, .cwd = "/", .output = -1
	};

	box->rehearses = true;
	return ask_exec(box, 0, &program, true, err);
}

void sandbox_signal(struct sandbox *box, unsigned id, int signal)
{
	const struct message message = { .type = MESSAGE_SIGNAL, .id = id, .number = signal };

	sandbox_thaw(box);
	/* Whoever cannot hear it any more has ended, or is about to be killed. */
	message_send(box->socket, &message, NULL);
}
