/* SPDX-License-Identifier: Apache-2.0 */
/* route - finds the handler for a method and a path */
#include "emulator/route.h"

#include <stdbool.h>
#include <string.h>

#include "emulator/percent.h"

/* Whether 'path' fits 'pattern'; 'segment' gets where the "{}" stood, if anywhere. */
static bool fits(const char *pattern, const char *path, const char **segment, size_t *length)
{
	*length = 0;
	while (*pattern) {
		if (pattern[0] == '{' && pattern[1] == '}') {
			*segment = path;
			*length = strcspn(path, "/");
			if (*length == 0)
				return false;
			pattern += 2;
			path += *length;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

static bool copy_argument(const char *segment, size_t length, char *argument, size_t size)
{
	if (length >= size)
		return false;
	memcpy(argument, segment, length);
	argument[length] = '\0';
	return percent_decode(argument);
}

enum route_result route_find(const struct route *routes, const char *method, const char *path,
                             int *id, char *argument, size_t size)
{
	enum route_result result = ROUTE_UNKNOWN;

	argument[0] = '\0';
	for (; routes->method; routes++) {
		const char *segment = "";
		size_t length;

		if (!fits(routes->pattern, path, &segment, &length))
			continue;
		if (strcmp(routes->method, method) != 0) {
			result = ROUTE_WRONG_METHOD;
			continue;
		}
		*id = routes->id;
		return copy_argument(segment, length, argument, size) ? ROUTE_FOUND
		                                                      : ROUTE_BAD_ARGUMENT;
	}
	return result;
}
