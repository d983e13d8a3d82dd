/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - the reader of command lines and of the environment
 *
 * Each line of the input is a word of the command line, or with a dollar in front a variable:
 * "$LRIE_MEMORY=512".
 */
#include "emulator/config.h"

#include "sandbox/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 64

extern char **environ;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files are not what is looked for here, and some never end. */
static bool names_a_file(const char *word)
{
	return strstr(word, "file") || strstr(word, "FILE") || strstr(word, "suite") ||
	       strstr(word, "SUITE");
}

static int split(char *text, char **words)
{
	char *rest = NULL;
	int count = 0;

	words[count++] = (char *)"lrie";
	for (char *word = strtok_r(text, "\n", &rest); word && count < WORDS;
	     word = strtok_r(NULL, "\n", &rest)) {
		if (names_a_file(word))
			continue;
		if (*word == '$' && word[1] != '=' && strchr(word, '='))
			putenv(word + 1);
		else
			words[count++] = word;
	}
	words[count] = NULL;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *nothing[1];
	char *text = strndup((const char *)data, size), *words[WORDS + 1];
	struct config *config;
	struct error err;

	if (!text)
		abort();
	environ = nothing;
	config = config_parse(split(text, words), words, &err);
	if (!config && !*err.text)
		abort();
	config_destroy(config);
	environ = nothing; /* what was in it is freed now */
	free(text);
	return 0;
}
