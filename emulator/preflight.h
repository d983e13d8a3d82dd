/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight - what would keep a function from running on Lambda, without running it.
 *
 * Judges a deployment package as Lambda's runtime provided.al2023 would, or, when
 * the task root is this machine's own /var/task, as an image: then the machine's
 * files are the function's, and nothing is said of AWS's.
 */
#ifndef EMULATOR_PREFLIGHT_H
#define EMULATOR_PREFLIGHT_H

#include "emulator/config.h"
#include "emulator/finding.h"
#include "emulator/package.h"

struct preflight {
	struct findings findings;
	char *bootstrap;          /* on the host; NULL: there is none */
	char *shown;              /* as the function sees it */
	const char *architecture; /* that it was checked for */
	const char *cut_short;    /* why not all files were looked at; NULL: all were */
};

/* Takes under a second, however large the package is. preflight_finish() is due. */
void preflight_run(struct preflight *preflight, const struct config *config,
                   struct package *package);
void preflight_finish(struct preflight *preflight);

/*
 * Behind a start that has failed: says why the bootstrap that was looked up last could not be
 * executed (execve's errno 'code') and what to do about it. Empty when there is nothing to add to
 * the errno.
 */
void preflight_explain(const struct config *config, const struct package *package, int code,
                       struct buffer *out);

/* The same when it was the working directory that could not be entered. */
void preflight_explain_cwd(const struct package *package, struct buffer *out);

/* ---- parts of it ---- */

struct preflight_context {
	const struct config *config;
	const struct sandbox_spec *spec;
	const struct view *view;
	const char *architecture;
	bool is_image;
	struct findings *findings;
};

/* Files and folders. Returns why not all were looked at, or NULL. */
const char *preflight_check_files(const struct preflight_context *context);

/* Layers and extensions. */
void preflight_check_layers(const struct preflight_context *context);

/* Ports; 'variables' as the function gets them. */
void preflight_check_ports(const struct preflight_context *context, const char *const *variables);

/* The value of a variable, or NULL. */
const char *preflight_variable(const char *const *variables, const char *name);

#endif
