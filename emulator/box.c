/* SPDX-License-Identifier: Apache-2.0 */
/* box - the box that a function gets, whoever runs what in it */
#include "emulator/box.h"

#include <stdio.h>
#include <time.h>

#include "emulator/advice.h"
#include "emulator/clock.h"
#include "emulator/identifier.h"
#include "emulator/log.h"

/* Public measurements: AWS gives one full CPU to 1769 MB (spec environment-and-limits.md §3). */
#define MB_PER_CPU 1769

/* lifecycle-and-logs.md: 1024 processes and threads, 1024 descriptors. */
#define PROCESS_LIMIT 1024
#define OPEN_FILES_LIMIT 1024

/* What functions were seen to see, by memory size (spec environment-and-limits.md §3). */
static unsigned visible_cpus(uint64_t memory_mb)
{
	static const struct {
		uint64_t below_mb;
		unsigned cpus;
	} steps[] = { { 3009, 2 }, { 5308, 3 }, { 7077, 4 }, { 8846, 5 } };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (memory_mb < steps[i].below_mb)
			return steps[i].cpus;
	}
	return 6;
}

void box_fill_spec(const struct config *config, const struct package *package,
                   struct sandbox_spec *spec)
{
	*spec = (struct sandbox_spec){
		.hostname = "169.254.100.1",
		.memory_bytes = config->memory_bytes,
		.tmp_bytes = config->tmp_bytes,
		.cpu_millis = (unsigned)((config->memory_bytes >> 20) * 1000 / MB_PER_CPU),
		.cpus = visible_cpus(config->memory_bytes >> 20),
		.processes = PROCESS_LIMIT,
		.open_files = OPEN_FILES_LIMIT,
		.report_writes = config->report_writes && log_enabled(LOG_WARNING),
		.unreported = advice_unreported,
	};
	package_fill_spec(package, spec);
}

void box_make_log_stream(const struct config *config, char name[static BOX_LOG_STREAM_SIZE])
{
	char unique[33], day[16];
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm utc;

	hex_make(unique, 32);
	gmtime_r(&now, &utc);
	strftime(day, sizeof(day), "%Y/%m/%d", &utc);
	snprintf(name, BOX_LOG_STREAM_SIZE, "%s/[%.10s]%s", day, config->function_version, unique);
}

/* What the function did, and with what it would be met on Lambda: not a mishap of lrie's. */
void box_tell_denial(const char *prefix, const struct sandbox_denial *denial, const char *when)
{
	char who[64] = "a process", times[32] = "";

	if (!log_enabled(LOG_WARNING))
		return;
	if (denial->pid)
		snprintf(who, sizeof(who), "%s (pid %d)",
		         denial->name[0] ? denial->name : "a process", (int)denial->pid);
	if (denial->is_repeated)
		snprintf(times, sizeof(times), " %u more time%s", denial->count,
		         denial->count == 1 ? "" : "s");
	log_notice("%s%s called %s%s%s%s %s: not %s", prefix, who, denial->call,
	           denial->with ? " with " : "", denial->with ? denial->with : "", times, when,
	           denial->is_strict ? "known to be permitted on Lambda (--seccomp=strict)"
	                             : "permitted on Lambda");
}

void box_tell_write(const char *prefix, const struct sandbox_write *write, const char *when)
{
	autobuffer struct buffer line = BUFFER_INIT;

	if (!log_enabled(LOG_WARNING))
		return;
	advice_write(&line, write, when);
	log_notice("%s%s", prefix, line.data);
}
