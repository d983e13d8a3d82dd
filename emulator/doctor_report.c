/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_report - what lrie doctor prints, for people and for programs */
#include "emulator/doctor_report.h"

#include <string.h>

#include "emulator/json.h"

#define WIDTH 80
#define MECHANISM_WIDTH 24 /* longer ones push the rest of their line */

#define BIT(number) (1U << (number))

static const char *standing_name(enum sandbox_standing standing)
{
	static const char *const names[] = {
		[SANDBOX_NO] = "no",
		[SANDBOX_PARTLY] = "partly",
		[SANDBOX_YES] = "yes",
	};

	return names[standing];
}

bool doctor_report_misses_wall(const struct doctor_report *report)
{
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++) {
		if (report->required & BIT(wall) && report->walls[wall].standing == SANDBOX_NO)
			return true;
	}
	return false;
}

/* ---- text: a line is never longer than WIDTH, unless a word is ---- */

struct page {
	struct buffer *out;
	bool color;
	size_t indent;
	size_t column;
};

/* A file's name may hold anything: nothing of it reaches the terminal but what can be seen. What is
 * above ASCII is passed on as it is, but for the controls that UTF-8 has for C1. */
static void append_safe(struct buffer *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];
		bool is_c1 = byte == 0xc2 && i + 1 < length && (unsigned char)text[i + 1] < 0xa0;

		if (byte < ' ' || byte == 0x7f || is_c1)
			buffer_append_format(out, "\\x%02x", byte);
		else
			buffer_append(out, &text[i], 1);
	}
}

/* Columns that 'text' takes, close enough: a character counts as one, a control as it is shown. */
static size_t columns(const char *text, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		count += byte < ' ' || byte == 0x7f ? 4 : (byte & 0xc0) != 0x80;
	}
	return count;
}

static void new_line(struct page *page)
{
	buffer_append_text(page->out, "\n");
	page->column = 0;
}

static void go_to(struct page *page, size_t column)
{
	if (page->column < column) {
		buffer_append_format(page->out, "%*s", (int)(column - page->column), "");
		page->column = column;
	}
}

/* Writes the words of 'text', broken into lines that begin at the page's indent. */
static void write_words(struct page *page, const char *text)
{
	bool first = true;

	while (*text) {
		size_t length = strcspn(text, " ");
		size_t width = columns(text, length);

		if (page->column > page->indent && page->column + !first + width > WIDTH) {
			new_line(page);
			go_to(page, page->indent);
		} else if (!first) {
			buffer_append_text(page->out, " ");
			page->column++;
		}
		append_safe(page->out, text, length);
		page->column += width;
		first = false;
		text += length;
		text += *text == ' ';
	}
}

static void write_painted(struct page *page, const char *text, const char *color)
{
	if (page->color)
		buffer_append_text(page->out, color);
	buffer_append_text(page->out, text);
	if (page->color)
		buffer_append_text(page->out, "\033[m");
	page->column += strlen(text);
}

static void write_standing(struct page *page, enum sandbox_standing standing)
{
	static const char *const colors[] = {
		[SANDBOX_NO] = "\033[1;31m",
		[SANDBOX_PARTLY] = "\033[1;33m",
		[SANDBOX_YES] = "\033[32m",
	};

	write_painted(page, standing_name(standing), colors[standing]);
}

static size_t mechanism_width(const struct doctor_report *report)
{
	size_t width = 0;

	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++) {
		size_t length = strlen(report->walls[wall].mechanism);

		if (length > width && length <= MECHANISM_WIDTH)
			width = length;
	}
	return width;
}

/* Walls that miss the same thing are told the reason once, behind the last of them. */
static bool next_has_same_detail(const struct doctor_report *report, enum sandbox_wall wall)
{
	return wall + 1 < SANDBOX_WALL_COUNT &&
	       strcmp(report->walls[wall].detail, report->walls[wall + 1].detail) == 0;
}

static void write_wall(struct page *page, const struct doctor_report *report,
                       enum sandbox_wall wall)
{
	const struct sandbox_wall_state *state = &report->walls[wall];
	size_t width = mechanism_width(report);
	bool missing = report->required & BIT(wall) && state->standing == SANDBOX_NO;

	buffer_append_text(page->out, sandbox_wall_name(wall));
	page->column = strlen(sandbox_wall_name(wall));
	go_to(page, 11);
	write_standing(page, state->standing);
	go_to(page, 19);
	buffer_append_text(page->out, state->mechanism);
	page->column += strlen(state->mechanism);
	page->indent = width ? 19 + width + 2 : 19;
	go_to(page, page->indent);
	write_words(page, sandbox_wall_summary(wall));
	new_line(page);
	page->indent = 19;
	if (state->detail[0] && !next_has_same_detail(report, wall)) {
		go_to(page, page->indent);
		write_words(page, state->detail);
		new_line(page);
	}
	if (missing) {
		go_to(page, page->indent);
		write_painted(page, "it is required", "\033[1;31m");
		new_line(page);
	}
}

static void write_walls(struct page *page, const struct doctor_report *report)
{
	unsigned counts[SANDBOX_YES + 1] = { 0 };

	buffer_append_text(page->out, "WALL       STANDS  BY\n");
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++) {
		write_wall(page, report, (enum sandbox_wall)wall);
		counts[report->walls[wall].standing]++;
	}
	buffer_append_format(page->out, "\n%u of %d walls stand", counts[SANDBOX_YES],
	                     SANDBOX_WALL_COUNT);
	if (counts[SANDBOX_PARTLY])
		buffer_append_format(page->out, ", %u in part", counts[SANDBOX_PARTLY]);
	buffer_append_text(page->out, "\n");
}

static void write_field(struct page *page, const char *label, const char *text)
{
	if (!text)
		return;
	page->indent = 11;
	go_to(page, 2);
	buffer_append_text(page->out, label);
	page->column += strlen(label);
	go_to(page, page->indent);
	write_words(page, text);
	new_line(page);
}

static void write_finding(struct page *page, const struct finding *finding)
{
	static const char *const colors[FINDING_SEVERITY_COUNT] = {
		[FINDING_ERROR] = "\033[1;31m",
		[FINDING_WARNING] = "\033[1;33m",
		[FINDING_HINT] = "\033[1;36m",
	};
	autobuffer struct buffer lambda = BUFFER_INIT;

	new_line(page);
	write_painted(page, finding_severity_name(finding->severity), colors[finding->severity]);
	buffer_append_text(page->out, ": ");
	page->column += 2;
	page->indent = 2;
	write_words(page, finding->problem);
	new_line(page);
	if (finding->type)
		buffer_append_format(&lambda, "%s: %s", finding->type, finding->message);
	write_field(page, "Lambda:", finding->type ? lambda.data : NULL);
	write_field(page, "its log:", finding->log);
	write_field(page, "fix:", finding->fix);
}

size_t doctor_report_count(const struct doctor_report *report, enum finding_severity severity)
{
	size_t count = 0;

	for (size_t i = 0; i < report->count; i++)
		count += findings_count(&report->functions[i].preflight.findings, severity);
	return count;
}

static void write_verdict(struct page *page, const struct doctor_report *report)
{
	new_line(page);
	for (int severity = 0; severity < FINDING_SEVERITY_COUNT; severity++) {
		size_t count = doctor_report_count(report, (enum finding_severity)severity);

		buffer_append_format(page->out, "%s%zu %s%s", severity ? ", " : "", count,
		                     finding_severity_name((enum finding_severity)severity),
		                     count == 1 ? "" : "s");
	}
	new_line(page);
}

static void write_preflight(struct page *page, const struct doctor_function *function)
{
	const struct preflight *preflight = &function->preflight;
	autobuffer struct buffer head = BUFFER_INIT;

	buffer_append_format(&head, "Pre-flight%s%s for Lambda, %s", function->name ? " of " : "",
	                     function->name ? function->name : "", preflight->architecture);
	if (preflight->bootstrap)
		buffer_append_format(&head, ": '%s' as '%s'", preflight->bootstrap,
		                     preflight->shown);
	new_line(page);
	page->indent = 2;
	write_words(page, head.data);
	new_line(page);
	for (size_t i = 0; i < preflight->findings.count; i++)
		write_finding(page, &preflight->findings.items[i]);
	if (preflight->cut_short) {
		new_line(page);
		page->indent = 2;
		write_words(page, preflight->cut_short);
		new_line(page);
	}
}

void doctor_report_text(struct buffer *out, const struct doctor_report *report, bool color)
{
	struct page page = { .out = out, .color = color };

	buffer_append_format(out, "lrie " PACKAGE_VERSION ", Linux %s, %s\n\n", report->kernel,
	                     report->architecture);
	write_walls(&page, report);
	for (size_t i = 0; i < report->count; i++)
		write_preflight(&page, &report->functions[i]);
	if (report->count > 0)
		write_verdict(&page, report);
}

/* ---- JSON ---- */

static const char *text_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void append_wall(struct buffer *out, const struct doctor_report *report,
                        enum sandbox_wall wall)
{
	const struct sandbox_wall_state *state = &report->walls[wall];

	json_array_item(out);
	json_object_text(out, "name", sandbox_wall_name(wall));
	json_object_text(out, "summary", sandbox_wall_summary(wall));
	json_object_text(out, "enforced", standing_name(state->standing));
	json_object_text_or_null(out, "mechanism", text_or_null(state->mechanism));
	json_object_text_or_null(out, "detail", text_or_null(state->detail));
	json_object_bool(out, "required", report->required & BIT(wall));
	json_object_end(out);
}

static void append_finding(struct buffer *out, const struct finding *finding)
{
	json_array_item(out);
	json_object_text(out, "severity", finding_severity_name(finding->severity));
	json_object_text(out, "check", finding->check);
	json_object_text_or_null(out, "file", finding->file);
	json_object_text(out, "problem", finding->problem);
	json_object_text_or_null(out, "errorType", finding->type);
	json_object_text_or_null(out, "errorMessage", finding->message);
	json_object_text_or_null(out, "log", finding->log);
	json_object_text_or_null(out, "fix", finding->fix);
	json_object_end(out);
}

static void append_preflight(struct buffer *out, const struct preflight *preflight)
{
	json_object_open(out, "preflight");
	json_object_text_or_null(out, "bootstrap", preflight->bootstrap);
	json_object_text_or_null(out, "shown_as", preflight->shown);
	json_object_text(out, "architecture", preflight->architecture);
	json_object_text_or_null(out, "cut_short", preflight->cut_short);
	json_array_open(out, "findings");
	for (size_t i = 0; i < preflight->findings.count; i++)
		append_finding(out, &preflight->findings.items[i]);
	json_array_end(out);
	json_object_end(out);
}

/* Of a file. */
static void append_functions(struct buffer *out, const struct doctor_report *report)
{
	json_array_open(out, "functions");
	for (size_t i = 0; i < report->count; i++) {
		json_array_item(out);
		json_object_text(out, "name", report->functions[i].name);
		append_preflight(out, &report->functions[i].preflight);
		json_object_end(out);
	}
	json_array_end(out);
}

void doctor_report_json(struct buffer *out, const struct doctor_report *report, int exit_code)
{
	json_object_begin(out);
	json_object_number(out, "schema_version", DOCTOR_SCHEMA_VERSION);
	json_object_text(out, "lrie_version", PACKAGE_VERSION);
	json_object_open(out, "machine");
	json_object_text(out, "kernel", report->kernel);
	json_object_text(out, "architecture", report->architecture);
	json_object_end(out);
	json_object_text(out, "sandbox", report->sandbox);
	json_array_open(out, "walls");
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++)
		append_wall(out, report, (enum sandbox_wall)wall);
	json_array_end(out);
	if (report->count == 1)
		append_preflight(out, &report->functions[0].preflight);
	else
		json_object_null(out, "preflight");
	if (report->count > 0 && report->functions[0].name)
		append_functions(out, report);
	json_object_number(out, "exit_code", (uint64_t)exit_code);
	json_object_end(out);
	buffer_append_text(out, "\n");
}
