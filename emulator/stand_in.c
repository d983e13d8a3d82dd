/* SPDX-License-Identifier: Apache-2.0 */
/* stand_in - what runs in the box while somebody else starts the runtime */
#include "emulator/stand_in.h"

#include <string.h>
#include <unistd.h>

bool stand_in_is_meant(char **argv)
{
	return argv[0] && strcmp(argv[0], STAND_IN_NAME) == 0;
}

void stand_in_run(void)
{
	for (;;)
		pause();
}
