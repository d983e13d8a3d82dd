/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package - the deployment package: what is executed, and what is shown where.
 *
 * Turns the options into paths, on the host and in the box. Where the box has no
 * root of its own, both are the same. Source: spec environment-and-limits.md §2
 * (bootstrap lookup) and §6 (RIE's command line).
 */
#ifndef EMULATOR_PACKAGE_H
#define EMULATOR_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/config.h"
#include "emulator/fault.h"
#include "emulator/layer_job.h"
#include "sandbox/sandbox.h"

struct package;

/*
 * 'own_root' says whether boxes have a root of their own. A folder that is
 * missing, or not a folder, is an error; a missing bootstrap is not: Lambda
 * reports that one at the invocation. 'config' must outlive the package.
 */
struct package *package_create(const struct config *config, bool own_root, struct error *err);
void package_destroy(struct package *package);

/* The same with 'layers', which gets one more reference; NULL: makes its own. */
struct package *package_create_with(const struct config *config, bool own_root,
                                    struct layers *layers, struct error *err);

/* What takes its time of that: begins to make the layers, and sees whether anything else is wrong
 * with the package. */
struct layer_job *package_begin_layers(const struct config *config, const struct sandbox_host *host,
                                       struct error *err);

/* Its layers, if they are what another function with 'config' would get, and have not changed since
 * they were made; else NULL. */
struct layers *package_layers_for(const struct package *package, const struct config *config);

/*
 * The same as 'old' was made of, as it is now. Layers that have not changed are shared: 'old' may
 * go first. Others are unpacked in a child, which 'old' keeps: as long as that is at work, this is
 * an error, and to be tried again; 'has_changed' tells that files have changed since the last time.
 */
struct package *package_renew(struct package *old, const struct sandbox_host *host,
                              bool has_changed, struct error *err);

/*
 * Whether the bootstrap that package_fill_program() would find can be executed by now: while it is
 * built, it may be missing, empty, not executable, or open for writing. 'err' tells what it lacks.
 */
bool package_is_complete(struct package *package, struct error *err);

/* layers_settle() */
bool package_settle_layers(struct package *package, const struct sandbox_host *host,
                           struct error *err);

/* Fills in the folders and binds of 'spec', which live as long as the package. */
void package_fill_spec(const struct package *package, struct sandbox_spec *spec);

/*
 * Fills in argv and cwd of 'program' by looking the bootstrap up now. Returns
 * false and fills 'fault' (Runtime.InvalidEntrypoint) when there is none.
 */
bool package_fill_program(struct package *package, struct sandbox_program *program,
                          struct fault *fault);

/* The working directory of the function's programs, in the box. */
const char *package_cwd(const struct package *package);

/* Whether lrie runs in the function's own image, whose /opt is then the function's: in RIE mode, or
 * when the function is in this machine's /var/task. */
bool package_is_image(const struct package *package);

/* LAMBDA_TASK_ROOT and LAMBDA_RUNTIME_DIR as the function sees them. */
const char *package_task_root(const struct package *package);
const char *package_runtime_root(const struct package *package);

/* As it was told to package_create(). */
bool package_has_own_root(const struct package *package);

/* What package_fill_program() has found last: its path on this machine, and as the function sees
 * it. NULL when there was none yet. */
const char *package_bootstrap(const struct package *package);
const char *package_bootstrap_shown(const struct package *package);

#endif
