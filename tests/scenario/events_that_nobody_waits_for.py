#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Invocations of type Event: accepted at once, tried again, told of when all is over.

How minutes pass between attempts is a matter of tests/unit/event_queue.c.
"""
import json
import os
import re
import threading

import harness

EVENT = {"X-Amz-Invocation-Type": "Event"}.items()


def records(path, count):
    """Waits for so many lines of JSON."""
    def read():
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")[:-1]
        return [json.loads(line) for line in lines] if len(lines) >= count else None

    return harness.wait_for(read, "%d records" % count)


def test_it_is_accepted_at_once(t):
    lrie = t.bare()
    reply = lrie.invoke(b'{"a":1}', EVENT)
    t.equal((reply.status, reply.body), (202, b""))
    t.equal(reply.header("X-Amz-Executed-Version"), None, "nobody knows yet")
    runtime = lrie.runtime()
    event = runtime.next()
    t.equal((event.id, event.body), (reply.request_id, b'{"a":1}'))
    runtime.answer(event)
    runtime.begin_next()
    lrie.report(event.id)
    lrie.stop()


def test_what_went_well_is_told(t):
    path = os.path.join(t.folder(), "success")
    lrie = t.serve("echo", "--on-success", path)
    reply = lrie.invoke(b'{"a":\n1}', EVENT)
    record, = records(path, 1)
    t.true(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp")), record)
    t.equal(record, {
        "version": "1.0",
        "requestContext": {
            "requestId": reply.request_id,
            "functionArn": "arn:aws:lambda:us-east-1:012345678912:function:function:$LATEST",
            "condition": "Success", "approximateInvokeCount": 1},
        "requestPayload": {"a": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"a": 1}})
    lrie.stop()


def test_what_failed_is_told_twice(t):
    failure, letters = (os.path.join(t.folder(), name) for name in ("failure", "letters"))
    lrie = t.serve("crash:invoke", "--retries", "0", "--on-failure", failure, "--dead-letters",
                   letters)
    reply = lrie.invoke(b"{}", EVENT)
    record, = records(failure, 1)
    t.equal(record["requestContext"]["condition"], "RetriesExhausted")
    t.equal(record["responseContext"]["functionError"], "Unhandled")
    t.equal(record["responsePayload"]["errorType"], "Runtime.ExitError")
    letter, = records(letters, 1)
    t.equal(letter["body"], "{}")
    t.equal(letter["messageAttributes"]["RequestID"]["stringValue"], reply.request_id)
    lrie.stop()


def test_the_line_is_in_the_metrics(t):
    lrie = t.bare("--retries", "2")
    lrie.invoke(b"{}", EVENT)
    runtime = lrie.runtime()
    runtime.error(runtime.next())
    runtime.begin_next()
    lrie.stdout.wait_line(r"REPORT .*")
    t.equal(lrie.metric("lrie_events_queued"), 1)
    lrie.stop()
    t.true("1 event has been accepted and not run to the end: lost" in lrie.stderr.text(),
           lrie.stderr.text())


def test_an_event_has_a_megabyte(t):
    lrie = t.serve("echo")
    reply = lrie.invoke(b'"%s"' % (b"a" * (1048576 - 2)), EVENT)
    t.equal(reply.status, 202)
    reply = lrie.invoke(b'"%s"' % (b"a" * (1048576 - 1)), EVENT)
    t.equal((reply.status, reply.header("x-amzn-ErrorType")),
            (413, "RequestEntityTooLargeException"))
    t.equal(reply.json()["message"], "1048577 byte payload is too large for the Event invocation "
                                     "type (limit 1048576 bytes)")
    lrie.stop()


def test_the_line_is_full(t):
    lrie = t.bare()
    count = 10200  # 10000 wait, and a few are under way
    with lrie.connect() as connection:
        sender = threading.Thread(target=connection.send, args=(
            b"POST %s HTTP/1.1\r\nHost: localhost\r\nX-Amz-Invocation-Type: Event\r\n"
            b"Content-Length: 2\r\n\r\n{}" % harness.INVOKE_PATH.encode() * count,))
        sender.start()
        replies = [connection.reply() for _ in range(count)]
        sender.join()
    statuses = [reply.status for reply in replies]
    t.between(10000, statuses.index(429), 10100, "events that were taken")
    t.equal(set(statuses), {202, 429})
    t.equal((replies[-1].body, replies[-1].header("Retry-After")), (
        b'{"Reason":"CallerRateLimitExceeded","Type":"User","message":"Rate Exceeded."}', None))
    lrie.stop()


def test_what_is_no_json_is_refused_before(t):
    lrie = t.serve("echo")
    t.equal(lrie.invoke(b"{", EVENT).status, 400)
    lrie.stop()


if __name__ == "__main__":
    harness.main()
