/* SPDX-License-Identifier: Apache-2.0 */
/* http_server - every refusal, and every order in which an exchange can live and die. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/http_origin.h"
#include "tests/unit/http_peer.h"
#include "tests/unit/test.h"

#define BODY_LIMIT 1000000

/* ---- the server under test ---- */

static struct {
	int heads, requests, hangups, finished, truncated;
	struct http_exchange *kept;
	struct http_exchange *last; /* only to compare with */
	char path[64];
	char trailer[64];
} seen;

static void on_head(struct http_listener *self, struct http_exchange *exchange)
{
	CHECK(self == &listener);
	CHECK(!http_exchange_user(exchange));
	http_exchange_set_user(exchange, &seen);
	seen.heads++;
	seen.last = exchange;
	snprintf(seen.path, sizeof(seen.path), "%s", http_exchange_path(exchange));
	if (strcmp(seen.path, "/no-body") != 0)
		http_exchange_accept_body(exchange, BODY_LIMIT);
	if (strcmp(seen.path, "/drop-head") == 0)
		http_exchange_drop(exchange);
	if (strcmp(seen.path, "/close-head") == 0)
		close_listener();
}

static void reply_text(struct http_exchange *exchange, unsigned status, const char *text)
{
	struct buffer body = BUFFER_INIT;

	buffer_append_text(&body, text);
	http_exchange_reply(exchange, status, &body);
	CHECK_INT(body.length, 0);
}

static void reply_echo(struct http_exchange *exchange)
{
	const char *argument = http_exchange_query(exchange, "q");
	const char *header = http_exchange_header(exchange, "x-in");
	struct buffer body = BUFFER_INIT;

	http_exchange_take_body(exchange, &body);
	CHECK_INT(body.length, http_exchange_body_length(exchange));
	CHECK(http_exchange_add_header(exchange, "X-Method", http_exchange_method(exchange)));
	if (argument)
		http_exchange_add_header(exchange, "X-Query", argument[0] ? argument : "(empty)");
	if (header)
		http_exchange_add_header(exchange, "X-Out", header);
	http_exchange_reply(exchange, 200, &body);
}

static void append_header(void *user, const char *name, const char *value)
{
	buffer_append_format(user, "%s=%s;", name, value);
}

static void reply_all(struct http_exchange *exchange)
{
	struct buffer body = BUFFER_INIT;

	buffer_append_format(&body, "%s|", http_exchange_raw_query(exchange));
	http_exchange_each_header(exchange, append_header, &body);
	http_exchange_reply(exchange, 200, &body);
}

static void on_request(struct http_listener *self, struct http_exchange *exchange)
{
	const char *trailer = http_exchange_trailer(exchange, "X-Trailer");

	CHECK(self == &listener);
	CHECK(http_exchange_user(exchange) == &seen);
	seen.requests++;
	snprintf(seen.trailer, sizeof(seen.trailer), "%s", trailer ? trailer : "");
	if (http_exchange_body_state(exchange) == HTTP_BODY_TOO_LARGE)
		reply_text(exchange, 413, "too large\n");
	else if (strcmp(seen.path, "/keep") == 0)
		seen.kept = exchange;
	else if (strcmp(seen.path, "/drop") == 0)
		http_exchange_drop(exchange);
	else if (strcmp(seen.path, "/close") == 0)
		close_listener();
	else if (strcmp(seen.path, "/reply-close") == 0)
		reply_text(exchange, 200, "bye\n"), close_listener();
	else if (strcmp(seen.path, "/all") == 0)
		reply_all(exchange);
	else
		reply_echo(exchange);
}

static void on_hangup(struct http_listener *self, struct http_exchange *exchange)
{
	CHECK(self == &listener);
	CHECK(exchange == seen.kept);
	seen.hangups++;
}

static void on_finished(struct http_listener *self, struct http_exchange *exchange)
{
	CHECK(self == &listener);
	seen.finished++;
	seen.truncated += http_exchange_is_truncated(exchange);
	if (seen.kept == exchange)
		seen.kept = NULL;
}

static bool is_kept(const void *subject)
{
	(void)subject;
	return seen.kept != NULL;
}

static void begin_with(size_t head_limit, unsigned max_connections)
{
	static const struct http_listener callbacks = { .on_head = on_head,
		                                        .on_request = on_request,
		                                        .on_hangup = on_hangup,
		                                        .on_finished = on_finished };

	memset(&seen, 0, sizeof(seen));
	server_begin(&callbacks, head_limit, max_connections);
}

static void begin(void)
{
	begin_with(65536, 100);
}

/* Whatever happened, each exchange that began must have ended. */
static void end(void)
{
	server_end();
	CHECK_INT(seen.finished, seen.heads);
}

/* ---- who may call ---- */

static void test_other_sites(void)
{
	static const struct {
		const char *host, *origin, *fetch_site;
		bool is_refused;
	} cases[] = {
		/* curl and SDKs */
		{ "localhost:9000", NULL, NULL, false },
		{ "lambda:8080", NULL, NULL, false },
		{ NULL, NULL, NULL, false },
		/* pages of this machine */
		{ "localhost:9000", "http://localhost:3000", "same-site", false },
		{ "127.0.0.1:9000", "http://localhost", "cross-site", false },
		{ "localhost:9000", "https://LocalHost:1", NULL, false },
		{ "localhost:9000", "http://127.0.0.1:3000", NULL, false },
		{ "localhost:9000", "http://127.8.9.1", NULL, false },
		{ "localhost:9000", "http://[::1]:3000", NULL, false },
		{ "localhost:9000", "http://[::1]", NULL, false },
		{ "localhost:9000", "http://app.localhost:3000", NULL, false },
		/* pages of other sites */
		{ "localhost:9000", "https://example.com", "cross-site", true },
		{ "localhost:9000", "null", "cross-site", true },
		{ "localhost:9000", "", NULL, true },
		{ "localhost:9000", "http://localhost.example.com", NULL, true },
		{ "localhost:9000", "http://127.0.0.1.example.com", NULL, true },
		{ "localhost:9000", "http://notlocalhost", NULL, true },
		{ "localhost:9000", "http://.localhost.example", NULL, true },
		{ "localhost:9000", "http://localhost@example.com", NULL, true },
		{ "localhost:9000", "http://example.com#.localhost", NULL, true },
		{ "localhost:9000", "http://example.com/.localhost", NULL, true },
		{ "localhost:9000", "http://localhost:3000/", NULL, true },
		{ "localhost:9000", "http://localhost:", NULL, true },
		{ "localhost:9000", "http://localhost:x", NULL, true },
		{ "localhost:9000", "http://128.0.0.1", NULL, true },
		{ "localhost:9000", "http://127.1", NULL, true },
		{ "localhost:9000", "http://10.0.0.1", NULL, true },
		{ "localhost:9000", "http://[::1", NULL, true },
		{ "localhost:9000", "http://[::2]", NULL, true },
		{ "localhost:9000", "http://[::1].example.com", NULL, true },
		{ "localhost:9000", "http://", NULL, true },
		{ "localhost:9000", "localhost", NULL, true },
		{ "localhost:9000", "file://", NULL, true },
		{ "localhost:9000", "chrome-extension://abcdefgh", "none", true },
		/* a name that was made to point to 127.0.0.1 after its page was loaded */
		{ "rebound.example:9000", "http://rebound.example:9000", "same-origin", true },
		{ "rebound.example:9000", NULL, "same-origin", true },
		{ "rebound.example:9000", NULL, "same-site", true },
		/* links, images and forms, which have no Origin */
		{ "localhost:9000", NULL, "cross-site", true },
		{ "localhost:9000", NULL, "unheard-of", true },
		{ "localhost:9000", NULL, "same-site", false },
		{ "127.0.0.1:9000", NULL, "same-origin", false },
		{ "localhost:9000", NULL, "none", false },
		{ NULL, NULL, "same-origin", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].origin ? cases[i].origin : cases[i].fetch_site);
		CHECK_INT(http_is_from_other_site(cases[i].host, cases[i].origin,
		                                  cases[i].fetch_site),
		          cases[i].is_refused);
	}
}

static void test_own_hosts(void)
{
	static const struct {
		const char *host;
		bool is_own;
	} cases[] = {
		{ NULL, true },
		{ "localhost", true },
		{ "LOCALHOST:8080", true },
		{ "shop.localhost:8080", true },
		{ "127.0.0.1:8080", true },
		{ "10.1.2.3", true },
		{ "[::1]:8080", true },
		{ "[fe80::1]", true },
		/* names that anybody may have made to point here */
		{ "rebound.example:8080", false },
		{ "127.0.0.1.example", false },
		{ "localhost.example", false },
		{ "machine", false },
		{ "", false },
		{ "[::1", false },
		{ "[::1].example", false },
		{ "[127.0.0.1]", false },
		{ "::1", false },
		{ "127.1", false },
		{ "127.0.0.1:", false },
		{ "127.0.0.1:80x", false },
		{ "[fe80:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].host);
		CHECK_INT(http_host_is_own(cases[i].host), cases[i].is_own);
	}
}

static void test_listen(void)
{
	static const struct {
		const char *address, *error;
	} bad[] = {
		{ "localhost", "listen on 'localhost': expected HOST:PORT" },
		{ "localhost:", "listen on 'localhost:': expected HOST:PORT" },
		{ "localhost:http", "listen on 'localhost:http': expected HOST:PORT" },
		{ "localhost:65536", "listen on 'localhost:65536': expected HOST:PORT" },
		{ "localhost:-1", "listen on 'localhost:-1': expected HOST:PORT" },
		{ "::1:9000", "listen on '::1:9000': expected HOST:PORT" },
		{ "[::1:9000", "listen on '[::1:9000': expected HOST:PORT" },
		{ "[127.0.0.1]:9000", "listen on '[127.0.0.1]:9000': expected HOST:PORT" },
		{ "", "listen on '': expected HOST:PORT" },
		{ "nowhere.invalid:0", "listen on 'nowhere.invalid:0': the host is neither an "
		                       "address nor a name in /etc/hosts" },
		{ "[fe80::1%nowhere]:0", "listen on '[fe80::1%nowhere]:0': the host is neither an "
		                         "address nor a name in /etc/hosts" },
		{ "192.0.2.1:0", "listen on '192.0.2.1:0': Cannot assign requested address" },
	};
	static const char *const good[] = { "127.0.0.1:0", "localhost:0", ":0", "0.0.0.0:0" };
	struct error err;
	char taken[32];
	int fd;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		test_case(bad[i].address);
		CHECK_INT(http_listen(bad[i].address, &err), -1);
		CHECK_STR(err.text, bad[i].error);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		test_case(good[i]);
		fd = http_listen(good[i], &err);
		CHECK(fd != -1 && http_listen_port(fd) > 0);
		close(fd);
	}
	test_case(NULL);
	fd = http_listen("127.0.0.1:0", &err);
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", http_listen_port(fd));
	CHECK_INT(http_listen(taken, &err), -1);
	CHECK(strstr(err.text, "Address already in use"));
	close(fd);
	fd = http_listen("[::1]:0", &err);
	CHECK(fd != -1 ? http_listen_port(fd) > 0
	               : err.code == EADDRNOTAVAIL || err.code == EAFNOSUPPORT);
	if (fd != -1)
		close(fd);
}

#define POST "POST /x HTTP/1.1\r\nHost: a\r\n"

static void test_refusals(void)
{
	static const struct {
		const char *label, *request;
		int status; /* 0: closed without a word */
	} cases[] = {
		{ "garbage", "garbage\r\n\r\n", 0 },
		{ "TLS", "\x16\x03\x01\x02\x05\n", 0 },
		{ "only a method", "GET\r\n\r\n", 0 },
		{ "HTTP/0.9", "GET /\r\n\r\n", 400 },
		{ "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
		{ "method", "G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "space in path", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "no Host", "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
		{ "no colon", POST "what\r\n\r\n", 400 },
		{ "space before colon", POST "Content-Length : 1\r\n\r\nx", 400 },
		{ "control in value", POST "X: a\rb\r\n\r\n", 400 },
		{ "control in name", POST "X\x01: a\r\n\r\n", 400 },
		{ "folded header", POST "X: a\r\n b\r\n\r\n", 400 },
		{ "folded length", POST "Content-Length:\r\n\t1\r\n\r\na", 400 },
		{ "folded coding", POST "Transfer-Encodin: chunked\r\n g\r\n\r\n0\r\n\r\n", 400 },
		{ "two lengths", POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400 },
		{ "same length twice", POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
		  400 },
		{ "list of lengths", POST "Content-Length: 1, 1\r\n\r\na", 400 },
		{ "no number", POST "Content-Length: x\r\n\r\n", 400 },
		{ "empty length", POST "Content-Length:\r\n\r\n", 400 },
		{ "signed length", POST "Content-Length: +1\r\n\r\na", 400 },
		{ "negative length", POST "Content-Length: -1\r\n\r\n", 400 },
		{ "hexadecimal length", POST "Content-Length: 0x1\r\n\r\na", 400 },
		{ "huge length", POST "Content-Length: 99999999999999999999\r\n\r\n", 413 },
		{ "length and chunked",
		  POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "unknown coding", POST "Transfer-Encoding: gzip\r\n\r\n", 400 },
		{ "two codings", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "chunked twice",
		  POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		  400 },
		{ "chunked in HTTP/1.0",
		  "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "other site", POST "Origin: https://example.com\r\nContent-Length: 2\r\n\r\n{}",
		  403 },
		{ "other site, no body", "GET / HTTP/1.1\r\nHost: a\r\nOrigin: null\r\n\r\n", 403 },
		{ "other site, Expect",
		  POST "Origin: null\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", 403 },
		{ "cross-site link",
		  "GET / HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: cross-site\r\n\r\n", 403 },
		{ "two Origins",
		  POST "Origin: http://localhost\r\nOrigin: http://localhost\r\n\r\n", 400 },
	};

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client client;

		test_case(cases[i].label);
		client_open(&client, cases[i].request);
		CHECK(wait_for(is_over, &client));
		CHECK_INT(status_of(&client), cases[i].status);
		CHECK(client.got.length == 0 || !strstr(client.got.data, "\nHTTP/1."));
		if (cases[i].status)
			CHECK(strcasestr(client.got.data, "Connection: close"));
		client_finish(&client);
	}
	CHECK_INT(seen.heads, 0);
	end();
}

static void test_bad_chunks(void)
{
	static const char *const bodies[] = {
		"z\r\n",       "-1\r\n\r\n", "\r\n", "1\r\nab\r\n", "ffffffffffffffffff\r\n",
		"0x1\r\na\r\n"
	};

	begin();
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct client client;
		char request[256];

		test_case(bodies[i]);
		snprintf(request, sizeof(request), POST "Transfer-Encoding: chunked\r\n\r\n%s",
		         bodies[i]);
		client_open(&client, request);
		CHECK(wait_for(is_over, &client));
		CHECK(status_of(&client) == 400 || status_of(&client) == 413);
		client_finish(&client);
	}
	CHECK_INT(seen.requests, 0);
	CHECK_INT(seen.truncated, seen.heads);
	end();
}

/* ---- ordinary exchanges ---- */

static void test_exchanges(void)
{
	static const struct {
		const char *label, *request;
		const char *path, *header, *body;
	} cases[] = {
		{ "GET", "GET /a%20b/c HTTP/1.1\r\nHost: a\r\n\r\n", "/a%20b/c", "X-Method: GET",
		  "" },
		{ "query", "GET /p?x=1&q=a%2Fb+c HTTP/1.1\r\nHost: a\r\n\r\n", "/p",
		  "X-Query: a/b c", "" },
		{ "empty argument", "GET /p?q= HTTP/1.1\r\nHost: a\r\n\r\n", "/p",
		  "X-Query: (empty)", "" },
		{ "bare argument", "GET /p?q HTTP/1.1\r\nHost: a\r\n\r\n", "/p", "X-Query: (empty)",
		  "" },
		{ "path like an argument", "GET q?q=q HTTP/1.1\r\nHost: a\r\n\r\n", "q",
		  "X-Query: q", "" },
		{ "absolute form", "GET http://h:1/p?q=1 HTTP/1.1\r\nHost: a\r\n\r\n", "/p",
		  "X-Query: 1", "" },
		{ "absolute form, no path", "GET http://h HTTP/1.1\r\nHost: a\r\n\r\n", "/",
		  "X-Method", "" },
		{ "header", "GET / HTTP/1.1\r\nhost: a\r\nX-IN:  in side \r\nx-in: 2\r\n\r\n", "/",
		  "X-Out: in side", "" },
		{ "body", POST "Content-Length: 5\r\n\r\nhello", "/x", "Content-Length: 5",
		  "hello" },
		{ "empty body", POST "Content-Length: 0\r\n\r\n", "/x", "Content-Length: 0", "" },
		{ "no length", POST "\r\n", "/x", "Content-Length: 0", "" },
		{ "chunked",
		  POST "Transfer-Encoding: Chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
		  "/x", "Content-Length: 5", "hello" },
		{ "bare line feeds", "POST /x HTTP/1.1\nHost: a\nContent-Length: 2\n\nok", "/x", "",
		  "ok" },
		{ "HTTP/1.0", "POST /x HTTP/1.0\r\nContent-Length: 3\r\n\r\nold", "/x",
		  "Connection: close", "old" },
		{ "HTTP/1.0 kept alive",
		  "POST /x HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nold",
		  "/x", "Connection: Keep-Alive", "old" },
		{ "own page", POST "Origin: http://localhost:3000\r\nContent-Length: 2\r\n\r\n{}",
		  "/x", "Content-Length: 2", "{}" },
	};

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client client;

		test_case(cases[i].label);
		ask(&client, cases[i].request);
		CHECK_INT(status_of(&client), 200);
		CHECK_STR(seen.path, cases[i].path);
		CHECK(strstr(client.got.data, cases[i].header));
		CHECK_STR(body_of(&client), cases[i].body);
		client_finish(&client);
	}
	CHECK_INT(seen.truncated, 0);
	end();
}

/* Pages of any site may ask a site, which hears all that they say. */
static void test_site(void)
{
	static const struct {
		const char *request, *body;
	} cases[] = {
		{ "GET /all?a=1&a=%2f+&&b HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\nY:\r\n"
		  "Cookie: a=1; b=2\r\n\r\n",
		  "a=1&a=%2f+&&b|Host=a;X=1;x=2;Y=;Cookie=a=1; b=2;" },
		{ "GET /all HTTP/1.1\r\nHost: a\r\n\r\n", "|Host=a;" },
		{ "GET /all? HTTP/1.1\r\nHost: a\r\n\r\n", "|Host=a;" },
		{ "GET http://h/all?x?= HTTP/1.1\r\nHost: a\r\n\r\n", "x?=|Host=a;" },
		{ "GET /all HTTP/1.1\r\nHost: a\r\nOrigin: https://example.com\r\n"
		  "Sec-Fetch-Site: cross-site\r\n\r\n",
		  "|Host=a;Origin=https://example.com;Sec-Fetch-Site=cross-site;" },
	};

	begin();
	listener.is_site = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client client;

		test_case(cases[i].request);
		ask(&client, cases[i].request);
		CHECK_INT(status_of(&client), 200);
		CHECK_STR(body_of(&client), cases[i].body);
		client_finish(&client);
	}
	end();
}

/* Each request on a connection has its own query. */
static void test_site_pipelined(void)
{
	struct client client;

	begin();
	listener.is_site = true;
	client_open(&client, "GET /all?first HTTP/1.1\r\nHost: a\r\n\r\n"
	                     "GET /all HTTP/1.1\r\nHost: a\r\n\r\n"
	                     "GET /all?third HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	CHECK(wait_for(is_over, &client));
	CHECK(strstr(client.got.data, "first|Host=a;HTTP/1.1"));
	CHECK(strstr(client.got.data, "\r\n|Host=a;HTTP/1.1"));
	CHECK(strstr(client.got.data, "third|Host=a;"));
	client_finish(&client);
	end();
}

static void test_head_request(void)
{
	struct client client;

	begin();
	client_open(&client, "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
	                     "Connection: close\r\n\r\nhello");
	CHECK(wait_for(is_over, &client));
	CHECK_INT(status_of(&client), 200);
	CHECK(strstr(client.got.data, "Content-Length: 5\r\n"));
	CHECK_STR(body_of(&client), "");
	client_finish(&client);
	end();
}

static void test_trailer(void)
{
	struct client client;

	begin();
	ask(&client, POST "Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n\r\n"
	                  "2\r\nok\r\n0\r\nX-Trailer: behind\r\n\r\n");
	CHECK_STR(body_of(&client), "ok");
	CHECK_STR(seen.trailer, "behind");
	client_finish(&client);
	end();
}

static void test_pipelining(void)
{
	struct client client;
	const char *at;

	begin();
	client_open(&client, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
	                     "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	                     "3\r\ntwo\r\n0\r\n\r\n"
	                     "POST /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
	                     "Content-Length: 5\r\n\r\nthree");
	CHECK(wait_for(is_over, &client));
	at = strstr(client.got.data, "\r\n\r\none");
	CHECK(at && (at = strstr(at, "\r\n\r\ntwo")) && strstr(at, "\r\n\r\nthree"));
	CHECK_INT(seen.finished, 3);
	client_finish(&client);
	end();
}

static void test_pipelining_behind_kept(void)
{
	struct client client;
	const char *at;

	begin();
	client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n"
	                     "GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	CHECK(wait_for(is_kept, NULL));
	turn_a_while();
	CHECK_INT(seen.heads, 1);
	reply_text(seen.kept, 200, "first");
	CHECK(wait_for(is_over, &client));
	at = strstr(client.got.data, "\r\n\r\nfirst");
	CHECK(at && strstr(at, "X-Method: GET"));
	CHECK_STR(seen.path, "/second");
	client_finish(&client);
	end();
}

/* Its request line is read in part with the first request, and no event tells of its rest. */
static void test_long_pipelining_behind_kept(void)
{
	autobuffer struct buffer both = BUFFER_INIT;
	struct client client;

	begin();
	buffer_append_format(&both,
	                     "GET /keep HTTP/1.1\r\nHost: a\r\nX-Pad: %07000d\r\n\r\n"
	                     "GET /%07000d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	                     1, 2);
	client_open(&client, "");
	client_write(&client, both.data, both.length);
	CHECK(wait_for(is_kept, NULL));
	turn_a_while();
	reply_text(seen.kept, 200, "first");
	CHECK(wait_for(is_over, &client));
	CHECK_INT(seen.finished, 2);
	client_finish(&client);
	end();
}

static void test_expect_continue(void)
{
	struct client client;

	begin();
	client_open(&client, POST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	CHECK(wait_for(has_reply, &client));
	CHECK_STR(client.got.data, "HTTP/1.1 100 Continue\r\n\r\n");
	CHECK_INT(seen.requests, 0);
	buffer_clear(&client.got);
	client_say(&client, "hello");
	CHECK(wait_for(has_reply, &client));
	CHECK_STR(body_of(&client), "hello");
	client_finish(&client);
	end();
}

/* A body of one byte at a time, and a head likewise. */
static void test_slow_request(void)
{
	static const char request[] = POST "X-In: slow\r\nTransfer-Encoding: chunked\r\n\r\n"
					   "5\r\nhello\r\n0\r\n\r\n";
	struct client client;

	begin();
	client_open(&client, "");
	for (size_t i = 0; i + 1 < sizeof(request); i++) {
		client_write(&client, request + i, 1);
		turn_a_while();
	}
	CHECK(wait_for(has_reply, &client));
	CHECK_STR(body_of(&client), "hello");
	CHECK(strstr(client.got.data, "X-Out: slow"));
	client_finish(&client);
	end();
}

static void test_header_values(void)
{
	static const struct {
		const char *name, *value;
		bool is_taken;
	} cases[] = {
		{ "X-Good", "plain", true },
		{ "X-Tab", "a\tb", true },
		{ "X-Utf8", "caf\xc3\xa9", true },
		{ "X-Break", "a\r\nX-Bad: 1", false },
		{ "X-Feed", "a\nb", false },
		{ "X-Control", "a\x01", false },
		{ "X-Delete", "a\x7f", false },
		{ "X-Empty", "", true },
		{ "X Space", "a", false },
		{ "X:Colon", "a", false },
		{ "", "a", false },
		{ "X-Break\r\nX", "a", false },
	};
	struct client client;

	begin();
	client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK(wait_for(is_kept, NULL));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].name);
		CHECK_INT(http_exchange_add_header(seen.kept, cases[i].name, cases[i].value),
		          cases[i].is_taken);
	}
	test_case(NULL);
	http_exchange_reply(seen.kept, 204, NULL);
	CHECK(wait_for(has_reply, &client));
	CHECK_INT(status_of(&client), 204);
	CHECK(!strcasestr(client.got.data, "content-length"));
	CHECK(strstr(client.got.data, "X-Good: plain\r\nX-Tab: a\tb\r\nX-Utf8: caf\xc3\xa9\r\n"
	                              "X-Empty:  \r\n\r\n"));
	client_finish(&client);
	end();
}

/* ---- sizes ---- */

/* 'head', 'length' times 'x', 'tail'. */
static char *make_request(const char *head, size_t length, const char *tail)
{
	size_t head_length = strlen(head);
	char *request = xmalloc(head_length + length + strlen(tail) + 1);

	memcpy(request, head, head_length);
	memset(request + head_length, 'x', length);
	memcpy(request + head_length + length, tail, strlen(tail) + 1);
	return request;
}

static void test_body_sizes(void)
{
	static const struct {
		size_t length;
		int status;
	} cases[] = { { BODY_LIMIT, 200 }, { BODY_LIMIT + 1, 413 }, { 5 * BODY_LIMIT, 413 } };

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client client;
		char head[128], *request;

		snprintf(head, sizeof(head), POST "Content-Length: %zu\r\n\r\n", cases[i].length);
		request = make_request(head, cases[i].length, "");
		ask(&client, request);
		CHECK_INT(status_of(&client), cases[i].status);
		CHECK(!client.is_over);
		if (cases[i].status == 200)
			CHECK_INT(strspn(body_of(&client), "x"), BODY_LIMIT);
		client_finish(&client);
		free(request);
	}
	end();
}

static void test_chunked_body_too_large(void)
{
	char *request = make_request(POST "Transfer-Encoding: chunked\r\n\r\n1e8480\r\n", 0x1e8480,
	                             "\r\n0\r\n\r\n");
	struct client client;

	begin();
	ask(&client, request);
	CHECK_INT(status_of(&client), 413);
	CHECK(!client.is_over);
	client_finish(&client);
	free(request);
	end();
}

/* The answer comes at once, and the peer need not send what nobody wants. */
static void test_announced_too_large(void)
{
	static const char *const heads[] = {
		POST "Content-Length: 1000001\r\nExpect: 100-continue\r\n\r\n",
		POST "Content-Length: 100000000000\r\n\r\nx",
		POST "Content-Length: 18446744073709551614\r\n\r\nx",
	};

	begin();
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct client client;

		client_open(&client, heads[i]);
		CHECK(wait_for(is_over, &client));
		CHECK_INT(status_of(&client), 413);
		client_finish(&client);
	}
	CHECK_INT(seen.finished, 3);
	end();
}

/* Somebody who never stops is not read for ever. */
static void test_endless_body(void)
{
	char *request = make_request(POST "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
	                             (size_t)72 << 20, "");
	struct client client;

	begin();
	client_open(&client, request);
	CHECK(wait_for(is_over, &client));
	CHECK_STR(client.got.data, "");
	CHECK_INT(seen.requests, 0);
	CHECK_INT(seen.truncated, 1);
	client_finish(&client);
	free(request);
	end();
}

static void test_body_that_nobody_takes(void)
{
	struct client client;

	begin();
	ask(&client, "POST /no-body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
	CHECK_INT(status_of(&client), 413);
	client_finish(&client);
	end();
}

static void test_head_limits(void)
{
	static const struct {
		size_t head_limit, value;
		int status;
	} cases[] = {
		{ 65536, 60000, 200 },     { 65536, 65536, 431 },
		{ 65536, 300000, 431 },    { (1 << 20) + 65536, 1 << 20, 200 },
		{ 1 << 20, 1 << 20, 431 }, { 8192, 8000, 200 },
		{ 8192, 9000, 431 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *request = make_request("POST /x HTTP/1.1\r\nHost: a\r\nX-Big: ",
		                             cases[i].value, "\r\nContent-Length: 2\r\n\r\n{}");
		struct client client;

		begin_with(cases[i].head_limit, 10);
		for (int round = 0; round < 2; round++) {
			ask(&client, request);
			CHECK_INT(status_of(&client), cases[i].status);
			client_finish(&client);
		}
		free(request);
		end();
	}
}

/* A long head may follow short ones on the same connection, whole or in pieces, and short ones
 * may follow it. */
static void test_long_head_among_short(void)
{
	static const char *const starts[] = { "", "P", "POST /x HTTP/1.1\r\nHost: a\r\nX-B" };
	char *request = make_request("POST /x HTTP/1.1\r\nHost: a\r\nX-Big: ", 1 << 20,
	                             "\r\nX-In: end\r\nContent-Length: 2\r\n\r\n{}");
	struct client client;

	begin_with((1 << 20) + 65536, 10);
	ask(&client, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		test_case(starts[i]);
		buffer_clear(&client.got);
		client_write(&client, request, strlen(starts[i]));
		turn_a_while();
		client_say(&client, request + strlen(starts[i]));
		CHECK(wait_for(has_reply, &client));
		CHECK_INT(status_of(&client), 200);
		CHECK(strstr(client.got.data, "X-Out: end"));
		CHECK_STR(body_of(&client), "{}");
		buffer_clear(&client.got);
		client_say(&client, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
		CHECK(wait_for(has_reply, &client));
		CHECK_INT(status_of(&client), 200);
	}
	CHECK(!client.is_over);
	client_finish(&client);
	free(request);
	end();
}

static void test_long_target(void)
{
	char *request = make_request("GET /", 100000, " HTTP/1.1\r\nHost: a\r\n\r\n");
	struct client client;

	begin();
	client_open(&client, request);
	CHECK(wait_for(is_over, &client));
	CHECK_INT(status_of(&client), 414);
	client_finish(&client);
	free(request);
	end();
}

/* libmicrohttpd asks to be run for ever about this one; others must not notice. */
static void test_endless_chunk_header(void)
{
	char *request = make_request(POST "Transfer-Encoding: chunked\r\n\r\n5;", 400000, "");
	struct client bad, good;

	begin();
	client_open(&bad, request);
	CHECK(wait_for(reached, &seen.heads));
	ask(&good, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK_INT(status_of(&good), 200);
	CHECK(wait_for(is_over, &bad));
	CHECK(wait_for(reached, &seen.truncated));
	client_finish(&bad);
	client_finish(&good);
	free(request);
	end();
}

/* ---- kept exchanges ---- */

static void test_reply_later(void)
{
	struct client client;

	begin();
	for (int i = 0; i < 3; i++) {
		if (i == 0)
			client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
		else
			client_say(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
		CHECK(wait_for(is_kept, NULL));
		turn_a_while();
		CHECK_INT(client.got.length, 0);
		reply_text(seen.kept, 201, "later");
		CHECK(wait_for(has_reply, &client));
		CHECK_INT(status_of(&client), 201);
		CHECK_STR(body_of(&client), "later");
		buffer_clear(&client.got);
	}
	CHECK_INT(seen.hangups, 0);
	CHECK_INT(seen.finished, 3);
	client_finish(&client);
	end();
}

/* Before the connection could even be suspended. */
static void test_reply_right_after(void)
{
	struct client client;

	begin();
	client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK(wait_for(is_kept, NULL));
	reply_text(seen.kept, 200, "soon");
	CHECK(wait_for(has_reply, &client));
	CHECK_STR(body_of(&client), "soon");
	client_finish(&client);
	end();
}

static void test_peer_leaves_while_kept(void)
{
	struct client client;

	begin();
	client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK(wait_for(is_kept, NULL));
	turn_a_while();
	client_leave(&client);
	CHECK(wait_for(reached, &seen.hangups));
	turn_a_while();
	CHECK_INT(seen.hangups, 1);
	CHECK_INT(seen.finished, 0);
	http_exchange_drop(seen.kept);
	CHECK_INT(seen.finished, 0); /* from the loop, not from inside */
	CHECK(wait_for(reached, &seen.finished));
	CHECK_INT(seen.truncated, 0);
	client_finish(&client);
	end();
}

static void test_peer_resets_while_kept(void)
{
	struct linger linger = { .l_onoff = 1 };
	struct client client;

	begin();
	client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK(wait_for(is_kept, NULL));
	turn_a_while();
	setsockopt(client.watch.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	client_leave(&client);
	CHECK(wait_for(reached, &seen.hangups));
	reply_text(seen.kept, 200, "to nobody");
	CHECK(wait_for(reached, &seen.finished));
	client_finish(&client);
	end();
}

/* A peer may end its side and still wait for the reply. */
static void test_half_closed_peer(void)
{
	struct client client;

	begin();
	client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
	shutdown(client.watch.fd, SHUT_WR);
	CHECK(wait_for(reached, &seen.hangups));
	CHECK_INT(seen.hangups, 1);
	CHECK(seen.kept);
	turn_a_while();
	reply_text(seen.kept, 200, "still here");
	CHECK(wait_for(is_over, &client));
	CHECK_STR(body_of(&client), "still here");
	client_finish(&client);
	end();
}

static void test_peer_leaves_at_once(void)
{
	struct client client;

	begin();
	client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
	client_leave(&client);
	CHECK(wait_for(reached, &seen.hangups));
	http_exchange_drop(seen.kept);
	http_exchange_drop(seen.kept);
	CHECK(wait_for(reached, &seen.finished));
	client_finish(&client);
	end();
}

static void test_peer_leaves_in_body(void)
{
	static const char *const requests[] = {
		POST "Content-Length: 10\r\n\r\nhal",
		POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
		POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Tra",
	};

	for (int i = 0; i < 4; i++) {
		struct client client;

		begin();
		client_open(&client, requests[i]);
		CHECK(wait_for(reached, &seen.heads));
		turn_a_while();
		client_leave(&client);
		CHECK(wait_for(reached, &seen.finished));
		CHECK_INT(seen.requests, 0);
		CHECK_INT(seen.truncated, 1);
		client_finish(&client);
		end();
	}
}

static int count_descriptors(bool only_sockets)
{
	int count = 0;

	for (int fd = 0; fd < 4096; fd++) {
		struct stat status;

		if (fstat(fd, &status) == 0)
			count += !only_sockets || S_ISSOCK(status.st_mode);
	}
	return count;
}

static bool are_sockets_back(const void *subject)
{
	return count_descriptors(true) == *(const int *)subject;
}

/* With the end of the stream behind the last bytes already, or after them. */
static void test_peer_leaves_anywhere(void)
{
	static const char *const requests[] = {
		"",
		"GET",
		"GET / HTTP/1.1\r\nHost: a\r\nX-Ha",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET",
		POST "Content-Length: 10\r\n\r\nhal",
		POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Tra",
		POST "Origin: null\r\nContent-Length: 10\r\n\r\nhal",
		POST "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
	};

	int before;

	begin();
	before = count_descriptors(true);
	for (size_t i = 0; i < 2 * sizeof(requests) / sizeof(requests[0]); i++) {
		struct client client;

		client_open(&client, requests[i / 2]);
		if (i % 2)
			turn_a_while();
		client_leave(&client);
		client_finish(&client);
	}
	CHECK(wait_for(are_sockets_back, &before));
	CHECK_INT(seen.finished, seen.heads);
	end();
}

static void test_half_closed_after_reply(void)
{
	struct client client;

	begin();
	client_open(&client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	shutdown(client.watch.fd, SHUT_WR);
	CHECK(wait_for(is_over, &client));
	CHECK_INT(status_of(&client), 200);
	client_finish(&client);
	end();
}

static void test_drops(void)
{
	static const char *const requests[] = {
		"POST /drop HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
		"POST /drop-head HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
		"POST /drop-head HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n",
		"GET /drop-head HTTP/1.1\r\nHost: a\r\n\r\n",
	};

	begin();
	for (int i = 0; i < 4; i++) {
		struct client client;

		client_open(&client, requests[i]);
		CHECK(wait_for(is_over, &client));
		CHECK_STR(client.got.data, "");
		client_finish(&client);
	}
	end();
}

static void test_drop_in_body(void)
{
	struct client client;

	begin();
	client_open(&client, POST "Content-Length: 10\r\n\r\nhal");
	CHECK(wait_for(reached, &seen.heads));
	http_exchange_drop(seen.last);
	CHECK(wait_for(is_over, &client));
	CHECK_INT(seen.requests, 0);
	CHECK_INT(seen.finished, 1);
	client_finish(&client);
	end();
}

/* ---- closing the listener ---- */

static void test_close_in_each_state(void)
{
	static const char *const requests[] = {
		"",
		"GET / HT",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT",
		POST "Content-Length: 10\r\n\r\nhal",
		POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
		POST "Origin: null\r\nContent-Length: 10\r\n\r\nhal",
		POST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
		"GET /keep HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /keep HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\n",
	};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct client client;

		test_case(requests[i]);
		begin();
		client_open(&client, requests[i]);
		turn_a_while();
		close_listener();
		CHECK_INT(seen.finished, seen.heads);
		memset(&listener, 0xa5, sizeof(listener));
		CHECK(wait_for(is_over, &client));
		client_finish(&client);
		end();
	}
}

/* From inside the handlers of the very exchange. */
static void test_close_inside(void)
{
	static const struct {
		const char *request;
		int status;
	} cases[] = {
		{ "POST /close-head HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", 0 },
		{ "GET /close HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
		{ "GET /reply-close HTTP/1.1\r\nHost: a\r\n\r\n", 200 },
		{ "GET /reply-close HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		  200 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client client;

		test_case(cases[i].request);
		begin();
		client_open(&client, cases[i].request);
		CHECK(wait_for(is_over, &client));
		CHECK_INT(status_of(&client), cases[i].status);
		CHECK_INT(seen.heads, 1);
		CHECK_INT(seen.finished, 1);
		client_finish(&client);
		end();
	}
}

static bool is_reply_given(const void *subject)
{
	(void)subject;
	if (!seen.kept)
		return false;
	reply_text(seen.kept, 200, "last words");
	return true;
}

/* A reply that was given goes out, also when the whole server follows the listener. */
static void test_close_after_reply(void)
{
	struct client client;

	for (int with_server = 0; with_server < 2; with_server++) {
		begin();
		client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
		turn_a_while();
		CHECK(wait_for(is_reply_given, NULL));
		close_listener();
		CHECK_INT(seen.finished, 1);
		if (with_server) {
			http_server_destroy(server);
			server = NULL;
		}
		CHECK(wait_for(is_over, &client));
		CHECK_STR(body_of(&client), "last words");
		CHECK(strstr(client.got.data, "Connection: close\r\n"));
		client_finish(&client);
		end();
	}
}

static void test_destroy_with_slow_reader(void)
{
	struct buffer body = BUFFER_INIT;
	struct client client;

	begin();
	client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK(wait_for(is_kept, NULL));
	turn_a_while();
	loop_watch_change(&client.watch, 0);
	buffer_reserve(&body, 50 << 20);
	memset(body.data, 'x', 50 << 20);
	body.length = 50 << 20;
	http_exchange_reply(seen.kept, 200, &body);
	turn_a_while();
	CHECK_INT(seen.finished, 0);
	close_listener();
	CHECK_INT(seen.finished, 1);
	http_server_destroy(server);
	server = NULL;
	client_finish(&client);
	end();
}

/* ---- many ---- */

static void test_no_descriptor_leaks(void)
{
	int before = count_descriptors(false);
	struct client client;

	begin();
	for (int i = 0; i < 50; i++) {
		ask(&client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		client_finish(&client);
		client_open(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
		CHECK(wait_for(is_kept, NULL));
		client_leave(&client);
		seen.hangups = 0;
		CHECK(wait_for(reached, &seen.hangups));
		http_exchange_drop(seen.kept);
		client_finish(&client);
	}
	end();
	CHECK_INT(count_descriptors(false), before);
}

static void test_idle_connections(void)
{
	enum { COUNT = 500 };
	struct client *clients = xcalloc(COUNT, sizeof(*clients));
	struct rlimit limit = { 2048, 2048 };

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 2 * COUNT + 50) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur < 2 * COUNT + 50) {
		free(clients);
		SKIP("too few descriptors are allowed");
	}
	begin_with(65536, COUNT);
	for (int i = 0; i < COUNT; i++)
		ask(&clients[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	for (int i = 0; i < COUNT; i++) {
		buffer_clear(&clients[i].got);
		client_say(&clients[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	}
	for (int i = 0; i < COUNT; i++)
		CHECK(wait_for(has_reply, &clients[i]));
	CHECK_INT(seen.finished, 2 * COUNT);
	for (int i = 0; i < COUNT; i++)
		client_finish(&clients[i]);
	free(clients);
	end();
}

static void test_max_connections(void)
{
	struct client first, second, third;

	begin_with(65536, 2);
	ask(&first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	ask(&second, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	client_open(&third, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	turn_a_while();
	CHECK_INT(third.got.length, 0);
	client_finish(&first);
	CHECK(wait_for(has_reply, &third));
	CHECK_INT(status_of(&third), 200);
	client_finish(&second);
	client_finish(&third);
	end();
}

/* No descriptor is left to accept with: the server waits, and goes on when there is one. */
static void test_no_descriptors_left(void)
{
	struct rlimit limit, low;
	struct client client;
	int spare;

	begin();
	client_open(&client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	getrlimit(RLIMIT_NOFILE, &limit);
	spare = dup(0);
	close(spare);
	low = (struct rlimit){ (rlim_t)spare, limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &low);
	turn_a_while();
	CHECK_INT(client.got.length, 0);
	setrlimit(RLIMIT_NOFILE, &limit);
	CHECK(wait_for(has_reply, &client));
	CHECK_INT(status_of(&client), 200);
	client_finish(&client);
	end();
}

TEST_MAIN(test_other_sites, test_own_hosts, test_listen, test_refusals, test_bad_chunks,
          test_exchanges, test_site, test_site_pipelined, test_head_request, test_trailer,
          test_pipelining, test_pipelining_behind_kept, test_long_pipelining_behind_kept,
          test_expect_continue, test_slow_request, test_header_values, test_body_sizes,
          test_chunked_body_too_large, test_announced_too_large, test_endless_body,
          test_body_that_nobody_takes, test_head_limits, test_long_head_among_short,
          test_long_target, test_endless_chunk_header, test_reply_later, test_reply_right_after,
          test_peer_leaves_while_kept, test_peer_resets_while_kept, test_half_closed_peer,
          test_peer_leaves_at_once, test_peer_leaves_in_body, test_peer_leaves_anywhere,
          test_half_closed_after_reply, test_drops, test_drop_in_body, test_close_in_each_state,
          test_close_inside, test_close_after_reply, test_destroy_with_slow_reader,
          test_no_descriptor_leaks, test_idle_connections, test_max_connections,
          test_no_descriptors_left)
