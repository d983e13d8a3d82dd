/* SPDX-License-Identifier: Apache-2.0 */
/* init_request - what the owner of a box asks of its init */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "sandbox/cgroup.h"
#include "sandbox/fd.h"
#include "sandbox/init_private.h"
#include "sandbox/network.h"

/* From here on init answers for what the program calls. */
static void supervise(struct init *init)
{
	struct message message;
	struct message_fds fds;

	if (message_receive(init->launcher.listener_sockets[0], &message, &fds) != 1)
		return;
	supervisor_listen(&init->supervisor, message_fds_steal(&fds, 0));
	message_fds_close(&fds);
}

static void refuse_exec(const struct init *init, unsigned id, int code, const char *what)
{
	struct message failed = { .type = MESSAGE_EXEC_FAILED, .id = id, .at_ns = message_now() };

	error_set(&failed.error, code, "%s", what);
	init_tell(init, &failed, NULL);
}

static void start_program(struct init *init, const struct message *message, char *block,
                          struct message_fds *fds)
{
	struct program *place = init_find_program(init, 0);
	struct message failed;

	if (!place || !supervisor_has_room(&init->supervisor)) {
		refuse_exec(init, message->id, EAGAIN, "start one more program");
		return;
	}
	pid_t pid = launch(&init->launcher, message, block, fds, &failed);
	supervise(init);
	if (pid == -1) {
		init_tell(init, &failed, NULL);
		return;
	}
	*place = (struct program){ .id = message->id, .pid = pid };
	place->out_of_reach = message->exec.rehearse && kill(pid, SIGCONT) == -1;
}

static void handle_exec(struct init *init, const struct message *message, struct message_fds *fds)
{
	autoclose int strings = message_fds_steal(fds, 0);

	/* Where init may have no more descriptors, the last ones of a message do not arrive. */
	if (message->exec.others && fds->count < 2 + message->exec.others) {
		refuse_exec(init, message->id, EMFILE, "receive the program's descriptors");
		return;
	}
	char *block = mmap(NULL, message->exec.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, strings,
	                   0);
	if (block == MAP_FAILED) {
		refuse_exec(init, message->id, errno, "map the program's arguments");
		return;
	}
	start_program(init, message, block, fds);
	munmap(block, message->exec.bytes);
}

static void handle_signal(struct init *init, const struct message *message)
{
	for (size_t i = 0; i < INIT_PROGRAMS; i++) {
		if (init->programs[i].pid && init->programs[i].id == message->id)
			kill(-init->programs[i].pid, message->number);
	}
}

/* Connecting takes no time: what is asked for is in this network. */
static void handle_connect(struct init *init, const struct message *message)
{
	struct message answer = { .type = MESSAGE_CONNECTED,
		                  .id = message->id,
		                  .at_ns = message_now() };
	struct message_fds fds = { .count = 0 };
	autoclose int fd = network_connect((uint16_t)message->number, &answer.error);

	if (fd != -1)
		fds.fd[fds.count++] = fd;
	init_tell(init, &answer, &fds);
}

/* What thaws comes first. The last descriptor may be a cgroup of version 2 to be born in; see
 * cgroup.h. */
static void handle_confine(struct init *init, const struct message *message,
                           struct message_fds *fds)
{
	struct message_fds *entries = &init->launcher.entries;

	if (message->has_thaw)
		init->thaw = message_fds_steal(fds, 0);
	for (unsigned i = message->has_thaw; i < fds->count; i++)
		entries->fd[entries->count++] = message_fds_steal(fds, i);
	if (message->number == CGROUP_BORN_IN && entries->count)
		init->launcher.born_in = entries->fd[--entries->count];
}

static void handle(struct init *init, const struct message *message, struct message_fds *fds)
{
	switch (message->type) {
	case MESSAGE_CONFINE:
		handle_confine(init, message, fds);
		break;
	case MESSAGE_EXEC:
		handle_exec(init, message, fds);
		break;
	case MESSAGE_SIGNAL:
		handle_signal(init, message);
		break;
	case MESSAGE_SIGNAL_ALL:
		tree_signal(&init->tree, message->number);
		break;
	case MESSAGE_CONNECT:
		handle_connect(init, message);
		break;
	case MESSAGE_CONNECTED:
	case MESSAGE_LISTENERS:
	case MESSAGE_FILES:
	case MESSAGE_READY:
	case MESSAGE_STARTED:
	case MESSAGE_EXEC_FAILED:
	case MESSAGE_EXITED:
	case MESSAGE_ADOPTED:
	case MESSAGE_DENIED:
	case MESSAGE_WRITE_REFUSED:
	case MESSAGE_FAILED:
	case MESSAGE_FILTER:
		break;
	}
}

void init_receive(struct init *init)
{
	struct message message;
	struct message_fds fds;

	if (message_receive(init->socket, &message, &fds) != 1)
		init_end(init, 0);
	handle(init, &message, &fds);
	message_fds_close(&fds);
}
