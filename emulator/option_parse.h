/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option_parse - how the texts of options become values of the settings.
 *
 * One function per type, for the table of option.c alone; several options may share one. Each
 * writes to the option's field, and is held to the option's limits. What is merely forgiven
 * (RIE mode) is logged as a warning.
 */
#ifndef EMULATOR_OPTION_PARSE_H
#define EMULATOR_OPTION_PARSE_H

#include "emulator/option.h"

extern option_parser option_parse_text, option_parse_item, option_parse_switch, option_parse_number,
	option_parse_megabytes, option_parse_memory, option_parse_percent, option_parse_cold_rate,
	option_parse_traffic, option_parse_destination, option_parse_concurrency,
	option_parse_threshold, option_parse_seconds, option_parse_limit, option_parse_address,
	option_parse_function_name, option_parse_version, option_parse_region, option_parse_account,
	option_parse_sandbox, option_parse_seccomp, option_parse_network, option_parse_http_as,
	option_parse_http_path, option_parse_invoke_mode, option_parse_access, option_parse_clock,
	option_parse_initialization, option_parse_telemetry, option_parse_bandwidth,
	option_parse_walls, option_parse_only_apis, option_parse_log_level, option_parse_log_format,
	option_parse_line_level, option_parse_color, option_parse_architecture;

#endif
