/* SPDX-License-Identifier: Apache-2.0 */
/* bench_gate - what a benchmark must hold, held against what was measured */
#include "emulator/bench_gate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/bench_baseline.h"
#include "emulator/bench_table.h"

/* ---- before it runs ---- */

static const char *how_to_get_more(enum metric_id metric)
{
	if (metric_runs(metric, 0, 1))
		return ": raise --warm";
	return metric_runs(metric, 2, 0) == 2 ? ": raise --cold" : "";
}

static bool check_runs(const struct threshold *threshold, const struct bench_outlook *outlook,
                       struct error *err)
{
	size_t runs = metric_runs(threshold->metric, outlook->cold, outlook->warm);
	size_t needed = statistic_needs(threshold->statistic);

	return runs >= needed ||
	       error_set(err, 0, "--fail-if '%s' takes %zu runs, and there will be %zu%s",
	                 threshold->text, needed, runs, how_to_get_more(threshold->metric));
}

static bool check_name(const struct threshold *threshold, const struct bench_entry *entries,
                       size_t count, struct error *err)
{
	autobuffer struct buffer names = BUFFER_INIT;

	for (size_t i = 0; i < count; i++) {
		if (threshold_is_about(threshold, entries[i].name))
			return true;
		buffer_append_format(&names, "%s'%s'", i > 0 ? ", " : "", entries[i].name);
	}
	return error_set(err, 0, "--fail-if '%s': no function is called '%.*s' (there are %s)",
	                 threshold->text, (int)threshold->function_length, threshold->function,
	                 names.data);
}

/* Sizes of one function are not what a change is about. */
static bool is_first(const struct bench_entry *entries, size_t at)
{
	return strcmp(entries[at].name, entries[0].name) == 0;
}

static bool has_others(const struct bench_entry *entries, size_t count)
{
	return count > 0 && !is_first(entries, count - 1);
}

static bool check_threshold(const char *text, const struct bench_entry *entries, size_t count,
                            const struct bench_outlook *outlook, struct error *err)
{
	struct threshold threshold;

	if (!threshold_parse(text, &threshold, err))
		return false;
	if (!check_runs(&threshold, outlook, err) || !check_name(&threshold, entries, count, err))
		return false;
	return threshold.kind != THRESHOLD_CHANGE || outlook->has_baseline ||
	       has_others(entries, count) ||
	       error_set(err, 0, "--fail-if '%s' takes a --baseline, or another function", text);
}

bool bench_gate_check(const struct bench_entry *entries, size_t count,
                      const struct bench_outlook *outlook, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct config_list *thresholds = entries[i].thresholds;

		for (size_t j = 0; thresholds && j < thresholds->count; j++) {
			if (!check_threshold(thresholds->items[j], entries, count, outlook, err))
				return false;
		}
	}
	return true;
}

/* ---- when it has run ---- */

static double figure_of(const double *values, size_t count, const struct threshold *threshold)
{
	struct stats stats = stats_figures(values, count);

	return statistic_of(&stats, threshold->statistic);
}

static double measured_figure(const struct bench_result *result, size_t entry,
                              const struct threshold *threshold)
{
	size_t count;
	double *values = metric_values(threshold->metric, result->entries[entry].measurement,
	                               &count);
	double figure = figure_of(values, count, threshold);

	free(values);
	return figure;
}

/* The first function at the size of that entry, or at the only size that it has; else 'count'. */
static size_t find_first(const struct bench_result *result, size_t entry)
{
	size_t sizes = 0;

	while (sizes < result->count && is_first(result->entries, sizes)) {
		if (result->entries[sizes].memory_bytes == result->entries[entry].memory_bytes)
			return sizes;
		sizes++;
	}
	return sizes == 1 ? 0 : result->count;
}

/* Without a baseline the first function is one for the others, and measured in turns with them. */
static struct threshold_reference refer(const struct bench_result *result, size_t entry,
                                        const struct threshold *threshold)
{
	struct threshold_reference reference = { .value = NAN, .name = "the baseline" };
	size_t count, first;

	if (result->baseline) {
		const double *values = bench_baseline_values(result->baseline, result, entry,
		                                             threshold->metric, &count);
		reference.value = figure_of(values, count, threshold);
		return reference;
	}
	first = find_first(result, entry);
	reference.name = result->entries[0].name;
	if (first < result->count)
		reference.value = measured_figure(result, first, threshold);
	return reference;
}

static bool is_judged(const struct bench_result *result, size_t entry,
                      const struct threshold *threshold)
{
	if (!threshold_is_about(threshold, result->entries[entry].name))
		return false;
	return threshold->kind != THRESHOLD_CHANGE || result->baseline ||
	       !is_first(result->entries, entry);
}

/* What no machine or no run could tell is given up with its reason. */
static enum threshold_verdict weigh(const struct bench_result *result, size_t at,
                                    const struct threshold *threshold, struct buffer *words)
{
	const struct bench_entry *entry = &result->entries[at];
	const struct threshold_reference reference = refer(result, at, threshold);
	const char *missing = metric_missing(threshold->metric, entry->measurement);
	double value = measured_figure(result, at, threshold);

	if (isnan(value) && missing)
		return threshold_give_up(threshold, missing, words);
	return threshold_judge(threshold, value, entry->memory_bytes, &reference, words);
}

static void judge(struct bench_result *result, size_t entry, const char *text)
{
	struct bench_judgement *judgement = &result->judgements[result->judgement_count];
	struct buffer words = BUFFER_INIT;
	struct threshold threshold;
	struct error err;

	if (!threshold_parse(text, &threshold, &err))
		abort(); /* it was read once already */
	if (!is_judged(result, entry, &threshold))
		return;
	result->judgement_count++;
	*judgement = (struct bench_judgement){ .threshold = text, .entry = entry };
	judgement->verdict = weigh(result, entry, &threshold, &words);
	judgement->words = buffer_steal(&words, NULL);
}

static size_t count_thresholds(const struct bench_result *result)
{
	size_t count = 0;

	for (size_t i = 0; i < result->count; i++) {
		if (result->entries[i].thresholds)
			count += result->entries[i].thresholds->count;
	}
	return count;
}

void bench_gate_judge(struct bench_result *result)
{
	result->judgements = xcalloc(count_thresholds(result) + 1, sizeof(*result->judgements));
	for (size_t i = 0; i < result->count; i++) {
		const struct config_list *thresholds = result->entries[i].thresholds;

		for (size_t j = 0; thresholds && j < thresholds->count; j++)
			judge(result, i, thresholds->items[j]);
	}
}

void bench_gate_finish(struct bench_result *result)
{
	for (size_t i = 0; i < result->judgement_count; i++)
		free(result->judgements[i].words);
	free(result->judgements);
	result->judgements = NULL;
	result->judgement_count = 0;
}

bool bench_gate_holds(const struct bench_result *result)
{
	for (size_t i = 0; i < result->judgement_count; i++) {
		if (result->judgements[i].verdict != THRESHOLD_HOLDS)
			return false;
	}
	return true;
}

/* Of several functions each line names its own. */
void bench_gate_table(struct buffer *out, const struct bench_result *result)
{
	if (result->judgement_count > 0)
		buffer_append_text(out, "\n");
	for (size_t i = 0; i < result->judgement_count; i++) {
		const struct bench_judgement *judgement = &result->judgements[i];

		buffer_append_text(out,
		                   judgement->verdict == THRESHOLD_HOLDS ? "ok: " : "FAILED: ");
		if (result->count > 1) {
			const struct bench_entry *entry = &result->entries[judgement->entry];
			bench_table_whole_name(out, entry->name);
			buffer_append_format(out,
			                     ", %u MB: ", (unsigned)(entry->memory_bytes >> 20));
		}
		buffer_append_format(out, "%s: %s\n", judgement->threshold, judgement->words);
	}
}
