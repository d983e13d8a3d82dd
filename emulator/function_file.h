/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_file - several functions in one file, as JSON: lrie.json(5).
 *
 *	{
 *	  "listen": "127.0.0.1:9001",
 *	  "memory": 512,
 *	  "functions": [
 *	    { "name": "node", "bootstrap": "node/bootstrap", "env": { "MODE": "fast" } },
 *	    { "name": "bun", "bootstrap": "bun/bootstrap", "layer": ["bun/layer.zip"] }
 *	  ]
 *	}
 *
 * Members are called as options (option_is_of_file()), without their dashes; "name" stands
 * for --function-name and "arguments" for what follows a --. What stands beside "functions"
 * holds for each of them, and what is not about one function stands there only. A path that
 * does not begin with '/' is relative to the folder of the file, whatever the working
 * directory is. Nothing here knows what a value means: it becomes the text that the
 * option would have on a command line, and the caller reads it as such.
 */
#ifndef EMULATOR_FUNCTION_FILE_H
#define EMULATOR_FUNCTION_FILE_H

#include <stddef.h>

#include "emulator/option.h"

/* One value. An option that is repeatable may come several times. */
struct function_setting {
	const struct option *option; /* NULL: an argument of the bootstrap */
	char *text;
	char *source; /* "'suite.json' line 7, memory", for messages */
};

struct function_settings {
	struct function_setting *items; /* in the order of the file */
	size_t count;
};

struct function_entry {
	char *name; /* also among its settings; no parser has seen it yet */
	unsigned line;
	struct function_settings settings;
};

struct function_file {
	struct function_settings common; /* for each function, before its own */
	struct function_entry *entries;  /* at least one, in the order of the file */
	size_t count;
};

/*
 * Reads the file, of at most 1 MiB and 1000 functions. A member that is no option, one that is
 * there twice, a value of the wrong kind and a name that two functions have are errors that tell
 * the line; an event that 'command' cannot read is one, too. Returns false and fills 'err';
 * function_file_finish() is due in both cases.
 */
bool function_file_read(struct function_file *file, const char *path, enum config_command command,
                        struct error *err);
void function_file_finish(struct function_file *file);

#endif
