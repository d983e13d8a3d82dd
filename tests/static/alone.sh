#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# alone - a build made with --enable-static is one small file that needs nothing. Prints TAP.
set -eu
lrie=${LRIE:-./lrie}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# result NUMBER NAME COMMAND...: ok when the command succeeds.
result() {
	number=$1
	name=$2
	shift 2
	"$@" >"$work/said" 2>&1 || {
		sed 's/^/# /' "$work/said"
		printf 'not '
		failed=1
	}
	echo "ok $number - $name"
}

asks_for_no_loader() {
	! readelf -lW "$lrie" | grep -E 'INTERP|DYNAMIC'
}

is_small() {
	strip -o "$work/lrie" "$lrie"
	size=$(wc -c <"$work/lrie")
	echo "$size bytes"
	[ "$size" -lt 2097152 ]
}

invokes() {
	[ "$("$lrie" invoke --bootstrap "$LRIE_FIXTURES/bootstrap" --handler echo --event '[1]')" = '[1]' ]
}

echo 1..3
result 1 'it asks for no loader and no library' asks_for_no_loader
result 2 'stripped, it is below 2 MB' is_small
result 3 'it runs a function' invokes
exit $failed
