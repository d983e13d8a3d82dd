/* SPDX-License-Identifier: Apache-2.0 */
/* platform_event - what the platform says of a function's life */
#include "emulator/platform_event.h"

const char *platform_initialization_name(enum platform_initialization initialization)
{
	static const char *const names[] = {
		[PLATFORM_ON_DEMAND] = "on-demand",
		[PLATFORM_PROVISIONED_CONCURRENCY] = "provisioned-concurrency",
		[PLATFORM_SNAP_START] = "snap-start",
		[PLATFORM_MANAGED_INSTANCES] = "lambda-managed-instances",
	};

	return names[initialization];
}
