/* SPDX-License-Identifier: Apache-2.0 */
/* base64 - both ways, and what is refused */
#include "emulator/base64.h"

#include "tests/unit/test.h"

/* RFC 4648 section 10, and all digits. */
static const struct {
	const char *bytes;
	const char *text;
} pairs[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xff\xff\xfe", "///+" },
	{ "\x01\x10\x83\x10\x51\x87\x20\x92\x8b", "ARCDEFGHIJKL" },
};

static void test_encode(void)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		autobuffer struct buffer out = BUFFER_INIT;

		base64_encode(&out, pairs[i].bytes, strlen(pairs[i].bytes));
		CHECK_STR(out.data, pairs[i].text);
	}
}

static void test_decode(void)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		autobuffer struct buffer out = BUFFER_INIT;

		CHECK(base64_decode(&out, pairs[i].text, strlen(pairs[i].text)));
		CHECK_STR(out.data, pairs[i].bytes);
	}
}

static void test_refused(void)
{
	static const char *const texts[] = { "Z",    "Zg",       "Zg=",      "Z===",       "====",
		                             "=",    "Zg==Zg==", "Zm=v",     "Zm9v\n",     "Zm 9",
		                             "Zm9-", "Zm9_",     "Zm9v====", "\xc3\xa9==", "Zg=a" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		autobuffer struct buffer out = BUFFER_INIT;

		test_case(texts[i]);
		buffer_append_text(&out, "kept");
		CHECK(!base64_decode(&out, texts[i], strlen(texts[i])));
		CHECK_STR(out.data, "kept");
	}
}

static void test_every_byte_survives(void)
{
	unsigned char bytes[256];

	for (size_t length = 0; length <= sizeof(bytes); length++) {
		autobuffer struct buffer text = BUFFER_INIT;
		autobuffer struct buffer out = BUFFER_INIT;

		for (size_t i = 0; i < length; i++)
			bytes[i] = (unsigned char)(i * 7 + length);
		base64_encode(&text, bytes, length);
		CHECK_INT(text.length, (length + 2) / 3 * 4);
		CHECK(base64_decode(&out, text.data, text.length));
		CHECK_INT(out.length, length);
		CHECK(memcmp(out.data, bytes, length) == 0);
	}
}

TEST_MAIN(test_encode, test_decode, test_refused, test_every_byte_survives)
