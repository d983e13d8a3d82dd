/* SPDX-License-Identifier: Apache-2.0 */
/* network - what a box reaches by the network, and who reaches what is meant for it */
#include <arpa/inet.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "tests/box/box.h"

#define PORT 9001

/* Why boxes cannot have a network of their own, or NULL: then the next ones have. */
static const char *cannot_be_alone(void)
{
	static struct error err;

	return sandbox_host_set_network(box_host(), SANDBOX_NETWORK_NONE, &err) ? NULL : err.text;
}

#define NEED_NO_NETWORK                              \
	do {                                         \
		const char *why = cannot_be_alone(); \
		if (why)                             \
			SKIP(why);                   \
	} while (0)

static void share_the_network(void)
{
	struct error err;

	CHECK(sandbox_host_set_network(box_host(), SANDBOX_NETWORK_HOST, &err));
}

/* A listener of this test, and the word that lets the probe connect to it. */
static int listen_here(char word[64], const char *verb)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&address, length) == -1 ||
	    listen(fd, 64) == -1 || getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		box_die("listen");
	snprintf(word, 64, "%s:127.0.0.1:%u", verb, ntohs(address.sin_port));
	return fd;
}

static int listen_abstract(char word[64])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[32];
	int length = snprintf(name, sizeof(name), "lrie-box-%d", (int)getpid());

	memcpy(address.sun_path + 1, name, (size_t)length);
	snprintf(word, 64, "abstract-connect:%s", name);
	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&address,
	         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == -1 ||
	    listen(fd, 4) == -1)
		box_die("listen");
	return fd;
}

/* ---- a network of its own -------------------------------------------------- */

static void test_nothing_outside_is_reached(void)
{
	char connect[64], abstract[64];
	autoclose int tcp = listen_here(connect, "connect");
	autoclose int unix_socket = listen_abstract(abstract);

	(void)tcp, (void)unix_socket; /* they listen */
	/* So that it is not the test that cannot. */
	BOX_CHECK(NULL, { connect, "ok" }, { abstract, "ok or EPERM" });
	NEED_NO_NETWORK;
	CHECK_INT(sandbox_host_wall(box_host(), SANDBOX_WALL_NETWORK)->standing, SANDBOX_YES);
	BOX_CHECK(NULL, { "interfaces", "lo up" }, { connect, "ECONNREFUSED" },
	          { abstract, "ECONNREFUSED" }, { "connect:192.0.2.1:80", "ENETUNREACH" });
	share_the_network();
}

/* The probe's answer tells that the connection was made; it waits to be accepted. */
static void take_connection(struct box_run *run, const char *word)
{
	autoclose int listener = sandbox_take_listener(run->box);

	CHECK(listener != -1);
	CHECK_INT(sandbox_take_listener(run->box), -1);
	CHECK_STR(box_says(run, word), "ok");
	autoclose int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CHECK(connection != -1);
	CHECK_INT(sandbox_find_peer(run->box, connection), SANDBOX_PEER_INSIDE);
}

static void test_boxes_listen_at_the_same_port(void)
{
	static struct box_run first, second;
	struct sandbox_spec spec = box_spec();
	const char *word = "connect:127.0.0.1:9001";

	NEED_NO_NETWORK;
	spec.listen_port = PORT;
	box_start(&first, &spec, word, "hold");
	box_start(&second, &spec, word, "hold");
	BOX_UNTIL(&first, box_find(&first, "hold"));
	BOX_UNTIL(&second, box_find(&second, "hold"));
	take_connection(&first, word);
	take_connection(&second, word);
	box_end(&first);
	box_end(&second);
	share_the_network();
}

static void test_no_listener_without(void)
{
	static struct box_run run;

	box_start(&run, NULL, "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	CHECK_INT(sandbox_take_listener(run.box), -1);
	box_end(&run);
}

static void test_datagrams_arrive(void)
{
	static struct box_run run;
	struct sandbox_spec spec = box_spec();
	char text[16] = "";

	NEED_NO_NETWORK;
	for (int both = 0; both < 2; both++) {
		spec.listen_port = both ? PORT : 0;
		spec.datagram_port = 2000;
		box_start(&run, &spec, "datagram:2000", "hold");
		BOX_UNTIL(&run, box_find(&run, "hold"));
		CHECK_STR(box_says(&run, "datagram:2000"), "ok");
		autoclose int listener = sandbox_take_listener(run.box);
		CHECK((listener != -1) == both);
		autoclose int datagram = sandbox_take_datagram_listener(run.box);
		CHECK_INT(sandbox_take_datagram_listener(run.box), -1);
		CHECK_INT(read(datagram, text, sizeof(text) - 1), 7);
		CHECK_STR(text, "segment");
		CHECK(read(datagram, text, sizeof(text)) == -1 && errno == EAGAIN);
		box_end(&run);
	}
	share_the_network();
}

/* Whoever serves inside is reached from here, the box being frozen or not. */
static void reach_inside(bool is_frozen)
{
	static struct box_run run;
	struct error err;
	int code = -1;
	socklen_t length = sizeof(code);

	box_start(&run, NULL, "serve:0", "accept", "exit:0");
	BOX_UNTIL(&run, box_find(&run, "serve:0"));
	const char *port = box_says(&run, "serve:0");
	if (is_frozen)
		sandbox_freeze(run.box);
	CHECK(sandbox_connect(run.box, 7, (uint16_t)atoi(port ? port : ""), &err));
	BOX_UNTIL(&run, run.connected);
	CHECK_INT(run.connected_id, 7);
	struct pollfd ready = { .fd = run.connection, .events = POLLOUT };
	CHECK(poll(&ready, 1, BOX_PATIENCE_MS) == 1);
	CHECK(getsockopt(run.connection, SOL_SOCKET, SO_ERROR, &code, &length) == 0);
	CHECK_INT(code, 0);
	CHECK(fcntl(run.connection, F_GETFL) & O_NONBLOCK);
	CHECK_INT(write(run.connection, "hello", 5), 5);
	sandbox_thaw(run.box);
	close(run.connection);
	BOX_UNTIL(&run, run.exited);
	CHECK_STR(box_says(&run, "accept"), "hello");
	box_end(&run);
}

/* Nobody is there: it fails, at once or when it is asked how it went. */
static void reach_nobody(void)
{
	static struct box_run run;
	struct error err;
	int code = 0;
	socklen_t length = sizeof(code);

	box_start(&run, NULL, "serve:0", "exit:0"); /* a port that is free again */
	BOX_UNTIL(&run, run.exited);
	const char *port = box_says(&run, "serve:0");
	CHECK(sandbox_connect(run.box, 8, (uint16_t)atoi(port ? port : ""), &err));
	BOX_UNTIL(&run, run.connected);
	CHECK_INT(run.connected_id, 8);
	if (run.connection == -1) {
		code = run.error.code;
	} else {
		struct pollfd ready = { .fd = run.connection, .events = POLLOUT };
		CHECK(poll(&ready, 1, BOX_PATIENCE_MS) == 1);
		CHECK(getsockopt(run.connection, SOL_SOCKET, SO_ERROR, &code, &length) == 0);
		close(run.connection);
	}
	CHECK_INT(code, ECONNREFUSED);
	sandbox_kill(run.box);
	CHECK(!sandbox_connect(run.box, 9, 1, &err));
	box_end(&run);
}

static void test_servers_inside_are_reached(void)
{
	reach_inside(false);
	reach_inside(true);
	reach_nobody();
	NEED_NO_NETWORK;
	reach_inside(false);
	reach_inside(true);
	reach_nobody();
	share_the_network();
}

/* By its own names and by those of this machine, whatever its network is. */
static void test_names_of_the_box(void)
{
	NEED(SANDBOX_WALL_FILES);
	for (int alone = 0; alone < 2; alone++) {
		if (alone)
			NEED_NO_NETWORK;
		BOX_CHECK(NULL, { "resolve:sandbox.localdomain", "127.0.0.1" },
		          { "resolve:sandbox", "127.0.0.1" }, { "resolve:localhost", "127.0.0.1" },
		          { "write:/etc/hosts", "EROFS or EACCES" });
	}
	share_the_network();
}

/* What this machine says of names is kept, behind the box's own line. */
static void test_names_of_the_machine(void)
{
	static const char own[] = "127.0.0.1 localhost sandbox.localdomain sandbox|";
	static struct box_run run;
	char text[1024] = "";

	NEED(SANDBOX_WALL_FILES);
	if (fd_read_file(AT_FDCWD, "/etc/hosts", text, sizeof(text)) <= 0)
		SKIP("this machine has no /etc/hosts");
	for (char *at = text; (at = strchr(at, '\n')); at++)
		*at = at[1] ? '|' : '\0';
	box_run(&run, NULL, "read:/etc/hosts");
	const char *shown = box_says(&run, "read:/etc/hosts");
	if (CHECK(shown && strncmp(shown, own, sizeof(own) - 1) == 0))
		CHECK(strncmp(shown + sizeof(own) - 1, text, strlen(text)) == 0);
}

/* A listener that nobody takes goes with the box. */
static void test_no_descriptor_is_left(void)
{
	static struct box_run run;

	struct sandbox_spec spec = box_spec();

	NEED_NO_NETWORK;
	spec.listen_port = PORT;
	spec.datagram_port = 2000;
	box_run(&run, NULL, "uid"); /* the rehearsal is removed, lasting things are open */
	autoclose int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		box_run(&run, &spec, "uid");
	autoclose int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK_INT(after, before + 1);
	share_the_network();
}

/* ---- who connects ----------------------------------------------------------- */

/* Where the kernel does not tell, nobody is refused. */
#define NEED_PEERS                                                                         \
	do {                                                                               \
		if (!sandbox_host_wall(box_host(), SANDBOX_WALL_NETWORK)->by_choice)       \
			SKIP(sandbox_host_wall(box_host(), SANDBOX_WALL_NETWORK)->detail); \
	} while (0)

static int accept_here(int listener)
{
	int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (connection == -1)
		box_die("accept");
	return connection;
}

static void test_a_program_is_inside(void)
{
	static struct box_run run;
	char word[64];

	NEED_PEERS;
	autoclose int listener = listen_here(word, "connect");
	box_start(&run, NULL, word, "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	autoclose int connection = accept_here(listener);
	CHECK_INT(sandbox_find_peer(run.box, connection), SANDBOX_PEER_INSIDE);
	box_end(&run);
}

static void test_a_daemon_of_it_is_inside(void)
{
	static struct box_run run;
	char word[64];

	NEED_PEERS;
	autoclose int listener = listen_here(word, "daemon-connect");
	box_start(&run, NULL, word, "hold");
	BOX_UNTIL(&run, box_find(&run, "hold") && box_find(&run, word));
	autoclose int connection = accept_here(listener);
	CHECK_INT(sandbox_find_peer(run.box, connection), SANDBOX_PEER_INSIDE);
	box_end(&run);
}

static void test_others_are_outside(void)
{
	static struct box_run run, other;
	char word[64];
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	NEED_PEERS;
	autoclose int listener = listen_here(word, "connect");
	box_start(&run, NULL, "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));

	/* a program of another box, who has the same user */
	box_start(&other, NULL, word, "hold");
	BOX_UNTIL(&other, box_find(&other, "hold"));
	autoclose int from_box = accept_here(listener);
	CHECK_INT(sandbox_find_peer(run.box, from_box), SANDBOX_PEER_OUTSIDE);
	CHECK_INT(sandbox_find_peer(other.box, from_box), SANDBOX_PEER_INSIDE);

	/* and this test */
	autoclose int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	getsockname(listener, (struct sockaddr *)&address, &length);
	CHECK(connect(client, (struct sockaddr *)&address, length) == 0);
	autoclose int from_here = accept_here(listener);
	CHECK_INT(sandbox_find_peer(run.box, from_here), SANDBOX_PEER_OUTSIDE);
	box_end(&run);
	box_end(&other);
}

static void test_who_has_ended_is_gone(void)
{
	static struct box_run run;
	char word[64];

	NEED_PEERS;
	autoclose int listener = listen_here(word, "connect");
	box_start(&run, NULL, word, "exit:0");
	BOX_UNTIL(&run, run.exited);
	autoclose int connection = accept_here(listener);
	CHECK_INT(sandbox_find_peer(run.box, connection), SANDBOX_PEER_GONE);
	box_end(&run);
}

/* Whether this process may look into others' /proc; what it may at all stays. */
static void set_looking(bool is_allowed)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	const unsigned bit = 1u << CAP_SYS_PTRACE;

	if (syscall(SYS_capget, &header, data) == -1)
		box_die("capget");
	data[0].effective = is_allowed ? data[0].permitted : data[0].effective & ~bit;
	if (syscall(SYS_capset, &header, data) == -1)
		box_die("capset");
}

/* As root of a container: the user can still be told, and nobody is refused who may be inside. */
static void test_descriptors_that_cannot_be_seen(void)
{
	static struct box_run run;
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	char word[64];

	NEED_PEERS;
	if (geteuid() != 0)
		SKIP("an ordinary user needs no capability");
	NEED(SANDBOX_WALL_IDENTITY);
	autoclose int listener = listen_here(word, "connect");
	autoclose int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	getsockname(listener, (struct sockaddr *)&address, &length);
	CHECK(connect(client, (struct sockaddr *)&address, length) == 0);
	autoclose int from_here = accept_here(listener);
	box_start(&run, NULL, word, "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	autoclose int from_box = accept_here(listener);
	set_looking(false);
	CHECK_INT(sandbox_find_peer(run.box, from_here), SANDBOX_PEER_OUTSIDE);
	CHECK_INT(sandbox_find_peer(run.box, from_box), SANDBOX_PEER_UNKNOWN);
	set_looking(true);
	CHECK_INT(sandbox_find_peer(run.box, from_box), SANDBOX_PEER_INSIDE);
	box_end(&run);
}

/* An IPv6 socket that takes IPv4 has mapped addresses. */
static void test_addresses_of_the_other_family(void)
{
	static struct box_run run;
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT };
	socklen_t length = sizeof(address);
	char word[64];

	NEED_PEERS;
	autoclose int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener == -1 || bind(listener, (struct sockaddr *)&address, length) == -1 ||
	    listen(listener, 4) == -1)
		SKIP("there is no IPv6");
	getsockname(listener, (struct sockaddr *)&address, &length);
	snprintf(word, sizeof(word), "connect:127.0.0.1:%u", ntohs(address.sin6_port));
	box_start(&run, NULL, word, "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	autoclose int connection = accept_here(listener);
	CHECK_INT(sandbox_find_peer(run.box, connection), SANDBOX_PEER_INSIDE);
	box_end(&run);
}

TEST_MAIN(test_nothing_outside_is_reached, test_boxes_listen_at_the_same_port,
          test_no_listener_without, test_datagrams_arrive, test_servers_inside_are_reached,
          test_names_of_the_box, test_names_of_the_machine, test_no_descriptor_is_left,
          test_a_program_is_inside, test_a_daemon_of_it_is_inside, test_others_are_outside,
          test_who_has_ended_is_gone, test_descriptors_that_cannot_be_seen,
          test_addresses_of_the_other_family)
