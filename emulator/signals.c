/* SPDX-License-Identifier: Apache-2.0 */
/* signals - those that ask lrie to end */
#include "emulator/signals.h"

#include <signal.h>
#include <stddef.h>

const int signals_ending[SIGNALS_ENDING] = { SIGTERM, SIGINT, SIGHUP };

void signals_mask_ending(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS_ENDING; i++)
		sigaddset(&set, signals_ending[i]);
	sigprocmask(how, &set, NULL);
}

void signals_ignore_ending(void)
{
	for (size_t i = 0; i < SIGNALS_ENDING; i++)
		signal(signals_ending[i], SIG_IGN);
}
