/* SPDX-License-Identifier: Apache-2.0 */
/* event - the event that a command was given */
#include "emulator/event.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "emulator/json_check.h"
#include "emulator/quota.h"
#include "sandbox/fd.h"

static bool read_all(int fd, const char *name, struct buffer *event, struct error *err)
{
	char block[16384];
	ssize_t length;

	while ((length = read(fd, block, sizeof(block))) != 0) {
		if (length == -1 && errno == EINTR)
			continue;
		if (length == -1)
			return error_set(err, errno, "read the event '%s'", name);
		buffer_append(event, block, (size_t)length);
		if (event->length > QUOTA_EVENT)
			return error_set(err, 0, "event '%s': larger than %d bytes", name,
			                 QUOTA_EVENT);
	}
	return true;
}

/* FILE, "-" for stdin, or the JSON text itself, which begins as no file name would. */
static bool open_event(const char *event, struct buffer *out, struct error *err)
{
	if (!event) {
		buffer_append_text(out, "{}");
		return true;
	}
	if (strcmp(event, "-") == 0)
		return read_all(STDIN_FILENO, "-", out, err);

	autoclose int fd = open(event, O_RDONLY | O_CLOEXEC);

	if (fd != -1)
		return read_all(fd, event, out, err);
	if ((errno == ENOENT || errno == ENAMETOOLONG || errno == ENOTDIR) &&
	    strchr("{[\"-0123456789tfn \t\n", event[0])) {
		buffer_append_text(out, event);
		return true;
	}
	return error_set(err, errno, "open the event '%s'", event);
}

bool event_read(const char *option, struct buffer *event, struct error *err)
{
	autobuffer struct buffer reason = BUFFER_INIT, plain = BUFFER_INIT;

	if (!open_event(option, event, err))
		return false;
	if (event->length == 0)
		buffer_append_text(event, "{}");
	if (event->length > QUOTA_EVENT)
		return error_set(err, 0, "the event is larger than %d bytes", QUOTA_EVENT);
	if (json_check(event->data, event->length, &reason))
		return true;
	json_check_append_plain(&plain, reason.data);
	return error_set(err, 0, "--event '%.100s': neither a file nor JSON: %s",
	                 option ? option : "", plain.data);
}
