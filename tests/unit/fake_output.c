/* SPDX-License-Identifier: Apache-2.0 */
/* fake_output - keeps the product's lines for the test to compare */
#include <assert.h>
#include <stdlib.h>

#include "emulator/buffer.h"
#include "tests/unit/fakes.h"

struct output {
	struct buffer fresh, taken;
};

static struct output only = { .fresh = BUFFER_INIT, .taken = BUFFER_INIT };

struct output *output_create(struct loop *loop, int fd, struct error *err)
{
	(void)loop, (void)fd, (void)err;
	return &only;
}

struct output *output_open(struct loop *loop, const char *path, struct error *err)
{
	(void)path;
	return output_create(loop, -1, err);
}

void output_destroy(struct output *output, unsigned grace_ms)
{
	(void)grace_ms;
	if (!output)
		return;
	buffer_finish(&output->fresh);
	buffer_finish(&output->taken);
}

void output_write(struct output *output, const char *data, size_t length)
{
	assert(length > 0 && data[length - 1] == '\n');
	buffer_append(&output->fresh, data, length);
}

const char *fake_output_take(void)
{
	buffer_move(&only.taken, &only.fresh);
	return only.taken.data;
}
