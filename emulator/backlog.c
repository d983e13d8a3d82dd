/* SPDX-License-Identifier: Apache-2.0 */
/* backlog - how many bytes wait for something, and the memory that they leave */
#include "emulator/backlog.h"

#ifdef HAVE_MALLOC_TRIM /* glibc; others give memory back by themselves */
#	include <malloc.h>
#endif

static void give_back(void)
{
#ifdef HAVE_MALLOC_TRIM
	malloc_trim(0);
#endif
}

void backlog_add(struct backlog *backlog, size_t bytes)
{
	backlog->bytes += bytes;
	if (backlog->most < backlog->bytes)
		backlog->most = backlog->bytes;
}

void backlog_remove(struct backlog *backlog, size_t bytes)
{
	backlog->bytes -= bytes;
	if (backlog->most < BACKLOG_MOST)
		return;
	if (backlog->bytes > backlog->most / 2 && backlog->most - backlog->bytes < BACKLOG_STEP)
		return;
	backlog->most = backlog->bytes;
	give_back();
}
