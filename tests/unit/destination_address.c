/* SPDX-License-Identifier: Apache-2.0 */
/* destination_address - what users write, and what they had better not */
#include "emulator/destination_address.h"

#include "tests/unit/test.h"

static void test_what_is_one(void)
{
	static const struct {
		const char *text;
		enum destination_kind kind;
		const char *host, *header;
		unsigned port;
		const char *target;
	} cases[] = {
		{ "http://127.0.0.1:8080/a?b=c", DESTINATION_HTTP, "127.0.0.1", "127.0.0.1", 8080,
		  "/a?b=c" },
		{ "HTTP://localhost", DESTINATION_HTTP, "localhost", "localhost", 80, "/" },
		{ "http://[::1]:1/", DESTINATION_HTTP, "::1", "[::1]", 1, "/" },
		{ "http://[fe80::1%eth0]/x", DESTINATION_HTTP, "fe80::1%eth0", "[fe80::1%eth0]", 80,
		  "/x" },
		{ "http:/file", DESTINATION_FILE, "", "", 0, NULL },
		{ "records.json", DESTINATION_FILE, "", "", 0, NULL },
		{ "function", DESTINATION_FILE, "", "", 0, NULL },
		{ "function:a-B_9", DESTINATION_FUNCTION, "", "", 0, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct destination_address address;
		struct error err = { 0 };

		test_case(cases[i].text);
		if (!CHECK(destination_address_parse(cases[i].text, &address, &err)))
			continue;
		CHECK_INT(address.kind, cases[i].kind);
		CHECK_STR(address.host, cases[i].host);
		CHECK_STR(address.header, cases[i].header);
		CHECK_INT(address.port, cases[i].port);
		CHECK_STR(address.target, cases[i].target);
	}
}

static void test_what_is_none(void)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "the value is empty" },
		{ "arn:aws:sqs:r:1:q",
		  "'arn:aws:sqs:r:1:q': there is no AWS here: expected a file, "
		  "http://HOST:PORT/PATH or function:NAME" },
		{ "https://a/", "'https://a/': lrie speaks plain HTTP only" },
		{ "ftp://a/", "'ftp://a/': lrie speaks plain HTTP only" },
		{ "http://", "'http://' has no host: expected http://HOST:PORT/PATH" },
		{ "http://:80/", "'http://:80/' has no host: expected http://HOST:PORT/PATH" },
		{ "http://::1/", "'http://::1/' has no host: expected http://HOST:PORT/PATH" },
		{ "http://[::1/", "'http://[::1/' has no host: expected http://HOST:PORT/PATH" },
		{ "http://a b/", "'http://a b/' has no host: expected http://HOST:PORT/PATH" },
		{ "http://a:/", "'http://a:/': the port is not between 1 and 65535" },
		{ "http://a:0/", "'http://a:0/': the port is not between 1 and 65535" },
		{ "http://a:65536/", "'http://a:65536/': the port is not between 1 and 65535" },
		{ "http://a:1x/", "'http://a:1x/': the port is not between 1 and 65535" },
		{ "http://u:p@a/", "'http://u:p@a/': a user and a password are not sent" },
		{ "http://a/b c", "'http://a/b c': the path is none that can be sent" },
		{ "http://a/\r\nX: y", "'http://a/\r\nX: y': the path is none that can be sent" },
		{ "http://a?b", "'http://a?b': the path is none that can be sent" },
		{ "function:", "'function:': the name of a function has 1 to 64 of a-zA-Z0-9-_" },
		{ "function:a/b",
		  "'function:a/b': the name of a function has 1 to 64 of a-zA-Z0-9-_" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct destination_address address;
		struct error err = { 0 };

		test_case(cases[i].text);
		CHECK(!destination_address_parse(cases[i].text, &address, &err));
		CHECK_STR(err.text, cases[i].reason);
	}
}

TEST_MAIN(test_what_is_one, test_what_is_none)
