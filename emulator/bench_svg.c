/* SPDX-License-Identifier: Apache-2.0 */
/* bench_svg - what a benchmark measured, as a picture */
#include "emulator/bench_svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH 800
#define LEFT 16
#define RIGHT 784
#define BAR 18
#define ROW 44 /* of a bar with the name above it */
#define CURVES 180
#define STRIP 26
#define TITLE 34
#define AXIS 34
#define POINTS 200 /* of a curve or a strip; more would be ink and no news */
#define COLORS 8

/* Okabe and Ito's palette; the seventh is left out, yellow on white. */
static const char style[] = "<style>"
			    ".lrie{font:13px system-ui,sans-serif;fill:#222}"
			    ".lrie .t{font-weight:600}.lrie .a{fill:#666;font-size:11px}"
			    ".lrie .g{stroke:#ddd}.lrie path{fill:none;stroke-width:2}"
			    ".c0{fill:#0072b2;stroke:#0072b2}.c1{fill:#d55e00;stroke:#d55e00}"
			    ".c2{fill:#009e73;stroke:#009e73}.c3{fill:#cc79a7;stroke:#cc79a7}"
			    ".c4{fill:#56b4e9;stroke:#56b4e9}.c5{fill:#e69f00;stroke:#e69f00}"
			    ".c6{fill:#7f7f7f;stroke:#7f7f7f}.c7{fill:#8c564b;stroke:#8c564b}"
			    "@media(prefers-color-scheme:dark){.lrie{fill:#ddd}.lrie .a{fill:#999}"
			    ".lrie .g{stroke:#444}.lrie .back{fill:#181818}}"
			    "</style>";

void bench_xml_text(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<' || *text == '>' || *text == '&' || *text == '"' || *text == '\'')
			buffer_append_format(out, "&#%d;", *text);
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			buffer_append_text(out, "?");
		else
			buffer_append(out, text, 1);
	}
}

/* ---- the scale ---- */

struct scale {
	double from, to; /* milliseconds at the left and the right end */
};

static double place(const struct scale *scale, double value)
{
	return LEFT + (value - scale->from) / (scale->to - scale->from) * (RIGHT - LEFT);
}

/* 1, 2 or 5 times a power of ten, so that about eight of them fill the scale. */
static double tick_step(double span)
{
	double step = 1e-6;

	while (step * 10 < span)
		step *= 10;
	return span / step > 4 ? step : span / step > 2 ? step / 2 : step / 5;
}

static void append_axis(struct buffer *out, const struct scale *scale, double top, double bottom)
{
	double step = tick_step(scale->to - scale->from);
	double first = step * (double)(long)(scale->from / step);

	for (int i = 0; i < 12; i++) {
		double value = first + step * i, x = place(scale, value);
		if (value < scale->from || value > scale->to)
			continue;
		buffer_append_format(out,
		                     "<line class=\"g\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
		                     "y2=\"%.1f\"/><text class=\"a\" x=\"%.1f\" y=\"%.1f\" "
		                     "text-anchor=\"middle\">%.6g</text>",
		                     x, x, top, bottom, x, bottom + 16, value);
	}
	buffer_append_format(
		out, "<text class=\"a\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">ms</text>\n", RIGHT,
		bottom + 30);
}

static void append_title(struct buffer *out, double y, const char *title)
{
	buffer_append_format(out, "<text class=\"t\" x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT, y,
	                     title);
}

static void append_name(struct buffer *out, const struct bench_entry *entry)
{
	bench_xml_text(out, entry->name);
	buffer_append_format(out, ", %u MB", (unsigned)(entry->memory_bytes >> 20));
}

/* ---- where the time goes ---- */

/* Not in the order of time: extensions come before the runtime and behind it. */
static const struct {
	enum metric_id metric;
	const char *what;
	unsigned color;
} phases[] = { { METRIC_COLD_SETUP, "set-up", 0 },
	       { METRIC_COLD_CONTACT, "to first contact", 1 },
	       { METRIC_COLD_CODE, "to first /next", 2 },
	       { METRIC_COLD_EXTENSIONS, "extensions", 4 },
	       { METRIC_COLD_INVOKE, "first invocation", 3 } };

#define PHASES (sizeof(phases) / sizeof(phases[0]))

/* Of a phase; 0 when there is none. */
static double median_of(const struct bench_entry *entry, enum metric_id metric)
{
	double median = bench_figures(entry, metric).median;

	return isnan(median) ? 0 : median;
}

static double sum_of_phases(const struct bench_entry *entry)
{
	double sum = 0;

	for (size_t i = 0; i < PHASES; i++)
		sum += median_of(entry, phases[i].metric);
	return sum;
}

static struct scale waterfall_scale(const struct bench_result *result)
{
	struct scale scale = { .from = 0, .to = 1e-3 };

	for (size_t i = 0; i < result->count; i++) {
		double sum = sum_of_phases(&result->entries[i]);
		if (sum > scale.to)
			scale.to = sum;
	}
	return scale;
}

static void append_bar(struct buffer *out, const struct bench_entry *entry,
                       const struct scale *scale, double y)
{
	double begin = 0;

	buffer_append_format(out, "<text x=\"%d\" y=\"%.1f\">", LEFT, y + 14);
	append_name(out, entry);
	buffer_append_format(out, ": %.4g ms</text>", sum_of_phases(entry));
	for (size_t i = 0; i < PHASES; i++) {
		double length = median_of(entry, phases[i].metric);
		double x = place(scale, begin);

		if (length > 0)
			buffer_append_format(out,
			                     "<rect class=\"c%u\" stroke=\"none\" x=\"%.2f\" "
			                     "y=\"%.1f\" width=\"%.2f\" height=\"%d\"><title>%s: "
			                     "%.4g ms</title></rect>",
			                     phases[i].color, x, y + 20,
			                     place(scale, begin + length) - x, BAR, phases[i].what,
			                     length);
		begin += length;
	}
	buffer_append_text(out, "\n");
}

static bool has_phase(const struct bench_result *result, enum metric_id metric)
{
	for (size_t i = 0; i < result->count; i++) {
		if (bench_figures(&result->entries[i], metric).count > 0)
			return true;
	}
	return false;
}

static void append_phase_legend(struct buffer *out, const struct bench_result *result, double y)
{
	double x = LEFT;

	for (size_t i = 0; i < PHASES; i++) {
		if (!has_phase(result, phases[i].metric))
			continue;
		buffer_append_format(out,
		                     "<rect class=\"c%u\" x=\"%.1f\" y=\"%.1f\" width=\"10\" "
		                     "height=\"10\"/><text x=\"%.1f\" y=\"%.1f\">%s</text>",
		                     phases[i].color, x, y - 10, x + 16, y, phases[i].what);
		x += 150;
	}
	buffer_append_text(out, "\n");
}

static double append_waterfall(struct buffer *out, const struct bench_result *result, double y)
{
	const struct scale scale = waterfall_scale(result);
	double bottom = y + TITLE + 24 + ROW * (double)result->count;

	append_title(out, y + 22, "Where the time of a cold start goes (medians)");
	append_phase_legend(out, result, y + TITLE + 14);
	append_axis(out, &scale, y + TITLE + 24, bottom);
	for (size_t i = 0; i < result->count; i++)
		append_bar(out, &result->entries[i], &scale, y + TITLE + 24 + ROW * (double)i);
	return bottom + AXIS;
}

/* ---- how it is distributed ---- */

static int compare_values(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* The sorted values of cold.init. */
static double *sorted_values(const struct bench_entry *entry, size_t *count)
{
	double *values = metric_values(METRIC_COLD_INIT, entry->measurement, count);

	qsort(values, *count, sizeof(*values), compare_values);
	return values;
}

/* From the least to the largest of all entries, with some air. */
static struct scale distribution_scale(const struct bench_result *result)
{
	struct scale scale = { .from = INFINITY, .to = 0 };

	for (size_t i = 0; i < result->count; i++) {
		struct stats stats = bench_figures(&result->entries[i], METRIC_COLD_INIT);
		if (stats.min < scale.from)
			scale.from = stats.min;
		if (stats.max > scale.to)
			scale.to = stats.max;
	}
	double air = (scale.to - scale.from) / 20 + scale.to / 1000 + 1e-6;
	scale.from = scale.from - air > 0 ? scale.from - air : 0;
	scale.to += air;
	return scale;
}

static void append_curve(struct buffer *out, const struct bench_entry *entry, size_t color,
                         const struct scale *scale, double top, double bottom)
{
	size_t count;
	double *values = sorted_values(entry, &count);
	size_t points = count < POINTS ? count : POINTS;

	buffer_append_format(out, "<path class=\"c%zu\" style=\"fill:none\" d=\"M%.2f %.2f",
	                     color % COLORS, place(scale, values[0]), bottom);
	for (size_t i = 1; i <= points; i++) {
		size_t rank = i * count / points;
		double part = (double)rank / (double)count;
		buffer_append_format(out, "H%.2fV%.2f", place(scale, values[rank - 1]),
		                     bottom - part * (bottom - top));
	}
	buffer_append_format(out, "H%d\"><title>", RIGHT);
	append_name(out, entry);
	buffer_append_text(out, "</title></path>\n");
	free(values);
}

static void append_percent(struct buffer *out, double y, int percent)
{
	buffer_append_format(out,
	                     "<line class=\"g\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
	                     "<text class=\"a\" x=\"%d\" y=\"%.1f\">%d %%</text>",
	                     LEFT, RIGHT, y, y, LEFT, y - 3, percent);
}

static double append_curves(struct buffer *out, const struct bench_result *result,
                            const struct scale *scale, double y)
{
	double top = y + TITLE, bottom = top + CURVES;

	append_title(out, y + 22, "cold.init: the part of cold starts that took no longer");
	append_axis(out, scale, top, bottom);
	append_percent(out, bottom - 0.5 * CURVES, 50);
	append_percent(out, bottom - 0.9 * CURVES, 90);
	for (size_t i = 0; i < result->count; i++)
		append_curve(out, &result->entries[i], i, scale, top, bottom);
	return bottom + AXIS;
}

/* Dots of equal values would hide each other: they are laid at three heights in turn. */
static void append_strip(struct buffer *out, const struct bench_entry *entry, size_t color,
                         const struct scale *scale, double y)
{
	size_t count;
	double *values = sorted_values(entry, &count);
	size_t points = count < POINTS ? count : POINTS;

	for (size_t i = 0; i < points; i++)
		buffer_append_format(out,
		                     "<circle class=\"c%zu\" fill-opacity=\".5\" stroke=\"none\" "
		                     "cx=\"%.2f\" cy=\"%.1f\" r=\"3\"/>",
		                     color % COLORS, place(scale, values[i * count / points]),
		                     y + 9 + 4 * (double)(i % 3));
	buffer_append_text(out, "\n");
	free(values);
}

static double append_strips(struct buffer *out, const struct bench_result *result,
                            const struct scale *scale, double y)
{
	double top = y + TITLE, bottom = top + (STRIP + 18) * (double)result->count;

	append_title(out, y + 22, "cold.init: every single cold start");
	append_axis(out, scale, top, bottom);
	for (size_t i = 0; i < result->count; i++) {
		double row = top + (STRIP + 18) * (double)i;

		buffer_append_format(out, "<text x=\"%d\" y=\"%.1f\">", LEFT, row + 13);
		append_name(out, &result->entries[i]);
		buffer_append_text(out, "</text>");
		append_strip(out, &result->entries[i], i, scale, row + 16);
	}
	return bottom + AXIS;
}

/* ---- all together ---- */

static double append_plots(struct buffer *out, const struct bench_result *result)
{
	const struct scale scale = distribution_scale(result);
	double y = append_waterfall(out, result, 0);

	y = append_curves(out, result, &scale, y);
	return append_strips(out, result, &scale, y);
}

void bench_svg_element(struct buffer *out, const struct bench_result *result)
{
	autobuffer struct buffer plots = BUFFER_INIT;
	double height = append_plots(&plots, result);

	buffer_append_format(out,
	                     "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"lrie\" "
	                     "viewBox=\"0 0 %d %.0f\" role=\"img\" "
	                     "aria-label=\"cold starts\">%s"
	                     "<rect class=\"back\" width=\"%d\" height=\"%.0f\" fill=\"#fff\"/>\n",
	                     WIDTH, height, style, WIDTH, height);
	buffer_append(out, plots.data, plots.length);
	buffer_append_text(out, "</svg>\n");
}

void bench_svg(struct buffer *out, const struct bench_result *result)
{
	buffer_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	bench_svg_element(out, result);
}
