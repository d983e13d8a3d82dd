#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""awslambdaric, AWS's own runtime for Python, from a layer."""
import os

import interop
from interop import harness

LAYER = interop.prepared("python-layer")

RUNTIME = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "python", "bootstrap"),
    options=("--layer", LAYER, "--handler", "function.handler"),
    needs=(os.path.join(LAYER, ".done"),),
    programs=("python3",),
    error_type="ValueError",
    init_error=("ValueError", "init was told to fail"))

globals().update(interop.contract(RUNTIME))
globals().update(interop.bind(RUNTIME, interop.records_in_frames, interop.json_logs))


def test_the_context_is_what_lambda_gives(t):
    lrie = RUNTIME.serve(t, "--function-name", "greeter")
    reply = lrie.invoke(interop.payload({"do": "context"}),
                        path="/2015-03-31/functions/greeter/invocations")
    interop.check_success(t, reply)
    context = reply.json()
    t.equal(context["id"], reply.request_id)
    t.equal(context["arn"], "arn:aws:lambda:us-east-1:012345678912:function:greeter")
    t.equal((context["name"], context["memory"]), ("greeter", "1769"))
    t.equal(context["group"], "/aws/lambda/greeter")
    t.match(context["stream"], r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}")
    t.between(1, context["remaining"], 60000, "the remaining time")


def test_an_event_is_json_whatever_the_caller_calls_it(t):
    """curl -d says that it is a form, the SDK for JavaScript that it is bytes."""
    lrie = RUNTIME.serve(t)
    for kind in ("application/x-www-form-urlencoded", "application/octet-stream"):
        reply = lrie.invoke(b'{"a":1}', [("Content-Type", kind)])
        interop.check_success(t, reply)
        t.equal(reply.json(), {"a": 1})
    lrie.stop()


SNAP_START = ("--initialization-type", "snap-start")


def test_hooks_run_around_the_snapshot(t):
    lrie = RUNTIME.serve(t, *SNAP_START)
    lrie.stdout.wait_line(r"INIT_REPORT .*\tPhase: init")
    reply = lrie.invoke(interop.payload({"do": "hooks"}))
    interop.check_success(t, reply)
    t.equal(reply.json(), ["before", "after"])
    report = lrie.report(reply.request_id)
    t.true(report.restore is not None and report.init is None, report.line)
    lrie.stop()


def test_a_hook_before_the_snapshot_fails_init(t):
    lrie = RUNTIME.serve(t, *SNAP_START, "--env", "FAIL_HOOK=before")
    line = lrie.stdout.wait_line(r"INIT_REPORT .*\tStatus: error\tError Type: (\S+)")
    t.equal(line[1], "Runtime.BeforeSnapshotError")
    reply = lrie.invoke()
    t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")
    t.equal(reply.json()["errorMessage"], "a hook was told to fail")
    lrie.stop()


def test_a_hook_after_the_restore_fails_it(t):
    lrie = RUNTIME.serve(t, *SNAP_START, "--env", "FAIL_HOOK=after")
    reply = lrie.invoke()
    t.equal((reply.status, reply.header("x-amzn-ErrorType")), (400, "SnapStartException"))
    line = lrie.stdout.wait_line(r"RESTORE_REPORT .*\tStatus: error\tError Type: (\S+)")
    t.equal(line[1], "Runtime.AfterRestoreError")
    lrie.stop()


if __name__ == "__main__":
    harness.main()
