/* SPDX-License-Identifier: Apache-2.0 */
/* signals - those that ask lrie to end. */
#ifndef EMULATOR_SIGNALS_H
#define EMULATOR_SIGNALS_H

#define SIGNALS_ENDING 3 /* SIGTERM, SIGINT, SIGHUP */

extern const int signals_ending[SIGNALS_ENDING];

/* For the whole process: SIG_BLOCK before a loop hears them, SIG_UNBLOCK when all is undone. */
void signals_mask_ending(int how);

/* In a child whose end is not asked for by them. */
void signals_ignore_ending(void);

#endif
