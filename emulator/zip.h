/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip - unpacks a zip file, which may be hostile, into a folder.
 *
 * Nothing is written before all of the file's directory has been looked at, and nothing outside of
 * the folder, whatever the file says. Refused, with the entry's name and the reason, are: absolute
 * names, "..", NUL and backslash in names; names that are there twice, or lie below what is no
 * folder; links that are absolute or lead out; devices and the like; encrypted entries; methods
 * other than "stored" and "deflated"; sizes that cannot be true; entries that share their data;
 * more than the limits.
 *
 * Permissions (but for setuid and the like) and times are kept. What has no permissions, because
 * no Unix made it, gets 0644, and 0755 for folders.
 *
 * The one home of minizip.
 */
#ifndef EMULATOR_ZIP_H
#define EMULATOR_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/error.h"

struct zip_limits {
	uint64_t bytes;   /* of all files, unpacked */
	uint64_t entries; /* files, folders, links */
};

/* Asked now and then. Once it returns true, unpacking fails. */
typedef bool zip_cancel(void);

/*
 * Unpacks the file 'path' into the empty folder that is open as 'folder'. '*bytes' becomes the
 * size of all files. What was written when it fails is for the caller to remove.
 */
bool zip_unpack(const char *path, int folder, const struct zip_limits *limits, zip_cancel *cancel,
                uint64_t *bytes, struct error *err);

#endif
