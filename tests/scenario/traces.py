#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""With --xray lrie is the X-Ray daemon, and traces invocations as Lambda does."""
import json
import os
import socket

import harness

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
CALLER = "53995c3f42cd8ad8"
HEADER = b'{"format": "json", "version": 1}\n'

SCRIPT = """#!/bin/sh
echo "runtime api: $AWS_LAMBDA_RUNTIME_API"
echo "x-ray: $AWS_XRAY_DAEMON_ADDRESS $_AWS_XRAY_DAEMON_ADDRESS $_AWS_XRAY_DAEMON_PORT"
exec sleep 1000
"""


class Traces:
    """The file that lrie writes to."""

    def __init__(self, t):
        self.path = os.path.join(t.folder(), "traces")
        self.option = "--xray=" + self.path

    def lines(self):
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file.read().split("\n")[:-1]]

    def of(self, request_id, source):
        """The documents of a request."""
        return [line["document"] for line in self.lines()
                if (line["requestId"], line["source"]) == (request_id, source)]

    def wait(self, request_id):
        """The two segments that lrie makes of a request: of Lambda, and of the function."""
        def both():
            segments = self.of(request_id, "lambda")
            return segments if len(segments) == 2 else None  # one: lrie is still writing

        return harness.wait_for(both, "the segments")


def traced(fields, **more):
    return [("X-Amzn-Trace-Id", ";".join(("Root=" + ROOT,) + fields))]


def subsegments(segment):
    return [part["name"] for part in segment["subsegments"]]


def test_documents_and_segments_belong_together(t):
    traces = Traces(t)
    lrie = t.serve("segment:mine,echo", traces.option)
    for names in (["Initialization", "Invocation", "Overhead"], ["Invocation", "Overhead"]):
        reply = lrie.invoke(headers=traced(("Parent=" + CALLER,)))
        outer, inner = traces.wait(reply.request_id)
        sent, = traces.of(reply.request_id, "function")
        t.equal((outer["origin"], inner["origin"]), ("AWS::Lambda", "AWS::Lambda::Function"))
        t.equal({part["trace_id"] for part in (outer, inner, sent)}, {ROOT})
        t.equal((outer["parent_id"], inner["parent_id"], sent["parent_id"]),
                (CALLER, outer["id"], inner["id"]))
        t.equal(subsegments(inner), names)
        t.equal((sent["name"], sent["type"]), ("mine", "subsegment"))
        t.true("fault" not in inner, inner)
        t.equal(reply.header("X-Amzn-Trace-Id"),
                "Root=%s;Parent=%s;Sampled=1" % (ROOT, inner["id"]))
        lrie.stdout.wait_line("XRAY TraceId: %s\tSegmentId: %s\tSampled: true"
                              % (ROOT, inner["id"]))


def test_times_are_those_of_the_report(t):
    traces = Traces(t)
    lrie = t.serve("sleep:50,echo", traces.option)
    report = lrie.report(lrie.invoke().request_id)
    outer, inner = traces.wait(report.id)
    init, invocation, overhead = inner["subsegments"]

    def duration(part):
        return (part["end_time"] - part["start_time"]) * 1000

    t.near(duration(init), report.init, "Init Duration", absolute=0.02, share=0)
    t.near(duration(inner), report.duration, "Duration", absolute=0.02, share=0)
    t.true(duration(invocation) >= 49, invocation)
    t.true(init["end_time"] <= invocation["start_time"] <= invocation["end_time"]
           == overhead["start_time"] <= overhead["end_time"] == inner["end_time"], inner)
    t.equal(outer["end_time"], invocation["end_time"])


def test_the_caller_decides_what_is_sampled(t):
    traces = Traces(t)
    lrie = t.serve("segment:mine,echo", traces.option)
    reply = lrie.invoke(headers=traced(("Parent=" + CALLER, "Sampled=0")))
    t.true(reply.header("X-Amzn-Trace-Id").endswith(";Sampled=0"), reply)
    lrie.report(reply.request_id)
    sampled = lrie.invoke()
    t.true(reply.header("X-Amzn-Trace-Id").startswith("Root=%s;" % ROOT), reply)
    traces.wait(sampled.request_id)
    t.equal(traces.of(reply.request_id, "lambda"), [])
    t.equal(len(traces.of(None, "function")), 1, "a document of a trace that is not known")
    t.equal(len(traces.of(sampled.request_id, "function")), 1)


def test_without_the_option_a_header_passes_through(t):
    lrie = t.bare()
    lrie.begin_invoke(headers=traced(("Parent=" + CALLER, "Sampled=1", "Lineage=a:1")))
    event = lrie.runtime().next()
    t.equal(event.reply.header("Lambda-Runtime-Trace-Id"),
            "Root=%s;Parent=%s;Sampled=1;Lineage=a:1" % (ROOT, CALLER))


def test_lineage_is_kept(t):
    lrie = t.bare(Traces(t).option)
    lrie.begin_invoke(headers=traced(("Parent=none", "Lineage=a:1")))
    event = lrie.runtime().next()
    t.match(event.reply.header("Lambda-Runtime-Trace-Id"),
            "Root=" + ROOT + ";Parent=[0-9a-f]{16};Sampled=1;Lineage=a:1")


# ---- failures ----------------------------------------------------------------


def test_causes_of_failures(t):
    traces = Traces(t)
    lrie = t.serve("echo", traces.option, "--timeout", "1")
    _, inner = traces.wait(lrie.do("xray:5000").request_id)
    t.equal(inner["fault"], True)
    t.equal(inner["cause"]["working_directory"], "/var/task")
    t.equal(inner["cause"]["exceptions"][0]["type"], "Fixture")
    _, inner = traces.wait(lrie.do("error").request_id)
    t.equal((inner["fault"], "cause" in inner), (True, False))
    _, inner = traces.wait(lrie.do("exit:3").request_id)
    t.equal(inner["cause"]["exceptions"], [
        {"type": "Runtime.ExitError", "message": "Runtime exited with error: exit status 3"}])
    _, inner = traces.wait(lrie.do("silent").request_id)
    t.equal(inner["cause"]["exceptions"], [
        {"type": "Sandbox.Timedout", "message": "Task timed out after 1.00 seconds"}])
    t.equal(subsegments(inner), ["Initialization", "Invocation"])
    _, inner = traces.wait(lrie.do("echo").request_id)
    t.true("fault" not in inner, inner)


def test_a_cause_of_a_megabyte_is_cropped(t):
    traces = Traces(t)
    lrie = t.serve("echo", traces.option)
    reply = lrie.do("xray:1000000")
    t.equal(reply.json()["errorType"], "Traced")
    _, inner = traces.wait(reply.request_id)
    t.between(1000, len(json.dumps(inner["cause"])), 65536, "bytes of the cause")
    t.equal(inner["cause"]["exceptions"][0]["type"], "Fixture")


def test_a_cause_in_the_body(t):
    traces = Traces(t)
    lrie = t.bare(traces.option)
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    event = runtime.next()
    runtime.error(event, b'{"errorMessage":"m","errorType":"E","errorCause":{"message":"why"}}',
                  [("Content-Type", "application/vnd.aws.lambda.error.cause+json")])
    runtime.begin_next()
    t.equal(caller.reply().json(), {"errorMessage": "m", "errorType": "E"})
    t.equal(traces.wait(event.id)[1]["cause"], {"message": "why"})


def test_a_cause_that_is_none_is_ignored(t):
    traces = Traces(t)
    lrie = t.bare(traces.option)
    runtime = lrie.runtime()
    for cause in ("junk", "{}", "[1]", '{"message":""}', '{"paths":[}'):
        caller = lrie.begin_invoke()
        event = runtime.next()
        runtime.error(event, b"{}", [("Lambda-Runtime-Function-XRay-Error-Cause", cause)])
        t.equal(caller.reply().status, 200)
        runtime.begin_next()
        t.true("cause" not in traces.wait(event.id)[1], cause)
        runtime.close()
        runtime = lrie.runtime()


def test_the_cause_of_a_failed_init(t):
    traces = Traces(t)
    lrie = t.bare(traces.option)
    header = [("Lambda-Runtime-Function-XRay-Error-Cause", '{"message":"init"}')]
    first = lrie.runtime()
    first.init_error(b"{}", header)
    caller = lrie.begin_invoke()
    second = lrie.runtime(2)
    second.init_error(b'{"errorMessage":"m"}', header)
    reply = caller.reply()
    t.equal(traces.wait(reply.request_id)[1]["cause"], {"message": "init"})
    caller = lrie.begin_invoke()
    third = lrie.runtime(3)
    event = third.next()
    t.equal(third.init_error(b"{}", header).status, 403)
    third.error(event)
    third.begin_next()
    t.equal(caller.reply().status, 200)
    _, inner = traces.wait(event.id)
    t.equal((inner["fault"], "cause" in inner), (True, False))


def test_several_invocations_at_once(t):
    traces = Traces(t)
    lrie = t.bare(traces.option, "--max-concurrency", "3")
    callers = [lrie.begin_invoke() for _ in range(3)]
    runtimes = [lrie.runtime() for _ in range(3)]
    events = [runtime.next() for runtime in runtimes]
    runtimes[1].error(events[1], b"{}", [("Lambda-Runtime-Function-XRay-Error-Cause",
                                          '{"message":"second"}')])
    for place in (2, 0):
        runtimes[place].answer(events[place])
    for caller in callers:
        t.equal(caller.reply().status, 200)
    inner = [traces.wait(event.id)[1] for event in events]
    t.equal([part.get("cause") for part in inner], [None, {"message": "second"}, None])
    t.equal(len({part["trace_id"] for part in inner}), 3)
    for part, event in zip(inner, events):
        t.true(part["trace_id"] in event.reply.header("Lambda-Runtime-Trace-Id"), part)
    lrie.stop()


# ---- the daemon --------------------------------------------------------------


def daemon(t, lrie):
    line = lrie.stdout.wait_line(r"x-ray: (127\.0\.0\.1):(\d+) (\S+) (\S+)")
    t.equal((line[3], line[4]), (line[1], line[2]), "the address as two variables")
    sender = t.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sender.connect((line[1], int(line[2])))
    return sender


def counted(lrie):
    return tuple(lrie.metric("lrie_xray_documents_total", valid=valid)
                 for valid in ("true", "false"))


def document(**more):
    body = {"name": "n", "id": CALLER, "trace_id": ROOT, "start_time": 1, "end_time": 2}
    body.update(more)
    return HEADER + json.dumps(body, indent=1).encode()


def test_what_x_ray_would_refuse_is_counted_and_told_once(t):
    traces = Traces(t)
    lrie = t.serve_script(SCRIPT, traces.option, "--runtime-api-access=any")
    sender = daemon(t, lrie)
    bad = (b"junk", HEADER, HEADER + b"junk", HEADER + b"\0\xff", document(id="x"),
           document(start_time="1"), document(type="segment"), HEADER + b"[" * 60000,
           document(subsegments=[{}]), b"x" * 65507)
    for datagram in bad:
        sender.send(datagram)
    sender.send(document())
    harness.wait_for(lambda: counted(lrie) == (1, len(bad)), "all documents")
    lrie.stderr.wait_line(".*X-Ray would refuse.*")
    told = [line for line in lrie.stderr.lines() if "X-Ray would refuse" in line]
    t.equal(told, ["lrie: warning: X-Ray would refuse a document of the function: it does not "
                   'begin with the line {"format":"json","version":1}'])
    line, = traces.lines()
    t.equal((line["requestId"], line["document"]["id"]), (None, CALLER))


def test_a_flood_of_documents_holds_nothing_up(t):
    traces = Traces(t)
    lrie = t.serve_script(SCRIPT, traces.option, "--runtime-api-access=any", "--timeout", "60")
    sender = daemon(t, lrie)
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    event = runtime.next()
    for _ in range(20000):
        sender.send(document())
    runtime.answer(event)
    t.equal(caller.reply().status, 200)
    runtime.begin_next()
    traces.wait(event.id)
    valid, invalid = counted(lrie)
    t.equal(invalid, 0)
    t.between(1, valid, 20000, "documents that were taken")


def test_invocations_of_one_trace_are_told_apart(t):
    traces = Traces(t)
    lrie = t.serve_script(SCRIPT, traces.option, "--runtime-api-access=any")
    sender = daemon(t, lrie)
    runtime = lrie.runtime()
    events = []
    for _ in range(2):
        runtime.begin_next()
        caller = lrie.begin_invoke(headers=traced(()))
        events.append(runtime.next())
        runtime.answer(events[-1])
        caller.reply()
    runtime.begin_next()
    for event in events:
        parent = event.reply.header("Lambda-Runtime-Trace-Id").split(";")[1][len("Parent="):]
        sender.send(document(type="subsegment", parent_id=parent, name=event.id))
    sender.send(document(type="subsegment", parent_id=CALLER, name=events[1].id))
    harness.wait_for(lambda: counted(lrie) == (3, 0), "all documents")
    t.equal([len(traces.of(event.id, "function")) for event in events], [1, 2])
    for event in events:
        for sent in traces.of(event.id, "function"):
            t.equal(sent["name"], event.id)


def test_a_box_with_a_network_of_its_own(t):
    traces = Traces(t)
    finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo",
                     "--network=none")
    if finished.code == 3:
        t.skip(" ".join(finished.stderr.split())[:200])
    lrie = t.serve("segment:inside,echo", traces.option, "--network=none")
    for words in ("segment:inside,echo", "segment:inside,exit:1", "segment:inside,echo"):
        reply = lrie.do(words)
        lrie.report(reply.request_id)
        sent, = harness.wait_for(lambda: traces.of(reply.request_id, "function"), "the document")
        t.equal(sent["name"], "inside")
    t.equal(lrie.do("env").json()["AWS_XRAY_DAEMON_ADDRESS"], "127.0.0.1:2000")


def test_the_last_word_before_the_end_is_heard(t):
    traces = Traces(t)
    t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "segment:mine,echo",
          traces.option, expect=0)
    sources = sorted(line["source"] for line in traces.lines())
    t.equal(sources, ["function", "lambda", "lambda"])


if __name__ == "__main__":
    harness.main()
