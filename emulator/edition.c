/* SPDX-License-Identifier: Apache-2.0 */
/* edition - what environments of a function are made of, until the last of them is gone */
#include "emulator/edition.h"

#include <stdlib.h>

#include "emulator/buffer.h"

void edition_destroy(struct edition *edition)
{
	if (!edition)
		return;
	workload_finish(&edition->workload);
	if (edition->users && --*edition->users == 0) {
		config_destroy(edition->config);
		free(edition->users);
	}
	free(edition);
}

static void on_unused(struct context_owner *owner)
{
	edition_destroy(container_of(owner, struct edition, owner));
}

static struct edition *begin(void)
{
	struct edition *edition = xcalloc(1, sizeof(*edition));

	edition->owner.on_unused = on_unused;
	return edition;
}

/* Takes the edition over if it is no good. */
static struct edition *finish(struct edition *edition, bool is_good)
{
	if (!is_good) {
		edition_destroy(edition);
		return NULL;
	}
	edition->workload.context.owner = &edition->owner;
	return edition;
}

struct edition *edition_create(const struct environment_context *shared,
                               const struct config *config, struct layers *layers,
                               struct error *err)
{
	struct edition *edition = begin();

	return finish(edition, workload_init_with(&edition->workload, shared, config, layers, err));
}

void edition_own_config(struct edition *edition, struct config *config)
{
	edition->config = config;
	edition->users = xcalloc(1, sizeof(*edition->users));
	*edition->users = 1;
}

struct edition *edition_renew(const struct edition *old, bool has_changed, struct error *err)
{
	struct edition *edition = begin();

	if (old->users) {
		edition->config = old->config;
		edition->users = old->users;
		++*edition->users;
	}
	return finish(edition,
	              workload_renew(&edition->workload, &old->workload, has_changed, err) &&
	                      package_is_complete(edition->workload.package, err));
}
