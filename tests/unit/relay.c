/* SPDX-License-Identifier: Apache-2.0 */
/* relay - every byte gets there, in order, and nobody waits for anybody but for his own reader. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/clock.h"
#include "emulator/relay.h"
#include "tests/unit/test.h"

static struct loop *loop;
static struct relay relay;
static unsigned ends;
static enum relay_end last_end;
static int last_code;

static void on_end(struct relay *ended, enum relay_end end, int code)
{
	(void)ended;
	ends++;
	last_end = end;
	last_code = code;
	loop_stop(loop);
}

static void on_due_stop(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

/* Turns until the relay ends, or for a while in which nothing may happen. */
static void turn(unsigned ms)
{
	struct loop_timer timer = { .on_due = on_due_stop };

	loop_timer_start(loop, &timer, clock_now() + ms * CLOCK_NS_PER_MS);
	loop_run(loop);
	loop_timer_stop(&timer);
}

static void begin(int from, int to)
{
	struct stream source, target;
	struct error err = { .text = "" };

	loop = loop_create(&err);
	ends = 0;
	relay = (struct relay){ .on_end = on_end };
	CHECK(stream_open(&source, from, O_RDONLY, &err));
	CHECK(stream_open(&target, to, O_WRONLY, &err));
	CHECK(relay_start(&relay, loop, &source, &target, &err));
	CHECK_STR(err.text, "");
}

static void finish(void)
{
	relay_stop(&relay);
	loop_destroy(loop);
}

static void make_pipe(int fds[2])
{
	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[1], F_SETPIPE_SZ, 4096);
}

static void close_both(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

static void test_bytes_and_the_end_are_passed_on(void)
{
	int in[2], out[2];
	char got[16] = "";

	make_pipe(in);
	make_pipe(out);
	begin(in[0], out[1]);
	close(out[1]);
	CHECK_INT(write(in[1], "some", 4), 4);
	turn(1);
	CHECK_INT(read(out[0], got, sizeof(got)), 4);
	CHECK_STR(got, "some");
	CHECK_INT(ends, 0);
	close(in[1]);
	turn(2000);
	CHECK_INT(ends, 1);
	CHECK_INT(last_end, RELAY_SOURCE_ENDED);
	CHECK_INT(read(out[0], got, sizeof(got)), 0);
	finish();
	close(in[0]);
	close(out[0]);
}

/* What is at hand is still delivered when the writer has long gone. */
static void test_a_slow_reader_gets_all(void)
{
	int in[2], out[2];
	char block[4096];
	size_t total = 0;
	ssize_t got;

	make_pipe(in);
	make_pipe(out);
	begin(in[0], out[1]);
	close(in[0]);
	close(out[1]);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 40; i++) {
		got = write(in[1], block, sizeof(block));
		total += got > 0 ? (size_t)got : 0;
		turn(1);
	}
	CHECK(total < 10 * sizeof(block)); /* the writer had to wait */
	close(in[1]);
	turn(5);
	CHECK_INT(ends, 0);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	while (total > 0 && ((got = read(out[0], block, sizeof(block))) > 0 || errno == EAGAIN)) {
		total -= got > 0 ? (size_t)got : 0;
		if (!ends)
			turn(1);
	}
	CHECK_INT(total, 0);
	if (!ends)
		turn(2000);
	CHECK_INT(ends, 1);
	finish();
	close(out[0]);
}

/* Nothing spins: a turn that has nothing to do sleeps. */
static void test_waiting_costs_nothing(void)
{
	int in[2], out[2];
	char block[8192] = "";

	make_pipe(in);
	make_pipe(out);
	begin(in[0], out[1]);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 8; i++) {
		if (write(in[1], block, sizeof(block)) > 0)
			turn(1);
	}
	close(in[1]); /* a hang-up that cannot be acted on yet */
	clock_t before = clock();
	turn(100);
	CHECK(clock() - before < CLOCKS_PER_SEC / 20);
	finish();
	close(in[0]);
	close_both(out);
}

static void test_a_reader_that_left_is_noticed(void)
{
	int in[2], out[2];

	make_pipe(in);
	make_pipe(out);
	begin(in[0], out[1]);
	close(out[1]);
	close(out[0]);
	turn(2000); /* even though nothing is there to be written */
	CHECK_INT(ends, 1);
	CHECK_INT(last_end, RELAY_TARGET_GONE);
	CHECK_INT(last_code, EPIPE);
	close(in[0]);
	CHECK(write(in[1], "x", 1) == -1 && errno == EPIPE); /* and passed on */
	finish();
	close(in[1]);
}

static int make_file(void)
{
	char path[] = "/tmp/lrie-relay-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	CHECK(fd != -1);
	unlink(path);
	return fd;
}

static void test_files(void)
{
	int file = make_file(), other = make_file(), fds[2];
	char block[50000], got[50001];
	size_t total = 0;

	memset(block, 'y', sizeof(block));
	CHECK_INT(write(file, block, sizeof(block)), sizeof(block));
	lseek(file, 0, SEEK_SET);
	make_pipe(fds);
	begin(file, fds[1]);
	close(fds[1]);
	while (!ends) {
		turn(1);
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		ssize_t length = read(fds[0], got, sizeof(got));
		total += length > 0 ? (size_t)length : 0;
	}
	while (read(fds[0], got, 1) == 1)
		total++;
	CHECK_INT(total, sizeof(block));
	finish();
	close(fds[0]);

	make_pipe(fds);
	CHECK_INT(write(fds[1], block, 4000), 4000);
	close(fds[1]);
	begin(fds[0], other);
	turn(2000);
	CHECK_INT(last_end, RELAY_SOURCE_ENDED);
	CHECK_INT(lseek(other, 0, SEEK_END), 4000);
	finish();
	close(fds[0]);
	close(file);
	close(other);
}

static void test_null_is_an_end(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fds[2];

	make_pipe(fds);
	begin(null, fds[1]);
	turn(2000);
	CHECK_INT(last_end, RELAY_SOURCE_ENDED);
	finish();
	close(null);
	close_both(fds);
}

static void test_a_full_disk_is_told(void)
{
	int full = open("/dev/full", O_RDWR | O_CLOEXEC), fds[2];

	make_pipe(fds);
	begin(fds[0], full);
	CHECK_INT(write(fds[1], "x", 1), 1);
	turn(2000);
	CHECK_INT(last_end, RELAY_TARGET_GONE);
	CHECK_INT(last_code, ENOSPC);
	finish();
	close(full);
	close_both(fds);
}

static void test_sockets(void)
{
	int in[2], out[2];
	char got[8] = "";

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in), 0);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out), 0);
	begin(in[0], out[1]);
	CHECK_INT(write(in[1], "abc", 3), 3);
	turn(1);
	CHECK_INT(read(out[0], got, sizeof(got)), 3);
	CHECK_STR(got, "abc");
	CHECK_INT(fcntl(in[0], F_GETFL) & O_NONBLOCK, 0); /* it is not ours */
	shutdown(in[1], SHUT_WR);
	turn(2000);
	CHECK_INT(last_end, RELAY_SOURCE_ENDED);
	finish();
	close_both(in);
	close_both(out);
}

static void test_the_flags_of_what_is_shared_stay(void)
{
	int in[2], out[2];

	make_pipe(in);
	make_pipe(out);
	begin(in[0], out[1]);
	turn(1);
	CHECK_INT(fcntl(in[0], F_GETFL) & O_NONBLOCK, 0);
	CHECK_INT(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
	finish();
	relay_stop(&relay);
	close_both(in);
	close_both(out);
}

/* As every command of lrie does. */
__attribute__((constructor)) static void ignore_sigpipe(void)
{
	signal(SIGPIPE, SIG_IGN);
}

TEST_MAIN(test_bytes_and_the_end_are_passed_on, test_a_slow_reader_gets_all,
          test_waiting_costs_nothing, test_a_reader_that_left_is_noticed, test_files,
          test_null_is_an_end, test_a_full_disk_is_told, test_sockets,
          test_the_flags_of_what_is_shared_stay)
