# SPDX-License-Identifier: Apache-2.0
# join - makes one TAP stream of those of many tests, which tests/qemu/inside has set apart
#
# A test that says less than it planned, or that fails without saying why, has one more that is not ok.

function result(is_ok, text) {
	number++
	if (!is_ok)
		failed = 1
	print (is_ok ? "ok " : "not ok ") number " - " text
}

function end(code) {
	if (skipped_whole == "" && (code != 0 && !failures || planned != told))
		result(0, test ": told " told + 0 " of " planned + 0 " results, exit code " code)
	test = ""
}

/^# begin / {
	test = $3 ": " $4
	sub(/tests\//, "", test)
	planned = told = failures = 0
	skipped_whole = ""
	next
}

/^# end / {
	end($NF)
	next
}

test != "" && /^1\.\.0/ {
	skipped_whole = $0
	sub(/^1\.\.0[ #]*/, "# ", skipped_whole)
	result(1, test " " skipped_whole)
	next
}

test != "" && /^1\.\.[0-9]+$/ {
	planned = substr($0, 4)
	next
}

test != "" && /^(not )?ok/ {
	told++
	is_ok = /^ok/
	if (!is_ok)
		failures++
	sub(/^(not )?ok *[0-9]* *-? */, "")
	result(is_ok, test ": " $0)
	next
}

/^Bail out!/ {
	sub(/^/, "# ")
}

{
	print /^#/ ? $0 : "# " $0
}

END {
	if (test != "")
		result(0, test ": the machine ended in the middle of it")
	print "1.." number
	exit failed
}
