/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script - the first line of a script, as the kernel reads it.
 *
 * The kernel looks at the first 256 bytes: "#!", blanks, the interpreter up to a
 * blank, and all the rest of the line as one argument (fs/binfmt_script.c).
 */
#ifndef EMULATOR_SCRIPT_H
#define EMULATOR_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_HEAD_SIZE 256

struct script {
	char interpreter[SCRIPT_HEAD_SIZE]; /* "" when none is named: ENOEXEC */
	char argument[SCRIPT_HEAD_SIZE];    /* "" when there is none */
	bool has_crlf; /* the line ends in "\r\n"; the '\r' is left out of both */
	bool is_cut;   /* the interpreter's name goes on behind the 256 bytes */
};

/* Reads the first bytes of a file. Returns false when they are no script's. */
bool script_parse(struct script *script, const char *head, size_t length);

/*
 * The program that env(1), as the interpreter, gets to find with the argument: copied to 'program'.
 * Returns false when there is none, or when it cannot be told. '*split' is whether env takes the
 * argument apart (-S); otherwise blanks are part of the name.
 */
bool script_env_program(const char *argument, char *program, size_t size, bool *split);

#endif
