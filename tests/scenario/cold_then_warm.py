#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The first invocation is cold and says so in its REPORT, the next ones are warm."""
import math
import re

import harness
from harness import UUID


def billed_for(duration, init=0.0):
    """What Lambda bills, as far as the two decimals of the printed figures tell."""
    total = duration + init
    return {max(1, math.ceil(round(total - 0.01, 2))), math.ceil(round(total + 0.01, 2))}


def test_lines_of_a_cold_invocation_are_lambdas_to_the_byte(t):
    lrie = t.serve("echo")
    reply = lrie.invoke(b'{"key":"value"}')
    t.equal(reply.status, 200)
    t.equal(reply.body, b'{"key":"value"}')
    report = lrie.report(reply.request_id)
    t.match(lrie.stdout.text(),
            r"START RequestId: (%s) Version: \$LATEST\n"
            r"END RequestId: \1\n"
            r"REPORT RequestId: \1\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
            r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t\n" % UUID)
    t.equal(report.id, reply.request_id)


def test_only_the_first_report_has_an_init_duration(t):
    lrie = t.serve("echo")
    reports = [lrie.report(lrie.invoke().request_id) for _ in range(6)]
    t.true(reports[0].init > 0, "no Init Duration in the first REPORT")
    t.equal([report.init for report in reports[1:]], [None] * 5)
    t.equal(len({report.id for report in reports}), 6, "request ids repeat")


def test_a_cold_start_is_billed_with_its_init(t):
    lrie = t.serve("sleep:20")
    cold = lrie.report(lrie.invoke().request_id)
    warm = lrie.report(lrie.invoke().request_id)
    t.true(cold.billed in billed_for(cold.duration, cold.init), cold.line)
    t.true(warm.billed in billed_for(warm.duration), warm.line)
    t.true(warm.duration >= 20, warm.line)


def test_each_warm_invocation_writes_its_lines_in_order(t):
    lrie = t.serve("echo")
    ids = [lrie.do_and_rest("echo").request_id for _ in range(5)]
    lrie.report(ids[-1])
    expected = []
    for request_id in ids:
        expected += ["START RequestId: %s Version: $LATEST" % request_id,
                     "END RequestId: %s" % request_id, "REPORT RequestId: %s" % request_id]
    t.equal([line.split("\t")[0] for line in lrie.stdout.lines()], expected)


def test_init_begins_with_lrie_and_not_with_a_request(t):
    lrie = t.bare()
    lrie.runtime().begin_next()
    t.equal(lrie.lives(), 1)
    t.true("START" not in lrie.stdout.text(), "an invocation has started")


def test_a_request_that_comes_during_init_waits_for_it(t):
    lrie = t.bare()
    caller = lrie.begin_invoke(b'"early"')
    runtime = lrie.runtime()
    t.true(not caller.has_input(), "answered before init has ended")
    event = runtime.next()
    t.equal(event.body, b'"early"')
    runtime.answer(event, b'"late"')
    t.equal(caller.reply().body, b'"late"')
    runtime.begin_next()
    report = lrie.report(event.id)
    t.true(report.init is not None, report.line)
    t.equal(lrie.lives(), 1)


def test_the_caller_is_answered_before_the_runtime_asks_for_more(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    caller = lrie.begin_invoke()
    event = runtime.next()
    runtime.answer(event, b"1")
    t.equal(caller.reply().body, b"1")
    t.true("END" not in lrie.stdout.text(), "the invoke phase has ended already")
    runtime.begin_next()
    lrie.report(event.id)


def test_health_is_ready_and_starts_nothing(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    runtime.begin_next()
    for _ in range(20):
        with lrie.connect() as connection:
            t.equal(connection.ask("GET", "/_lrie/health").status, 200)
    t.equal(lrie.lives(), 1)
    t.equal(len(lrie.stdout.lines()), 1)


def test_quiet_leaves_out_the_platform_lines_only(t):
    lrie = t.serve_script(harness.BARE_SCRIPT, "--quiet")
    runtime = lrie.runtime()
    caller = lrie.begin_invoke(b"1", [("X-Amz-Log-Type", "Tail")])
    event = runtime.next()
    runtime.answer(event, b"2")
    runtime.begin_next()
    tail = caller.reply().log_tail.decode()
    t.true(re.search("^REPORT ", tail, re.MULTILINE), "no REPORT in the log tail: %r" % tail)
    t.match(lrie.stdout.text(), r"runtime api: \S+\n")


if __name__ == "__main__":
    harness.main()
