/* SPDX-License-Identifier: Apache-2.0 */
/* framed_output - the log descriptor of a runtime */
#include "emulator/framed_output.h"

#include "emulator/log.h"

static void on_bytes(struct program_output *pipe, const char *data, size_t length)
{
	framed_log_feed(&container_of(pipe, struct framed_output, pipe)->log, data, length);
}

static void warn_once(struct framed_output *output)
{
	if (!output->has_warned)
		log_warning("%s: what the runtime writes to _LAMBDA_TELEMETRY_LOG_FD is "
		            "not framed as Lambda has it; it is taken as text",
		            output->environment);
	output->has_warned = true;
}

static void on_record(struct framed_log *log, const struct framed_log_record *record)
{
	struct framed_output *output = container_of(log, struct framed_output, log);

	if (record->is_stray)
		warn_once(output);
	journal_record(output->journal, record->has_level ? &record->level : NULL, record->data,
	               record->length);
}

int framed_output_open(struct framed_output *output, struct journal *journal,
                       const char *environment, struct loop *loop, struct error *err)
{
	*output = (struct framed_output){
		.pipe.on_bytes = on_bytes,
		.log.on_record = on_record,
		.journal = journal,
		.environment = environment,
	};
	return program_output_open(&output->pipe, loop, err);
}

void framed_output_drain(struct framed_output *output)
{
	program_output_drain(&output->pipe);
	framed_log_flush(&output->log);
}

void framed_output_close(struct framed_output *output)
{
	program_output_close(&output->pipe);
	framed_log_finish(&output->log);
}
