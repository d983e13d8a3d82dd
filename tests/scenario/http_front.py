#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--http: requests become events, and answers responses, as on AWS."""
import base64
import json
import os
import shutil
import signal
import socket

import harness
from harness import Connection

JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain")
FORMATS = ("url", "http-api", "rest-api", "alb")


def add_http(lrie):
    lrie.http = int(lrie.stderr.wait_line(r"lrie: serving HTTP on http://127\.0\.0\.1:(\d+).*")[1])
    return lrie


def serve(t, handler, *options, **more):
    return add_http(t.serve(handler, "--http", "127.0.0.1:0", *options, **more))


def serve_bare(t, *options, **more):
    return add_http(t.bare("--http", "127.0.0.1:0", *options, **more))


def connect(t, lrie):
    return t.closing(Connection(lrie.http))


def ask(t, lrie, method="GET", target="/", body=None, headers=(), **more):
    connection = connect(t, lrie)
    try:
        return connection.ask(method, target, body, headers, **more)
    finally:
        connection.close()


def event_of(t, lrie, *args, **more):
    """What a function that echoes its event was told."""
    reply = ask(t, lrie, *args, **more)
    t.equal(reply.status, 200, repr(reply))
    return reply.json()


def answer(t, lrie, text, headers=(JSON,)):
    """The response that becomes of an answer, by a function that answers what it is sent."""
    return ask(t, lrie, "POST", "/", text if isinstance(text, bytes) else text.encode(), headers)


# ---- events ------------------------------------------------------------------


def test_odd_paths_and_queries_arrive_as_they_were_sent(t):
    lrie = serve(t, "echo")
    for path in ("/", "/a%2Fb", "/pa2%Fth/1", "//", "/a//b/", "/.", "/../..", "/%", "/%zz",
                 "/a;b=c", "/a:b@c", "/'\"<>\\^`{|}", "/caf%C3%A9", "/~user/$x/!"):
        event = event_of(t, lrie, target=path)
        t.equal((event["rawPath"], event["requestContext"]["http"]["path"]), (path, path))
    for query, arguments in (
            ("", None), ("?", None), ("?&", None), ("?a=1&a=2&b", {"a": "1,2", "b": ""}),
            ("?a=%2C&a=b%20c+d", {"a": ",,b c d"}), ("?=x", {"": "x"}), ("?a==&b=?", {"a": "=", "b": "?"}),
            ("?%E2%82%AC=%F0%9F%98%80", {"\u20ac": "\U0001f600"}), ("?a=%00", {"a": "\0"}),
            ("?a[]=1&a[]=2", {"a[]": "1,2"}), ("?a=%", {"a": "%"}), ("?a/b?c=d", {"a/b?c": "d"})):
        event = event_of(t, lrie, target="/x" + query)
        t.equal(event["rawQueryString"], query[1:])
        t.equal(event.get("queryStringParameters"), arguments, query)
    event = event_of(t, lrie, target="http://example.com/a?b=c")
    t.equal((event["rawPath"], event["rawQueryString"]), ("/a", "b=c"))
    lrie.stop()


def test_headers_and_cookies(t):
    lrie = serve(t, "echo")
    event = event_of(t, lrie, headers=[("X-A", "1"), ("x-a", "2"), ("X-B", ""), ("X-Latin", "\xe9"),
                                       ("Cookie", "a=1; b=2"), ("cookie", "c=3"),
                                       ("User-Agent", "me"), ("X-Forwarded-For", "10.9.8.7"),
                                       ("Connection", "keep-alive")])
    headers = event["headers"]
    t.equal(event["cookies"], ["a=1", "b=2", "c=3"])
    t.equal((headers["x-a"], headers["x-b"], headers["x-latin"]), ("1,2", "", "\ufffd"))
    t.equal(headers["x-forwarded-for"], "10.9.8.7, 127.0.0.1")
    t.equal((headers["x-forwarded-port"], headers["x-forwarded-proto"]), (str(lrie.http), "http"))
    t.equal(headers["host"], "127.0.0.1:%d" % lrie.http)
    t.equal(sorted(set(headers) & {"cookie", "connection"}), [])
    http = event["requestContext"]["http"]
    t.equal((http["sourceIp"], http["userAgent"]), ("127.0.0.1", "me"))
    lrie.stop()


def test_ids_are_those_of_the_log(t):
    lrie = serve(t, "echo")
    root = "Root=1-5e6722a7-0123456789abcdef01234567"
    reply = ask(t, lrie, headers=[("X-Amzn-Trace-Id", root)])
    event = reply.json()
    t.equal(event["requestContext"]["requestId"], reply.request_id)
    t.equal(event["headers"]["x-amzn-trace-id"], root)
    t.match(reply.header("X-Amzn-Trace-Id"), root + r";Parent=[0-9a-f]{16};Sampled=0")
    t.equal(lrie.report(reply.request_id).status, None)
    lrie.stop()


def test_how_each_front_names_a_request(t):
    for name, ids in (
            ("url", {"X-Amzn-RequestId", "X-Amzn-Trace-Id"}), ("http-api", {"Apigw-Requestid"}),
            ("rest-api", {"X-Amzn-RequestId", "X-Amzn-Trace-Id", "X-Amz-Apigw-Id"}),
            ("alb", set())):
        lrie = serve_bare(t, "--http-as", name)
        connection = connect(t, lrie)
        connection.request("GET", "/")
        runtime = lrie.runtime()
        event = runtime.next()
        runtime.answer(event, b'{"statusCode":200}')
        reply = connection.reply()
        t.equal({header.title() for header in reply.names() if "id" in header.lower()},
                {header.title() for header in ids})
        if name == "rest-api":
            context = json.loads(event.body)["requestContext"]
            t.equal((reply.request_id, reply.header("x-amz-apigw-id")),
                    (context["requestId"], context["extendedRequestId"]))
        lrie.stop()


def test_names_are_the_same_at_each_start(t):
    domains = []
    for name in ("shop", "shop", "other"):
        lrie = serve(t, "echo", "--function-name", name)
        domains.append(event_of(t, lrie)["requestContext"]["domainName"])
        lrie.stop()
    t.match(domains[0], r"[a-z0-9]{32}\.lambda-url\.us-east-1\.on\.aws")
    t.equal((domains[0] == domains[1], domains[0] == domains[2]), (True, False))


def test_all_bytes_of_a_body_arrive(t):
    lrie = serve_bare(t, "--timeout", "60")
    runtime = lrie.runtime()
    for body in (bytes(range(256)), os.urandom(4 << 20), b"\0", b"\xff\xfe"):
        for headers in ((), [TEXT], [("Content-Type", "image/png")]):
            connection = connect(t, lrie)
            connection.request("PUT", "/", body, headers)
            event = runtime.next()
            told = json.loads(event.body)
            is_base64 = told["isBase64Encoded"]
            t.equal(base64.b64decode(told["body"]) if is_base64 else told["body"].encode(), body)
            runtime.answer(event, json.dumps(
                {"statusCode": 200, "headers": {"content-type": "image/png"},
                 "body": base64.b64encode(body).decode(), "isBase64Encoded": True}).encode())
            reply = connection.reply()
            t.equal((reply.body, reply.header("Content-Type")), (body, "image/png"))
            connection.close()
            runtime.begin_next()
    lrie.stop()


def test_chunked_and_slow_bodies_are_whole(t):
    lrie = serve(t, "echo")
    event = event_of(t, lrie, "POST", chunks=[b"a", b"b" * 70000, b"c"], headers=[TEXT])
    t.equal(event["body"], "a" + "b" * 70000 + "c")
    connection = connect(t, lrie)
    for byte in b"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/x\r\nContent-Length: 3\r\n\r\nabc":
        connection.send(bytes([byte]))
    event = connection.reply().json()
    t.equal((event["rawPath"], event["body"]), ("/slow", "abc"))
    lrie.stop()


def test_any_method(t):
    lrie = serve(t, "echo")
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "x-y"):
        event = event_of(t, lrie, method)
        t.equal(event["requestContext"]["http"]["method"], method)
    lrie.stop()


def test_all_four_formats(t):
    for name, handler, members in (
            ("url", "http", {"version", "routeKey", "rawPath", "rawQueryString", "headers",
                             "requestContext", "isBase64Encoded"}),
            ("http-api", "http", {"version", "routeKey", "rawPath", "rawQueryString", "headers",
                                  "requestContext", "isBase64Encoded"}),
            ("rest-api", "http", {"resource", "path", "httpMethod", "headers", "multiValueHeaders",
                                  "queryStringParameters", "multiValueQueryStringParameters",
                                  "pathParameters", "stageVariables", "requestContext", "body",
                                  "isBase64Encoded"}),
            ("alb", "http", {"requestContext", "httpMethod", "path", "queryStringParameters",
                             "headers", "body", "isBase64Encoded"})):
        lrie = serve(t, handler, "--http-as", name)
        t.equal(set(event_of(t, lrie, target="/a/b")), members, name)
        lrie.stop()
    lrie = serve(t, "http", "--http-as", "alb", "--alb-multi-value")
    event = event_of(t, lrie, target="/?a=1&a=%32", headers=[("X", "1"), ("x", "2")])
    t.equal((event["multiValueQueryStringParameters"], event["multiValueHeaders"]["x"]),
            ({"a": ["1", "%32"]}, ["1", "2"]))
    lrie.stop()


def test_binary_types_of_a_rest_api(t):
    lrie = serve(t, "http", "--http-as", "rest-api", "--binary-media-types", "image/*,a/b")
    for kind, is_base64 in (("image/png", True), ("a/b", True), ("text/plain", False)):
        event = event_of(t, lrie, "POST", "/", b"abc", [("Content-Type", kind)])
        t.equal((event["isBase64Encoded"], event["body"]), (is_base64, "YWJj" if is_base64 else "abc"))
    lrie.stop()


# ---- answers -----------------------------------------------------------------


def test_answers_become_responses(t):
    lrie = serve(t, "reply")
    for text, status, kind, body in (
            ('{"hello": "world"}', 200, "application/json", b'{"hello":"world"}'),
            ('"hello"', 200, "application/json", b"hello"),
            ("3.1", 200, "application/json", b"3.1"),
            ("null", 200, "application/json", b"null"),
            ('{"statusCode":"418","body":"tea"}', 418, "application/json", b"tea"),
            ('{"statusCode":302,"headers":{"Location":"/x"}}', 302, "application/json", b""),
            ('{"statusCode":200,"headers":{"content-type":"text/html"},"body":"<p>"}', 200,
             "text/html", b"<p>"),
            ('{"statusCode":200,"body":"AAEC","isBase64Encoded":true}', 200, "application/json",
             b"\0\1\2"),
            ("hello", 502, "text/plain", b"Internal Server Error"),
            ('{"statusCode":99}', 502, "text/plain", b"Internal Server Error")):
        reply = answer(t, lrie, text)
        t.equal((reply.status, reply.header("Content-Type"), reply.body), (status, kind, body), text)
        t.match(reply.request_id, harness.UUID)
    lrie.stop()


def test_cookies_of_answers(t):
    lrie = serve(t, "reply")
    reply = answer(t, lrie, '{"statusCode":200,"cookies":["a=1; Path=/; HttpOnly","b=2"]}')
    t.equal([value for name, value in reply.headers if name == "set-cookie"],
            ["a=1; Path=/; HttpOnly", "b=2"])
    lrie.stop()


def test_no_answer_breaks_a_response_in_two(t):
    lrie = serve(t, "reply")
    for headers in ({"a": "1\r\nSet-Cookie: evil=1"}, {"a\r\nb": "1"}, {"a": "\n\n<script>"},
                    {"a b": "1"}, {"a": "\0"}):
        reply = answer(t, lrie, json.dumps({"statusCode": 200, "headers": headers}))
        t.equal((reply.status, reply.body), (502, b"Internal Server Error"))
    connection = connect(t, lrie)
    for _ in range(2):  # the connection is in step
        reply = connection.ask("POST", "/", json.dumps(
            {"statusCode": 200, "body": "four", "headers":
             {"Content-Length": "2", "Transfer-Encoding": "chunked", "Connection": "close"}}).encode(), [JSON])
        t.equal((reply.status, reply.body), (200, b"four"))
        t.equal([reply.header("x-amzn-Remapped-" + name) for name in
                 ("Content-Length", "Transfer-Encoding", "Connection")], ["2", "chunked", "close"])
    lrie.stop()


def test_headers_without_a_value(t):
    lrie = serve(t, "reply")
    reply = answer(t, lrie, '{"statusCode":200,"headers":{"X-A":"","X-B":" ","X-C":"1"}}')
    t.equal([value for name, value in reply.headers if name.startswith("X-") and len(name) == 3],
            ["", "", "1"])
    lrie.stop()


def test_long_heads(t):
    lrie = serve(t, "reply")
    for cookie in (100, 7000, 16000):
        value = {"x%03d" % number: "v" * 20 for number in range(330)}
        reply = ask(t, lrie, "POST", "/", json.dumps({"statusCode": 200, "headers": value}).encode(),
                    [JSON, ("Cookie", "a=" + "b" * cookie)])
        t.equal((reply.status, reply.header("x329")), (200, "v" * 20))
    value = {"a%d" % number: "b" for number in range(2000)}
    t.equal(answer(t, lrie, json.dumps({"statusCode": 200, "headers": value})).status, 502)
    lrie.stderr.wait_line(r"lrie: warning: .*: its headers have more than 10240 bytes")
    lrie.stop()


def test_what_is_wrong_is_logged(t):
    lrie = serve(t, "reply", "--function-name", "shop")
    answer(t, lrie, '{"statusCode":"OK"}')
    lrie.stderr.wait_line(r"lrie: warning: function 'shop': what it answered to POST / is no "
                          r"response: 'statusCode' is \"OK\", and no number from 200 to 599")
    lrie.stop()


def test_responses_without_body(t):
    lrie = serve(t, "reply")
    connection = connect(t, lrie)
    for status in (204, 304):
        reply = connection.ask("POST", "/", b'{"statusCode":%d,"body":"x"}' % status, [JSON])
        t.equal((reply.status, reply.body), (status, b""))
    connection.request("HEAD", "/", b'{"statusCode":200,"body":"four"}', [JSON])
    reply = connection.reply("HEAD")
    t.equal((reply.status, reply.header("Content-Length")), (200, "4"))
    t.equal(connection.ask("POST", "/", b"1", [JSON]).body, b"1")
    lrie.stop()


def test_failures_of_the_function(t):
    expected = {"url": (502, b"Internal Server Error"),
                "http-api": (502, b'{"message":"Internal Server Error"}'),
                "rest-api": (502, b'{"message": "Internal server error"}')}
    for name in FORMATS:
        for handler, error_type in (("error", "Function.FixtureError"),
                                    ("crash:invoke", "Runtime.ExitError"),
                                    ("sleep:5000", "Sandbox.Timedout"),
                                    ("big:6291557", "Function.ResponseSizeTooLarge")):
            timeout = "1" if handler.startswith("sleep") else "60"
            lrie = serve(t, handler, "--http-as", name, "--timeout", timeout)
            reply = ask(t, lrie, target="/a?b")
            lrie.stderr.wait_line(r"lrie: warning: function 'function': GET /a: it failed: \{.*"
                                  r'"errorType":"%s".*' % error_type)
            if name == "alb":
                t.equal((reply.status, b"<h1>502 Bad Gateway</h1>" in reply.body), (502, True))
            else:
                t.equal((reply.status, reply.body), expected[name], handler)
            lrie.stop()


def test_multi_value_answers_of_a_rest_api(t):
    lrie = serve(t, "reply", "--http-as", "rest-api")
    reply = answer(t, lrie, '{"headers":{"x":"value-solo"},"multiValueHeaders":{"X":["value-multi"]}}')
    t.equal([value for name, value in reply.headers if name.lower() == "x"],
            ["value-multi", "value-solo"])
    for text in ('{"cookies":[]}', '""', "[]", '{"body":{}}'):
        reply = answer(t, lrie, text)
        t.equal((reply.status, reply.body), (502, b'{"message": "Internal server error"}'), text)
    lrie.stop()


# ---- limits ------------------------------------------------------------------


def test_bodies_that_are_too_large(t):
    lambda_says = (r'\{"Message":"%d byte payload is too large for the RequestResponse invocation '
                   r'type \(limit 6291456 bytes\)"\}')
    for name, limit, pattern in (
            ("url", 6 << 20, lambda_says % ((6 << 20) + 1)),
            ("http-api", 10 << 20, r'\{"message":"Request Entity Too Large"\}'),
            ("rest-api", 10 << 20, r'\{"message":"Request Too Long"\}'),
            ("alb", 1 << 20, r".*413 Request Entity Too Large.*")):
        lrie = serve(t, 'answer:{"statusCode":200}', "--http-as", name)
        if name == "alb":
            t.equal(ask(t, lrie, "POST", "/", b"x" * limit, [TEXT]).status, 200)
        reply = ask(t, lrie, "POST", "/", b"x" * (limit + 1), [TEXT])
        t.equal(reply.status, 413)
        t.match(reply.body.decode(), pattern)
        lrie.stop()


def test_events_that_are_too_large(t):
    for name, length in (("http-api", 10 << 20), ("rest-api", 10 << 20), ("url", 6 << 20)):
        lrie = serve(t, 'answer:{"statusCode":200}', "--http-as", name)
        reply = ask(t, lrie, "POST", "/", b"x" * length, [TEXT])
        size = int(t.match(reply.body.decode(),
                           r'\{"Message":"(\d+) byte payload is too large .*')[1])
        t.between(length + 100, size, length + 2000, "the size of the event")
        t.equal((reply.status, reply.header("x-amzn-ErrorType")),
                (413, "RequestEntityTooLargeException"))
        fits = length - (size - harness.REQUEST_LIMIT)
        for more, status in ((0, 200), (1, 413)) if name == "url" else ():
            reply = ask(t, lrie, "POST", "/", b"x" * (fits + more), [TEXT])
            t.equal((reply.status, b'"6291457 byte' in reply.body), (status, status == 413))
        lrie.stop()


def test_a_gateway_does_not_wait_for_ever(t):
    for name, seconds, status, body in (
            ("rest-api", 29, 504, b'{"message": "Endpoint request timed out"}'),
            ("http-api", 30, 503, b'{"message":"Service Unavailable"}')):
        lrie = serve_bare(t, "--http-as", name, "--timeout", "900", "--clock", "virtual")
        runtime = lrie.runtime()
        connection = connect(t, lrie)
        connection.request("GET", "/")
        event = runtime.next()
        lrie.advance("%ds" % (seconds - 5), settle="1ms")
        t.true(not connection.has_input(), "%s has answered too early" % name)
        lrie.advance("5s", settle="1ms")
        reply = connection.reply()
        t.equal((reply.status, reply.body), (status, body))
        lrie.stderr.wait_line(r"lrie: warning: function 'function': GET /: its site waits no "
                              "longer, and the function goes on")
        # the function has not heard of it
        t.equal(runtime.answer(event, b'{"statusCode":200}').status, 202)
        runtime.begin_next()
        t.equal(lrie.report(event.id).status, None)
        t.equal(lrie.lives(), 1)
        lrie.stop()


def test_throttled(t):
    for name, status, body in (
            ("url", 429, b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded",'
                         b'"Type":"User","message":"Rate Exceeded."}'),
            ("http-api", 429, b'{"message":"Too Many Requests"}'),
            ("rest-api", 500, b'{"message": "Internal server error"}')):
        lrie = serve_bare(t, "--http-as", name, "--concurrency", "1")
        runtime = lrie.runtime()
        connection = connect(t, lrie)
        runtime.begin_next()
        for is_known in (False, name == "url"):  # how long one takes
            connection.request("GET", "/")
            event = runtime.end_next()
            reply = ask(t, lrie)
            t.equal((reply.status, reply.body), (status, body))
            t.match(reply.header("Retry-After", "unknown"), r"[1-9]\d*" if is_known else "unknown")
            if name != "url":
                lrie.stderr.wait_line(r"lrie: warning: function 'function': GET /: throttled: "
                                      "ReservedFunctionConcurrentInvocationLimitExceeded")
            runtime.answer(event, b'{"statusCode":200}')
            t.equal(connection.reply().status, 200)
            runtime.begin_next()
            lrie.report(event.id)
        lrie.stop()


# ---- clients -----------------------------------------------------------------


def test_pages_of_other_sites_may_ask(t):
    lrie = serve(t, "echo")
    for headers in ([("Origin", "https://example.com"), ("Sec-Fetch-Site", "cross-site")],
                    [("Origin", "null")], [("Sec-Fetch-Site", "same-origin")]):
        t.equal(ask(t, lrie, "POST", "/", b"", headers).status, 200)
    preflight = ask(t, lrie, "OPTIONS", "/", headers=[
        ("Origin", "https://example.com"), ("Access-Control-Request-Method", "PUT")])
    t.equal(preflight.json()["headers"]["access-control-request-method"], "PUT")
    # and the Invoke API is as it was
    t.equal(lrie.invoke(headers=[("Origin", "https://example.com")]).status, 403)
    lrie.stop()


def test_answers_say_which_sites_may_read_them(t):
    lrie = serve(t, "reply")
    reply = answer(t, lrie, '{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*"}}')
    t.equal(reply.header("Access-Control-Allow-Origin"), "*")
    lrie.stop()


def test_names_that_point_here(t):
    lrie = serve(t, "echo", "--http-host", "my.test", "--http-host", ".tunnel.test")
    domain = event_of(t, lrie)["requestContext"]["domainName"]
    for host, status in (("localhost", 200), ("a.localhost:1", 200), ("[::1]:8080", 200),
                         ("10.0.0.1", 200), ("my.test:8080", 200), ("MY.TEST", 200),
                         ("a.tunnel.test", 200), (domain, 200), ("rebound.example", 403),
                         ("x.my.test", 403), ("tunnel.test", 403), ("xtunnel.test", 403),
                         ("127.0.0.1.example", 403)):
        reply = ask(t, lrie, headers=[("Host", host)])
        t.equal(reply.status, status, host)
    t.true(b"--http-host" in reply.body, "the way out is not told")
    lrie.stop()


def test_garbage(t):
    lrie = serve(t, "echo")
    for data in (b"\0\1\2\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                 b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"GET x HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        connection = connect(t, lrie)
        connection.send(data)
        reply = connection.try_reply()
        t.true(not reply or reply.status in (400, 505), "%r: %r" % (data, reply))
    t.equal(ask(t, lrie).status, 200)
    lrie.stop()
    t.equal(len([line for line in lrie.stdout.lines() if line.startswith("START")]), 1)


def test_clients_that_leave(t):
    lrie = serve_bare(t)
    runtime = lrie.runtime()
    for leave in (Connection.close, Connection.reset):
        connection = Connection(lrie.http)
        connection.request("GET", "/")
        event = runtime.next()
        leave(connection)
        t.equal(runtime.answer(event, b'{"statusCode":200}').status, 202)
        runtime.begin_next()
    connection = Connection(lrie.http)
    connection.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
    connection.close()
    connection = connect(t, lrie)
    connection.request("GET", "/last")
    connection.half_close()
    event = runtime.next()
    t.equal(json.loads(event.body)["rawPath"], "/last")
    runtime.answer(event, b'{"statusCode":204}')
    t.equal(connection.reply().status, 204)
    lrie.stop()


def test_the_end_of_lrie(t):
    lrie = serve_bare(t, "--concurrency", "1")
    runtime = lrie.runtime()
    pending, half = connect(t, lrie), connect(t, lrie)
    pending.request("GET", "/")
    runtime.next()
    half.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nab")
    lrie.stop()
    reply = pending.reply()
    t.equal((reply.status, reply.body), (500, b'{"Message":"Internal Server Error"}'))


def test_crowds_that_leave(t):
    lrie = serve(t, "sleep:50,http", "--timeout", "60")
    for number in range(3):
        crowd = [Connection(lrie.http) for _ in range(40)]
        for connection in crowd:
            connection.request("GET", "/%d" % number)
        for connection in crowd[::2]:
            connection.reset()
        for connection in crowd[1::2]:
            t.equal(connection.reply().status, 200)
            connection.close()
    lrie.stop()


def test_requests_in_line_on_one_connection(t):
    lrie = serve(t, "echo")
    connection = connect(t, lrie)
    for number in range(20):
        connection.request("GET", "/%d?%d" % (number, number))
    for number in range(20):
        event = connection.reply().json()
        t.equal((event["rawPath"], event["rawQueryString"]), ("/%d" % number, str(number)))
    lrie.stop()


# ---- several functions -------------------------------------------------------


def write_config(folder, functions, **common):
    """Of functions whose bootstrap, 'boot', is in the same folder."""
    return harness.write_file(os.path.join(folder, "lrie.json"), json.dumps(
        {"listen": "127.0.0.1:0", "http": "127.0.0.1:0", "bootstrap": "boot", **common,
         "functions": functions}))


def folder_of_fixture(t):
    folder = t.folder()
    shutil.copy(harness.BOOTSTRAP, os.path.join(folder, "boot"))
    return folder


def serve_config(t, path, *options):
    lrie = t.start("--config", path, *options)
    lrie.wait_until_it_listens()
    return add_http(lrie)


def serve_file(t, functions, **common):
    return serve_config(t, write_config(folder_of_fixture(t), functions, handler="http", **common))


def test_the_longest_path_wins(t):
    lrie = serve_file(t, [
        {"name": "site", "http-path": "/"},
        {"name": "shop", "http-path": "/shop", "http-as": "rest-api"},
        {"name": "cart", "http-path": "/shop/cart/", "http-as": "http-api"},
        {"name": "plain"}])
    for target, told in (
            ("/", "/"), ("/shops", "/shops"), ("/a/shop", "/a/shop"), ("/plain", "/"),
            ("/plain/a%2Fb", "/a%2Fb")):
        t.equal(event_of(t, lrie, target=target)["rawPath"], told)
    event = event_of(t, lrie, target="/shop/a/b%20c")
    t.equal((event["resource"], event["path"], event["pathParameters"]),
            ("/shop/{proxy+}", "/shop/a/b%20c", {"proxy": "a/b c"}))
    event = event_of(t, lrie, target="/shop/cart/7")
    t.equal((event["routeKey"], event["rawPath"]), ("ANY /shop/cart/{proxy+}", "/shop/cart/7"))
    lrie.stop()


def test_paths_of_nobody(t):
    lrie = serve_file(t, [{"name": "one"}, {"name": "two"}])
    for target in ("/", "/three", "/onetwo", "/One"):
        reply = ask(t, lrie, target=target)
        t.equal((reply.status, reply.body), (404, b'{"message":"Not Found"}'))
    t.equal(event_of(t, lrie, target="/two/x")["rawPath"], "/x")
    lrie.stop()


def test_addresses_of_version_6(t):
    """::1, and 127.0.0.1 in the clothes of one: both are this machine's alone."""
    for address, client in (("::1", "::1"), ("::ffff:127.0.0.1", "127.0.0.1")):
        with socket.socket(socket.AF_INET6) as probe:
            try:
                probe.bind((address, 0))
            except OSError as error:
                harness.comment("without %s: %s" % (address, error))
                continue
        lrie = t.serve("echo", "--http", "[%s]:0" % address)
        port = int(lrie.stderr.wait_line(r"lrie: serving HTTP on http://\[.*\]:(\d+) .*")[1])
        for host, status in (("localhost", 200), ("rebound.example", 403)):
            with socket.create_connection((client, port)) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
                                   % host.encode())
                reply = connection.makefile("rb").read()
            t.true(reply.startswith(b"HTTP/1.1 %d " % status), repr(reply))
            if status == 200:
                event = json.loads(reply.split(b"\r\n\r\n", 1)[1])
                t.equal(event["requestContext"]["http"]["sourceIp"], client)
        lrie.stop()


def test_a_file_names_hosts(t):
    lrie = serve_file(t, [{"name": "one"}, {"name": "two", "http-path": "/2"}],
                      **{"http-host": ["a.test", ".b.test"]})
    for host, status in (("a.test", 200), ("x.b.test:80", 200), ("c.test", 403)):
        t.equal(ask(t, lrie, target="/2", headers=[("Host", host)]).status, status)
    lrie.stop()


def test_paths_change_with_the_file(t):
    folder = folder_of_fixture(t)

    def write(**members):
        return write_config(folder, [{"name": "one"}, {"name": "two", **members}], handler="http")

    lrie = serve_config(t, write(), "--http-host", "my.test")
    t.equal(event_of(t, lrie, target="/two")["version"], "2.0")
    write(**{"http-path": "/2", "http-as": "rest-api"})
    lrie.process.send_signal(signal.SIGHUP)
    harness.wait_for(lambda: ask(t, lrie, target="/2").status == 200, "the new path")
    t.equal(event_of(t, lrie, target="/2")["resource"], "/2")
    t.equal(ask(t, lrie, target="/two").status, 404)
    for host, status in (("my.test", 200), ("other.test", 403)):
        t.equal(ask(t, lrie, target="/2", headers=[("Host", host)]).status, status)
    lrie.stop()


def test_an_answer_is_for_the_site_that_asked(t):
    """Also when a reload has made another one of it meanwhile."""
    folder = t.folder()
    harness.write_file(os.path.join(folder, "boot"), harness.BARE_SCRIPT, 0o755)

    def write(**members):
        return write_config(folder, [{"name": "one", **members}], timeout=60)

    lrie = serve_config(t, write(**{"http-as": "rest-api", "binary-media-types": "image/*"}),
                        "--runtime-api-access=any")
    connection = connect(t, lrie)
    connection.request("GET", "/", headers=[("Accept", "image/png")])
    runtime = lrie.runtime()
    event = runtime.next()
    write(**{"http-as": "alb", "region": "eu-west-1"})
    lrie.process.send_signal(signal.SIGHUP)
    lrie.stderr.wait_line(r"lrie: '.*' is read again: changed one")
    runtime.answer(event, b'{"body":"YQ==","isBase64Encoded":true}')
    reply = connection.reply()
    t.equal((reply.status, reply.body, reply.header("Content-Type")), (200, b"a", "application/json"))
    lrie.stop()


# ---- options -----------------------------------------------------------------


def test_options_that_are_wrong(t):
    for options, text in (
            (["--http-as", "lambda"], "'lambda' is not one of url, http-api, rest-api, alb"),
            (["--http-path", "shop"], "'shop' is no path such as /orders"),
            (["--http-path", "/a?b"], "'/a?b' is no path such as /orders"),
            (["--http", "127.0.0.1"], "127.0.0.1")):
        finished = t.run("-b", harness.BOOTSTRAP, *options, expect=2)
        t.true(text in finished.stderr, repr(finished))


def test_an_address_that_is_taken(t):
    lrie = serve(t, "echo")
    finished = t.run("-b", harness.BOOTSTRAP, "--listen", "127.0.0.1:0",
                     "--http", "127.0.0.1:%d" % lrie.http, expect=2)
    t.true("listen on '127.0.0.1:%d': Address already in use" % lrie.http in finished.stderr,
           repr(finished))
    lrie.stop()


if __name__ == "__main__":
    harness.main()
