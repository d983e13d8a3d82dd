#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lines in CloudWatch's embedded metric format are checked, and lrie writes its own."""
import json
import os
import time

import harness

WARNING = r"lrie: warning: CloudWatch will take no metrics from a line of the function: (.*)"


def line(**more):
    """A valid line; what is given here replaces a member of its directive."""
    directive = {"Namespace": "test", "Dimensions": [["who"]],
                 "Metrics": [{"Name": "time", "Unit": "Milliseconds"}]}
    directive.update(more)
    return {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
            "who": "me", "time": 1.5}


def say(lrie, text):
    """Lets the function print it as it is."""
    words = "line:" + text.replace("\\", "\\\\").replace(",", "\\,")
    reply = lrie.do(words)
    lrie.report(reply.request_id)
    return lrie.log(reply.request_id)


def counted(lrie):
    return {valid: lrie.metric("lrie_emf_lines_total", valid=valid) for valid in ("true", "false")}


def records(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(text) for text in file.read().splitlines()]


def test_valid_lines_are_counted_and_left_alone(t):
    lrie = t.serve("echo")
    text = json.dumps(line())
    t.true(text in say(lrie, text), "the line is not in the log as it was")
    say(lrie, "2026-01-01T00:00:00.000Z\\tid\\tINFO\\t".replace("\\t", "\t") + text)
    say(lrie, "no metrics")
    t.equal(counted(lrie), {"true": 2, "false": 0})
    t.true("CloudWatch" not in lrie.stderr.text(), lrie.stderr.text())


def test_each_mistake_is_told_once(t):
    lrie = t.serve("echo")
    for _ in range(3):
        say(lrie, json.dumps(line(Metrics=[{"Name": "time", "Unit": "ms"}])))
        say(lrie, json.dumps(line(Dimensions=[["nobody"]])))
    t.equal(counted(lrie), {"true": 0, "false": 6})
    told = [text for text in lrie.stderr.lines() if "CloudWatch" in text]
    t.equal(len(told), 2, told)
    t.match(told[0], WARNING)
    t.true("'time' has a Unit that CloudWatch does not know: 'ms'" in told[0], told[0])
    t.true("the dimension 'nobody' is no member of the line" in told[1], told[1])


def test_own_records(t):
    path = os.path.join(t.folder(), "records")
    harness.write_file(path, '{"before": true}\n')
    lrie = t.serve("echo", "--emf", path, "--timeout", "1")
    reports = [lrie.report(lrie.do(words).request_id)
               for words in ("echo", "error", "exit:1", "echo", "silent")]
    lrie.stop()
    found = records(path)
    t.equal(found.pop(0), {"before": True}, "the file is appended to")
    t.equal([record["RequestId"] for record in found], [report.id for report in reports])
    t.equal([record["ColdStart"] for record in found], [1, 0, 0, 1, 0])
    t.equal([record["Errors"] for record in found], [0, 1, 1, 0, 1])
    t.equal([record.get("ErrorType") for record in found],
            [None, "Unhandled", "Runtime.ExitError", None, "Sandbox.Timedout"])
    for record, report in zip(found, reports):
        t.between(report.duration - 0.01, record["Duration"], report.duration + 0.01, "Duration")
        t.equal(record["BilledDuration"], report.billed)
        t.equal("InitDuration" in record, report.init is not None)
        t.equal("MaxMemoryUsed" in record, report.peak is not None)
        t.equal(record["MemorySize"], 128 << 20)
        t.equal(record["FunctionName"], "function")


def test_own_records_of_one_invocation(t):
    path = os.path.join(t.folder(), "records")
    t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo", "--emf", path, expect=0)
    t.equal([record["ColdStart"] for record in records(path)], [1])


def test_an_environment_that_was_provisioned_starts_nothing_cold(t):
    path = os.path.join(t.folder(), "records")
    lrie = t.serve("echo", "--emf", path, "--provisioned", "1")
    lrie.report(lrie.invoke().request_id)
    lrie.stop()
    t.equal([record["ColdStart"] for record in records(path)], [0])


if __name__ == "__main__":
    harness.main()
