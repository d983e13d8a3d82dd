#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""With JSON logging each line of the platform is an object, and lines have levels."""
import datetime
import json
import re

import harness

JSON = ("--log-format", "json")
NOW = "2026-10-08T07:30:27.768Z"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def line(level, message="x"):
    return json.dumps({"timestamp": NOW, "level": level, "message": message})


def says(t, *options, **more):
    """A function that prints what the event says; returns lrie."""
    return t.serve("echo", *JSON, *options, **more)


def print_lines(lrie, *lines, headers=()):
    """Has the function print 'lines' in an invocation; returns its reply."""
    words = ",".join("line:" + text.replace("\\", r"\\").replace(",", r"\,") for text in lines)
    return lrie.invoke(json.dumps({"do": words + ",echo"}).encode(), headers=headers)


def wait_report(lrie, request_id):
    """All lines up to the report of that invocation."""
    def find(lines):
        for number, text in enumerate(lines):
            if '"platform.report"' in text and request_id in text:
                return lines[:number + 1]
        return None
    return lrie.stdout.wait(find, "the report of " + request_id)


def events(lines):
    return [json.loads(text) for text in lines]


def types(lines):
    return [event["type"] for event in events(lines)]


def test_a_cold_and_a_warm_invocation(t):
    lrie = says(t)
    cold = lrie.invoke().request_id
    wait_report(lrie, cold)
    warm = lrie.invoke().request_id
    lines = wait_report(lrie, warm)
    t.equal(types(lines), ["platform.start", "platform.report"] * 2)
    start, report, _, warm_report = events(lines)
    t.match(start["time"], TIME)
    t.equal(list(start), ["time", "type", "record"])
    t.equal(list(start["record"].items()), [
        ("requestId", cold),
        ("functionArn", "arn:aws:lambda:us-east-1:012345678912:function:function"),
        ("version", "$LATEST")])
    t.equal(list(report["record"]), ["requestId", "metrics", "status"])
    t.equal(report["record"]["status"], "success")
    metrics = report["record"]["metrics"]
    t.equal((metrics["memorySizeMB"], type(metrics["durationMs"])), (128, float))
    # Billed is the sum of what was measured, and told are its parts to a thousandth.
    t.between(-0.01, metrics["billedDurationMs"] - metrics["initDurationMs"] - metrics["durationMs"],
              1.01, "ms billed beyond what was told")
    t.true("initDurationMs" not in warm_report["record"]["metrics"], warm_report)


def test_everything_at_level_debug(t):
    lrie = says(t, "--system-log-level", "debug")
    lines = wait_report(lrie, lrie.invoke().request_id)
    t.equal(sorted(types(lines)), sorted([
        "platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start",
        "platform.runtimeDone", "platform.report"]))
    told = {event["type"]: event["record"] for event in events(lines)}
    t.equal(told["platform.initStart"]["initializationType"], "on-demand")
    t.equal(told["platform.initStart"]["instanceMaxMemory"], 128 << 20)
    t.equal(told["platform.initReport"]["metrics"]["durationMs"],
            told["platform.report"]["metrics"]["initDurationMs"], "one set of times")
    done = told["platform.runtimeDone"]
    t.equal([span["name"] for span in done["spans"]],
            ["responseLatency", "responseDuration", "runtimeOverhead"])
    t.near(sum(span["durationMs"] for span in done["spans"]), done["metrics"]["durationMs"], 0,
           0.003)
    t.equal(done["metrics"]["producedBytes"], 2)


def test_times_are_those_of_this_moment_and_in_order(t):
    before = datetime.datetime.now(datetime.timezone.utc)
    lrie = says(t, "--system-log-level", "debug")
    request_id = print_lines(lrie, "{}").request_id
    times = [event.get("time") or event["timestamp"]
             for event in events(wait_report(lrie, request_id))]
    after = datetime.datetime.now(datetime.timezone.utc)
    t.equal(times, sorted(times))
    moments = [datetime.datetime.fromisoformat(time.replace("Z", "+00:00")) for time in times]
    millisecond = datetime.timedelta(milliseconds=1)
    t.true(before - millisecond <= moments[0] and moments[-1] <= after, times)


def test_lines_of_the_function_are_filtered_by_level(t):
    lrie = says(t, "--application-log-level", "WARN")
    request_id = print_lines(lrie, line("DEBUG"), line("INFO"), "text", line("WARN"), "{}",
                             line("error"), line("FATAL"), line("TRACE")).request_id
    lines = wait_report(lrie, request_id)
    t.equal(lines[1:-1], [line("WARN"), line("error"), line("FATAL")])


def test_what_has_no_level_is_info(t):
    lrie = says(t)
    request_id = print_lines(lrie, "text", line("nonsense"), line("DEBUG"), '{"a": 1}',
                             '{"level": "DEBUG", "timestamp": "now"}', "{half").request_id
    lines = wait_report(lrie, request_id)[1:-1]
    t.equal(lines[:2], ["text", line("nonsense")])
    t.match(lines[2], r'\{"timestamp":"%s","a": 1\}$' % TIME)
    t.match(lines[3], r'\{"level": "DEBUG", "timestamp": "%s"\}$' % TIME)
    t.equal(lines[4:], ["{half"])


def test_the_tail_has_the_json_lines(t):
    lrie = says(t)
    reply = print_lines(lrie, line("INFO"), line("DEBUG"), headers=[("X-Amz-Log-Type", "Tail")])
    tail = reply.log_tail.decode().splitlines()
    t.equal(tail, wait_report(lrie, reply.request_id))
    t.equal([json.loads(text).get("type") for text in tail],
            ["platform.start", None, "platform.report"])


def test_the_function_is_told_the_format_and_the_level(t):
    found = t.serve("env", *JSON).invoke().json()
    t.equal((found.get("AWS_LAMBDA_LOG_FORMAT"), found.get("AWS_LAMBDA_LOG_LEVEL")),
            ("JSON", "INFO"))
    found = t.serve("env", env={"AWS_LAMBDA_LOG_FORMAT": "json",
                                "AWS_LAMBDA_LOG_LEVEL": "error"}).invoke().json()
    t.equal((found.get("AWS_LAMBDA_LOG_FORMAT"), found.get("AWS_LAMBDA_LOG_LEVEL")),
            ("JSON", "ERROR"))
    found = t.serve("env", "--log-format", "text", "--application-log-level", "debug",
                    env={"AWS_LAMBDA_LOG_FORMAT": "JSON"}).invoke().json()
    t.equal((found.get("AWS_LAMBDA_LOG_FORMAT"), found.get("AWS_LAMBDA_LOG_LEVEL")), (None, None))


def test_failures_are_warnings(t):
    lrie = says(t, "--system-log-level", "warn")
    t.equal(lrie.invoke(b'{"do":"exit:3"}').json()["errorType"], "Runtime.ExitError")
    done, report = events(lrie.stdout.wait(lambda lines: lines[1:] and lines[:2], "two lines"))
    for event, name in ((done, "platform.runtimeDone"), (report, "platform.report")):
        t.equal((event["type"], event["record"]["status"], event["record"]["errorType"]),
                (name, "error", "Runtime.ExitError"))


def test_a_timeout(t):
    lrie = says(t, "--timeout", "1", "--system-log-level", "warn")
    lrie.invoke(b'{"do":"silent"}')
    done, report = events(lrie.stdout.wait(lambda lines: lines[1:] and lines[:2], "two lines"))
    t.equal((done["record"]["status"], report["record"]["status"]), ("timeout", "timeout"))
    t.true("errorType" not in report["record"], report)
    t.equal(report["record"]["metrics"]["durationMs"], 1000.0)
    t.between(1000, done["record"]["metrics"]["durationMs"], 1e6, "ms until it was noticed")


def test_a_failed_init(t):
    lrie = t.serve("crash:init", *JSON)
    lrie.invoke()
    lines = lrie.stdout.wait(
        lambda lines: lines if any('"platform.report"' in text for text in lines) else None,
        "the report")
    reports = [event["record"] for event in events(lines) if event["type"] == "platform.initReport"]
    t.equal([(record["phase"], record["status"], record["errorType"]) for record in reports],
            [("init", "error", "Runtime.ExitError"), ("invoke", "error", "Runtime.ExitError")])


def test_a_sampled_trace_is_told(t):
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    lrie = says(t)
    request_id = lrie.invoke(headers=[("X-Amzn-Trace-Id", header)]).request_id
    for event in events(wait_report(lrie, request_id)):
        tracing = event["record"]["tracing"]
        t.equal(tracing["type"], "X-Amzn-Trace-Id")
        t.match(tracing["value"], r"Root=1-5759e988-bd862e3fe1be46a994272793;.*Sampled=1")
    lrie = t.serve("echo")
    lrie.report(lrie.invoke(headers=[("X-Amzn-Trace-Id", header)]).request_id)
    lrie.stdout.wait_line(r"^XRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\tSegmentId: "
                          r"[0-9a-f]{16}\tSampled: true$")


def test_quiet_leaves_the_functions_lines(t):
    lrie = says(t, "--quiet")
    print_lines(lrie, line("INFO"), line("DEBUG"))
    print_lines(lrie, "last")
    t.equal(lrie.stdout.wait(lambda lines: lines[1:] and lines, "two lines"), [line("INFO"), "last"])


def test_lines_that_are_split_or_huge(t):
    lrie = t.puppet(*JSON, "--timeout", "60", "--memory", "1769")
    lrie.begin_invoke()
    runtime = lrie.runtime()
    event = runtime.next()
    lrie.order(r"""printf '{"level":"DEBUG","timestamp":"%s","a":"'; """ % NOW
               + r"""head -c 600000 /dev/zero | tr '\000' '#'; echo '"}'; """
               + r"""printf '{"level":"DEBUG","timest'; sleep 0.1; printf 'amp":"%s"}\n'; """ % NOW
               + "echo through; exec sleep 1000")
    lrie.stdout.wait_line("^through$")
    text = lrie.stdout.text()
    t.equal(text.count("#"), 600000, "a line of which only pieces fit is no object")
    t.true(re.search("timest|level", text.replace('{"level":"DEBUG","timestamp":"%s","a"' % NOW,
                                                 "")) is None, text[-200:])
    runtime.answer(event)


if __name__ == "__main__":
    harness.main()
