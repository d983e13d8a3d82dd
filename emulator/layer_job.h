/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_job - unpacks layers in a child, so that nobody waits who is served meanwhile.
 *
 * Small ones are done before layer_job_start() returns. The child has nothing of lrie open but the
 * folder that it unpacks to, and ends with lrie.
 */
#ifndef EMULATOR_LAYER_JOB_H
#define EMULATOR_LAYER_JOB_H

#include "emulator/layer.h"

struct layer_job;

enum layer_job_state { LAYER_JOB_RUNNING, LAYER_JOB_DONE, LAYER_JOB_FAILED };

/* Fills 'layers', which are from layers_begin() and taken over, also on failure; makes one folder
 * of them if 'merges' is set. 'config' is only read during the call. */
struct layer_job *layer_job_start(struct layers *layers, bool merges, const struct config *config,
                                  struct error *err);

/* What has become of it. FAILED fills 'err'. */
enum layer_job_state layer_job_state(struct layer_job *job, struct error *err);

/* Complete once it is DONE; before that, only of use to be compared with what they are made of. */
struct layers *layer_job_layers(const struct layer_job *job);

/* Ends the child if it is still at work. NULL is fine. */
void layer_job_destroy(struct layer_job *job);

#endif
