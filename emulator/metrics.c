/* SPDX-License-Identifier: Apache-2.0 */
/* metrics - what happened to a function since lrie started */
#include "emulator/metrics.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "emulator/clock.h"

#define US CLOCK_NS_PER_US
#define MS CLOCK_NS_PER_MS
#define S CLOCK_NS_PER_S

const uint64_t metrics_bounds_ns[METRICS_BUCKETS] = {
	100 * US, 250 * US, 500 * US, 1 * MS,   2500 * US, 5 * MS,  10 * MS,
	25 * MS,  50 * MS,  100 * MS, 250 * MS, 500 * MS,  1 * S,   2500 * MS,
	5 * S,    10 * S,   30 * S,   60 * S,   120 * S,   300 * S, 900 * S,
};

const char *metrics_error_type(const struct fault *fault, bool is_error)
{
	if (fault && fault->status != FAULT_NONE)
		return fault->type;
	return is_error ? METRICS_UNHANDLED : NULL;
}

static void add_duration(struct metrics_histogram *histogram, uint64_t duration_ns)
{
	unsigned at = 0;

	while (at < METRICS_BUCKETS && duration_ns > metrics_bounds_ns[at])
		at++;
	histogram->buckets[at]++;
	histogram->count++;
	histogram->sum_ns += duration_ns;
}

static void add_type(struct metrics_types *types, const char *type)
{
	unsigned at = 0;

	/* Longer ones are cut, and are the same again the next time. */
	while (at < types->count &&
	       strncmp(types->items[at].type, type, sizeof(types->items[at].type) - 1) != 0)
		at++;
	if (at == METRICS_TYPES) {
		types->others++;
		return;
	}
	if (at == types->count)
		snprintf(types->items[types->count++].type, sizeof(types->items[at].type), "%s",
		         type);
	types->items[at].count++;
}

void metrics_count_invocation(struct metrics *metrics, const struct metrics_invocation *invocation)
{
	if (!metrics)
		return;
	add_duration(&metrics->invoke[invocation->start], invocation->duration_ns);
	metrics->billed_ms += invocation->billed_ms;
	if (invocation->memory_peak_bytes > metrics->memory_peak_bytes)
		metrics->memory_peak_bytes = invocation->memory_peak_bytes;
	if (invocation->error_type)
		add_type(&metrics->errors, invocation->error_type);
}

uint64_t metrics_mean_duration_ns(const struct metrics *metrics)
{
	uint64_t sum_ns = 0, count = 0;

	for (unsigned i = 0; i < METRICS_START_COUNT; i++) {
		sum_ns += metrics->invoke[i].sum_ns;
		count += metrics->invoke[i].count;
	}
	return count ? sum_ns / count : 0;
}

void metrics_count_throttle(struct metrics *metrics, enum metrics_throttle throttle)
{
	if (metrics)
		metrics->throttles[throttle]++;
}

void metrics_count_environment(struct metrics *metrics)
{
	if (metrics)
		metrics->environments++;
}

void metrics_count_setup(struct metrics *metrics, uint64_t duration_ns)
{
	if (metrics)
		add_duration(&metrics->setup, duration_ns);
}

void metrics_count_init(struct metrics *metrics, uint64_t duration_ns)
{
	if (metrics)
		add_duration(&metrics->init, duration_ns);
}

void metrics_count_init_error(struct metrics *metrics, const char *type)
{
	if (metrics)
		add_type(&metrics->init_errors, type);
}

void metrics_count_extension_error(struct metrics *metrics, const char *type)
{
	if (metrics)
		add_type(&metrics->extension_errors, type);
}

void metrics_count_restore(struct metrics *metrics, uint64_t duration_ns)
{
	if (metrics)
		add_duration(&metrics->restore, duration_ns);
}

void metrics_count_restore_error(struct metrics *metrics, const char *type)
{
	if (metrics)
		add_type(&metrics->restore_errors, type);
}

void metrics_count_emf(struct metrics *metrics, bool is_valid)
{
	if (!metrics)
		return;
	metrics->emf_valid += is_valid;
	metrics->emf_invalid += !is_valid;
}

void metrics_count_xray(struct metrics *metrics, bool is_valid)
{
	if (!metrics)
		return;
	metrics->xray_valid += is_valid;
	metrics->xray_invalid += !is_valid;
}
