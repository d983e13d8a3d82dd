#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# arrows - holds the sources against their layers, where an include never points up, and other rules.
#
# Prints TAP: one test per rule, and each violation as "# file:line: what is wrong".
set -eu
cd "${srcdir:-$(dirname "$0")/..}"

# The layers of emulator/, highest first. A file includes its own layer and those below it; its .c
# and .h belong together. Where another rule narrows that, it is a test of its own below.
layers='
commands  main commands cmd_bench cmd_doctor cmd_invoke cmd_serve cmd_shell doctor_report event service contest
fronts    admin_api api_port clock_api credentials_api event_delivery events_api extensions_api front http_front http_front_answer http_front_private invoke_api invoke_error invoke_request invoke_stream registration restore_api runtime_api telemetry_api telemetry_delivery
core      advance bench box edition environment environment_box environment_extensions environment_guest environment_life environment_private environment_report environment_restore environment_slots environment_stream environment_telemetry event_outcome event_queue event_queue_kept event_queue_private event_sink event_store event_store_aside event_store_clean event_store_load event_store_private event_store_write executable executable_elf executable_library executable_script extension extension_files framed_output freezer function function_environments function_private functions functions_private functions_update invocation journal layer layer_job line log_tail observer package preflight preflight_files preflight_layers preflight_ports program_output renewal response_stream runtime_state shutdown subscriber telemetry tree view workload xray_daemon
pure      account advice arn bandwidth base64 bench_baseline bench_export bench_forecast bench_gate bench_html bench_json bench_result bench_svg bench_table bench_usage config config_destinations config_file config_functions config_help config_only_apis config_words destination destination_address emf env_file event_record event_stream fault finding framed_log function_file function_variable http_answer http_event http_failure http_fields http_prelude http_site identifier log_line measurement metric metrics metrics_page option option_parse option_value percent phase platform_event platform_event_json price price_file prometheus quota random report route script simulation stats subscription telemetry_record threshold timestamp traffic variables xray xray_cause
plumbing  address backlog buffer clock duration elf folder http_client http_head http_listen http_origin http_response http_server http_server_connection http_server_exchange http_server_private http_server_reply http_server_request http_server_stream json json_check json_part log loop output record_file record_log relay removal signals stand_in stream tcp_client terminal utf8 watch watch_noise watch_tree whole_file zip
'
core_must_not='json json_check http_client http_server http_server_private route' # no HTTP and no JSON text in the core
sandbox_shows='sandbox error fd'       # all that the emulator may know of sandbox/

number=0
violations=$(mktemp)
trap 'rm -f "$violations"' EXIT

# rule NAME COMMAND...: ok when the command, which prints violations, prints nothing.
rule() {
	name=$1
	shift
	"$@" >"$violations"
	number=$((number + 1))
	if [ -s "$violations" ]; then
		sed 's/^/# /' "$violations"
		printf 'not '
		failed=1
	fi
	echo "ok $number - $name"
}

# Prints "file:line:included" for each of our own includes in the given files.
includes() {
	grep -Hn '^#[ 	]*include "' "$@" | sed 's/:#[^"]*"\([^"]*\)".*/:\1/'
}

# Prints where the pattern $1 occurs outside of the file $2.
outside_of() {
	grep -HnE "$1" emulator/*.[ch] sandbox/*.[ch] | grep -v "^$2:" || true
}

layer_violations() {
	includes emulator/*.[ch] | awk -F: -v layers="$layers" '
		BEGIN {
			rows = split(layers, row, "\n")
			for (i = 1; i <= rows; i++) {
				words = split(row[i], word, " ")
				for (j = 2; j <= words; j++) {
					height[word[j]] = rows - i
					layer[word[j]] = word[1]
				}
			}
		}
		function noun(path) {
			sub(/.*\//, "", path)
			sub(/\.[ch]$/, "", path)
			return path
		}
		$3 ~ /^emulator\// {
			from = noun($1)
			to = noun($3)
			if (!(from in height))
				print $1 ": is in no layer of tests/arrows.sh"
			else if (!(to in height))
				print $1 ":" $2 ": " $3 " is in no layer of tests/arrows.sh"
			else if (height[to] > height[from])
				print $1 ":" $2 ": " layer[from] " includes " $3 " of " layer[to]
		}'
}

core_violations() {
	core=$(echo "$layers" | sed -n 's/^core  *//p' | tr ' ' '|')
	banned=$(echo "$core_must_not" | tr ' ' '|')
	includes emulator/*.[ch] |
		grep -E "^emulator/($core)\.[ch]:[0-9]+:emulator/($banned)\.h" || true
}

sandbox_seen_violations() {
	shown=$(echo "$sandbox_shows" | tr ' ' '|')
	includes emulator/*.[ch] | grep ':sandbox/' | grep -vE ":sandbox/($shown)\.h$" || true
}

sandbox_violations() {
	includes sandbox/*.[ch] | grep ':emulator/' || true
}

foreign_path_violations() {
	includes emulator/*.[ch] sandbox/*.[ch] | grep -vE ':(emulator|sandbox)/[a-z0-9_]+\.h$' || true
}

# The map names each pair once, as `emulator/loop`, and a file that stands alone the same way.
map_violations() {
	map=$(sed -n '/^## Map of the source/,/^## [^M]/p' README.md)
	for file in emulator/*.[ch] sandbox/*.[ch]; do
		stem=${file%.[ch]}
		echo "$map" | grep -qF "\`$stem\`" || echo "$stem: is not in README's map of the source"
	done | sort -u
	echo "$map" | grep -oE '`(emulator|sandbox)/[a-z0-9_]+`' | tr -d '`' | while read -r stem; do
		[ -e "$stem.c" ] || [ -e "$stem.h" ] || echo "README.md: the map names $stem, which is not there"
	done
}

# A test that is in no list is never run, and nobody misses it.
unlisted_violations() {
	lists=$(sed -nE '/^(unit|box|scenario)_tests *=/,/[^\\]$/p' Makefile.am)
	grep -lE '^TEST_MAIN\(|harness\.main\(\)' tests/unit/*.c tests/box/*.c tests/scenario/*.py |
		while read -r file; do
			echo "$lists" | grep -qwF "${file%.c}" || echo "$file: is in no list of Makefile.am"
		done
}

failed=0
echo 1..13
rule 'includes in emulator/ never point up' layer_violations
rule 'the core knows no HTTP and no JSON text' core_violations
rule 'the emulator sees only the front of sandbox/' sandbox_seen_violations
rule 'sandbox/ includes nothing of the emulator' sandbox_violations
rule 'our headers are included with their folder' foreign_path_violations
rule 'one home for libmicrohttpd' \
	outside_of 'include <microhttpd\.h>' emulator/http_server_private.h
rule 'one home for json-c' outside_of 'include <(json-c/|json\.h|json_)' emulator/json.c
rule 'one home for libseccomp' outside_of 'include <seccomp\.h>' sandbox/seccomp.c
rule 'one home for minizip' outside_of 'include <(minizip/)?unzip\.h>' emulator/zip.c
rule 'one reader of the environment' \
	outside_of '\<(secure_)?getenv *\([^)]|\<environ\>' emulator/config.c
rule 'no unbounded string calls' \
	outside_of '\<(strcpy|strcat|sprintf|vsprintf|strtok|gets) *\(' none
rule "README's map names every source, and nothing else" map_violations
rule 'every test is run' unlisted_violations
exit $failed
