# SPDX-License-Identifier: Apache-2.0
"""interop - what every real runtime and client is held to.

    $LRIE_INTEROP_DIR       what tests/interop/prepare has brought (./.interop)
    $LRIE_INTEROP_REQUIRED  any value: what is missing there is a failure, not a reason to skip

A test file describes its runtime or client and takes the contract from here; what is its own stands
beside it. Starting lrie, the claims and the output are those of tests/scenario/harness.py.
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "scenario"))

import harness  # noqa: E402

FUNCTIONS = os.path.join(HERE, "functions")
SHA3 = os.path.join(HERE, "..", "..", "fixtures", "sha3")
DIR = os.path.abspath(os.environ.get("LRIE_INTEROP_DIR") or ".interop")
REQUIRED = bool(os.environ.get("LRIE_INTEROP_REQUIRED"))

# A runtime as large as these is given a whole CPU; throttling has its own tests.
ROOM = ("--memory", "1769", "--timeout", "60")
BIG = b'"' + b"x" * 3000000 + b'"'


def prepared(*path):
    return os.path.join(DIR, *path)


def need(t, *paths):
    for path in paths:
        if not os.path.exists(path):
            reason = "%s is missing: run tests/interop/prepare" % os.path.relpath(path, DIR)
            if REQUIRED:
                raise harness.Failure(reason)
            t.skip(reason)


def need_program(t, name):
    """A program of the system that the box shows."""
    folders = ("/usr/local/bin", "/usr/bin", "/bin")
    if not any(os.access(os.path.join(folder, name), os.X_OK) for folder in folders):
        if REQUIRED:
            raise harness.Failure("there is no %s here" % name)
        t.skip("there is no %s here" % name)


class Runtime:
    """A runtime with a function that echoes, fails when it is told to, and answers 3 MB."""

    def __init__(self, bootstrap, options=(), needs=(), programs=(), error_type="RangeError",
                 init_error=None):
        """'init_error' is the errorType and errorMessage of a failed init, where the runtime
        tells them; None where it just ends."""
        self.bootstrap, self.options, self.programs = bootstrap, options, programs
        self.needs = (bootstrap,) + tuple(needs)
        self.error_type, self.init_error = error_type, init_error

    def serve(self, t, *options):
        need(t, *self.needs)
        for program in self.programs:
            need_program(t, program)
        return t.serve_bootstrap(self.bootstrap, *ROOM, *self.options, *options)


def payload(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def check_success(t, reply, body=None):
    t.equal((reply.status, reply.header("X-Amz-Function-Error")), (200, None), repr(reply))
    if body is not None:
        t.true(reply.body == body, "not the expected answer: %r" % reply)


def check_echo(t, lrie, event):
    reply = lrie.invoke(payload(event))
    check_success(t, reply)
    t.equal(reply.json(), event)
    return reply


def check_failure(t, reply, error_type, message):
    t.equal((reply.status, reply.header("X-Amz-Function-Error")), (200, "Unhandled"), repr(reply))
    t.equal((reply.json()["errorType"], reply.json()["errorMessage"]), (error_type, message))


def echo(t, runtime):
    lrie = runtime.serve(t)
    reply = check_echo(t, lrie, {"text": "grüße, 世界 \N{PERSONAL COMPUTER}", "list": [1, None, {}]})
    report = lrie.report(reply.request_id)
    t.equal((report.status, report.memory), (None, 1769))
    t.true(report.init is not None and report.init > 0, "no Init Duration: " + report.line)


def error(t, runtime):
    lrie = runtime.serve(t)
    reply = lrie.invoke(payload({"do": "fail"}))
    check_failure(t, reply, runtime.error_type, "the function was told to fail")
    reply = check_echo(t, lrie, {"still": "warm"})
    t.equal(lrie.report(reply.request_id).init, None, "it began anew after a handler error")


def five_warm_invokes(t, runtime):
    lrie = runtime.serve(t)
    replies = [check_echo(t, lrie, {"number": number}) for number in range(6)]
    reports = [lrie.report(reply.request_id) for reply in replies]
    t.equal([report.init is not None for report in reports], [True] + [False] * 5)
    t.equal([report.status for report in reports], [None] * 6)
    t.equal(len({reply.request_id for reply in replies}), 6)


def big_answer(t, runtime):
    lrie = runtime.serve(t)
    check_success(t, lrie.invoke(payload({"do": "big"})), BIG)
    check_echo(t, lrie, {"after": "it"})


def big_event(t, runtime):
    lrie = runtime.serve(t)
    check_echo(t, lrie, {"text": "x" * 5000000})


def init_error(t, runtime):
    lrie = runtime.serve(t, "--env", "FAIL_INIT=1")
    reply = lrie.invoke(b"{}")
    if runtime.init_error:
        check_failure(t, reply, *runtime.init_error)
    else:
        t.equal((reply.status, reply.header("X-Amz-Function-Error")), (200, "Unhandled"))
        t.equal(reply.json()["errorType"], "Runtime.ExitError")
    t.equal(lrie.report(reply.request_id).status, "error")


def json_lines(lrie, reply):
    """The lines of an invocation that are objects, as objects."""
    return [json.loads(line) for line in lrie.log(reply.request_id) if line.startswith("{")]


def check_emf(t, line):
    """A line in CloudWatch Embedded Metric Format, as its specification has it."""
    about = line["_aws"]
    t.between(1600000000000, about["Timestamp"], 4000000000000, "milliseconds since 1970")
    for directive in about["CloudWatchMetrics"]:
        t.match(directive["Namespace"], ".{1,1024}")
        for dimensions in directive["Dimensions"]:
            t.true(len(dimensions) <= 30, "too many dimensions: %r" % line)
            for name in dimensions:
                t.true(isinstance(line[name], str), "no value for %s: %r" % (name, line))
        for metric in directive["Metrics"]:
            values = line[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                t.true(isinstance(value, (int, float)), "no number: %r" % line)


def powertools(t, runtime, cold_start, number_of):
    """Logger and metrics of Powertools: the context, the trace, the metrics of a cold and a warm invoke.

    'cold_start' and 'number_of' are what differs by language: the metric, and its value in a line.
    """
    lrie = runtime.serve(t)
    root = "1-5759e988-bd862e3fe1be46a994272793"
    cold, warm = [lrie.invoke(payload({"an": "event"}), [
        ("X-Amzn-Trace-Id", "Root=%s;Parent=53995c3f42cd8ad8;Sampled=1" % root)]) for _ in range(2)]
    for reply, is_cold in ((cold, True), (warm, False)):
        check_success(t, reply)
        lines = json_lines(lrie, reply)
        log = next(line for line in lines if line.get("message") == "an event has come")
        t.equal(log["function_request_id"], reply.request_id)
        t.equal((log["function_name"], str(log["function_memory_size"])), ("function", "1769"))
        t.equal((log["cold_start"], log["service"]), (is_cold, "interop"))
        t.equal(log["xray_trace_id"], root)
        t.true(log["variable"].startswith("Root=%s;" % root), log["variable"])
        metrics = [line for line in lines if "_aws" in line]
        for line in metrics:
            check_emf(t, line)
        t.equal([number_of(line["Invocations"]) for line in metrics if "Invocations" in line], [1])
        t.equal([number_of(line[cold_start]) for line in metrics if cold_start in line],
                [1] if is_cold else [])


def records_in_frames(t, runtime):
    """AWS's own runtimes write an error's lines as one record, if they are given a descriptor."""
    lrie = runtime.serve(t, "--log-descriptor")
    reply = lrie.invoke(payload({"do": "fail"}))
    lines = lrie.log(reply.request_id)
    t.true(any("the function was told to fail" in line for line in lines), lines)
    t.true(not any("\r" in line for line in lines), "written as to stdout: %r" % lines)
    t.true("_LAMBDA_TELEMETRY_LOG_FD" not in lrie.stderr.text(), lrie.stderr.text())


def json_logs(t, runtime):
    lrie = runtime.serve(t, "--log-format", "json", "--application-log-level", "error")
    reply = lrie.invoke(payload({"do": "fail"}))

    def find(lines):
        return lines if any('"platform.report"' in line for line in lines) else None

    lines = lrie.stdout.wait(find, "the report")
    records = [json.loads(line) for line in lines if '"level"' in line]
    t.equal([(record["level"], record["requestId"]) for record in records],
            [("ERROR", reply.request_id)])


def goodbye(t, runtime, *options):
    """A function that registers an extension so as to get SIGTERM, and says goodbye when it comes."""
    lrie = runtime.serve(t, *options)
    for number in range(2):
        reply = check_echo(t, lrie, {"number": number})
        lrie.report(reply.request_id)  # it has asked for the next one
    lrie.stop()
    t.true(any("the function says goodbye" in line for line in lrie.stdout.lines()), "no goodbye")


def bind(subject, *checks):
    """Tests of a runtime, by name, made of checks that take it as their second argument."""

    def test_of(check):
        return lambda t: check(t, subject)

    tests = {}
    for check in checks:
        test = test_of(check)
        test.__name__ = "test_" + check.__name__
        tests[test.__name__] = test
    return tests


def contract(runtime):
    """The tests that every runtime passes, by name: update globals() with them."""
    return bind(runtime, echo, error, five_warm_invokes, big_answer, big_event, init_error)
