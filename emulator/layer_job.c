/* SPDX-License-Identifier: Apache-2.0 */
/* layer_job - makes layers in a child, so that nobody waits who is served meanwhile */
#include "emulator/layer_job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/signals.h"
#include "sandbox/fd.h"

/* Who has to wait that long does not notice. */
#define PATIENCE_MS 10

/* Paths of all layers that there can be, and more. */
#define ANSWER_LIMIT ((size_t)256 << 10)

struct layer_job {
	enum layer_job_state state;
	struct layers *layers;
	pid_t child;
	int answer; /* until the child has ended */
	struct buffer got;
	struct error err;
};

/* The answer begins with one of these; then follows the error, or each path and a NUL. */
enum { ANSWER_FAILED = 'F', ANSWER_DONE = 'D' };

/* ---- in the child ---- */

static void answer(const struct layers *layers, const struct error *err, struct buffer *text)
{
	char kind = layers ? ANSWER_DONE : ANSWER_FAILED;

	buffer_append(text, &kind, 1);
	if (!layers)
		buffer_append(text, err, sizeof(*err));
	for (size_t i = 0; layers && i < layers->count; i++)
		buffer_append(text, layers->paths[i], strlen(layers->paths[i]) + 1);
}

static void write_all(int fd, const struct buffer *text)
{
	for (size_t at = 0; at < text->length;) {
		ssize_t written = write(fd, text->data + at, text->length - at);

		if (written <= 0)
			return; /* nobody wants it any more */
		at += (size_t)written;
	}
}

static void work(struct layers *layers, const struct config *config,
                 const struct sandbox_host *host, int fd)
{
	struct buffer text = BUFFER_INIT;
	struct error err;
	bool done;

	/* It ends when lrie does, and not before: what a shell sends to all processes of a job,
	 * SIGHUP for a reload, is for lrie. Connections and boxes must not live as long as it. */
	signals_ignore_ending();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		_exit(1);
	fd_close_all_but(fd, layers->lock);
	done = layers_fill(layers, config, &err) && layers_settle(layers, config, host, &err);
	answer(done ? layers : NULL, &err, &text);
	write_all(fd, &text);
	_exit(0);
}

/* ---- outside ---- */

static bool fork_child(struct layer_job *job, const struct config *config,
                       const struct sandbox_host *host, struct error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		return error_set(err, errno, "pipe");
	job->answer = ends[0];
	job->child = fork();
	if (job->child == 0) {
		fcntl(ends[1], F_SETFL, 0);
		work(job->layers, config, host, ends[1]);
	}
	close(ends[1]);
	return job->child != -1 || error_set(err, errno, "fork");
}

static void fail(struct layer_job *job, const char *why)
{
	job->state = LAYER_JOB_FAILED;
	error_set(&job->err, 0, "%s", why);
}

/* Takes what the child has said, as it is lrie's own. */
static void judge(struct layer_job *job)
{
	const char *at = job->got.data;

	if (job->got.length == 1 + sizeof(job->err) && *at == ANSWER_FAILED) {
		job->state = LAYER_JOB_FAILED;
		memcpy(&job->err, at + 1, sizeof(job->err));
	} else if (job->got.length > 1 && *at == ANSWER_DONE && at[job->got.length - 1] == '\0') {
		job->state = LAYER_JOB_DONE;
		layers_take_paths(job->layers, at + 1, job->got.length - 1);
	} else {
		fail(job, "unpacking layers ended before its time");
	}
	waitpid(job->child, NULL, 0); /* unless somebody has done so */
	fd_close(&job->answer);
}

static void listen_to(struct layer_job *job)
{
	char piece[4096];
	ssize_t got;

	while ((got = read(job->answer, piece, sizeof(piece))) > 0) {
		if (job->got.length < ANSWER_LIMIT)
			buffer_append(&job->got, piece, (size_t)got);
	}
	if (got == 0 || errno != EAGAIN)
		judge(job);
}

static bool start(struct layer_job *job, const struct config *config,
                  const struct sandbox_host *host, struct error *err)
{
	if (!job->layers || !layers_begin_to_settle(job->layers, config, host, err))
		return false;
	if (!layers_are_ready(job->layers))
		return fork_child(job, config, host, err);
	job->state = LAYER_JOB_DONE;
	return true;
}

struct layer_job *layer_job_start(const struct config *config, bool is_image,
                                  const struct sandbox_host *host, struct error *err)
{
	struct layer_job *job = xcalloc(1, sizeof(*job));

	job->layers = layers_begin(config, is_image, err);
	job->answer = job->child = -1;
	buffer_init(&job->got);
	if (start(job, config, host, err))
		return job;
	layer_job_destroy(job);
	return NULL;
}

enum layer_job_state layer_job_state(struct layer_job *job, struct error *err)
{
	if (job->state == LAYER_JOB_RUNNING)
		listen_to(job);
	if (job->state == LAYER_JOB_FAILED)
		*err = job->err;
	return job->state;
}

int layer_job_fd(const struct layer_job *job)
{
	return job->answer;
}

struct layers *layer_job_layers(const struct layer_job *job)
{
	return job->layers;
}

bool layer_job_is_current(const struct layer_job *job, const struct config *config)
{
	const struct layers *layers = job->layers;

	return layers->is_filled && !layers->has_copies ? layers_are_current(layers, config)
	                                                : layers_may_be_current(layers, config);
}

void layer_job_destroy(struct layer_job *job)
{
	if (!job)
		return;
	if (job->answer != -1 && job->child > 0)
		listen_to(job);
	/* As long as the answer has no end, the child has none, and its number is its own. */
	if (job->answer != -1 && job->child > 0) {
		kill(job->child, SIGKILL);
		waitpid(job->child, NULL, 0);
	}
	fd_close(&job->answer);
	layers_destroy(job->layers);
	buffer_finish(&job->got);
	free(job);
}

/* ---- again and again ---- */

static void wait_a_moment(const struct layer_job *job)
{
	struct pollfd soon = { .fd = job->answer, .events = POLLIN };

	if (job->state == LAYER_JOB_RUNNING)
		poll(&soon, 1, PATIENCE_MS);
}

/* What has failed with the same files need not be tried again. */
static bool is_in_vain(struct layer_job *job, const struct config *config, bool has_changed)
{
	struct error ignored;

	return !layer_job_is_current(job, config) ||
	       (has_changed &&
	        (job->layers->has_copies || layer_job_state(job, &ignored) == LAYER_JOB_FAILED));
}

struct layers *layer_job_renew(struct layer_job **job, struct layers *layers,
                               const struct config *config, bool is_image,
                               const struct sandbox_host *host, bool has_changed, struct error *err)
{
	if (layers_are_current(layers, config))
		return layers_ref(layers);
	if (*job && is_in_vain(*job, config, has_changed)) {
		layer_job_destroy(*job);
		*job = NULL;
	}
	if (!*job) {
		*job = layer_job_start(config, is_image, host, err);
		if (!*job)
			return NULL;
		wait_a_moment(*job);
	}
	switch (layer_job_state(*job, err)) {
	case LAYER_JOB_RUNNING:
		error_set(err, 0, "layers are still being unpacked");
		return NULL;
	case LAYER_JOB_FAILED:
		return NULL;
	case LAYER_JOB_DONE:
		break;
	}
	return layers_ref((*job)->layers);
}
