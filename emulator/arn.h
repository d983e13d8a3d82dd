/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arn - the ways to name a function, and its ARN.
 *
 * Source: the Lambda API model, FunctionName and Qualifier (spec invoke-api.md §1).
 */
#ifndef EMULATOR_ARN_H
#define EMULATOR_ARN_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/buffer.h"

struct function_name {
	char region[32];  /* "" when not given */
	char account[13]; /* "" when not given */
	char name[65];
	char qualifier[129]; /* "" when not given */
};

/*
 * Parses a FunctionName in any of its forms: name, name:qualifier,
 * account:function:name[:qualifier], or an ARN; at most 256 bytes. 'text' is
 * already percent-decoded. Returns false when it fits no form; 'name' then has
 * no meaning.
 */
bool function_name_parse(const char *text, struct function_name *name);

/* Whether 'text' may be a qualifier: $LATEST, a version number or an alias. */
bool qualifier_is_valid(const char *text);

/* Appends "arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]"; 'qualifier' may
 * be NULL. The partition follows the region (aws-cn, aws-us-gov, ...). */
void arn_append(struct buffer *out, const char *region, const char *account, const char *name,
                const char *qualifier);

/* The partition of a region: "aws", "aws-cn", ... */
const char *arn_partition(const char *region);

#endif
