/* SPDX-License-Identifier: Apache-2.0 */
/* emf - the Embedded Metric Format of CloudWatch */
#include "emulator/emf.h"

#include <stdio.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/json.h"

#define METRICS_LIMIT 100
#define VALUES_LIMIT 100
#define DIMENSIONS_LIMIT 30
#define NAME_LIMIT 255 /* MetricName, Namespace, and the name of a dimension */
#define DIMENSION_VALUE_LIMIT 1024

/* Of one line; what has more is not looked at, since the tree of a megabyte of brackets would
 * take a hundred. 100 metrics of 100 values each are half of it. */
#define VALUES_OF_LINE 20000

/* What CloudWatch takes: two weeks back, two hours ahead. */
#define PAST_LIMIT_MS ((double)14 * 24 * 3600 * 1000)
#define FUTURE_LIMIT_MS ((double)2 * 3600 * 1000)

static const char *const units[] = {
	"Seconds",
	"Microseconds",
	"Milliseconds",
	"Bytes",
	"Kilobytes",
	"Megabytes",
	"Gigabytes",
	"Terabytes",
	"Bits",
	"Kilobits",
	"Megabits",
	"Gigabits",
	"Terabits",
	"Percent",
	"Count",
	"Bytes/Second",
	"Kilobytes/Second",
	"Megabytes/Second",
	"Gigabytes/Second",
	"Terabytes/Second",
	"Bits/Second",
	"Kilobits/Second",
	"Megabits/Second",
	"Gigabits/Second",
	"Terabits/Second",
	"Count/Second",
	"None",
};

/* The line that is being checked. */
struct check {
	const struct json *root;
	uint64_t wall_ms;
	struct error *reason;
};

static enum emf_verdict fail(const struct check *check, enum emf_verdict verdict,
                             const char *format, ...) PRINTF_LIKE(3, 4);

static enum emf_verdict fail(const struct check *check, enum emf_verdict verdict,
                             const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	check->reason->code = 0;
	vsnprintf(check->reason->text, sizeof(check->reason->text), format, arguments);
	va_end(arguments);
	return verdict;
}

static bool is_name(const char *text)
{
	return text && *text && strlen(text) <= NAME_LIMIT;
}

/* ---- dimensions ---- */

static enum emf_verdict check_dimension(const struct check *check, const struct json *name_json)
{
	const char *name = json_text(name_json);
	const char *value;

	if (!is_name(name))
		return fail(check, EMF_BAD_DIMENSIONS,
		            "the name of a dimension is not a text of 1 to %d characters",
		            NAME_LIMIT);
	value = json_text(json_member(check->root, name));
	if (!value)
		return fail(check, EMF_MISSING_DIMENSION,
		            "the dimension '%.100s' is no member of the line with a text", name);
	if (!*value || strlen(value) > DIMENSION_VALUE_LIMIT)
		return fail(check, EMF_MISSING_DIMENSION,
		            "the value of dimension '%.100s' has not 1 to %d characters", name,
		            DIMENSION_VALUE_LIMIT);
	return EMF_VALID;
}

static enum emf_verdict check_dimension_set(const struct check *check, const struct json *set)
{
	enum emf_verdict verdict = EMF_VALID;
	size_t count = json_length(set);

	if (!json_is_array(set))
		return fail(check, EMF_BAD_DIMENSIONS, "Dimensions is not an array of arrays");
	if (count > DIMENSIONS_LIMIT)
		return fail(check, EMF_TOO_MANY_DIMENSIONS,
		            "a set of %zu dimensions, and CloudWatch takes %d", count,
		            DIMENSIONS_LIMIT);
	for (size_t i = 0; i < count && verdict == EMF_VALID; i++)
		verdict = check_dimension(check, json_item(set, i));
	return verdict;
}

static enum emf_verdict check_dimensions(const struct check *check, const struct json *dimensions)
{
	enum emf_verdict verdict = EMF_VALID;

	if (!json_is_array(dimensions))
		return fail(check, EMF_BAD_DIMENSIONS, "a directive has no array Dimensions");
	for (size_t i = 0; i < json_length(dimensions) && verdict == EMF_VALID; i++)
		verdict = check_dimension_set(check, json_item(dimensions, i));
	return verdict;
}

/* ---- metrics ---- */

static bool is_unit(const char *text)
{
	for (size_t i = 0; text && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i], text) == 0)
			return true;
	return false;
}

static enum emf_verdict check_value(const struct check *check, const char *name)
{
	const struct json *value = json_member(check->root, name);
	size_t count = json_length(value);
	double number;

	if (json_number(value, &number))
		return EMF_VALID;
	if (!json_is_array(value) || count == 0)
		return fail(check, EMF_MISSING_VALUE,
		            "the metric '%.100s' is no member of the line with a number", name);
	if (count > VALUES_LIMIT)
		return fail(check, EMF_TOO_MANY_VALUES,
		            "the metric '%.100s' has %zu values, and CloudWatch takes %d", name,
		            count, VALUES_LIMIT);
	for (size_t i = 0; i < count; i++)
		if (!json_number(json_item(value, i), &number))
			return fail(check, EMF_MISSING_VALUE,
			            "a value of the metric '%.100s' is no number", name);
	return EMF_VALID;
}

static enum emf_verdict check_metric(const struct check *check, const struct json *metric)
{
	const char *name = json_text(json_member(metric, "Name"));
	const struct json *unit = json_member(metric, "Unit");
	const struct json *resolution = json_member(metric, "StorageResolution");
	double seconds;

	if (!is_name(name))
		return fail(check, EMF_BAD_METRICS,
		            "a metric has no Name, or none of 1 to %d characters", NAME_LIMIT);
	if (unit && !is_unit(json_text(unit)))
		return fail(check, EMF_BAD_UNIT,
		            "the metric '%.100s' has a Unit that CloudWatch does not know: '%.50s'",
		            name, json_text(unit) ? json_text(unit) : "(no text)");
	if (resolution && (!json_number(resolution, &seconds) || (seconds != 1 && seconds != 60)))
		return fail(check, EMF_BAD_RESOLUTION,
		            "the metric '%.100s' has a StorageResolution that is not 1 or 60",
		            name);
	return check_value(check, name);
}

static enum emf_verdict check_metrics(const struct check *check, const struct json *metrics)
{
	enum emf_verdict verdict = EMF_VALID;
	size_t count = json_length(metrics);

	if (!json_is_array(metrics))
		return fail(check, EMF_BAD_METRICS, "a directive has no array Metrics");
	if (count > METRICS_LIMIT)
		return fail(check, EMF_TOO_MANY_METRICS,
		            "a directive of %zu metrics, and CloudWatch takes %d", count,
		            METRICS_LIMIT);
	for (size_t i = 0; i < count && verdict == EMF_VALID; i++)
		verdict = check_metric(check, json_item(metrics, i));
	return verdict;
}

/* ---- the line ---- */

static enum emf_verdict check_directive(const struct check *check, const struct json *directive)
{
	enum emf_verdict verdict;

	if (!is_name(json_text(json_member(directive, "Namespace"))))
		return fail(check, EMF_BAD_NAMESPACE,
		            "a directive has no Namespace, or none of 1 to %d characters",
		            NAME_LIMIT);
	verdict = check_dimensions(check, json_member(directive, "Dimensions"));
	if (verdict == EMF_VALID)
		verdict = check_metrics(check, json_member(directive, "Metrics"));
	return verdict;
}

static enum emf_verdict check_timestamp(const struct check *check, const struct json *timestamp)
{
	double ms;

	if (!json_number(timestamp, &ms) || ms < 0 || !json_is_whole(ms))
		return fail(check, EMF_BAD_TIMESTAMP,
		            "the Timestamp is not a whole number of milliseconds since 1970");
	if (ms < (double)check->wall_ms - PAST_LIMIT_MS)
		return fail(check, EMF_BAD_TIMESTAMP, "the Timestamp is more than two weeks ago%s",
		            ms < 1e11 ? ": it is in milliseconds, not seconds" : "");
	if (ms > (double)check->wall_ms + FUTURE_LIMIT_MS)
		return fail(check, EMF_BAD_TIMESTAMP,
		            "the Timestamp is more than two hours ahead%s",
		            ms > 1e14 ? ": it is in milliseconds" : "");
	return EMF_VALID;
}

static enum emf_verdict check_root(const struct check *check)
{
	const struct json *metadata = json_member(check->root, "_aws");
	const struct json *directives = json_member(metadata, "CloudWatchMetrics");
	enum emf_verdict verdict;

	/* It may be in a text, or in something else's metadata. */
	if (!metadata)
		return EMF_NONE;
	if (!json_is_object(metadata) || !json_is_array(directives))
		return fail(check, EMF_BAD_METADATA, "_aws has no array CloudWatchMetrics");
	verdict = check_timestamp(check, json_member(metadata, "Timestamp"));
	for (size_t i = 0; i < json_length(directives) && verdict == EMF_VALID; i++)
		verdict = check_directive(check, json_item(directives, i));
	return verdict;
}

bool emf_may_be(const char *line, size_t length)
{
	static const char mark[] = "\"_aws\"";

	return memmem(line, length, mark, sizeof(mark) - 1);
}

enum emf_verdict emf_check(const char *line, size_t length, uint64_t wall_ms, struct error *reason)
{
	const char *begin = memchr(line, '{', length);
	struct check check = { .wall_ms = wall_ms, .reason = reason };
	enum emf_verdict verdict;
	struct error err;
	struct json *root;

	if (!begin || !emf_may_be(line, length))
		return EMF_NONE;
	if (length > EMF_LINE_LIMIT)
		return fail(&check, EMF_TOO_LONG,
		            "a line of %zu bytes, and a log event has at most %zu", length,
		            EMF_LINE_LIMIT);
	if (json_count_values(line, length) > VALUES_OF_LINE)
		return EMF_NONE;
	root = json_read(begin, length - (size_t)(begin - line), &err);
	if (!root)
		return fail(&check, EMF_NO_JSON, "it is not one JSON object: %s", err.text);
	check.root = root;
	verdict = check_root(&check);
	json_destroy(root);
	return verdict;
}

/* ---- lrie's own ---- */

static void append_definition(struct buffer *out, const char *name, const char *unit)
{
	json_array_item(out);
	json_object_text(out, "Name", name);
	json_object_text(out, "Unit", unit);
	json_object_end(out);
}

/* Directives that name what the line has, and nothing else. */
static void append_metadata(struct buffer *out, const struct emf_record *record)
{
	json_object_open(out, "_aws");
	json_object_number(out, "Timestamp", record->wall_ms);
	json_array_open(out, "CloudWatchMetrics");
	json_array_item(out);
	json_object_text(out, "Namespace", "lrie");
	json_array_open(out, "Dimensions");
	json_array_nest(out);
	json_array_text(out, "FunctionName");
	json_array_end(out);
	json_array_end(out);
	json_array_open(out, "Metrics");
	append_definition(out, "Duration", "Milliseconds");
	append_definition(out, "BilledDuration", "Milliseconds");
	append_definition(out, "ColdStart", "Count");
	append_definition(out, "Errors", "Count");
	if (record->init_ns > 0)
		append_definition(out, "InitDuration", "Milliseconds");
	if (record->memory_peak_bytes > 0)
		append_definition(out, "MaxMemoryUsed", "Bytes");
	json_array_end(out);
	json_object_end(out);
	json_array_end(out);
	json_object_end(out);
}

void emf_append(struct buffer *out, const struct emf_record *record)
{
	json_object_begin(out);
	append_metadata(out, record);
	json_object_text(out, "FunctionName", record->function_name);
	json_object_text(out, "FunctionVersion", record->version);
	json_object_text(out, "RequestId", record->request_id);
	json_object_decimal(out, "Duration", record->duration_ns / CLOCK_NS_PER_US);
	json_object_number(out, "BilledDuration", record->billed_ms);
	json_object_number(out, "ColdStart", record->is_cold);
	json_object_number(out, "Errors", record->error_type != NULL);
	if (record->init_ns > 0)
		json_object_decimal(out, "InitDuration", record->init_ns / CLOCK_NS_PER_US);
	json_object_number(out, "MemorySize", record->memory_bytes);
	if (record->memory_peak_bytes > 0)
		json_object_number(out, "MaxMemoryUsed", record->memory_peak_bytes);
	if (record->error_type)
		json_object_text(out, "ErrorType", record->error_type);
	json_object_end(out);
	buffer_append_text(out, "\n");
}
