/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arn - the ways to name a function, and its ARN.
 *
 * The pattern of Lambda's API model makes every part optional; here are the
 * forms that its documentation promises. "function:x" is therefore the function
 * named "function" with qualifier x, not a function x. Regions are taken as they
 * come, since stand-ins for AWS have their own.
 */
#include "emulator/arn.h"

#include <string.h>

#define TEXT_LIMIT 256
#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define WORD LOWER UPPER DIGITS "-_"

/* Copies the part of 'text' up to ':' or the end, and moves 'text' behind it. Returns false when
 * it is empty, does not fit, or has other characters than 'allowed'. */
static bool take_part(const char **text, const char *allowed, char *part, size_t size)
{
	size_t length = strcspn(*text, ":");

	if (length == 0 || length >= size || strspn(*text, allowed) < length)
		return false;
	memcpy(part, *text, length);
	part[length] = '\0';
	*text += length;
	return true;
}

/* Moves 'text' behind 'prefix' if it begins with it. */
static bool skip_prefix(const char **text, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(*text, prefix, length) != 0)
		return false;
	*text += length;
	return true;
}

bool qualifier_is_valid(const char *text)
{
	size_t length = strlen(text);

	if (strcmp(text, "$LATEST") == 0 || strcmp(text, "$LATEST.PUBLISHED") == 0)
		return true;
	return length > 0 && length <= 128 && strspn(text, WORD) == length;
}

static bool take_qualifier(const char *text, struct function_name *name)
{
	if (!qualifier_is_valid(text))
		return false;
	memcpy(name->qualifier, text, strlen(text) + 1);
	return true;
}

/* "name[:qualifier]", to the end. */
static bool take_name(const char *text, struct function_name *name)
{
	if (!take_part(&text, WORD ".", name->name, sizeof(name->name)))
		return false;
	return !*text || take_qualifier(text + 1, name);
}

/* "<12 digits>:function:" */
static bool take_account(const char **text, struct function_name *name)
{
	return take_part(text, DIGITS, name->account, sizeof(name->account)) &&
	       strlen(name->account) == 12 && skip_prefix(text, ":function:");
}

/* "arn:" was taken. */
static bool take_arn(const char *text, struct function_name *name)
{
	char partition[32];

	if (strncmp(text, "aws", 3) != 0 ||
	    !take_part(&text, LOWER UPPER "-", partition, sizeof(partition)))
		return false;
	if (!skip_prefix(&text, ":lambda:") ||
	    !take_part(&text, LOWER DIGITS "-", name->region, sizeof(name->region)))
		return false;
	return skip_prefix(&text, ":") && take_account(&text, name) && take_name(text, name);
}

bool function_name_parse(const char *text, struct function_name *name)
{
	const char *rest = text;

	*name = (struct function_name){ 0 };
	if (strlen(text) > TEXT_LIMIT)
		return false;
	if (skip_prefix(&rest, "arn:"))
		return take_arn(rest, name);
	if (take_account(&rest, name))
		return take_name(rest, name);
	name->account[0] = '\0';
	return take_name(text, name);
}

const char *arn_partition(const char *region)
{
	static const struct {
		const char *prefix;
		const char *partition;
	} partitions[] = {
		{ "cn-", "aws-cn" },         { "us-gov-", "aws-us-gov" },
		{ "us-iso-", "aws-iso" },    { "us-isob-", "aws-iso-b" },
		{ "eu-isoe-", "aws-iso-e" }, { "us-isof-", "aws-iso-f" },
		{ "eusc-", "aws-eusc" },
	};

	for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
		if (strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)) == 0)
			return partitions[i].partition;
	}
	return "aws";
}

void arn_append(struct buffer *out, const char *region, const char *account, const char *name,
                const char *qualifier)
{
	buffer_append_format(out, "arn:%s:lambda:%s:%s:function:%s", arn_partition(region), region,
	                     account, name);
	if (qualifier)
		buffer_append_format(out, ":%s", qualifier);
}
