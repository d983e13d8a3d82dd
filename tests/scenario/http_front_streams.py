#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--invoke-mode response_stream: answers of a function URL that are sent as they come."""
import harness
from harness import Connection
from http_front import serve_bare

PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response"
DELIMITER = b"\0" * 8


def serve(t, *options):
    return serve_bare(t, "--invoke-mode", "response_stream", "--timeout", "60", *options)


class Answer:
    """An answer that the test streams, piece by piece."""

    def __init__(self, runtime, event, kind=None):
        self.runtime = runtime
        self.connection = runtime.connection
        headers = "Content-Type: %s\r\n" % kind if kind else ""
        self.connection.send((
            "POST %s/invocation/%s/response HTTP/1.1\r\nHost: localhost\r\n%s"
            "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
            "\r\n" % (harness.RUNTIME_PATH, event.id, headers)).encode())

    def write(self, data):
        self.connection.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self, trailers=b""):
        """... after which the runtime asks for more."""
        self.connection.send(b"0\r\n" + trailers + b"\r\n")
        reply = self.connection.reply()
        self.runtime.begin_next()
        return reply


class Response:
    """What the client has of a response so far."""

    def __init__(self, t, lrie, method="GET"):
        self.connection = t.closing(Connection(lrie.http))
        self.connection.request(method, "/")

    def head(self):
        self.status, _, headers = self.connection.read_head()
        self.headers = {name.lower(): value for name, value in headers}
        return self.status

    def piece(self):
        """The next chunk; b"" is the last one."""
        size = int(self.connection.reader.readline(), 16)
        data = self.connection.reader.read(size)
        self.connection.reader.readline()
        return data

    def read(self, length):
        data = bytearray()
        while len(data) < length:
            data += self.piece()
        return bytes(data)

    def rest(self):
        return b"".join(iter(self.piece, b""))


def begin(t, lrie, runtime, kind=None, method="GET"):
    response = Response(t, lrie, method)
    return response, Answer(runtime, runtime.next(), kind)


def test_each_piece_comes_while_the_function_writes(t):
    lrie = serve(t)
    runtime = lrie.runtime()
    response, answer = begin(t, lrie, runtime, "text/event-stream")
    answer.write(b"one")
    t.equal(response.head(), 200)
    t.equal(response.headers["content-type"], "text/event-stream")
    t.match(response.headers["x-amzn-requestid"], harness.UUID)
    t.equal(response.read(3), b"one")
    answer.write(b"two")
    t.equal(response.read(3), b"two")
    t.equal(answer.end().status, 202)
    t.equal(response.rest(), b"")
    lrie.stop()


def test_prelude(t):
    lrie = serve(t)
    runtime = lrie.runtime()
    response, answer = begin(t, lrie, runtime, PRELUDE_TYPE)
    text = (b'{"statusCode":201,"headers":{"Content-Type":"text/html","X-A":"1"},'
            b'"cookies":["a=1; Path=/","b=2"]}')
    for byte in text + DELIMITER:
        answer.write(bytes([byte]))
    # the head does not wait for a body
    t.equal(response.head(), 201)
    t.equal((response.headers["content-type"], response.headers["x-a"]), ("text/html", "1"))
    t.equal(response.headers["set-cookie"], "b=2")
    answer.write(b"<p>\0")
    t.equal(response.read(4), b"<p>\0")
    answer.end()
    t.equal(response.rest(), b"")
    # all in one piece
    response, answer = begin(t, lrie, runtime, PRELUDE_TYPE)
    answer.write(b"{}" + DELIMITER + b"body" + DELIMITER)
    answer.end()
    t.equal(response.head(), 200)
    t.equal(response.headers["content-type"], "application/octet-stream")
    t.equal(response.rest(), b"body" + DELIMITER)
    lrie.stop()


def test_preludes_that_are_wrong(t):
    lrie = serve(t)
    runtime = lrie.runtime()
    for data in (b"hello" + DELIMITER, b'{"statusCode":"x"}' + DELIMITER, b"{}\0\0\0x", b"",
                 b'{"statusCode":200}', b'{"headers":{"a":"\\r\\nb: c"}}' + DELIMITER,
                 b" " * 65537, b"[]" + DELIMITER):
        response, answer = begin(t, lrie, runtime, PRELUDE_TYPE)
        if data:
            answer.write(data)
        t.equal(answer.end().status, 202)
        t.equal(response.head(), 502, repr(data[:40]))
        t.equal(response.connection.reader.read(21), b"Internal Server Error")
    lrie.stderr.wait_line(r"lrie: warning: function 'function': what it answered to GET / is no "
                          r"response: .*eight NUL bytes")
    lrie.stop()


def test_without_prelude(t):
    lrie = serve(t)
    runtime = lrie.runtime()
    response, answer = begin(t, lrie, runtime, "application/octet-stream")
    answer.write(b'{"statusCode":404}')
    answer.end()
    t.equal(response.head(), 200)
    t.equal(response.rest(), b'{"statusCode":404}')
    lrie.stop()


def test_an_answer_that_is_not_streamed_is_sent_as_it_is(t):
    lrie = serve(t)
    runtime = lrie.runtime()
    for body, kind in ((b'{"statusCode": 404, "body": "x"}', "application/json"),
                       (b"", "application/json"), (b"x" * 6000000, "application/json"),
                       (b'{"statusCode": 404}' + DELIMITER, PRELUDE_TYPE)):
        response = Response(t, lrie)
        runtime.answer(runtime.next(), body, [("Content-Type", kind)])
        runtime.begin_next()
        t.equal(response.head(), 200)
        t.equal(response.headers["content-type"], kind)
        t.equal(response.rest(), body)
    lrie.stop()


def test_an_error_before_the_first_byte(t):
    lrie = serve(t)
    runtime = lrie.runtime()
    response = Response(t, lrie)
    runtime.error(runtime.next(), b'{"errorMessage":"no"}')
    t.equal(response.head(), 502)
    t.equal(response.connection.reader.read(21), b"Internal Server Error")
    lrie.stop()


def test_an_error_in_midstream_ends_the_body(t):
    lrie = serve(t)
    runtime = lrie.runtime()
    response, answer = begin(t, lrie, runtime, "text/plain")
    answer.write(b"half")
    answer.end(b"Lambda-Runtime-Function-Error-Type: Function.Broken\r\n"
               b"Lambda-Runtime-Function-Error-Body: e30=\r\n")
    t.equal((response.head(), response.rest()), (200, b"half"))
    lrie.stderr.wait_line(r"lrie: warning: function 'function': GET /: it failed in the middle of "
                          r"its answer: \{\}")
    lrie.stop()


def test_a_time_out_in_midstream_ends_the_body(t):
    lrie = serve(t, "--timeout", "1")
    response, answer = begin(t, lrie, lrie.runtime(), "text/plain")
    answer.write(b"half")
    t.equal((response.head(), response.rest()), (200, b"half"))
    lrie.stop()


def test_a_time_out_in_the_prelude(t):
    lrie = serve(t, "--timeout", "1")
    response, answer = begin(t, lrie, lrie.runtime(), PRELUDE_TYPE)
    answer.write(b'{"statusCode":200}')
    t.equal(response.head(), 502)
    lrie.stop()


def test_responses_that_have_no_body(t):
    lrie = serve(t)
    runtime = lrie.runtime()
    for status in (204, 304):
        response, answer = begin(t, lrie, runtime, PRELUDE_TYPE)
        answer.write(b'{"statusCode":%d}' % status + DELIMITER + b"body")
        t.equal(response.head(), status)
        t.true("transfer-encoding" not in response.headers, repr(response.headers))
        answer.write(b"more")
        t.equal(answer.end().status, 202)
    response, answer = begin(t, lrie, runtime, "text/plain", "HEAD")
    answer.write(b"body")
    t.equal(answer.end().status, 202)
    t.equal(response.head(), 200)
    t.true(not response.connection.has_input(), "a body behind a HEAD")
    # and the connection is in step
    response.connection.request("GET", "/")
    runtime.answer(runtime.next(), b"next")
    t.equal((response.head(), response.rest()), (200, b"next"))
    lrie.stop()


def test_a_client_that_leaves_does_not_hold_the_function(t):
    lrie = serve(t)
    runtime = lrie.runtime()
    response, answer = begin(t, lrie, runtime, "text/plain")
    answer.write(b"half")
    t.equal((response.head(), response.read(4)), (200, b"half"))
    response.connection.reset()
    for _ in range(100):
        answer.write(b"x" * 65536)
    t.equal(answer.end().status, 202)
    response, answer = begin(t, lrie, runtime, "text/plain")
    answer.end()
    t.equal((response.head(), response.rest()), (200, b""))
    lrie.stop()


def test_a_slow_client_slows_the_function_and_costs_no_memory(t):
    lrie = serve(t, "--timeout", "900")
    runtime = lrie.runtime()
    response, answer = begin(t, lrie, runtime, "text/plain")
    before, total = harness.memory_kilobytes(lrie.pid), 100 << 20
    writer = harness.Writer(answer, total)
    # as much as goes without anybody reading
    writer.wait_until_it_stands_still()
    t.true(writer.written < 30 << 20, "%d bytes were taken unread" % writer.written)
    grown = harness.memory_kilobytes(lrie.pid) - before
    t.true(grown < 4096, "memory grows with what nobody reads: %d kB" % grown)
    t.equal(response.head(), 200)
    t.equal(len(response.read(total)), total)
    writer.join()
    t.equal(answer.end().status, 202)
    t.equal(response.rest(), b"")
    grown = harness.memory_kilobytes(lrie.pid) - before
    t.true(grown < 8192, "memory grows with the answer: %d kB" % grown)
    lrie.stop()


def test_the_end_of_lrie_breaks_a_body_off(t):
    lrie = serve(t)
    runtime = lrie.runtime()
    response, answer = begin(t, lrie, runtime, "text/plain")
    answer.write(b"half")
    t.equal((response.head(), response.read(4)), (200, b"half"))
    lrie.stop()
    t.equal(response.connection.reader.read(), b"")


def test_only_urls_stream(t):
    for kind in ("http-api", "rest-api", "alb"):
        finished = t.run("-b", harness.BOOTSTRAP, "--invoke-mode", "response_stream",
                         "--http-as", kind, expect=2)
        t.true("--invoke-mode=response_stream needs --http-as=url" in finished.stderr,
               repr(finished))


if __name__ == "__main__":
    harness.main()
