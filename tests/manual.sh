#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# manual - holds the pages of commands against the table of options: none is missing, none is made up.
#
# What lrie has is taken from its own help, which is printed from the table, and for the variables
# from the sources that read them. Prints TAP.
set -eu
cd "${srcdir:-$(dirname "$0")/..}"
lrie=${LRIE:-./lrie}
pages="man/lrie.1 man/lrie-bench.1"
file_page=man/lrie.json.5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

number=0
failed=0

# Ends a test: ok when the command, given behind the name, prints nothing.
verdict() {
	name=$1
	shift
	number=$((number + 1))
	"$@" >"$work/wrong" 2>&1 || true
	if [ -s "$work/wrong" ]; then
		sed 's/^/# /' "$work/wrong"
		printf 'not '
		failed=1
	fi
	echo "ok $number - $name"
}

# Prints what is in the first sorted list but not in the second.
only_first() {
	comm -23 "$work/$1" "$work/$2"
}

options_of_help() {
	grep -oE '^ +(-., +)?--[a-z-]+' | grep -oE -e '-[-a-zA-Z]+'
}

# The heads of list items: ".It Fl b , Fl -bootstrap Ar path".
options_of_page() {
	sed -n '/^\.Sh OPTIONS/,/^\.Sh [^O]/s/^\.It //p' "$1" |
		grep -oE 'Fl [-a-zA-Z]+' | sed 's/Fl /-/' | grep -vxe --
}

# "[NAME=default]" may be broken over two lines of help only before the bracket.
defaults_of_help() {
	"$lrie" help | grep -oE '\[[A-Z_]+=[^]]*\]' | tr -d '[]'
}

variables_of_source() {
	{
		grep -ohE '\.(other_)?variable = "[A-Z_]+"' emulator/option.c
		grep -ohE '(getenv|get_set|config_own_variable)\("[A-Z_]+"\)' emulator/config*.c
	} | grep -oE '"[A-Z_]+"' | tr -d '"'
}

variables_of_page() {
	grep -hE '^\.(It )?Ev ' $pages | grep -oE '[A-Z_]{4,}'
}

# Prints each default that is not told in the item of the page that names its variable.
missing_defaults() {
	defaults_of_help | while IFS='=' read -r variable default; do
		awk -v variable="$variable" -v default="$default" '
			/^\.It / || /^\.Sh / { item = "" }
			{ item = item " " $0 " " }
			/^\.Ev / && $2 == variable {
				found = 1
				if (index(item, " " default " ") || index(item, " " default ".") ||
				    index(item, " " default ","))
					told = 1
			}
			END { if (!found || !told) print variable ": the default is " default }
		' $pages
	done
}

no_options() {
	[ -s "$work/options.help" ] || echo "none in the output of '$lrie help'"
}

# Prints whether a file of functions may have a member: 'function', 'service' or nothing. No option
# is null, and what is said of that tells whether it is known.
kind_of_member() {
	echo '{"functions": [{"name": "a", "'"$1"'": null}]}' >"$work/lrie.json"
	if "$lrie" invoke --config "$work/lrie.json" 2>&1 | grep -q 'must be'; then
		echo function
	else
		echo '{"'"$1"'": null}' >"$work/lrie.json"
		! "$lrie" invoke --config "$work/lrie.json" 2>&1 | grep -q 'must be' || echo service
	fi
}

# Members of that kind, of those that have an option's name.
members_of_file() {
	sed -n 's/^--//p' "$work/options.help" | while read -r option; do
		[ "$(kind_of_member "$option")" != "$1" ] || echo "$option"
	done
}

members_of_page() {
	sed -n "/^\.Ss Of $1/,/^\.Pp/s/^\.Ql \([a-z-]*\) [,.]\$/\1/p" $file_page
}

metrics_of_source() {
	grep -ohE '"lrie_[a-z_]+"' emulator/metrics_page.c | tr -d '"'
}

metrics_of_page() {
	sed -n '/^\.Ss Metrics of the endpoint/,/^\.S[sh] [^M]/s/^\.It //p' man/lrie.7 | grep -oE 'lrie_[a-z_]+'
}

# Some are told of without being read, or are the function's.
made_up_variables() {
	only_first variables.page variables.source | grep -vxE '_HANDLER|HOME'
}

"$lrie" help | options_of_help | sort -u >"$work/options.help"
for page in $pages; do
	options_of_page "$page"
done | sort -u >"$work/options.page"
"$lrie" help bench | options_of_help | sort -u >"$work/bench.help"
"$lrie" help bench | sed -n '/^Benchmark:/,/^$/p' | options_of_help | sort -u >"$work/bench_alone.help"
options_of_page man/lrie-bench.1 | sort -u >"$work/bench.page"
members_of_file function | sort -u >"$work/function.file"
members_of_page 'a function' | sort -u >"$work/function.page"
members_of_file service | sort -u >"$work/service.file"
members_of_page 'the service' | sort -u >"$work/service.page"
metrics_of_source | sort -u >"$work/metrics.source"
metrics_of_page | sort -u >"$work/metrics.page"
variables_of_source | sort -u >"$work/variables.source"
variables_of_page | sort -u >"$work/variables.page"

echo 1..15
verdict 'the help has options' no_options
verdict 'each option is in a page' only_first options.help options.page
verdict 'each option of a page exists' only_first options.page options.help
verdict 'what lrie bench alone has is in its page' only_first bench_alone.help bench.page
verdict 'what is in its page it has' only_first bench.page bench.help
verdict 'each member of a function is in lrie.json(5)' only_first function.file function.page
verdict 'each such member of lrie.json(5) exists' only_first function.page function.file
verdict 'each member of the service is in lrie.json(5)' only_first service.file service.page
verdict 'each such member of lrie.json(5) exists' only_first service.page service.file
verdict 'each variable is in a page' only_first variables.source variables.page
verdict 'each variable of a page exists' made_up_variables
verdict 'each default is in a page' missing_defaults
verdict 'each metric of the endpoint is in lrie(7)' only_first metrics.source metrics.page
verdict 'each metric of lrie(7) exists' only_first metrics.page metrics.source
if command -v mandoc >/dev/null; then
	verdict 'mandoc has no complaint' mandoc -T lint -W warning $pages $file_page
else
	echo "ok 15 - mandoc has no complaint # SKIP mandoc is not installed"
fi
exit $failed
