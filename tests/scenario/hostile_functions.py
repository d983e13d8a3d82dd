#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What functions can get wrong behind HTTP: their clients get responses that are whole, or none.

What is made up at random comes from fixed seeds, so that a failure comes back.
"""
import json
import random

import harness
from harness import Connection, RUNTIME_PATH
from hostile_callers import mutated
from http_front import serve_bare
from http_front_streams import DELIMITER, PRELUDE_TYPE

ANSWERS = [json.dumps(answer).encode() for answer in (
    {"statusCode": 200, "headers": {"Content-Type": "text/html", "X-A": "1"}, "body": "<p>"},
    {"statusCode": "404", "headers": {"a": True, "b": 2.5}, "cookies": ["a=1", "b=2; Path=/"]},
    {"statusCode": 201, "body": "YWJj", "isBase64Encoded": True, "headers": {"Content-Length": "9"}},
    {"statusCode": 200, "multiValueHeaders": {"a": ["1", "2"], "B": ["3"]}, "headers": {"A": "1"}},
    {"statusCode": 204, "headers": {"x": ""}}, {"statusCode": 304}, {"hello": [1, "\u20ac", None]},
    {"statusCode": 599, "headers": {"Transfer-Encoding": "chunked", "Connection": "close"},
     "body": "x" * 300}, "text", [3, True])]
ALPHABET = bytes(range(256)) + b'{}[]:,"\\/0123456789' * 4 + b"\r\n\0"


def serve(t, *options):
    return serve_bare(t, "--timeout", "60", *options)


def check_head(t, reply, told):
    """Nothing in it that a function has smuggled in."""
    t.true(200 <= reply.status <= 599, told)
    for name, value in reply.headers:
        t.match(name, r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", told)
        t.true(not any(ord(byte) < 32 and byte != "\t" for byte in value), told)
    framing = [name for name in map(str.lower, reply.names())
               if name in ("content-length", "transfer-encoding")]
    t.true(len(framing) <= 1, told)


def test_answers_at_random_become_responses(t):
    shuffle = random.Random(1)
    for form in ("url", "http-api", "rest-api", "alb"):
        lrie = serve(t, "--http-as", form)
        runtime, connection = lrie.runtime(), t.closing(Connection(lrie.http))
        failed = 0
        for number in range(200):
            method = shuffle.choice(("GET", "HEAD", "POST"))
            answer = ANSWERS[number % len(ANSWERS)]
            if shuffle.randrange(4):
                answer = mutated(shuffle, answer, ALPHABET)
            runtime.begin_next()
            connection.request(method, "/%d" % number)
            event = runtime.end_next()
            t.equal(runtime.answer(event, answer).status, 202)
            reply = connection.reply(method)
            told = "%s as %s: %r" % (method, form, answer)
            check_head(t, reply, told)
            # each answer is that of its request: nothing was left over
            if form in ("url", "rest-api"):
                t.equal(reply.request_id, event.id, told)
            failed += reply.status == 502
        t.between(10, failed, 190, "answers that were none as %s" % form)
        lrie.stop()


def begin_answer(runtime, event):
    """The head of one that comes in pieces, of which no trailer is announced."""
    runtime.connection.send((
        "POST %s/invocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n"
        "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
        % (RUNTIME_PATH, event.id, PRELUDE_TYPE)).encode())


class Stream:
    """An answer in pieces of any size, which ends in one of the ways in which answers end."""

    def __init__(self, shuffle, number):
        answer = ANSWERS[number % len(ANSWERS)]
        prelude = shuffle.choice((answer, mutated(shuffle, answer, ALPHABET)))
        self.body = shuffle.choice((b"", b"body", DELIMITER, shuffle.randbytes(70000)))
        self.data = prelude + shuffle.choice((DELIMITER, DELIMITER, DELIMITER, b"\0" * 7 + b"x",
                                              b"")) + self.body
        self.pieces = shuffle.choice(((1, 2, 5), (3, 100), (1000, 65536), (1 << 20,)))
        self.end = shuffle.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"zz\r\n",
                                   b"0\r\nLambda-Runtime-Function-Error-Type: E\r\n\r\n"))
        if number % 100 == 7:  # seldom, as it takes a second until a peer's end is seen
            self.end = b"5\r\nhal"
        self.is_whole = self.end.startswith(b"0")

    def send(self, shuffle, runtime, event):
        """Returns whether the runtime has its connection still."""
        begin_answer(runtime, event)
        connection = runtime.connection
        at = 0
        while at < min(len(self.data), 4000 if self.pieces[0] == 1 else len(self.data)):
            piece = self.data[at:at + shuffle.choice(self.pieces)]
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            at += len(piece)
        connection.send(self.end)
        if self.is_whole:
            return connection.reply().status == 202
        connection.half_close()
        connection.try_reply()
        return False


def test_streams_at_random_become_responses(t):
    """Whatever their beginning, their pieces and their end are like, and whoever leaves."""
    shuffle = random.Random(2)
    lrie = serve(t, "--invoke-mode", "response_stream")
    runtime = lrie.runtime()
    statuses = []
    for number in range(200):
        stream = Stream(shuffle, number)
        leaves = shuffle.randrange(4) == 0
        method = shuffle.choice(("GET", "GET", "HEAD"))
        if not runtime.is_asking:
            runtime.begin_next()
        connection = Connection(lrie.http)
        connection.request(method, "/%d" % number)
        event = runtime.end_next()
        if leaves:
            shuffle.choice((connection.reset, connection.close, connection.half_close))()
        if not stream.send(shuffle, runtime, event):
            runtime.close()
            runtime = harness.Runtime(runtime.port)
            runtime.begin_next()
            lrie.report(event.id)  # it has been heard, before the next request
        if not leaves:
            reply = connection.reply(method)
            told = "%s, %r and %r" % (method, stream.data[:300], stream.end)
            check_head(t, reply, told)
            t.equal(reply.request_id, event.id, told)
            if reply.status != 502 and reply.body:
                t.true(reply.body in stream.data + b"hal", told)
            statuses.append(reply.status)
        connection.close()
    t.between(20, statuses.count(502), 180, "streams that were no response")
    t.equal(lrie.lives(), 1)
    lrie.stop()


def test_the_end_comes_at_any_moment(t):
    """lrie ends while answers are half there: before and in the prelude, behind it, unread."""
    lrie = serve(t, "--invoke-mode", "response_stream")
    clients = []
    for number, data in enumerate((b"", b'{"statusCode":', b"{}" + DELIMITER[:3], b"{}" + DELIMITER,
                                   b"{}" + DELIMITER + b"x" * 300000), 1):
        clients.append(t.closing(Connection(lrie.http, receive_buffer=4096)))
        clients[-1].request("GET", "/")
        runtime = lrie.runtime(number)
        begin_answer(runtime, runtime.next())
        if data:
            runtime.connection.send(b"%x\r\n%s\r\n" % (len(data), data))
    for client in clients[3:]:
        t.equal(client.read_head()[0], 200)
    lrie.stop()
    for client in clients[:3]:
        t.equal(client.reply().status, 500)


if __name__ == "__main__":
    harness.main()
