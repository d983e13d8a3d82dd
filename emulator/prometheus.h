/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prometheus - the text format that Prometheus and its kin read, version 0.0.4.
 *
 * Only what has to be escaped or repeated; a sample is a line of its own, which whoever
 * has the number writes. Source: Prometheus documentation, "Exposition formats".
 */
#ifndef EMULATOR_PROMETHEUS_H
#define EMULATOR_PROMETHEUS_H

#include "emulator/buffer.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What comes before the samples of a family. 'type' is "counter", "gauge", "histogram"; 'help'
 * is a sentence of ours, without anything to escape. */
void prometheus_family(struct buffer *out, const char *name, const char *type, const char *help);

/* A label with its value, which may be any bytes: name="value". */
void prometheus_label(struct buffer *out, const char *name, const char *value);

#endif
