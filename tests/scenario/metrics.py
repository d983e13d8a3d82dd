#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/_lrie/metrics tells what happened so far, as the REPORT lines do, and starts nothing."""
import os
import re

import extensions
import harness

PATH = "/_lrie/metrics"
LINE = re.compile(r'([a-z_]+)\{function="([^"]*)"((?:,[a-z]+="[^"]*")*)\} ([0-9.]+)')


def scrape(t, lrie, name="function"):
    """The samples by name and labels: {"lrie_environments,state=idle": 1.0}."""
    with lrie.connect() as connection:
        reply = connection.ask("GET", PATH)
    t.equal((reply.status, reply.header("Content-Type")),
            (200, "text/plain; version=0.0.4; charset=utf-8"))
    samples = {}
    for line in reply.body.decode().splitlines():
        if line.startswith("#"):
            continue
        family, function, labels, value = t.match(line, LINE.pattern).groups()
        t.equal(function, name)
        key = family + labels.replace('"', "")
        t.true(key not in samples, "told twice: " + key)
        samples[key] = float(value)
    return samples


def wait_for_state(t, lrie, state, count=1):
    return harness.wait_for(
        lambda: scrape(t, lrie)["lrie_environments,state=" + state] == count and scrape(t, lrie),
        "%d environments that are %s" % (count, state))


def test_figures_are_those_of_the_reports(t):
    lrie = t.serve("echo")
    reports = [lrie.report(lrie.invoke().request_id) for _ in range(5)]
    now = scrape(t, lrie)
    t.equal(now["lrie_invocations_total"], 5)
    t.equal(now["lrie_cold_starts_total"], 1)
    t.equal(now["lrie_environments_started_total"], 1)
    t.equal(now["lrie_init_duration_seconds_count"], 1)
    t.equal(now["lrie_setup_duration_seconds_count"], 1)
    t.between(reports[0].init - 0.01, now["lrie_init_duration_seconds_sum"] * 1000,
              reports[0].init + 0.01, "init, ms")
    for start, told in (("cold", reports[:1]), ("warm", reports[1:])):
        name = "lrie_invoke_duration_seconds_%s,start=" + start
        t.equal(now[name % "count"], len(told))
        t.between(sum(report.duration - 0.01 for report in told), now[name % "sum"] * 1000,
                  sum(report.duration + 0.01 for report in told), start + ", ms")
    t.equal(round(now["lrie_billed_duration_seconds_total"] * 1000),
            sum(report.billed for report in reports))
    t.equal(now["lrie_memory_size_bytes"], 128 << 20)
    if reports[0].peak:
        t.equal(-(-now["lrie_memory_peak_bytes"] // (1 << 20)),
                max(report.peak for report in reports))


def test_failures_are_told_by_type(t):
    lrie = t.serve("echo", "--timeout", "1")
    for words in ("error", "error", "exit:3", "silent"):
        lrie.report(lrie.do(words).request_id)
    lrie.report(lrie.invoke().request_id)
    now = scrape(t, lrie)
    t.equal({key: value for key, value in now.items() if "errors_total" in key},
            {"lrie_invocation_errors_total,type=Unhandled": 2,
             "lrie_invocation_errors_total,type=Runtime.ExitError": 1,
             "lrie_invocation_errors_total,type=Sandbox.Timedout": 1})
    t.equal(now["lrie_invocations_total"], 5)
    t.equal(now["lrie_cold_starts_total"], 3)  # two of them with a suppressed init
    t.equal(now["lrie_init_duration_seconds_count"], 3)


def test_inits_that_fail_are_told_apart(t):
    lrie = t.serve("crash:init")
    lrie.report(lrie.invoke().request_id)
    now = scrape(t, lrie)
    t.equal(now["lrie_init_errors_total,type=Runtime.ExitError"], 2)
    t.equal(now["lrie_invocation_errors_total,type=Runtime.ExitError"], 1)
    t.equal(now["lrie_init_duration_seconds_count"], 0)
    t.equal(now["lrie_cold_starts_total"], 1)


def test_extensions_that_fail_are_told(t):
    lrie = t.serve("echo", *extensions.fixture(t, first="register,invoke-exit:1"))
    lrie.report(lrie.invoke().request_id)
    now = harness.wait_for(
        lambda: scrape(t, lrie).get("lrie_extension_errors_total,type=Extension.Crash") == 1
        and scrape(t, lrie), "the crash of the extension")
    t.equal(now["lrie_invocation_errors_total,type=Extension.Crash"], 1)


def test_an_environment_with_room_left_is_busy(t):
    lrie = t.bare("--max-concurrency", "3")
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    event = runtime.next()
    wait_for_state(t, lrie, "busy")
    runtime.answer(event)
    runtime.begin_next()
    t.equal(caller.reply().status, 200)
    wait_for_state(t, lrie, "idle")
    lrie.stop()


def test_throttles_and_states(t):
    lrie = t.bare("--concurrency", "1")
    wait_for_state(t, lrie, "starting")
    runtime = lrie.runtime()
    runtime.begin_next()
    wait_for_state(t, lrie, "idle")
    caller = lrie.begin_invoke()
    event = runtime.end_next()
    t.equal(scrape(t, lrie)["lrie_environments,state=busy"], 1)
    for _ in range(3):
        t.equal(lrie.invoke().status, 429)
    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
    now = scrape(t, lrie)
    t.equal(now["lrie_throttles_total,reason=" + reason], 3)
    t.equal(now["lrie_invocations_total"], 0)
    runtime.answer(event)
    runtime.begin_next()
    t.equal(caller.reply().status, 200)
    t.equal(wait_for_state(t, lrie, "idle")["lrie_invocations_total"], 1)


def test_what_waits_in_line_is_told(t):
    lrie = t.bare()
    callers = [lrie.begin_invoke() for _ in range(12)]
    now = harness.wait_for(
        lambda: scrape(t, lrie)["lrie_environments_started_total"] == 10 and scrape(t, lrie),
        "ten environments")
    harness.wait_for(lambda: scrape(t, lrie)["lrie_invocations_waiting"] == 2, "two that wait")
    t.equal(now["lrie_environments,state=starting"], 10)
    t.equal(len(callers), 12)


def test_it_may_be_polled_and_starts_nothing(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    runtime.begin_next()
    with lrie.connect() as connection:
        for _ in range(50):
            t.equal(connection.ask("GET", PATH).status, 200)
        head = connection.ask("HEAD", PATH)
        t.equal((head.status, head.body), (200, b""))
        t.equal(connection.ask("POST", PATH, b"{}").status, 405)
    t.equal(lrie.lives(), 1)
    t.equal(len(lrie.stdout.lines()), 1)


def test_it_is_there_in_rie_mode(t):
    program = os.path.join(t.folder(), "aws-lambda-rie")
    os.symlink(harness.LRIE, program)
    lrie = t.start("--runtime-interface-emulator-address", "127.0.0.1:0", "--runtime-api-address",
                   "127.0.0.1:0", harness.BOOTSTRAP, "echo", program=program)
    lrie.wait_until_it_listens()
    t.equal(scrape(t, lrie, "test_function")["lrie_invocations_total"], 0)


def test_a_web_page_of_another_site_gets_nothing(t):
    lrie = t.serve("echo")
    with lrie.connect() as connection:
        reply = connection.ask("GET", PATH, headers=[("Origin", "https://example.com")])
    t.equal(reply.status, 403)


if __name__ == "__main__":
    harness.main()
