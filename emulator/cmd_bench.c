/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_bench - cold starts and warm invocations, measured, compared and judged
 *
 * The functions' own output goes nowhere: it would be thousands of lines. When one
 * fails, the end of its log is shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/bench_baseline.h"
#include "emulator/bench_export.h"
#include "emulator/bench_forecast.h"
#include "emulator/bench_gate.h"
#include "emulator/bench_html.h"
#include "emulator/bench_json.h"
#include "emulator/bench_svg.h"
#include "emulator/bench_table.h"
#include "emulator/bench_usage.h"
#include "emulator/clock.h"
#include "emulator/commands.h"
#include "emulator/contest.h"
#include "emulator/log.h"
#include "emulator/whole_file.h"
#include "sandbox/fd.h"

/* How far --until-ci may go beyond --cold. */
#define UNTIL_FACTOR 10

/* Of the raw values of a million runs. */
#define BASELINE_LIMIT ((size_t)256 << 20)

#define BAR_WIDTH 30

static struct {
	struct service service;
	struct contest contest;
	struct bench_baseline *baseline; /* NULL: none */
	bool shows_progress;
	bool interrupted;
	int signal;
} bench;

/* ---- progress ---- */

static void on_turn(const struct bench_ops *ops, size_t turns, size_t all)
{
	int filled = (int)(turns * BAR_WIDTH / all);

	(void)ops;
	if (!bench.shows_progress)
		return;
	fprintf(stderr, "\r[%.*s%*s] %zu of %zu cold starts", filled,
	        "##############################", BAR_WIDTH - filled, "", turns, all);
}

static void clear_progress(void)
{
	if (bench.shows_progress)
		fputs("\r\033[K", stderr);
}

static void on_signal(struct loop_signal *signal)
{
	if (bench.interrupted)
		_exit(128 + signal->number);
	bench.interrupted = true;
	bench.signal = signal->number;
	bench_stop();
}

/* ---- what is printed ---- */

static bool is_sweep(const struct bench_result *result)
{
	for (size_t i = 1; i < result->count; i++) {
		if (result->entries[i].memory_bytes != result->entries[0].memory_bytes)
			return true;
	}
	return false;
}

static void append_head(struct buffer *out, const struct bench_entry *entry)
{
	const struct measurement *measurement = entry->measurement;

	bench_table_whole_name(out, entry->name);
	buffer_append_format(out, ", %u MB: %zu cold starts, %zu warm invocations\n",
	                     (unsigned)(entry->memory_bytes >> 20), measurement->cold_count,
	                     measurement->warm_count);
}

static bool has_told(const struct bench_result *result, size_t before, const char *prices)
{
	for (size_t i = 0; i < before; i++) {
		if (result->entries[i].prices &&
		    strcmp(result->entries[i].prices->name, prices) == 0)
			return true;
	}
	return false;
}

/* By whose prices costs were told: another region has others. */
static void append_prices(struct buffer *out, const struct bench_result *result)
{
	bool is_first = true;

	for (size_t i = 0; i < result->count; i++) {
		const struct price_list *prices = result->entries[i].prices;

		if (!prices || has_told(result, i, prices->name))
			continue;
		buffer_append_text(out, is_first ? "\nCosts are by the prices of " : "; ");
		bench_table_whole_name(out, prices->name);
		is_first = false;
	}
	if (!is_first)
		buffer_append_text(out, ", without the free tier.");
}

static void append_tables(struct buffer *out, const struct bench_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		append_head(out, &result->entries[i]);
		bench_table_one(out, &result->entries[i], result->seed);
		buffer_append_text(out, "\n");
		bench_usage_table(out, &result->entries[i]);
		buffer_append_text(out, "\n");
	}
	bench_table_all(out, result);
	bench_table_baseline(out, result);
	if (is_sweep(result)) {
		buffer_append_text(out, "\n");
		bench_table_choice(out, result->entries, result->count);
	}
	bench_forecast_table(out, result);
	bench_gate_table(out, result);
	append_prices(out, result);
	buffer_append_text(out, "\nThese numbers compare runs on this machine; they do not predict "
	                        "AWS.\n");
}

static bool print(const struct buffer *text, FILE *stream, struct error *err)
{
	return (fwrite(text->data, 1, text->length, stream) == text->length &&
	        fflush(stream) == 0) ||
	       error_set(err, errno, "write to %s", stream == stdout ? "stdout" : "stderr");
}

static bool print_result(const struct config *config, const struct bench_result *result,
                         struct error *err)
{
	autobuffer struct buffer text = BUFFER_INIT;

	if (config->json)
		bench_json(&text, result);
	else
		append_tables(&text, result);
	return print(&text, stdout, err);
}

/* GitHub reads both streams, and behind JSON nothing else may stand. */
static bool annotate(const struct config *config, const struct bench_result *result,
                     struct error *err)
{
	autobuffer struct buffer text = BUFFER_INIT;

	if (config->bench.annotate)
		bench_annotations(&text, result);
	return print(&text, config->json ? stderr : stdout, err);
}

/* ---- what is written ---- */

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
	bool fine = print_result(config, result, &err) && annotate(config, result, &err);

	if (!fine)
		log_error("%s", err.text);
	fine &= export_all(config, result);
	return append_summary(config, result) && fine;
}

/* ---- the end ---- */

static void report_failure(const struct bench_failure *failure)
{
	fflush(stdout);
	log_error("%s failed in its %s invocation of cold start %zu:", failure->function->name,
	          failure->is_warm ? "a warm" : "first", failure->turn);
	fprintf(stderr, "%s\n%s", failure->answer.data, failure->log.data);
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

/* Who was not measured before the end has nothing to tell. */
static size_t drop_unmeasured(struct contest *contest)
{
	size_t kept = 0;

	for (size_t i = 0; i < contest->count; i++) {
		if (contest->entries[i].measurement->cold_count > 0)
			contest->entries[kept++] = contest->entries[i];
	}
	return kept;
}

/* Nobody outside of Lambda knows; it was seen to be minutes. */
#define IDLE_SECONDS 600

static double idle_seconds(const struct config *config)
{
	return config->idle_timeout_ms > 0 ? (double)config->idle_timeout_ms / 1000 : IDLE_SECONDS;
}

/* Returns whether all was told; '*passed' is whether all thresholds hold. */
static bool tell(const struct config *config, struct bench_result *result, bool *passed)
{
	const struct bench_scenario scenario = { .text = config->bench.traffic,
		                                 .cold_rate = config->bench.has_cold_rate
		                                                      ? config->bench.cold_rate
		                                                      : -1,
		                                 .idle_seconds = idle_seconds(config),
		                                 .concurrency = config->concurrency,
		                                 .provisioned = config->provisioned };
	bool told;

	bench_result_describe_machine(result);
	warn_of_another_machine(result);
	/* Of fewer runs than asked for nothing is said that a change could be held to. */
	if (!result->is_partial)
		bench_gate_judge(result);
	*passed = bench_gate_holds(result);
	bench_forecast_make(result, &scenario);
	told = tell_all(config, result);
	bench_forecast_finish(result);
	bench_gate_finish(result);
	return told;
}

static int conclude(const struct config *config, const struct bench_failure *failure)
{
	struct bench_result result = { .entries = bench.contest.entries,
		                       .count = drop_unmeasured(&bench.contest),
		                       .baseline = bench.baseline,
		                       .noise = config->bench.noise,
		                       .seed = config->bench.seed,
		                       .commit = config->bench.commit,
		                       .host = bench.service.host,
		                       .is_partial = failure->function || bench.interrupted };
	bool told = true, passed = true;

	clear_progress();
	if (result.count > 0)
		told = tell(config, &result, &passed);
	if (failure->function) {
		report_failure(failure);
		return EXIT_FUNCTION_FAILED;
	}
	if (bench.interrupted && result.count == 0)
		log_warning("interrupted before a cold start was over: there is nothing to tell");
	if (bench.interrupted)
		return 128 + bench.signal;
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

	if (!service_watch_signals(&bench.service, on_signal, &err))
		log_warning("%s", err.text);
	bench_run(bench.contest.functions, bench.contest.count, &plan, &ops, &failure);
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
	bench.baseline = bench_baseline_read(text.data, text.length, err);
	return bench.baseline || error_prefix(err, "--baseline '%s'", path);
}

static bool prepare(const struct config *config, struct error *err)
{
	const struct bench_outlook outlook = { .cold = config->bench.cold,
		                               .warm = config->bench.warm,
		                               .has_baseline = config->bench.baseline };

	if (!contest_read(&bench.contest, config, err) ||
	    !bench_gate_check(bench.contest.entries, bench.contest.count, &outlook, err))
		return false;
	return !config->bench.baseline || read_baseline(config->bench.baseline, err);
}

int cmd_bench(const struct config *config)
{
	autoclose int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct error err;
	int code;

	bench.shows_progress = isatty(STDERR_FILENO);
	code = prepare(config, &err) ? EXIT_FINE : fail(&err);
	/* One that comes before the loop hears it would leave groups behind. */
	signals_mask_ending(SIG_BLOCK);
	if (code == EXIT_FINE)
		code = service_open(&bench.service, config, nowhere);
	if (code == EXIT_FINE)
		code = contest_open(&bench.contest, &bench.service, &err) ? run(config)
		                                                          : fail(&err);
	contest_finish(&bench.contest);
	bench_baseline_destroy(bench.baseline);
	service_finish(&bench.service);
	return code;
}
