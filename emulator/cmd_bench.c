/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_bench - cold starts and warm invocations, measured, compared and judged
 *
 * The functions' own output goes nowhere: it would be thousands of lines. When one
 * fails, the end of its log is shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "emulator/bench.h"
#include "emulator/bench_baseline.h"
#include "emulator/bench_export.h"
#include "emulator/bench_forecast.h"
#include "emulator/bench_html.h"
#include "emulator/bench_json.h"
#include "emulator/bench_svg.h"
#include "emulator/bench_table.h"
#include "emulator/bench_usage.h"
#include "emulator/clock.h"
#include "emulator/commands.h"
#include "emulator/event.h"
#include "emulator/log.h"
#include "emulator/metric.h"
#include "emulator/price_file.h"
#include "emulator/service.h"
#include "emulator/threshold.h"
#include "emulator/whole_file.h"
#include "sandbox/fd.h"

/* How far --until-ci may go beyond --cold. */
#define UNTIL_FACTOR 10

/* Of the raw values of a million runs. */
#define BASELINE_LIMIT ((size_t)256 << 20)

#define PRICES_LIMIT ((size_t)1 << 20)

#define BAR_WIDTH 30

/* One function at one memory size. */
struct contender {
	struct config config; /* a copy with that size; its lists are the original's */
	char *name;
	struct buffer event;
	struct workload workload;
};

struct contest {
	struct service service;
	struct contender *contenders;
	struct bench_function *functions; /* as many */
	struct bench_entry *entries;      /* as many */
	size_t count;
	struct bench_baseline *baseline; /* NULL: none */
	struct price_list prices;
	bool has_prices;
	bool shows_progress;
	bool interrupted;
	int signal;
};

static struct contest contest;

/* ---- who takes part ---- */

static size_t count_contenders(const struct config *config)
{
	size_t count = 0;

	for (; config; config = config->bench.rival)
		count += config->bench.memory_count;
	return count;
}

/* What tells this function from the others: its name where one was given, else its bootstrap. */
static char *make_name(const struct config *config)
{
	bool is_named = strcmp(config->function_name, "function") != 0;

	if (is_named || !config->bootstrap)
		return xstrdup(config->function_name);
	return xstrdup(config->bootstrap);
}

static bool add_contender(struct contender *contender, const struct config *config,
                          uint64_t memory_bytes, struct error *err)
{
	contender->config = *config;
	contender->config.memory_bytes = memory_bytes;
	contender->name = make_name(config);
	return event_read(config->event, &contender->event, err);
}

static bool add_contenders(const struct config *config, struct error *err)
{
	contest.count = count_contenders(config);
	contest.contenders = xcalloc(contest.count, sizeof(*contest.contenders));
	contest.functions = xcalloc(contest.count, sizeof(*contest.functions));
	contest.entries = xcalloc(contest.count, sizeof(*contest.entries));
	for (size_t i = 0; i < contest.count; i++) {
		buffer_init(&contest.contenders[i].event);
		measurement_init(&contest.functions[i].measurement);
	}
	struct contender *next = contest.contenders;
	for (; config; config = config->bench.rival) {
		for (size_t i = 0; i < config->bench.memory_count; i++) {
			if (!add_contender(next++, config, config->bench.memories[i], err))
				return false;
		}
	}
	return true;
}

/* Without an architecture it is the machine's own: that is where the numbers come from. */
static bool find_prices(const struct config *config, struct error *err)
{
	struct utsname machine;
	const struct price_list *built_in;
	autobuffer struct buffer text = BUFFER_INIT;

	uname(&machine);
	built_in = price_list_find(config->architecture ? config->architecture : machine.machine);
	if (!built_in && !config->bench.prices)
		return true; /* nobody sells Lambda on such a machine */
	contest.prices = built_in ? *built_in : *price_list_find("x86_64");
	contest.has_prices = true;
	if (!config->bench.prices)
		return true;
	if (!whole_file_read(config->bench.prices, PRICES_LIMIT, &text, err))
		return error_prefix(err, "--prices");
	return price_list_read(text.data, text.length, &contest.prices, err) ||
	       error_prefix(err, "--prices '%s'", config->bench.prices);
}

static bool open_contenders(struct error *err)
{
	for (size_t i = 0; i < contest.count; i++) {
		struct contender *contender = &contest.contenders[i];
		struct bench_function *function = &contest.functions[i];

		if (!workload_init(&contender->workload, &contest.service, &contender->config, err))
			return error_prefix(err, "%s", contender->name);
		function->name = contender->name;
		function->context = &contender->workload.context;
		function->event = contender->event.data;
		function->event_length = contender->event.length;
		contest.entries[i] = (struct bench_entry){
			.name = contender->name,
			.measurement = &function->measurement,
			.memory_bytes = contender->config.memory_bytes,
			.tmp_bytes = contender->config.tmp_bytes,
			.prices = contest.has_prices ? &contest.prices : NULL
		};
	}
	return true;
}

static void close_contenders(void)
{
	for (size_t i = 0; i < contest.count; i++) {
		measurement_finish(&contest.functions[i].measurement);
		workload_finish(&contest.contenders[i].workload);
		buffer_finish(&contest.contenders[i].event);
		free(contest.contenders[i].name);
	}
	free(contest.contenders);
	free(contest.functions);
	free(contest.entries);
}

/* ---- progress ---- */

static void on_turn(const struct bench_ops *ops, size_t turns, size_t all)
{
	int filled = (int)(turns * BAR_WIDTH / all);

	(void)ops;
	if (!contest.shows_progress)
		return;
	fprintf(stderr, "\r[%.*s%*s] %zu of %zu cold starts", filled,
	        "##############################", BAR_WIDTH - filled, "", turns, all);
}

static void clear_progress(void)
{
	if (contest.shows_progress)
		fputs("\r\033[K", stderr);
}

static void on_signal(struct loop_signal *signal)
{
	if (contest.interrupted)
		_exit(128 + signal->number);
	contest.interrupted = true;
	contest.signal = signal->number;
	bench_stop();
}

/* ---- what is printed ---- */

static bool was_measured(void)
{
	for (size_t i = 0; i < contest.count; i++) {
		if (contest.functions[i].measurement.cold_count == 0)
			return false;
	}
	return true;
}

static bool is_sweep(void)
{
	for (size_t i = 1; i < contest.count; i++) {
		if (contest.entries[i].memory_bytes != contest.entries[0].memory_bytes)
			return true;
	}
	return false;
}

static void append_head(struct buffer *out, const struct bench_entry *entry)
{
	const struct measurement *measurement = entry->measurement;

	buffer_append_format(out, "%s, %u MB: %zu cold starts, %zu warm invocations\n", entry->name,
	                     (unsigned)(entry->memory_bytes >> 20), measurement->cold_count,
	                     measurement->warm_count);
}

static void append_tables(struct buffer *out, const struct bench_result *result)
{
	for (size_t i = 0; i < contest.count; i++) {
		append_head(out, &contest.entries[i]);
		bench_table_one(out, &contest.entries[i], result->seed);
		buffer_append_text(out, "\n");
		bench_usage_table(out, &contest.entries[i]);
		buffer_append_text(out, "\n");
	}
	bench_table_all(out, result);
	bench_table_baseline(out, result);
	if (is_sweep()) {
		buffer_append_text(out, "\n");
		bench_table_choice(out, contest.entries, contest.count);
	}
}

/* ---- the gate ---- */

static double figure_of(const double *values, size_t count, const struct threshold *threshold,
                        uint64_t seed)
{
	struct stats stats = stats_of(values, count, seed);

	return statistic_of(&stats, threshold->statistic);
}

static void judge(struct bench_result *result, size_t entry, const struct threshold *threshold)
{
	struct bench_judgement *judgement = &result->judgements[result->judgement_count++];
	struct buffer words = BUFFER_INIT;
	const struct measurement *measurement = result->entries[entry].measurement;
	double value, baseline = NAN;
	size_t count, then_count;
	double *values = metric_values(threshold->metric, measurement, &count);

	value = figure_of(values, count, threshold, result->seed);
	free(values);
	if (result->baseline) {
		const double *then = bench_baseline_values(result->baseline, result, entry,
		                                           threshold->metric, &then_count);
		baseline = figure_of(then, then_count, threshold, result->seed);
	}
	*judgement = (struct bench_judgement){ .threshold = threshold->text, .entry = entry };
	const char *missing = metric_missing(threshold->metric, measurement);
	if (count == 0 && missing)
		judgement->verdict = threshold_give_up(threshold, missing, &words);
	else
		judgement->verdict = threshold_judge(threshold, value,
		                                     result->entries[entry].memory_bytes, baseline,
		                                     &words);
	judgement->words = buffer_steal(&words, NULL);
}

static void judge_all(struct bench_result *result, const struct config_list *thresholds)
{
	result->judgements = xcalloc(thresholds->count * result->count + 1,
	                             sizeof(*result->judgements));
	for (size_t i = 0; i < thresholds->count; i++) {
		struct threshold threshold;
		struct error err;

		if (!threshold_parse(thresholds->items[i], &threshold, &err))
			abort(); /* it was read once already */
		for (size_t entry = 0; entry < result->count; entry++)
			judge(result, entry, &threshold);
	}
}

/* A figure that is not known does not hold. */
static bool all_hold(const struct bench_result *result)
{
	for (size_t i = 0; i < result->judgement_count; i++) {
		if (result->judgements[i].verdict != THRESHOLD_HOLDS)
			return false;
	}
	return true;
}

static void append_judgements(struct buffer *out, const struct bench_result *result)
{
	if (result->judgement_count > 0)
		buffer_append_text(out, "\n");
	for (size_t i = 0; i < result->judgement_count; i++) {
		const struct bench_judgement *judgement = &result->judgements[i];

		buffer_append_format(out, "%s: %s: %s\n",
		                     judgement->verdict == THRESHOLD_HOLDS ? "ok" : "FAILED",
		                     judgement->threshold, judgement->words);
	}
}

static const char *how_to_get_more(enum metric_id metric)
{
	if (metric_runs(metric, 0, 1))
		return ": raise --warm";
	return metric_runs(metric, 2, 0) == 2 ? ": raise --cold" : "";
}

/* A threshold that the planned sample cannot answer is better told before the wait. */
static bool check_thresholds(const struct config *config, struct error *err)
{
	for (size_t i = 0; i < config->bench.fail_if.count; i++) {
		struct threshold threshold;
		const char *text = config->bench.fail_if.items[i];

		if (!threshold_parse(text, &threshold, err))
			return false;
		size_t runs = metric_runs(threshold.metric, config->bench.cold, config->bench.warm);
		size_t needed = statistic_needs(threshold.statistic);
		if (runs < needed)
			return error_set(err, 0,
			                 "--fail-if '%s' takes %zu runs, and there will be %zu%s",
			                 text, needed, runs, how_to_get_more(threshold.metric));
		if (threshold.kind == THRESHOLD_CHANGE && !config->bench.baseline)
			return error_set(err, 0, "--fail-if '%s' takes a --baseline", text);
	}
	return true;
}

/* ---- the command ---- */

static void report_failure(const struct bench_failure *failure)
{
	fflush(stdout);
	log_error("%s failed in its %s invocation of cold start %zu:", failure->function->name,
	          failure->is_warm ? "a warm" : "first", failure->turn);
	fprintf(stderr, "%s\n%s", failure->answer.data, failure->log.data);
}

static void append_forecasts(struct buffer *out, const struct config *config,
                             const struct bench_result *result)
{
	const struct config_bench *bench_config = &config->bench;
	struct traffic traffic;
	size_t count;

	if (!bench_config->traffic || !traffic_parse(bench_config->traffic, &traffic, NULL))
		return;
	const struct bench_scenario scenario = {
		.text = bench_config->traffic,
		.traffic = &traffic,
		.cold_rate = bench_config->has_cold_rate ? bench_config->cold_rate : -1,
		.idle_seconds = (double)bench_config->idle_ms / 1000,
		.provisioned = bench_config->provisioned,
	};
	struct bench_forecast *forecasts = bench_forecast(result, &scenario, &count);
	bench_forecast_table(out, result, &scenario, forecasts, count);
	free(forecasts);
	traffic_finish(&traffic);
}

static bool print(const struct buffer *text, struct error *err)
{
	return (fwrite(text->data, 1, text->length, stdout) == text->length &&
	        fflush(stdout) == 0) ||
	       error_set(err, errno, "write to stdout");
}

static bool print_tables(const struct config *config, const struct bench_result *result,
                         struct error *err)
{
	autobuffer struct buffer text = BUFFER_INIT;

	if (config->json) {
		bench_json(&text, result);
		return print(&text, err);
	}
	append_tables(&text, result);
	append_forecasts(&text, config, result);
	append_judgements(&text, result);
	buffer_append_text(&text,
	                   "\nThese numbers compare runs on this machine; they do not predict "
	                   "AWS.\n");
	if (config->bench.annotate)
		bench_annotations(&text, result);
	return print(&text, err);
}

typedef void exporter(struct buffer *out, const struct bench_result *result);

static bool export(const char *path, exporter *make, const struct bench_result *result,
                   struct error *err)
{
	autobuffer struct buffer text = BUFFER_INIT;

	if (!path)
		return true;
	make(&text, result);
	return whole_file_write(path, &text, err);
}

/* One that fails does not keep the others from being written: each is told. */
static bool export_all(const struct config *config, const struct bench_result *result)
{
	const struct {
		const char *path;
		exporter *make;
	} exports[] = { { config->bench.export_json, bench_json },
		        { config->bench.export_markdown, bench_markdown },
		        { config->bench.export_csv, bench_csv },
		        { config->bench.export_junit, bench_junit },
		        { config->bench.export_prometheus, bench_prometheus },
		        { config->bench.export_svg, bench_svg },
		        { config->bench.export_html, bench_html } };
	bool fine = true;
	struct error err;

	for (size_t i = 0; i < sizeof(exports) / sizeof(exports[0]); i++) {
		if (!export(exports[i].path, exports[i].make, result, &err)) {
			log_error("%s", err.text);
			fine = false;
		}
	}
	return fine;
}

static bool append_summary(const struct config *config, const struct bench_result *result)
{
	autobuffer struct buffer text = BUFFER_INIT;
	struct error err;

	if (!config->bench.step_summary)
		return true;
	bench_markdown(&text, result);
	if (whole_file_append(config->bench.step_summary, &text, &err))
		return true;
	log_error("GITHUB_STEP_SUMMARY: %s", err.text);
	return false;
}

static bool tell_all(const struct config *config, const struct bench_result *result)
{
	struct error err;
	bool fine = print_tables(config, result, &err);

	if (!fine)
		log_error("%s", err.text);
	fine &= export_all(config, result);
	return append_summary(config, result) && fine;
}

static void warn_of_another_machine(const struct bench_result *result)
{
	autobuffer struct buffer words = BUFFER_INIT;

	if (!result->baseline)
		return;
	bench_baseline_differences(result->baseline, result, &words);
	for (char *line = words.data, *end; (end = strchr(line, '\n')); line = end + 1)
		log_warning("%.*s", (int)(end - line), line);
}

static void free_judgements(struct bench_result *result)
{
	for (size_t i = 0; i < result->judgement_count; i++)
		free(result->judgements[i].words);
	free(result->judgements);
}

static int conclude(const struct config *config, const struct bench_failure *failure)
{
	struct bench_result result = { .entries = contest.entries,
		                       .count = contest.count,
		                       .baseline = contest.baseline,
		                       .noise = config->bench.noise,
		                       .seed = config->bench.seed,
		                       .commit = config->bench.commit,
		                       .host = contest.service.host,
		                       .is_partial = failure->function || contest.interrupted };
	bool told = true, passed = true;

	clear_progress();
	bench_result_describe_machine(&result);
	if (was_measured()) {
		warn_of_another_machine(&result);
		if (!result.is_partial)
			judge_all(&result, &config->bench.fail_if);
		passed = all_hold(&result);
		told = tell_all(config, &result);
		free_judgements(&result);
	}
	if (failure->function) {
		report_failure(failure);
		return EXIT_FUNCTION_FAILED;
	}
	if (contest.interrupted)
		return 128 + contest.signal;
	return !told ? EXIT_USAGE : passed ? EXIT_FINE : EXIT_GATE_BROKEN;
}

static int run(const struct config *config)
{
	const struct bench_plan plan = { .cold = config->bench.cold,
		                         .warm = config->bench.warm,
		                         .limit_ns = config->bench.max_time_ms * CLOCK_NS_PER_MS,
		                         .until = config->bench.until_ci,
		                         .most = config->bench.cold * UNTIL_FACTOR,
		                         .seed = config->bench.seed };
	const struct bench_ops ops = { .on_turn = on_turn };
	struct bench_failure failure;
	struct error err;

	if (!service_watch_signals(&contest.service, on_signal, &err))
		log_warning("%s", err.text);
	bench_run(contest.functions, contest.count, &plan, &ops, &failure);
	int code = conclude(config, &failure);
	bench_failure_finish(&failure);
	return code;
}

static int fail(const struct error *err)
{
	log_error("%s", err->text);
	return EXIT_USAGE;
}

static bool read_baseline(const char *path, struct error *err)
{
	autobuffer struct buffer text = BUFFER_INIT;

	if (!whole_file_read(path, BASELINE_LIMIT, &text, err))
		return error_prefix(err, "--baseline");
	contest.baseline = bench_baseline_read(text.data, text.length, err);
	return contest.baseline || error_prefix(err, "--baseline '%s'", path);
}

int cmd_bench(const struct config *config)
{
	autoclose int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct error err;
	int code;

	if (!check_thresholds(config, &err))
		return fail(&err);
	if (!find_prices(config, &err))
		return fail(&err);
	if (config->bench.baseline && !read_baseline(config->bench.baseline, &err))
		return fail(&err);
	contest.shows_progress = isatty(STDERR_FILENO);
	code = add_contenders(config, &err) ? EXIT_FINE : fail(&err);
	if (code == EXIT_FINE)
		code = service_open(&contest.service, config, nowhere);
	if (code == EXIT_FINE)
		code = open_contenders(&err) ? run(config) : fail(&err);
	close_contenders();
	bench_baseline_destroy(contest.baseline);
	service_finish(&contest.service);
	return code;
}
