/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload - what one function needs to run: its package, and what its environments share.
 */
#ifndef EMULATOR_WORKLOAD_H
#define EMULATOR_WORKLOAD_H

#include "emulator/environment.h"

struct workload {
	struct package *package;
	struct environment_context context; /* for function_create() */
};

/*
 * Makes what 'config' asks for. 'shared' is what all functions have in common: a context whose
 * config and package are missing, copied. 'config' must outlive the workload. Returns false and
 * fills 'err'; workload_finish() is due in both cases.
 */
bool workload_init(struct workload *workload, const struct environment_context *shared,
                   const struct config *config, struct error *err);

/* The same, as package_create_with(). */
bool workload_init_with(struct workload *workload, const struct environment_context *shared,
                        const struct config *config, struct layers *layers, struct error *err);

/* The same as 'old', of the files as they are now; see package_renew(). 'old' may be finished
 * first.
 */
bool workload_renew(struct workload *workload, const struct workload *old, bool has_changed,
                    struct error *err);

/* Functions made of it must be gone. Fine on a zeroed one. */
void workload_finish(struct workload *workload);

#endif
