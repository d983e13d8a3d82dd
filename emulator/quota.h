/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota - how large an event may be, in bytes.
 *
 * Source: spec invoke-api.md §1.
 */
#ifndef EMULATOR_QUOTA_H
#define EMULATOR_QUOTA_H

#define QUOTA_EVENT 6291456        /* that somebody waits for */
#define QUOTA_QUEUED_EVENT 1048576 /* that nobody does */

#endif
