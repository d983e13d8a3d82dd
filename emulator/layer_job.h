/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_job - makes layers in a child, so that nobody waits who is served meanwhile.
 *
 * Layers that are folders, shown as they are, are done at once. What is unpacked or copied is done
 * by a child, which has nothing of lrie open but the folder that it writes to, and ends with lrie.
 */
#ifndef EMULATOR_LAYER_JOB_H
#define EMULATOR_LAYER_JOB_H

#include "emulator/layer.h"

struct layer_job;

enum layer_job_state { LAYER_JOB_RUNNING, LAYER_JOB_DONE, LAYER_JOB_FAILED };

/*
 * Begins to make what layers_create() and layers_settle() would. 'config' and 'host' are only read
 * during the call. Returns NULL and fills 'err' when it can be seen that it will not be.
 */
struct layer_job *layer_job_start(const struct config *config, bool is_image,
                                  const struct sandbox_host *host, struct error *err);

/* What has become of it. FAILED fills 'err'. */
enum layer_job_state layer_job_state(struct layer_job *job, struct error *err);

/* As long as it is RUNNING: readable when that may have changed. */
int layer_job_fd(const struct layer_job *job);

/* Complete once it is DONE; before that, only of use to be compared with what they are made of. */
struct layers *layer_job_layers(const struct layer_job *job);

/* Whether what it is made of has not changed since it began, as far as that can be known: of
 * folders that are copied it cannot. */
bool layer_job_is_current(const struct layer_job *job, const struct config *config);

/* Ends the child if it is still at work. NULL is fine. */
void layer_job_destroy(struct layer_job *job);

/*
 * For those who try now and then. Layers of 'config' as they are now, with a reference: 'layers' if
 * these have not changed, else what '*job' has made of them, which is begun when it is NULL, kept
 * for the next call, and in the end destroyed by the caller. Small ones are waited for. Returns
 * NULL and fills 'err' when they are not there yet, or cannot be. 'has_changed' tells that files
 * have since the last call.
 */
struct layers *layer_job_renew(struct layer_job **job, struct layers *layers,
                               const struct config *config, bool is_image,
                               const struct sandbox_host *host, bool has_changed,
                               struct error *err);

#endif
