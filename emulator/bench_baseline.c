/* SPDX-License-Identifier: Apache-2.0 */
/* bench_baseline - what an earlier benchmark measured */
#include "emulator/bench_baseline.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/json.h"

#define MEGABYTE ((double)(1 << 20))

struct column {
	double *values;
	size_t count;
};

struct baseline_function {
	char *name;
	double memory_mb;
	struct column columns[METRIC_COUNT];
};

struct bench_baseline {
	struct baseline_function *functions;
	size_t count;
	char *kernel, *architecture; /* NULL: not told */
	double cpus;                 /* 0: not told */
	char *walls;                 /* names of those that stood, in order */
};

/* ---- reading ---- */

static char *copy_text(const struct json *json)
{
	return xstrdup_if(json_text(json));
}

static bool read_values(const struct json *array, struct column *column)
{
	size_t count = json_length(array);

	column->values = xcalloc(count + 1, sizeof(*column->values));
	for (size_t i = 0; i < count; i++) {
		if (!json_number(json_item(array, i), &column->values[column->count]))
			return false;
		column->count++;
	}
	return true;
}

static bool read_function(const struct json *json, struct baseline_function *function,
                          struct error *err)
{
	const struct json *metrics = json_member(json, "metrics");

	function->name = copy_text(json_member(json, "name"));
	if (!function->name || !json_number(json_member(json, "memory_mb"), &function->memory_mb))
		return error_set(err, 0, "a function has no name or no memory_mb");
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		const struct json *metric = json_member(metrics, metric_table[i].name);

		if (!read_values(json_member(metric, "values"), &function->columns[i]))
			return error_set(err, 0, "%s of '%s' has a value that is no number",
			                 metric_table[i].name, function->name);
	}
	return true;
}

static bool read_functions(const struct json *json, struct bench_baseline *baseline,
                           struct error *err)
{
	const struct json *functions = json_member(json, "functions");
	size_t count = json_length(functions);

	if (count == 0)
		return error_set(err, 0, "it has no functions");
	baseline->functions = xcalloc(count, sizeof(*baseline->functions));
	for (size_t i = 0; i < count; i++) {
		baseline->count++;
		if (!read_function(json_item(functions, i), &baseline->functions[i], err))
			return false;
	}
	return true;
}

static char *name_standing_walls(const struct json *walls)
{
	struct buffer names = BUFFER_INIT;

	for (size_t i = 0; i < json_length(walls); i++) {
		const struct json *wall = json_item(walls, i);
		const char *name = json_text(json_member(wall, "name"));
		const char *enforced = json_text(json_member(wall, "enforced"));

		if (name && enforced && strcmp(enforced, "no") != 0)
			buffer_append_format(&names, "%s%s", names.length ? ", " : "", name);
	}
	return buffer_steal(&names, NULL);
}

static void read_machine(const struct json *json, struct bench_baseline *baseline)
{
	const struct json *machine = json_member(json, "machine");

	baseline->kernel = copy_text(json_member(machine, "kernel"));
	baseline->architecture = copy_text(json_member(machine, "architecture"));
	json_number(json_member(machine, "cpus"), &baseline->cpus);
	baseline->walls = name_standing_walls(json_member(json, "walls"));
}

static bool check_schema(const struct json *json, struct error *err)
{
	double version;

	if (!json_number(json_member(json, "schema_version"), &version))
		return error_set(err, 0,
		                 "it is no export of lrie bench: schema_version is missing");
	return (version >= 1 && version <= BENCH_SCHEMA_VERSION) ||
	       error_set(err, 0, "its schema_version is %g, and this lrie reads 1 to %d", version,
	                 BENCH_SCHEMA_VERSION);
}

struct bench_baseline *bench_baseline_read(const char *text, size_t length, struct error *err)
{
	struct json *json = json_read(text, length, err);
	struct bench_baseline *baseline = xcalloc(1, sizeof(*baseline));
	bool fine = json && check_schema(json, err) && read_functions(json, baseline, err);

	if (fine)
		read_machine(json, baseline);
	json_destroy(json);
	if (fine)
		return baseline;
	bench_baseline_destroy(baseline);
	return NULL;
}

void bench_baseline_destroy(struct bench_baseline *baseline)
{
	if (!baseline)
		return;
	for (size_t i = 0; i < baseline->count; i++) {
		for (unsigned metric = 0; metric < METRIC_COUNT; metric++)
			free(baseline->functions[i].columns[metric].values);
		free(baseline->functions[i].name);
	}
	free(baseline->functions);
	free(baseline->kernel);
	free(baseline->architecture);
	free(baseline->walls);
	free(baseline);
}

/* ---- looking up ---- */

static const struct baseline_function *find_function(const struct bench_baseline *baseline,
                                                     const struct bench_result *result,
                                                     size_t entry)
{
	for (size_t i = 0; i < baseline->count; i++) {
		const struct baseline_function *function = &baseline->functions[i];
		double memory_mb = (double)result->entries[entry].memory_bytes / MEGABYTE;

		if (strcmp(function->name, result->entries[entry].name) == 0 &&
		    function->memory_mb == memory_mb)
			return function;
	}
	return baseline->count == 1 && result->count == 1 ? baseline->functions : NULL;
}

const double *bench_baseline_values(const struct bench_baseline *baseline,
                                    const struct bench_result *result, size_t entry,
                                    enum metric_id metric, size_t *count)
{
	const struct baseline_function *function = find_function(baseline, result, entry);

	*count = function ? function->columns[metric].count : 0;
	return *count > 0 ? function->columns[metric].values : NULL;
}

/* ---- another machine ---- */

static void append_difference(struct buffer *out, const char *what, const char *then,
                              const char *now)
{
	if (then && strcmp(then, now) != 0)
		buffer_append_format(out, "the baseline's %s: %s, and now: %s\n", what, then, now);
}

static char *name_walls(const struct sandbox_host *host)
{
	struct buffer names = BUFFER_INIT;

	for (int wall = 0; host && wall < SANDBOX_WALL_COUNT; wall++) {
		if (sandbox_host_wall(host, (enum sandbox_wall)wall)->standing != SANDBOX_NO)
			buffer_append_format(&names, "%s%s", names.length ? ", " : "",
			                     sandbox_wall_name((enum sandbox_wall)wall));
	}
	return buffer_steal(&names, NULL);
}

void bench_baseline_differences(const struct bench_baseline *baseline,
                                const struct bench_result *result, struct buffer *out)
{
	char *walls = name_walls(result->host);

	append_difference(out, "architecture", baseline->architecture,
	                  result->machine.architecture);
	append_difference(out, "kernel", baseline->kernel, result->machine.kernel);
	if (baseline->cpus > 0 && baseline->cpus != result->machine.cpus)
		buffer_append_format(out, "the baseline's CPUs: %g, and now: %u\n", baseline->cpus,
		                     result->machine.cpus);
	append_difference(out, "walls", baseline->walls, walls);
	free(walls);
}
