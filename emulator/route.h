/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route - finds the handler for a method and a path.
 *
 * Routes are rows of a table. A pattern is a path whose segment "{}" stands for
 * one segment of any content.
 */
#ifndef EMULATOR_ROUTE_H
#define EMULATOR_ROUTE_H

#include <stddef.h>

struct route {
	const char *method;
	const char *pattern; /* "/2018-06-01/runtime/invocation/{}/response" */
	int id;              /* the table owner's own name for it */
};

enum route_result {
	ROUTE_FOUND,
	ROUTE_UNKNOWN,      /* no such path */
	ROUTE_WRONG_METHOD, /* the path exists for another method */
	ROUTE_BAD_ARGUMENT, /* what stands for "{}" is too long, or wrongly percent-encoded */
};

/*
 * Looks 'path' up in 'routes', which end with a row whose method is NULL. 'id' gets the
 * row's id; 'argument' what stood for "{}", percent-decoded, or "".
 */
enum route_result route_find(const struct route *routes, const char *method, const char *path,
                             int *id, char *argument, size_t size);

#endif
