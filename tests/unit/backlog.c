/* SPDX-License-Identifier: Apache-2.0 */
/* backlog - what a long line took is not this process's any more when it is over */
#include "emulator/backlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define COUNT 3000
#define SIZE 20000

#ifdef __has_feature
#	if __has_feature(address_sanitizer)
#		define IS_SANITIZED
#	endif
#endif
#ifdef __SANITIZE_ADDRESS__
#	define IS_SANITIZED
#endif

/* In MB. */
static long resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long all, here = 0;

	if (!CHECK(file))
		return 0;
	CHECK_INT(fscanf(file, "%ld %ld", &all, &here), 2);
	fclose(file);
	return here * sysconf(_SC_PAGESIZE) >> 20;
}

/* Something small stays now and then, as where a process does several things at once; not so often
 * that each large page has some of it. */
static void test_memory_goes_with_it(void)
{
	static char *waiting[COUNT], *other[COUNT];
	struct backlog backlog = { 0 };
	long before = resident();

#if !defined(HAVE_MALLOC_TRIM) || defined(IS_SANITIZED)
	SKIP("memory is not the C library's to give back");
#endif
	for (unsigned i = 0; i < COUNT; i++) {
		waiting[i] = malloc(SIZE);
		memset(waiting[i], 'x', SIZE);
		other[i] = i % 50 == 0 ? malloc(10) : NULL;
		backlog_add(&backlog, SIZE);
	}
	CHECK(resident() - before > 50);
	for (unsigned i = 0; i < COUNT; i++) {
		free(waiting[i]);
		backlog_remove(&backlog, SIZE);
	}
	/* The pages in which the others are, and the last few MB. */
	CHECK(resident() - before < 15);
	CHECK_INT(backlog.bytes, 0);
	for (unsigned i = 0; i < COUNT; i++)
		free(other[i]);
}

TEST_MAIN(test_memory_goes_with_it)
