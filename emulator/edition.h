/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edition - what environments of a function are made of, until the last of them is gone.
 *
 * A function that is changed, by a reload or because its files have, gets a new edition, while
 * what runs goes on with the one it began with. An edition goes by itself, with its context.
 */
#ifndef EMULATOR_EDITION_H
#define EMULATOR_EDITION_H

#include "emulator/workload.h"

struct edition {
	struct workload workload;

	/* private */
	struct context_owner owner;
	struct config *config; /* that goes with the last edition of it; NULL: none does */
	unsigned *users;       /* how many editions have that config */
};

/* As workload_init_with(). 'config' must outlive the edition. Returns NULL and fills 'err'. */
struct edition *edition_create(const struct environment_context *shared,
                               const struct config *config, struct layers *layers,
                               struct error *err);

/* From now on 'config', which it was made of, is its own, and that of editions renewed from it. */
void edition_own_config(struct edition *edition, struct config *config);

/* The same, of the files as they are now, as far as they are complete: else NULL and 'err', and it
 * may be tried again. 'has_changed': files have, since the last time. */
struct edition *edition_renew(const struct edition *old, bool has_changed, struct error *err);

/* For one whose context nobody has. NULL is fine. */
void edition_destroy(struct edition *edition);

#endif
