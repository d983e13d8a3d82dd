#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What callers can get wrong, on purpose or not: each is told what it was, and nobody else notices.

What is made up at random comes from fixed seeds, so that a failure comes back. Where Python knows
what is right (base64, JSON), it is asked.
"""
import base64
import json
import random
import urllib.parse

import harness
import http_front
from event_stream import STREAM_PATH
from harness import INVOKE_PATH, Connection, path_of

POST = "POST %s HTTP/1.1\r\nHost: localhost\r\n"
DRY_RUN = ("X-Amz-Invocation-Type", "DryRun")
LONG_TRACE = ("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=" + "b" * 900)


def post(head, body=b"{}", target=INVOKE_PATH):
    return (POST % target + head + "\r\n").encode("latin-1") + body


def check_refusal(t, reply, name, *words, status=400):
    """An error of the service, as valid JSON, that names what is wrong."""
    t.equal((reply.status, reply.header("x-amzn-ErrorType")), (status, name), repr(reply))
    text = json.dumps(json.loads(reply.body.decode()), ensure_ascii=False)
    for word in words:
        t.true(word in text, "no %r: %s" % (word, text[:500]))


def replies(port, data):
    """All replies to these bytes, behind which nothing is sent."""
    found = []
    with Connection(port) as connection:
        connection.send(data)
        connection.half_close()
        try:
            while True:
                reply = connection.try_reply()
                if reply:
                    found.append(reply)
                if not reply or reply.header("Connection") == "close":
                    return found
        except ConnectionResetError:
            return found


# ---- names and qualifiers


def test_a_name_that_is_none_is_told_as_it_was_sent(t):
    lrie = t.serve("echo")
    for sent, told in (
            ("%", "'%'"), ("%zz", "'%zz'"), ("a%2", "'a%2'"), ("f%00", "'f%00'"),
            ("%00f", "'%00f'"), ("%25zz", "'%zz'"), ("a+b", "'a+b'"), (":", "':'"),
            ("f%0d%0aX:y", "f\\r\\nX:y"), ("%C0%AF", "'\ufffd\ufffd'"), ("f;x", "'f;x'"),
            ("n" * 2000, "'nnn"), ("%6e" * 257, "'%6e%6e"),
            ("arn:aws:lambda:::function:f", "'arn:"),
            ("ARN:aws:lambda:us-east-1:012345678912:function:f", "'ARN:"),
            ("function:" + "q" * 129, "'function:qqq")):
        for reply in (lrie.invoke(path=path_of(sent)), lrie.invoke(path=path_of(sent, "?a=b"))):
            check_refusal(t, reply, "ValidationException", "at 'functionName'", told)
    lrie.stop()
    t.equal(lrie.stdout.text(), "")


def test_paths_that_only_look_like_it_are_not_known(t):
    lrie = t.serve("echo")
    for target in ("/" + INVOKE_PATH, INVOKE_PATH + "/", INVOKE_PATH + "#x", path_of(""), "*",
                   path_of("a/b"), "/2015-03-31/functions/../functions/f/invocations",
                   "/%32015-03-31/functions/f/invocations", INVOKE_PATH.replace("inv", "Inv"),
                   INVOKE_PATH + "\\", INVOKE_PATH + "%3fQualifier=1"):
        with lrie.connect() as connection:
            t.equal(connection.ask("POST", target, b"{}").status, 404, target)
    t.equal(lrie.stdout.text(), "")


def test_other_operations_of_lambda_are_named(t):
    lrie = t.serve("echo")
    for method, path in (("GET", "/2015-03-31/functions"), ("GET", "/2015-03-31/functions/"),
                         ("PUT", "/2015-03-31/functions/function/code"),
                         ("DELETE", "/2021-10-31/functions/function/url"),
                         ("POST", "/2015-03-31/" + "x" * 3000)):
        with lrie.connect() as connection:
            reply = connection.ask(method, path)
            check_refusal(t, reply, "UnknownOperationException", "%s %.100s" % (method, path),
                          status=404)
    for path in ("/", "/2015-03-31", "/2015-3-31/functions", "/20150-03-31/x", "/favicon.ico"):
        with lrie.connect() as connection:
            reply = connection.ask("GET", path)
            t.equal((reply.status, reply.body), (404, b"404 page not found\n"), path)


def test_qualifiers_that_are_none_are_named(t):
    lrie = t.serve("echo")
    for query in ("?Qualifier", "?Qualifier=", "?Qualifier=%00", "?Qualifier=a%00b", "?Qualifier=%",
                  "?Qualifier=%zz", "?Qualifier=a%20b", "?Qualifier=a+b", "?Qualifier=$LATER",
                  "?Qualifier=%ff", "?Qualifier=a%0d%0ab", "?Qualifier=" + "q" * 129,
                  "?x&&&=&%51ualifier=%C3%A4"):
        check_refusal(t, lrie.invoke(path=path_of("function", query)), "ValidationException",
                      "at 'qualifier'")
    for query in ("?", "?&&=&", "?x=%zz", "?Qualifier=" + "q" * 128, "?Qualifier=-"):
        t.equal(lrie.invoke(path=path_of("function", query)).status, 200, query)


# ---- headers


def test_header_values_that_are_none_are_named(t):
    lrie = t.serve("echo")
    for name, values, member in (
            ("X-Amz-Invocation-Type", ("event", "Event, DryRun", "\xff", "x" * 5000, "a'b\"c\\"),
             "invocationType"),
            ("X-Amz-Log-Type", ("tail", "Tail;", "\xe4"), "logType"),
            ("X-Amz-Tenant-Id", ("", "\xe4", "a\tb"), "tenantId"),
            ("X-Amz-Client-Context", ("x" * 3584,), "clientContext")):
        for value in values:
            check_refusal(t, lrie.invoke(headers=[(name, value)]), "ValidationException",
                          "at '%s'" % member)
    for value in ("", "x", "6f1b0b62-3f0c-4a5e-9d3b-0123456789abx", "\xff" * 36):
        check_refusal(t, lrie.invoke(headers=[("X-Amzn-RequestId", value)]),
                      "InvalidRequestContentException", "UUID")
    t.equal(lrie.stdout.text(), "")


def test_odd_headers_do_no_harm(t):
    """What the function gets, or does not, of headers that AWS's servers would not let through."""
    lrie = t.serve("headers")
    for header in (("X-Amzn-Trace-Id", ""), ("X-Amzn-Trace-Id", "Root="),
                   ("X-Amzn-Trace-Id", "\xe4\xff"), ("X-Amzn-Trace-Id", ";;==" * 500),
                   ("Content-Type", "\xff\xfe"), ("Content-Type", "a/" + "b" * 30000),
                   ("Content-Encoding", "gzip"),
                   ("Upgrade", "h2c"), ("Expect", "200-ok"),
                   ("Connection", "close, Content-Length"),
                   ("Lambda-Runtime-Aws-Request-Id", "mine")):
        reply = lrie.invoke(headers=[header])
        t.equal(reply.status, 200, repr(header))
        seen = json.loads(reply.body.decode("latin-1"))
        t.equal(seen["Lambda-Runtime-Aws-Request-Id"], reply.request_id)


def test_heads_that_can_be_read_in_two_ways_are_refused(t):
    """A server in between may see another request in them, and behind it one that is none."""
    lrie = t.serve("echo")
    smuggled = post("Content-Length: 10\r\n", b'"smuggled"')
    for head in ("Transfer-Encoding:\r\n chunked\r\n", "Transfer-Encoding: chu\r\n\tnked\r\n",
                 "Transfer-Encodin: chunked\r\n g\r\n", "Transfer-Encoding: chunked\r\n \r\n",
                 "Transfer-Encoding : chunked\r\n", "Transfer-Encoding:\x0bchunked\r\n",
                 "Transfer-Encoding: \0chunked\r\n", "Transfer-Encoding: chunked\0\r\n",
                 "Transfer-Encoding: identity\r\n", "Transfer-Encoding: chunked;q=1\r\n",
                 "Transfer-Encoding: \"chunked\"\r\n", "X: y\rTransfer-Encoding: chunked\r\n",
                 "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
                 "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
                 "Content-Length: 2\0\r\n", "Content-Length: 2\r\n 0\r\n",
                 "Content-Length:\r\n 2\r\n",
                 "Content-Length: 2\r\nContent-Length: 2\r\n", "Content-Length: 2;\r\n",
                 "Content-Length: 1e1\r\n", "Content-Length: \xb2\r\n", "Content-Length : 2\r\n",
                 "Content-Length: 18446744073709551618\r\n",
                 "X-Y: a\r\nContent-Length: 2\rX: y\r\n",
                 "X: \0\r\nContent-Length: 2\r\n", "X\0: y\r\nContent-Length: 2\r\n",
                 "X: y\r\n Content-Length: 2\r\n"):
        for body in (b"{}", b"0\r\n\r\n"):
            found = replies(lrie.port, post(head, body + smuggled))
            t.true([reply.status for reply in found] in ([], [400], [413]),
                   "%r: %r" % (head, found))
    t.equal(lrie.invoke(b"1").body, b"1")
    lrie.stop()
    t.equal(lrie.stdout.text().count("START"), 1, "invocations")


# ---- chunks


def test_chunks_as_the_rfc_has_them_are_taken(t):
    lrie = t.serve("echo")
    end = b"0\r\n\r\n"
    for chunks in (b"2\r\n{}\r\n" + end, b"0002\r\n{}\r\n0000\r\n\r\n",
                   b"2;a=b;c=\"d\"\r\n{}\r\n0;e\r\n\r\n", b"2;" + b"x" * 3000 + b"\r\n{}\r\n" + end,
                   b"0" * 5000 + b"2\r\n{}\r\n" + end, b"1\r\n{\r\n1\r\n}\r\n" + end,
                   b"2\r\n{}\r\n0\r\nA: b\r\n\r\n"):
        found = replies(lrie.port, post("Transfer-Encoding: chunked\r\n", chunks) + post(
            "Content-Length: 1\r\n", b"7"))
        t.equal([(reply.status, reply.body) for reply in found], [(200, b"{}"), (200, b"7")],
                repr(chunks[:60]))


def test_trailers_are_not_headers(t):
    lrie = t.serve("echo")
    with lrie.connect() as connection:
        reply = connection.ask("POST", INVOKE_PATH, chunks=[b"12"], trailers=[
            DRY_RUN, ("Content-Length", "7"), ("X-Amz-Log-Type", "Never"), ("Host", "evil")])
        t.equal((reply.status, reply.body), (200, b"12"))
        t.equal(connection.ask("POST", INVOKE_PATH, b"3").body, b"3")


def test_chunks_that_are_none_end_the_connection(t):
    lrie = t.serve("echo")
    for chunks in (b"2 ;a\r\n{}\r\n", b" 2\r\n{}\r\n", b"2\t\r\n{}\r\n", b"+2\r\n{}\r\n",
                   b"0x2\r\n{}\r\n", b"2\r{}\r", b"2\r\n{}0\r\n", b"2\r\n{}\r\r\n",
                   b"2;" + b"x" * 100000 + b"\r\n{}\r\n", b"100000000000000002\r\n{}\r\n",
                   b"ffffffffffffffff\r\n{}\r\n", b"7fffffffffffffff\r\n{}\r\n",
                   b"2\r\n{}\r\n0\r\nno trailer\r\n", b"2\r\n{}\r\n0\r\n" + b"A: b\r\n" * 20000):
        found = replies(lrie.port, post("Transfer-Encoding: chunked\r\n", chunks + b"0\r\n\r\n")
                        + post("Content-Length: 10\r\n", b'"smuggled"'))
        t.true([reply.status for reply in found] in ([], [400], [413], [431]),
               "%r: %r" % (chunks[:60], found))
    lrie.stop()
    t.equal(lrie.stdout.text(), "")


# ---- client context


def test_a_client_context_reaches_the_function_whole(t):
    lrie = t.serve("headers")
    for context in ("{}", '{"a":"\x7f grüße \U0001f600"}', '{"a":"\\ud800"}',
                    '{"a":"\\u0000\\r\\n"}',
                    '{\r\n\t"a":\r1\n}', '{"a":1,"a":2}', '{"custom":1,"client":[],"env":null}',
                    '{"a":%s}' % ("[" * 900 + "]" * 900), '{"a":%s}' % ("9" * 2600),
                    '{"a":"%s"}' % ("\x7f" * 2670)):
        encoded = base64.b64encode(context.encode()).decode()
        seen = lrie.invoke(headers=[("X-Amz-Client-Context", encoded), LONG_TRACE,
                                    ("X-Amz-Tenant-Id", "t" * 256),
                                    ("Content-Type", "a/" + "b" * 20000)]).json()
        t.equal(seen["Content-Type"], "application/json")
        t.equal(json.loads(seen["Lambda-Runtime-Client-Context"]), json.loads(context))


def is_context(encoded):
    """Whether it is the base64 of a JSON object, as Python has both; it lets too many "=" pass."""
    try:
        text = base64.b64decode(encoded, validate=True)
    except ValueError:
        return False
    return len(encoded) % 4 == 0 and text.lstrip(b" \t\r\n")[:1] == b"{" and is_json(text)


def test_what_is_no_client_context_is_refused(t):
    lrie = t.serve("echo")
    shuffle = random.Random(1)
    contexts = [base64.b64encode(json.dumps({"custom": {"key": "x" * length}}).encode())
                for length in range(12)]
    connection = lrie.connect()
    for number in range(600):
        encoded = mutated(shuffle, contexts[number % 12], b"AZaz09+/=-_ .\xff").strip()
        reply = connection.ask("POST", INVOKE_PATH, b"1", [
            DRY_RUN, ("X-Amz-Client-Context", encoded.decode("latin-1"))])
        if not encoded or is_context(encoded):
            t.equal(reply.status, 204, "%r: %r" % (encoded, reply))
        else:
            check_refusal(t, reply, "InvalidRequestContentException", "Client context")


# ---- payloads


def is_json(payload):
    def refuse(word):
        raise ValueError(word)

    try:
        json.loads(payload.decode(), parse_constant=refuse, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def mutated(shuffle, data, alphabet):
    """A few bytes changed, gone, doubled or added."""
    data = bytearray(data)
    for _ in range(shuffle.choice((1, 1, 1, 2, 3, 5))):
        at, new = shuffle.randrange(len(data) + 1), shuffle.choice(alphabet)
        end = min(len(data), at + shuffle.choice((0, 1, 1, 1, 2, 4)))
        kind = shuffle.randrange(3)
        data[at:end] = bytes([new]) if kind == 0 else b"" if kind == 1 else bytes(data[at:end]) * 2
    return bytes(data)


GOOD_JSON = (b'{"a":[1,2.5e-3,true],"b":{"c":null}}',
             b'["\\u00e4\\ud83d\\ude00\\n\\"", "\xc3\xa4"]',
             b'"\xf0\x9f\x98\x80\xe2\x82\xac\xef\xbf\xbf"', b"-0.125E+10", b" [ [ ] , { } ] \r\n\t",
             b'{"":"","a":"","a":false}', b'"' + b"x" * 20 + b'\\\\"', b"[0,-1,1e5,[[[]]]]")


def test_json_is_what_python_takes_for_json(t):
    lrie = t.serve("echo")
    shuffle = random.Random(2)
    alphabet = (b'{}[]:,"\\/0123456789.eE+-truefalsn \t\r\n'
                b"\0\x1f\x7f\x80\xbf\xc0\xc3\xe0\xed\xf0\xf4\xff")
    connection = lrie.connect()
    valid = 0
    for number in range(3000):
        payload = mutated(shuffle, GOOD_JSON[number % len(GOOD_JSON)], alphabet)
        reply = connection.ask("POST", INVOKE_PATH, payload, [DRY_RUN])
        if not payload or is_json(payload):
            t.equal(reply.status, 204, "%r: %r" % (payload, reply))
            valid += 1
        else:
            check_refusal(t, reply, "InvalidRequestContentException",
                          "Could not parse request body into json: ")
    t.between(300, valid, 2700, "payloads that were JSON")


def test_payloads_at_the_edges(t):
    lrie = t.serve("echo", "--memory", "1769", "--timeout", "60")
    for good in (b"[" * 1000 + b"]" * 1000, b'{"a":' * 999 + b"[]" + b"}" * 999, b"9" * 1000000,
                 b"1e999999999", b"-1e-999999999", b'{"a":1,"a":2,"a":3}',
                 b'"\\ud800\\udfff\\udc00"',
                 b'"\\u0000"', b'"\x7f\xc2\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf"', b'{"":{"":[""]}}'):
        reply = lrie.invoke(good)
        t.true((reply.status, reply.body) == (200, good), "%r: %r" % (good[:40], reply))
    for bad, words in (
            (b"[" * 1001 + b"]" * 1001, ("nesting depth (1001)",)), (b"[" * 6000000, ("nesting",)),
            (b'"' + b"x" * 6000000, ("end-of-input", "closing quote")),
            (b'"\xed\xa0\x80"', ("UTF-8 middle byte 0xa0", "column: 3")),
            (b'"\xc0\x80"', ("UTF-8 start byte 0xc0",)), (b'"\xe0\x80\xaf"', ("byte 0x80",)),
            (b'"\xf0\x82\x82\xac"', ("byte 0x82",)), (b'"\xf4\x90\x80\x80"', ("byte 0x90",)),
            (b'"\xe2\x82', ("end-of-input in a UTF-8",)), (b'"\xe2\x82"', ("middle byte 0x22",)),
            (b"\xff\xfe{\0}\0", ("start byte 0xff",)), (b'{"a\0b":1}', ("code 0",)),
            (b"\n\n\n  x", ("'x'", "line: 4, column: 3")), (b"{}\n{}", ("line: 2, column: 1",))):
        check_refusal(t, lrie.invoke(bad), "InvalidRequestContentException", *words)


# ---- whole requests at random


REQUESTS = (
    post("Content-Length: 7\r\nX-Amz-Log-Type: Tail\r\n", b'{"a":1}'),
    post("Transfer-Encoding: chunked\r\nTrailer: X\r\n",
         b"3;x=y\r\n[1,\r\n2\r\n2]\r\n0\r\nX: y\r\n\r\n"),
    post("Content-Length: 2\r\nX-Amz-Invocation-Type: Event\r\nConnection: close\r\n"),
    post("Expect: 100-continue\r\nContent-Length: 2\r\nX-Amz-Client-Context: e30=\r\n", target=(
        path_of("function", "?Qualifier=%24LATEST"))),
    b"GET /_lrie/health HTTP/1.1\r\nHost: x\r\n\r\n" + post("Content-Length: 1\r\n", b"1"),
    post("Content-Length: 4\r\nX-Amz-Log-Type: Tail\r\n", b"null", target=STREAM_PATH),
    post("Content-Length: 2\r\nX-Amz-Invocation-Type: DryRun\r\n", target=path_of(
        urllib.parse.quote("arn:aws:lambda:us-east-1:012345678912:function:function", safe=""))),
)


def test_requests_at_random_get_replies_or_none(t):
    """Whatever comes back is whole and well formed, and each invocation that ran was answered."""
    lrie = t.serve("echo", "--memory", "1769")
    shuffle = random.Random(3)
    alphabet = bytes(range(256)) + b"\r\n\r\n:::;;  00012//%%--"
    ran = 0
    for number in range(1200):
        data = mutated(shuffle, REQUESTS[number % len(REQUESTS)], alphabet)
        for reply in replies(lrie.port, data):
            t.true(reply.status in (200, 202, 204, 400, 403, 404, 405, 411, 413, 414, 417, 431, 501,
                                    505), "%r: %r" % (data, reply))
            ran += reply.status == 202
            ran += reply.status == 200 and reply.header("X-Amz-Executed-Version") is not None
            if reply.header("x-amzn-ErrorType"):
                t.true(isinstance(json.loads(reply.body.decode()), dict), repr(reply))
    t.equal(lrie.invoke(b'"still here"').body, b'"still here"')

    def reports(lines):
        return sum(line.startswith("REPORT ") for line in lines) == ran + 1

    lrie.stdout.wait(reports, "%d reports" % (ran + 1))
    t.between(100, ran, 1200, "invocations")


PAGES = (
    b"GET /a/b%20c?x=1&y=%C3%A4&x=2 HTTP/1.1\r\nHost: localhost\r\nCookie: a=b; c=d\r\n"
    b"Accept: */*\r\n\r\n",
    b"POST /form HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Length: 7\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\na=1&b=2",
    b"POST /text?q HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\ngr\xc3\xbc\xc3\r\n1\r\n\x9f\r\n0\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
    b"DELETE /y HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 1.2.3.4\r\n"
    b"X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793\r\n\r\n",
)


def test_requests_at_random_become_events_or_refusals(t):
    """Whatever a site is asked, its function gets valid JSON in UTF-8, which it gives back here."""
    shuffle = random.Random(4)
    alphabet = bytes(range(256)) + b"\r\n\r\n:::;;  00012//%%--=&?%C%"
    for form in ("url", "rest-api", "alb"):
        lrie = http_front.serve(t, "echo" if form == "url" else 'answer:{"statusCode":200}',
                                "--memory", "1769", "--http-as", form)
        ran = 0
        for number in range(500):
            data = mutated(shuffle, PAGES[number % len(PAGES)], alphabet)
            for reply in replies(lrie.http, data):
                t.true(reply.status in (200, 400, 403, 405, 411, 413, 414, 431, 501, 505),
                       "%r: %r" % (data, reply))
                ran += reply.status == 200
                if reply.status == 200 and reply.body:
                    event = json.loads(reply.body.decode())
                    t.true(form != "url" or event["version"] == "2.0", repr(reply))
        t.between(100, ran, 500, "pages as %s" % form)
        lrie.stop()
        t.equal(sum(line.startswith("REPORT ") for line in lrie.stdout.lines()), ran)


if __name__ == "__main__":
    harness.main()
