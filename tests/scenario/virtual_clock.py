#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A clock that tests move: what takes minutes on Lambda takes milliseconds, in the same order.

No test polls for what an advance has brought about: its answer comes when that is over.
"""
import collections
import datetime
import json
import os
import re
import time

import harness
from events_outlive_lrie import Server

EVENT = {"X-Amz-Invocation-Type": "Event"}.items()
JSON = ("--log-format", "json")


def tell(lrie):
    with lrie.connect() as connection:
        return connection.ask("GET", "/_lrie/clock")


def metrics(lrie):
    """Sums of the samples of each family."""
    with lrie.connect() as connection:
        text = connection.ask("GET", "/_lrie/metrics").body.decode()
    page = collections.Counter()
    for name, value in re.findall(r"^(\w+)(?:\{.*\})? (\S+)$", text, re.M):
        page[name] += float(value)
    return dict(page)


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def records(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def platform_lines(lrie, kind):
    lines = (json.loads(line) for line in lrie.stdout.lines() if line.startswith('{"time"'))
    return [line for line in lines if line["type"] == "platform." + kind]


def check_apart(t, moments, seconds):
    """Not before its time, and soon after it."""
    for before, after, gap in zip(moments, moments[1:], seconds):
        t.between(gap, after - before, gap + 20 * harness.SLOW, "seconds between attempts")


def test_three_attempts_over_three_minutes(t):
    path = os.path.join(t.folder(), "failure")
    lrie = t.serve("error", "--clock", "virtual", "--on-failure", path, *JSON)
    started = time.monotonic()
    reply = lrie.invoke(b"{}", EVENT)
    t.equal(reply.status, 202)
    now = moment(lrie.advance("3m")["now"])
    record, = records(path)
    t.equal(record["requestContext"]["condition"], "RetriesExhausted")
    t.equal(record["requestContext"]["approximateInvokeCount"], 3)
    lrie.stdout.wait_line(r".*platform\.report.*", 3)
    starts = platform_lines(lrie, "start")
    t.equal([line["record"]["requestId"] for line in starts], [reply.request_id] * 3)
    check_apart(t, [moment(line["time"]) for line in starts], (60, 120))
    t.between(moment(starts[2]["time"]), moment(record["timestamp"]), now, "the record's time")
    for line in platform_lines(lrie, "report"):
        t.true(line["record"]["metrics"]["durationMs"] < 10000, "a real duration: %r" % line)
    t.true(time.monotonic() - started < 20 * harness.SLOW, "it takes no minutes")
    lrie.stop()


def test_nothing_happens_before_its_time(t):
    lrie = t.serve("error", "--clock", "virtual", *JSON)
    lrie.invoke(b"{}", EVENT)
    for duration, attempts in (("0s", 1), ("30s", 1), ("30s", 2), ("1m30s", 2), ("30s", 3),
                               ("6h", 3)):
        lrie.advance(duration)
        lrie.stdout.wait_line(r".*platform\.report.*", attempts)
        t.equal(len(platform_lines(lrie, "start")), attempts, "after " + duration)
    lrie.stop()


def test_what_an_advance_begins_has_the_time_that_it_takes(t):
    path = os.path.join(t.folder(), "failure")
    lrie = t.serve("sleep:150,error", "--clock", "virtual", "--on-failure", path,
                   "--timeout", "900")
    reply = lrie.invoke(b"{}", EVENT)
    lrie.advance("1h")
    t.equal(records(path)[0]["responsePayload"]["errorType"], "Function.FixtureError")
    lrie.stdout.wait_line(r"REPORT .*", 3)
    for line in lrie.stdout.lines():
        if line.startswith("REPORT"):
            t.between(150, harness.Report(line).duration, 20000 * harness.SLOW, line)
    t.true(reply.request_id in lrie.stdout.text(), "the event's id")
    lrie.stop()


def test_servers_have_been_told_then(t):
    with Server() as server:
        lrie = t.serve("error", "--clock", "virtual",
                       "--on-failure", "http://127.0.0.1:%d/" % server.port)
        lrie.invoke(b"{}", EVENT)
        lrie.advance("2m")
        t.equal(server.records, [])
        server.status = 503
        lrie.advance("1m")
        lrie.stderr.wait_line(r".*is tried again.*")
        server.status = 200
        lrie.advance("1m")
        t.equal(len(server.records), 1)
        lrie.stop()


def test_functions_have_been_told_then(t):
    folder = t.folder()
    path = os.path.join(folder, "records")
    harness.write_file(os.path.join(folder, "lrie.json"), json.dumps({
        "listen": "127.0.0.1:0", "bootstrap": harness.BOOTSTRAP, "clock": "virtual",
        "functions": [
            {"name": "one", "handler": "error", "on-failure": "function:two"},
            {"name": "two", "handler": "error", "on-failure": path}]}))
    lrie = t.start("--config", os.path.join(folder, "lrie.json"))
    lrie.wait_until_it_listens()
    lrie.invoke(b"{}", EVENT, path=harness.INVOKE_PATH.replace("/function/", "/one/"))
    lrie.advance("3m")
    t.equal(records(path), [])
    now = moment(lrie.advance("3m")["now"])
    record, = records(path)
    t.equal(record["requestContext"]["approximateInvokeCount"], 3)
    t.between(180, moment(record["timestamp"]) -
              moment(record["requestPayload"]["timestamp"]), 200, "seconds between the records")
    t.between(moment(record["timestamp"]), now, moment(record["timestamp"]) + 20, "now")
    lrie.stop()


def test_a_function_that_hangs_times_out(t):
    lrie = t.serve("silent", "--clock", "virtual", "--timeout", "900")
    call = lrie.begin_invoke()
    lrie.stdout.wait_line(r"START .*")
    lrie.advance("14m30s", settle="0s")
    t.true(not call.has_input(), "it has half a minute left")
    lrie.advance("30s", settle="0s")
    reply = call.reply()
    t.match(reply.json()["errorMessage"], r".*Task timed out after 900\.00 seconds")
    report = lrie.report(reply.request_id)
    t.equal((report.duration, report.status), (900000.0, "timeout"))
    lrie.stop()


def test_an_event_grows_too_old(t):
    path = os.path.join(t.folder(), "failure")
    lrie = t.serve("silent", "--clock", "virtual", "--timeout", "900", "--concurrency", "1",
                   "--max-event-age", "120", "--on-failure", path)
    held = lrie.begin_invoke()
    lrie.stdout.wait_line(r"START .*")
    lrie.invoke(b"{}", EVENT)
    lrie.advance("1m", settle="0s")
    t.equal(records(path), [])
    lrie.advance("1m", settle="0s")
    record, = records(path)
    t.equal(record["requestContext"]["condition"], "EventAgeExceeded")
    t.equal(record["requestContext"]["approximateInvokeCount"], 0)
    t.true(not held.has_input(), "the other one goes on")
    lrie.stop()


def test_idle_environments_end(t):
    lrie = t.serve("echo", "--clock", "virtual", "--idle-timeout", "600")
    lrie.report(lrie.invoke().request_id)
    lrie.advance("9m30s")
    t.equal(len(lrie.function_processes()), 1)
    lrie.advance("30s")
    t.equal(lrie.function_processes(), [])
    t.true(lrie.report(lrie.invoke().request_id).init is not None, "a cold start")
    lrie.stop()


def test_environments_grow_old(t):
    """A soak of an hour and forty minutes: a request a minute, cold each tenth time."""
    lrie = t.serve("echo", "--clock", "virtual", "--max-environment-age", "600")
    for _ in range(100):
        t.equal(lrie.invoke().status, 200)
        lrie.advance("1m")
    page = metrics(lrie)
    t.equal(page["lrie_invocations_total"], 100)
    t.between(9, page["lrie_cold_starts_total"], 11, "cold starts")
    lrie.stop()


def test_what_was_provisioned_is_replaced(t):
    lrie = t.serve("echo", "--clock", "virtual", "--provisioned", "2",
                   "--max-environment-age", "600")
    lrie.stdout.wait_line(r"INIT_REPORT .*", 2)
    before = {process.pid for process in lrie.function_processes()}
    lrie.advance("10m")
    after = {process.pid for process in lrie.function_processes()}
    t.equal((len(before), len(after), before & after), (2, 2, set()))
    lrie.stop()


def test_functions_see_the_clock_of_the_machine(t):
    lrie = t.serve("remaining", "--clock", "virtual", "--timeout", "5")
    lrie.advance("1000h")
    t.between(1, int(lrie.invoke().body), 5000, "milliseconds left")
    lrie.stop()


def test_durations_are_real_ones(t):
    lrie = t.serve("echo", "--clock", "virtual")
    for _ in range(3):
        lrie.advance("1h")
        report = lrie.report(lrie.invoke().request_id)
        t.true(report.duration < 5000 * harness.SLOW, report.duration)
        t.true((report.init or 0) < 5000 * harness.SLOW, report.init)
    lrie.stop()


def test_it_tells_the_time(t):
    lrie = t.serve("echo", "--clock", "virtual")
    reply = tell(lrie)
    t.equal((reply.status, reply.json()["clock"], reply.json()["aheadMs"]), (200, "virtual", 0))
    t.near(moment(reply.json()["now"]), time.time(), "now", absolute=60)
    now = moment(lrie.advance("1h30m")["now"])
    t.near(now, time.time() + 5400, "then", absolute=60)
    t.equal(tell(lrie).json()["aheadMs"], 5400000)
    lrie.stop()


def test_a_real_clock_is_not_moved(t):
    lrie = t.serve("echo")
    t.equal(tell(lrie).json()["clock"], "real")
    reply = lrie.begin_advance("1m").reply()
    t.equal(reply.status, 409)
    t.match(reply.json()["message"], r".*--clock virtual")
    t.equal(tell(lrie).json()["aheadMs"], 0)
    lrie.stop()


def test_what_is_no_advance_is_refused(t):
    lrie = t.serve("echo", "--clock", "virtual")
    for body, words in (
            (b"", "No content"),
            (b"{", ""),
            (b"[]", "must be an object with 'advance'"),
            (b"{}", "must be an object with 'advance'"),
            (b'{"advance":60}', "'advance' must be a text"),
            (b'{"advance":null}', "must be an object with 'advance'"),
            (b'{"advance":"1m","settle":[]}', "'settle' must be a text"),
            (b'{"advance":""}', "'' is no duration, such as 90s"),
            (b'{"advance":"2"}', "'2' is no duration"),
            (b'{"advance":"1m 2s"}', "'1m 2s' is no duration"),
            (b'{"advance":"2s1m"}', "'2s1m' is no duration"),
            (b'{"advance":"-1m"}', "'-1m' is negative"),
            (b'{"advance":"876000h"}', "at most 87600 hours ahead of the machine's"),
            (b'{"advance":"99999999999999999999999h"}', "too long a duration"),
            (b'{"advance":"5124095577h"}', "too long a duration"),
            (b'{"advance":"1m","by":"2m"}', "'by' is unknown: there are 'advance' and 'settle'"),
            (b'{"advance":"1m","settle":"soon"}', "'settle': 'soon' is no duration"),
            (b'{"advance":"' + b"1" * 2000 + b'"}', "the body is longer than 1024 bytes")):
        with lrie.connect() as connection:
            reply = connection.ask("POST", "/_lrie/clock", body)
        t.equal(reply.status, 400, body)
        t.true(words in reply.json()["message"], (body, reply.body))
    t.equal(tell(lrie).json()["aheadMs"], 0)
    with lrie.connect() as connection:
        t.equal(connection.ask("PUT", "/_lrie/clock", b"{}").status, 405)
    lrie.stop()


def test_its_limit_is_that_of_the_sum(t):
    lrie = t.serve("echo", "--clock", "virtual")
    lrie.advance("87599h")
    reply = lrie.begin_advance("2h").reply()
    t.equal(reply.status, 400)
    t.match(reply.json()["message"], r".*is 87599 ahead")
    lrie.advance("1h")
    t.equal(lrie.invoke(b'"x"').body, b'"x"')
    lrie.stop()


def wait_for_a_retry(t):
    """An event has failed once, and is due again in a minute."""
    lrie = t.bare("--clock", "virtual")
    lrie.invoke(b"{}", EVENT)
    runtime = lrie.runtime()
    runtime.error(runtime.next())
    runtime.begin_next()
    lrie.stdout.wait_line(r"REPORT .*")
    return lrie, runtime


def test_one_at_a_time(t):
    lrie, runtime = wait_for_a_retry(t)
    first = lrie.begin_advance("1m")
    event = runtime.end_next()
    second = lrie.begin_advance("1m").reply()
    t.equal(second.status, 409)
    t.match(second.json()["message"], r".*is being moved already.*")
    t.true(not first.has_input(), "the retry is not over")
    runtime.answer(event)
    runtime.begin_next()
    t.equal(first.reply().json()["aheadMs"], 60000)
    lrie.stop()


def test_it_goes_on_when_its_caller_leaves(t):
    lrie, runtime = wait_for_a_retry(t)
    call = lrie.begin_advance("2m")
    event = runtime.end_next()
    call.reset()
    runtime.answer(event)
    runtime.begin_next()
    harness.wait_for(lambda: tell(lrie).json()["aheadMs"] == 120000, "the end of the advance")
    lrie.stop()


def test_lrie_ends_in_mid_advance(t):
    lrie, runtime = wait_for_a_retry(t)
    lrie.begin_advance("2m")
    runtime.end_next()
    lrie.stop()


if __name__ == "__main__":
    harness.main()
