#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lambda_extension, AWS's crate for extensions: events, the Telemetry API, the Logs API."""
import json
import os
import re

import interop
from interop import harness


def serve(t, name, *options):
    """lrie with the fixture's function, which prints a line, and the extension 'name' in a layer."""
    layer = interop.prepared("rust", name)
    interop.need(t, os.path.join(layer, "extensions", name))
    return t.serve("line:hello,echo", *interop.ROOM, "--layer", layer, *options)


def told(lrie, name):
    """What the extension has told, line by line, up to the end of lrie: then it has all."""
    lrie.stop()
    return [line[len(name) + 2:] for line in lrie.stdout.lines() if line.startswith(name + ": ")]


def test_invoke_and_shutdown(t):
    lrie = serve(t, "events")
    replies = [lrie.invoke() for _ in range(3)]
    for reply in replies:
        interop.check_success(t, reply)
        lrie.report(reply.request_id)
    lines = told(lrie, "events")
    t.equal([line.split(" ")[:2] for line in lines[:-1]],
            [["INVOKE", reply.request_id] for reply in replies])
    t.match(lines[0].split(" ")[3], r"Root=1-.*;Parent=.*;Sampled=[01].*")
    t.equal(lines[-1], "SHUTDOWN spindown")
    t.true("EXTENSION\tName: events\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"
           in lrie.stdout.lines(), "no EXTENSION line")


def test_telemetry(t):
    lrie = serve(t, "telemetry")
    reply = lrie.invoke()
    interop.check_success(t, reply)
    report = lrie.report(reply.request_id)
    records = [json.loads(line) for line in told(lrie, "telemetry")]
    kinds = [record["type"] for record in records]
    expected = ("platform.initStart", "platform.extension", "platform.telemetrySubscription",
                "platform.initRuntimeDone", "platform.start", "function", "platform.runtimeDone",
                "platform.report")
    t.equal({kind: kinds.count(kind) for kind in expected}, {kind: 1 for kind in expected})
    record = {record["type"]: record["record"] for record in records}
    t.equal(record["function"], "hello\n")
    t.equal(record["platform.start"]["requestId"], reply.request_id)
    t.equal(record["platform.runtimeDone"]["status"], "success")
    metrics = record["platform.report"]["metrics"]
    t.near(metrics["durationMs"], report.duration, "durationMs", absolute=0.01)
    t.equal((metrics["billedDurationMs"], metrics["memorySizeMB"]), (report.billed, 1769))


def test_logs(t):
    lrie = serve(t, "logs")
    reply = lrie.invoke()
    interop.check_success(t, reply)
    lrie.report(reply.request_id)
    lines = told(lrie, "logs")
    kinds = [re.match(r"\w+", line)[0] for line in lines]
    expected = ("PlatformExtension", "PlatformLogsSubscription", "PlatformStart", "Function",
                "PlatformEnd", "PlatformRuntimeDone", "PlatformReport")
    t.equal({kind: kinds.count(kind) for kind in expected}, {kind: 1 for kind in expected})
    t.true('Function("hello\\n")' in lines, "not the function's line: %r" % lines)


if __name__ == "__main__":
    harness.main()
