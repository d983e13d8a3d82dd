/* SPDX-License-Identifier: Apache-2.0 */
/* programs - several programs in one box: who is told apart, and reached alone */
#include "tests/box/machine.h"

#define COUNT 11 /* a runtime, and as many extensions as an environment may have */

/* What is known of one of them. */
struct member {
	int output; /* our end */
	char text[1024];
	size_t length;
	bool started, exited, exec_failed, out_of_memory;
	int status;
	pid_t pid;
	struct error error;
};

struct crowd {
	struct sandbox *box;
	struct member member[COUNT + 1]; /* by id, from 1 on */
	bool gone;
	unsigned oom_kills;
};

static void begin(struct crowd *crowd, const struct sandbox_spec *spec)
{
	struct error err;

	memset(crowd, 0, sizeof(*crowd));
	for (unsigned id = 0; id <= COUNT; id++)
		crowd->member[id].output = -1;
	crowd->box = sandbox_create(box_host(), spec, &err);
	if (!crowd->box)
		box_die(err.text);
}

static void end(struct crowd *crowd)
{
	sandbox_destroy(crowd->box);
	for (unsigned id = 0; id <= COUNT; id++)
		fd_close(&crowd->member[id].output);
}

/* Starts a program with a pipe of its own; 'argv' ends with NULL. */
static void start_with(struct crowd *crowd, unsigned id, const char *const *argv,
                       const struct sandbox_descriptor *descriptors, size_t count)
{
	static const char *const none[] = { NULL };
	struct error err;
	int output[2];

	if (pipe2(output, O_CLOEXEC) == -1 || fcntl(output[0], F_SETFL, O_NONBLOCK) == -1)
		box_die("pipe");
	const struct sandbox_program program = { .argv = argv,
		                                 .envp = none,
		                                 .cwd = "/",
		                                 .output = output[1],
		                                 .descriptors = descriptors,
		                                 .descriptor_count = count };
	crowd->member[id] = (struct member){ .output = output[0] };
	CHECK(sandbox_exec(crowd->box, id, &program, &err));
	close(output[1]);
}

static void start(struct crowd *crowd, unsigned id, const char *const *argv)
{
	start_with(crowd, id, argv, NULL, 0);
}

#define START(crowd, id, ...) \
	start(crowd, id, (const char *const[]){ box_probe_inside(box_host()), __VA_ARGS__, NULL })

static void note(struct crowd *crowd, const struct sandbox_event *event)
{
	struct member *member = &crowd->member[event->id <= COUNT ? event->id : 0];

	if (event->type == SANDBOX_STARTED) {
		member->started = true;
		member->pid = event->pid;
	} else if (event->type == SANDBOX_EXEC_FAILED) {
		member->exec_failed = true;
		member->error = event->error;
	} else if (event->type == SANDBOX_EXITED) {
		CHECK(!member->exited); /* once */
		member->exited = true;
		member->status = event->status;
		member->out_of_memory = event->out_of_memory;
	} else if (event->type == SANDBOX_OOM) {
		crowd->oom_kills += event->kills;
	} else if (event->type == SANDBOX_GONE) {
		crowd->gone = true;
	}
}

static void turn(struct crowd *crowd)
{
	struct pollfd fd = { .fd = sandbox_fd(crowd->box), .events = POLLIN };
	struct sandbox_event event;

	poll(&fd, 1, 5);
	while (sandbox_next_event(crowd->box, &event))
		note(crowd, &event);
	for (unsigned id = 1; id <= COUNT; id++) {
		struct member *member = &crowd->member[id];
		size_t room = sizeof(member->text) - 1 - member->length;
		ssize_t got = member->output == -1
		                      ? 0
		                      : read(member->output, member->text + member->length, room);
		if (got > 0)
			member->length += (size_t)got;
	}
}

#define UNTIL(crowd, condition)                                                \
	do {                                                                   \
		uint64_t until_end = box_now() + BOX_PATIENCE_MS * 1000000ull; \
		while (!(condition) && box_now() < until_end)                  \
			turn(crowd);                                           \
		CHECK(condition);                                              \
	} while (0)

static bool says(const struct crowd *crowd, unsigned id, const char *line)
{
	return strstr(crowd->member[id].text, line) != NULL;
}

static unsigned count_saying(const struct crowd *crowd, const char *line)
{
	unsigned count = 0;

	for (unsigned id = 1; id <= COUNT; id++)
		count += says(crowd, id, line);
	return count;
}

static unsigned count_exited(const struct crowd *crowd)
{
	unsigned count = 0;

	for (unsigned id = 1; id <= COUNT; id++)
		count += crowd->member[id].exited;
	return count;
}

/* All asked for before the box stands, each with a session, a pipe and an end of its own. */
static void test_each_has_its_own(void)
{
	static struct crowd crowd;
	const struct sandbox_spec spec = box_spec();
	char status[16], name[16], line[32];

	begin(&crowd, &spec);
	for (unsigned id = 1; id <= COUNT; id++) {
		snprintf(status, sizeof(status), "exit:%u", 100 + id);
		snprintf(name, sizeof(name), "env:%u", id); /* a line that only it prints */
		START(&crowd, id, "session", name, status);
	}
	UNTIL(&crowd, count_exited(&crowd) == COUNT);
	turn(&crowd);
	for (unsigned id = 1; id <= COUNT; id++) {
		const struct member *member = &crowd.member[id];
		snprintf(line, sizeof(line), "env:%u: unset\n", id);
		CHECK(says(&crowd, id, line) && count_saying(&crowd, line) == 1);
		CHECK(says(&crowd, id, "session: own\n"));
		CHECK(member->started && !member->exec_failed && !member->out_of_memory);
		CHECK_INT(member->status, W_EXITCODE(100 + (int)id, 0));
		for (unsigned other = 1; other < id; other++)
			CHECK(member->pid != crowd.member[other].pid);
	}
	CHECK(!crowd.gone); /* a box without programs goes on */
	end(&crowd);
}

/* A signal reaches the program and its child, and nobody else. */
static void test_a_signal_reaches_one_group(void)
{
	static struct crowd crowd;
	const struct sandbox_spec spec = box_spec();
	char byte;

	begin(&crowd, &spec);
	for (unsigned id = 1; id <= COUNT; id++)
		START(&crowd, id, "fork:1", "hold");
	UNTIL(&crowd, count_saying(&crowd, "hold: held\n") == COUNT);
	sandbox_signal(crowd.box, 4, SIGTERM);
	UNTIL(&crowd, crowd.member[4].exited);
	CHECK_INT(crowd.member[4].status, SIGTERM);
	/* The pipe ends when its child, too, has. */
	UNTIL(&crowd, read(crowd.member[4].output, &byte, 1) == 0);
	sandbox_signal(crowd.box, 4, SIGKILL); /* of nobody's any more */
	sandbox_signal(crowd.box, 9, SIGKILL);
	UNTIL(&crowd, crowd.member[9].exited);
	CHECK_INT(crowd.member[9].status, SIGKILL);
	CHECK(!crowd.member[9].out_of_memory);
	UNTIL(&crowd, read(crowd.member[9].output, &byte, 1) == 0);
	CHECK_INT(count_exited(&crowd), 2);
	for (unsigned id = 1; id <= COUNT; id++) {
		if (id != 4 && id != 9)
			CHECK(read(crowd.member[id].output, &byte, 1) == -1 && errno == EAGAIN);
	}
	/* The name is free, and means the new one. */
	START(&crowd, 4, "hold");
	UNTIL(&crowd, says(&crowd, 4, "hold: held\n"));
	sandbox_signal(crowd.box, 4, SIGTERM);
	UNTIL(&crowd, crowd.member[4].exited);
	CHECK_INT(count_exited(&crowd), 2);
	end(&crowd);
}

/* One who ignores everything does not keep the others alive, nor from being told of. */
static void test_all_end_with_the_box(void)
{
	static struct crowd crowd;
	const struct sandbox_spec spec = box_spec();

	begin(&crowd, &spec);
	for (unsigned id = 1; id <= COUNT; id++)
		START(&crowd, id, "ignore", "hold");
	UNTIL(&crowd, count_saying(&crowd, "hold: held\n") == COUNT);
	sandbox_kill(crowd.box);
	UNTIL(&crowd, crowd.gone);
	for (unsigned id = 1; id <= COUNT; id++)
		CHECK(kill(crowd.member[id].pid, 0) == -1 && errno == ESRCH);
	end(&crowd);
}

/* The limit is of all together; who was killed for it is said of him alone. */
static void test_out_of_memory_is_told_of_one(void)
{
	static struct crowd crowd;
	struct sandbox_spec spec = box_spec();

	NEED(SANDBOX_WALL_MEMORY);
	spec.cpu_millis = 0;
	for (unsigned victim = 1; victim <= 3; victim++) {
		begin(&crowd, &spec);
		for (unsigned id = 1; id <= 3; id++) {
			if (id != victim)
				START(&crowd, id, "eat:8", "hold");
		}
		UNTIL(&crowd, count_saying(&crowd, "hold: held\n") == 2);
		START(&crowd, victim, "eat:256", "hold");
		UNTIL(&crowd, crowd.member[victim].exited);
		CHECK(crowd.member[victim].out_of_memory);
		CHECK_INT(crowd.member[victim].status, SIGKILL);
		/* Whom somebody else kills next was not killed by the limit. */
		const unsigned other = victim == 1 ? 2 : 1;
		sandbox_signal(crowd.box, other, SIGKILL);
		UNTIL(&crowd, crowd.member[other].exited);
		CHECK(!crowd.member[other].out_of_memory);
		CHECK_INT(count_exited(&crowd), 2);
		CHECK_INT(crowd.oom_kills, 0);
		end(&crowd);
	}
}

/* What cannot be executed is told by its name, while others start, run and end. */
static void test_failures_are_told_of_one(void)
{
	static struct crowd crowd;
	static const struct {
		const char *path;
		int code;
	} bad[] = { { "/opt/extensions/plain", EACCES },
		    { "/opt/extensions/lost", ENOENT },
		    { "/opt/extensions/garbage", ENOEXEC },
		    { "/opt/extensions/folder", EACCES } };
	struct sandbox_spec spec = box_spec();
	const char *folder, *layer;
	char path[PATH_MAX];

	NEED(SANDBOX_WALL_FILES);
	layer = box_folder();
	snprintf(path, sizeof(path), "%s/extensions", layer);
	folder = path;
	if (mkdir(path, 0755) == -1)
		box_die(path);
	box_put(folder, "plain", "#!/bin/sh\n", 0644);
	box_put(folder, "lost", "#!/nonexistent/interpreter\n", 0755);
	box_put(folder, "garbage", "\177ELFnonsense", 0755);
	char inner[PATH_MAX + 8];
	snprintf(inner, sizeof(inner), "%s/folder", folder);
	if (mkdir(inner, 0755) == -1)
		box_die(inner);
	spec.layers = &layer;
	spec.layer_count = 1;
	begin(&crowd, &spec);
	for (unsigned i = 0; i < 4; i++) {
		START(&crowd, 2 * i + 1, "hold");
		start(&crowd, 2 * i + 2, (const char *const[]){ bad[i].path, NULL });
	}
	START(&crowd, 9, "exit:0");
	UNTIL(&crowd, crowd.member[9].exited && count_saying(&crowd, "hold: held\n") == 4);
	for (unsigned i = 0; i < 4; i++) {
		test_case(bad[i].path);
		const struct member *failed = &crowd.member[2 * i + 2];
		CHECK(failed->exec_failed && !failed->exited);
		CHECK_INT(failed->error.code, bad[i].code);
		CHECK(strstr(failed->error.text, bad[i].path) != NULL);
		CHECK(!crowd.member[2 * i + 1].exec_failed && !crowd.member[2 * i + 1].exited);
	}
	test_case(NULL);
	end(&crowd);
	box_remove(folder);
	box_remove(layer);
}

/* By the numbers that were asked for, which may be those of each other; and nothing else. */
static void test_descriptors_beside_the_streams(void)
{
	static struct crowd crowd;
	const struct sandbox_spec spec = box_spec();
	char first[8] = "", second[8] = "";
	int one[2], other[2];

	if (pipe2(one, O_CLOEXEC) == -1 || pipe2(other, O_CLOEXEC) == -1)
		box_die("pipe");
	const struct sandbox_descriptor crossed[] = {
		{ .fd = one[1], .number = 4 },
		{ .fd = other[1], .number = 3 },
		{ .fd = one[1], .number = 255 },
		{ .fd = other[1], .number = 7 },
	};
	begin(&crowd, &spec);
	start_with(&crowd, 1,
	           (const char *const[]){ box_probe_inside(box_host()), "fds", "tell:4:a",
	                                  "tell:255:b", "tell:3:c", "tell:7:d", "exit:0", NULL },
	           crossed, SANDBOX_DESCRIPTORS);
	START(&crowd, 2, "fds", "exit:0");
	UNTIL(&crowd, crowd.member[1].exited && crowd.member[2].exited);
	turn(&crowd);
	CHECK(says(&crowd, 1, "fds: 0 1 2 255 3 4 7\n"));
	CHECK(says(&crowd, 2, "fds: 0 1 2\n"));
	close(one[1]);
	close(other[1]);
	CHECK_INT(read(one[0], first, sizeof(first) - 1), 2);
	CHECK_INT(read(other[0], second, sizeof(second) - 1), 2);
	CHECK_STR(first, "ab");
	CHECK_STR(second, "cd");
	/* Init has kept none. */
	CHECK_INT(read(one[0], first, 1), 0);
	CHECK_INT(read(other[0], second, 1), 0);
	close(one[0]);
	close(other[0]);
	end(&crowd);
}

/* Where there is no pid namespace, and a memory limit only by watching. */
static void live_in_a_container(void)
{
	become_docker();
	test_each_has_its_own();
	test_descriptors_beside_the_streams();
	test_a_signal_reaches_one_group();
	test_all_end_with_the_box();
	test_out_of_memory_is_told_of_one();
}

static void test_without_namespaces(void)
{
	IN_CONTAINER(live_in_a_container());
}

TEST_MAIN(test_each_has_its_own, test_a_signal_reaches_one_group, test_all_end_with_the_box,
          test_out_of_memory_is_told_of_one, test_failures_are_told_of_one,
          test_descriptors_beside_the_streams, test_without_namespaces)
