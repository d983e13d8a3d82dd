/* SPDX-License-Identifier: Apache-2.0 */
/* contest - who takes part in a benchmark */
#include "emulator/contest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "emulator/event.h"
#include "emulator/price_file.h"
#include "emulator/whole_file.h"

#define PRICES_LIMIT ((size_t)1 << 20)

/* ---- names ---- */

/* Its name where one was given, else its bootstrap. */
static const char *plain_name(const struct config *config)
{
	if (config->has_name || !config->bootstrap)
		return config->function_name;
	return config->bootstrap;
}

static bool shares_size(const struct config *config, const struct config *other)
{
	for (size_t i = 0; i < config->bench.memory_count; i++) {
		for (size_t j = 0; j < other->bench.memory_count; j++) {
			if (config->bench.memories[i] == other->bench.memories[j])
				return true;
		}
	}
	return false;
}

/*
 * Functions that could not be told apart are numbered, since tables, thresholds and exports know
 * them by name and memory size. 'first' is the first of all.
 */
static char *make_name(const struct config *first, const struct config *config)
{
	const char *name = plain_name(config);
	size_t number = 1;

	for (; first != config; first = first->next)
		number += strcmp(plain_name(first), name) == 0 && shares_size(first, config);
	return number > 1 ? xasprintf("%s (%zu)", name, number) : xstrdup(name);
}

/* ---- events ---- */

static bool reads_stdin(const struct config *config)
{
	return config->event && strcmp(config->event, "-") == 0;
}

/* Standard input can be read once; who wants it, too, gets the same. */
static bool read_event(const struct contest *contest, struct contender *contender,
                       struct error *err)
{
	for (struct contender *other = contest->contenders; other < contender; other++) {
		if (reads_stdin(&contender->config) && reads_stdin(&other->config)) {
			buffer_append(&contender->event, other->event.data, other->event.length);
			return true;
		}
	}
	return event_read(contender->config.event, &contender->event, err);
}

/* ---- prices ---- */

/* Without an architecture it is the machine's own: that is where the numbers come from. */
static bool find_prices(struct contender *contender, struct error *err)
{
	const struct config *config = &contender->config;
	const struct price_list *built_in;
	autobuffer struct buffer text = BUFFER_INIT;
	struct utsname machine;

	uname(&machine);
	built_in = price_list_find(config->architecture ? config->architecture : machine.machine);
	if (!built_in && !config->bench.prices)
		return true; /* nobody sells Lambda on such a machine */
	contender->prices = built_in ? *built_in : *price_list_find("x86_64");
	contender->has_prices = true;
	if (!config->bench.prices)
		return true;
	if (!whole_file_read(config->bench.prices, PRICES_LIMIT, &text, err))
		return error_prefix(err, "--prices");
	return price_list_read(text.data, text.length, &contender->prices, err) ||
	       error_prefix(err, "--prices '%s'", config->bench.prices);
}

/* ---- reading ---- */

static size_t count_contenders(const struct config *config)
{
	size_t count = 0;

	for (; config; config = config->next)
		count += config->bench.memory_count;
	return count;
}

static bool read_contender(struct contest *contest, size_t at, const struct config *first,
                           const struct config *config, struct error *err)
{
	struct contender *contender = &contest->contenders[at];

	contender->name = make_name(first, config);
	if (!read_event(contest, contender, err) || !find_prices(contender, err))
		return false;
	contest->entries[at] = (struct bench_entry){
		.name = contender->name,
		.measurement = &contest->functions[at].measurement,
		.memory_bytes = contender->config.memory_bytes,
		.tmp_bytes = contender->config.tmp_bytes,
		.prices = contender->has_prices ? &contender->prices : NULL,
		.thresholds = &config->bench.fail_if,
	};
	return true;
}

bool contest_read(struct contest *contest, const struct config *config, struct error *err)
{
	size_t count = count_contenders(config), at = 0;

	*contest = (struct contest){ .contenders = xcalloc(count, sizeof(struct contender)),
		                     .functions = xcalloc(count, sizeof(struct bench_function)),
		                     .entries = xcalloc(count, sizeof(struct bench_entry)),
		                     .count = count };
	for (size_t i = 0; i < count; i++) {
		buffer_init(&contest->contenders[i].event);
		measurement_init(&contest->functions[i].measurement);
	}
	for (const struct config *one = config; one; one = one->next) {
		for (size_t i = 0; i < one->bench.memory_count; i++) {
			contest->contenders[at].config = *one;
			contest->contenders[at].config.memory_bytes = one->bench.memories[i];
			if (!read_contender(contest, at++, config, one, err))
				return false;
		}
	}
	return true;
}

bool contest_open(struct contest *contest, const struct service *service, struct error *err)
{
	for (size_t i = 0; i < contest->count; i++) {
		struct contender *contender = &contest->contenders[i];
		struct bench_function *function = &contest->functions[i];

		if (!workload_init(&contender->workload, &service->shared, &contender->config, err))
			return error_prefix(err, "%s", contender->name);
		function->name = contender->name;
		function->context = &contender->workload.context;
		function->event = contender->event.data;
		function->event_length = contender->event.length;
	}
	return true;
}

void contest_finish(struct contest *contest)
{
	for (size_t i = 0; i < contest->count; i++) {
		measurement_finish(&contest->functions[i].measurement);
		workload_finish(&contest->contenders[i].workload);
		buffer_finish(&contest->contenders[i].event);
		free(contest->contenders[i].name);
	}
	free(contest->contenders);
	free(contest->functions);
	free(contest->entries);
	*contest = (struct contest){ .count = 0 };
}
