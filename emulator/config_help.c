/* SPDX-License-Identifier: Apache-2.0 */
/* config_help - the help, made from the table of options. */
#include <string.h>

#include "emulator/config.h"
#include "emulator/metric.h"
#include "emulator/option.h"

#define HELP_WIDTH 79
#define HELP_COLUMN 28

static void append_spaces(struct buffer *out, size_t count)
{
	buffer_append_format(out, "%*s", (int)count, "");
}

/* Appends words, broken into lines; '*column' is where the line is, HELP_COLUMN where it
 * starts. */
static void append_words(struct buffer *out, const char *text, size_t *column)
{
	while (*text) {
		size_t length = strcspn(text, " ");

		if (*column > HELP_COLUMN && *column + 1 + length > HELP_WIDTH) {
			buffer_append_text(out, "\n");
			append_spaces(out, HELP_COLUMN);
			*column = HELP_COLUMN;
		} else if (*column > HELP_COLUMN) {
			buffer_append_text(out, " ");
			*column += 1;
		}
		buffer_append(out, text, length);
		*column += length;
		text += length + (text[length] == ' ');
	}
}

static void append_option_name(struct buffer *out, const struct option *option)
{
	if (option->letter)
		buffer_append_format(out, "  -%c, --%s", option->letter, option->name);
	else
		buffer_append_format(out, "      --%s", option->name);
	if (option->value && option->value_may_miss)
		buffer_append_format(out, "[=%s]", option->value);
	else if (option->value)
		buffer_append_format(out, " %s", option->value);
}

static void append_variable(struct buffer *out, const struct option *option)
{
	if (!option->variable)
		return;
	buffer_append_text(out, "[");
	buffer_append_text(out, option->variable);
	if (option->preset)
		buffer_append_format(out, "=%s", option->preset);
	buffer_append_text(out, "]");
}

static void append_option(struct buffer *out, const struct option *option)
{
	autobuffer struct buffer variable = BUFFER_INIT;
	size_t start = out->length;
	size_t column;

	append_option_name(out, option);
	if (out->length - start + 2 > HELP_COLUMN) {
		buffer_append_text(out, "\n");
		start = out->length;
	}
	append_spaces(out, HELP_COLUMN - (out->length - start));
	column = HELP_COLUMN;
	append_words(out, option->help, &column);
	append_variable(&variable, option);
	append_words(out, variable.data, &column);
	buffer_append_text(out, "\n");
}

static bool group_is_used(enum option_group group, unsigned mask)
{
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].group == group && option_table[i].commands & mask)
			return true;
	}
	return false;
}

static void append_group(struct buffer *out, enum option_group group, unsigned mask)
{
	static const char *const titles[] = {
		[GROUP_FUNCTION] = "The function",
		[GROUP_LIMITS] = "Limits",
		[GROUP_VARIABLES] = "Variables of the function",
		[GROUP_SERVICE] = "Service",
		[GROUP_HTTP] = "HTTP",
		[GROUP_SANDBOX] = "Sandbox",
		[GROUP_BENCH] = "Benchmark",
		[GROUP_MESSAGES] = "Messages and the rest",
	};

	if (!group_is_used(group, mask))
		return;
	buffer_append_format(out, "\n%s:\n", titles[group]);
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].group == group && option_table[i].commands & mask)
			append_option(out, &option_table[i]);
	}
}

static void append_options(struct buffer *out, unsigned mask)
{
	for (unsigned i = 0; i < GROUP_COUNT; i++)
		append_group(out, (enum option_group)i, mask);
	buffer_append_text(out,
	                   "\nA variable in brackets does the same as its option; behind = is the "
	                   "default.\nWhere an option is repeatable the variable holds one value "
	                   "a line.\n");
}

static void append_overview(struct buffer *out)
{
	buffer_append_text(out, "lrie - run AWS Lambda functions on this machine\n\n");
	for (unsigned i = 0; i < CONFIG_COMMAND_COUNT; i++)
		buffer_append_format(out, "%s%s\n", i == 0 ? "usage: " : "       ",
		                     command_table[i].usage);
	buffer_append_text(out, "       lrie BOOTSTRAP [ARGUMENT...] [HANDLER]\n"
	                        "       aws-lambda-rie [OPTION...] [BOOTSTRAP [ARGUMENT...] "
	                        "[HANDLER]]\n\n"
	                        "The last two are the command line of AWS's emulator.\n\n"
	                        "Commands:\n");
	for (unsigned i = 0; i < CONFIG_COMMAND_COUNT; i++)
		buffer_append_format(out, "  %-8s  %s\n", command_table[i].name,
		                     command_table[i].summary);
	append_options(out, BIT(CONFIG_SERVE) | BIT(CONFIG_INVOKE) | BIT(CONFIG_DOCTOR) |
	                            BIT(CONFIG_SHELL) | BIT(CONFIG_BENCH));
}

/* How the figures of lrie bench are called, and what is behind them: lrie(7) in short. */
static void append_metrics(struct buffer *out)
{
	buffer_append_text(out, "\nMetrics, for --fail-if:\n");
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		buffer_append_format(out, "  %-*s", HELP_COLUMN - 2, metric_table[i].name);
		size_t column = HELP_COLUMN;
		append_words(out, metric_table[i].what, &column);
		buffer_append_text(out, "\n");
	}
	buffer_append_text(
		out,
		"\nStatistics, behind a metric and a dot; the median without one:\n"
		"  p50 or median             The middle value.\n"
		"  p10, p90, p95, p99        Percentiles, by linear interpolation; only when at\n"
		"                            least two values lie beyond them: a dash otherwise.\n"
		"  min, max, mean            A range is always the largest less the smallest.\n"
		"\nThe 95 % interval of the median is found by 2000 samples with replacement. Out\n"
		"are values further than 1.5 times the distance of the quartiles outside of\n"
		"them; they count nevertheless. Improved or regressed takes an interval of the\n"
		"ratio of medians without 1, p < 0.05 by Mann and Whitney, and a ratio that is\n"
		"off by --noise; all else is within noise.\n"
		"\nlrie-bench(1) and lrie(7) tell more.\n");
}

void config_help(struct buffer *out, enum config_command command)
{
	if (command == CONFIG_HELP) {
		append_overview(out);
		return;
	}
	buffer_append_format(out, "usage: %s\n\nlrie %s: %s\n", command_table[command].usage,
	                     command_table[command].name, command_table[command].summary);
	if (command != CONFIG_VERSION)
		append_options(out, BIT(command));
	if (command == CONFIG_BENCH)
		append_metrics(out);
}
