/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer - the layers of a function, as folders that a box can show.
 *
 * A layer is a folder, which is shown as it is, or a zip file as Lambda takes it. That one is
 * unpacked into a private folder below $TMPDIR, which is removed at the end; if lrie is killed, the
 * next one that unpacks a layer there removes it.
 *
 * Source of limits: spec environment-and-limits.md §3 (5 layers; 250 MB unpacked with the
 * function).
 */
#ifndef EMULATOR_LAYER_H
#define EMULATOR_LAYER_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/config.h"
#include "sandbox/sandbox.h"

struct layers {
	char **paths; /* of folders, absolute, lowest first */
	size_t count;
	char *workshop; /* the private folder, or NULL */
	int lock;       /* held as long as it is ours; -1: there is none */

	/* private */
	unsigned references;
	struct layer_origin *origins; /* of the zip files, in their order */
	size_t origin_count;
	bool has_copies; /* of folders, too */
	bool is_filled;  /* all paths are there */
	bool is_settled; /* boxes can show them as one */
	bool is_sized;   /* who has seen whether they are too many bytes need not be told again */
};

/*
 * Unpacks the zip files among the layers of 'config', if there are any, and makes one more layer
 * of its folder of extensions; without a layer it is the
 * /opt of an image, when lrie runs in one. Only reads 'config' during the call. What Lambda would
 * not take, but a box shows, is a warning.
 *
 * When something is unpacked, SIGHUP, SIGINT and SIGTERM are blocked from then on, so that they end
 * nobody before it is removed: the loop hears them all the same, and main() at the end.
 */
struct layers *layers_create(const struct config *config, bool is_image, struct error *err);

/* Makes one folder of them all, where boxes of 'host' cannot show several as one. */
bool layers_settle(struct layers *layers, const struct config *config,
                   const struct sandbox_host *host, struct error *err);

/*
 * Both in two steps each, of which the second takes its time: unless layers_are_ready() after the
 * first. It may be done in a child, once; what that has made of the paths is then told by
 * layers_take_paths(), each with a NUL behind it.
 */
struct layers *layers_begin(const struct config *config, bool is_image, struct error *err);
bool layers_begin_to_settle(struct layers *layers, const struct config *config,
                            const struct sandbox_host *host, struct error *err);
bool layers_are_ready(const struct layers *layers);
bool layers_fill(struct layers *layers, const struct config *config, struct error *err);
void layers_take_paths(struct layers *layers, const char *paths, size_t length);

/* For one more who uses them. */
struct layers *layers_ref(struct layers *layers);

/* Whether they are what layers_create() would make of 'config' now. Of copied folders nobody knows:
 * then they are not. */
bool layers_are_current(const struct layers *layers, const struct config *config);

/* The same, of all that is known of those that are still to be filled: of zip files. */
bool layers_may_be_current(const struct layers *layers, const struct config *config);

/* Whether what was made of 'own' is also what 'other' asks for now. */
bool layers_serve(const struct layers *layers, const struct config *own,
                  const struct config *other);

/* Removes what was unpacked, with the last reference. NULL is fine. */
void layers_destroy(struct layers *layers);

/* Warns if the layers and the function's own folder have more than Lambda takes; once. Looks at
 * some thousand files only, to keep the start short. */
void layers_check_size(struct layers *layers, const char *task_root);

#endif
