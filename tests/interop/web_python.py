#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server behind the Lambda Web Adapter behind lrie --http: whatever stands there on AWS, the
adapter makes the request of the event again, and of the response an answer."""
import hashlib
import os

import interop
import web
from interop import harness

SERVER = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "web", "python", "bootstrap"),
    options=web.OPTIONS + ("--http", "127.0.0.1:0"),
    needs=(web.ADAPTER,), programs=("python3",))

FORMATS = (("--http-as", "url"), ("--http-as", "http-api"), ("--http-as", "rest-api"),
           ("--http-as", "alb"), ("--http-as", "alb", "--alb-multi-value"))


def serve(t, *options):
    lrie = SERVER.serve(t, *options)
    lrie.http = int(lrie.stderr.wait_line(r"lrie: serving HTTP on http://127\.0\.0\.1:(\d+).*")[1])
    return lrie


def ask(t, lrie, *args, **more):
    return t.closing(harness.Connection(lrie.http)).ask(*args, **more)


def test_requests_arrive(t):
    for options in FORMATS:
        lrie = serve(t, *options)
        reply = ask(t, lrie, "GET", "/told/a%2Fb/c%20d?x=%C3%BC&y=1%262", headers=[
            ("Cookie", "a=1; b=2"), ("X-Greeting", "hello"), ("User-Agent", "me")])
        t.equal(reply.status, 200, repr(reply))
        told = reply.json()
        headers = dict(told["headers"])
        path, _, query = told["target"].partition("?")
        t.equal((told["method"], path), ("GET", "/told/a%2Fb/c%20d"), options)
        t.equal(sorted(query.split("&")), ["x=%C3%BC", "y=1%262"], options)
        t.equal((headers["x-greeting"], headers["user-agent"]), ("hello", "me"))
        t.equal(headers["cookie"].replace(" ", ""), "a=1;b=2")
        t.equal(headers["host"], "127.0.0.1:%d" % lrie.http)
        lrie.stop()


def test_bodies_arrive(t):
    data = os.urandom(300000)
    for options in FORMATS:
        if "rest-api" in options:
            options += ("--binary-media-types", "*/*")
        lrie = serve(t, *options)
        for body, kind in ((data, "application/octet-stream"), (data, "multipart/form-data; boundary=x"),
                           ("grüße \0 \"\n".encode(), "text/plain; charset=utf-8"), (b"", "text/plain")):
            told = ask(t, lrie, "PUT", "/told", body, [("Content-Type", kind)]).json()
            t.equal((told["method"], told["length"], told["digest"]),
                    ("PUT", len(body), hashlib.sha256(body).hexdigest()), (options, kind))
        lrie.stop()


def test_responses_arrive(t):
    for options in FORMATS:
        if "rest-api" in options:
            options += ("--binary-media-types", "image/*")
        lrie = serve(t, *options)
        reply = ask(t, lrie, "GET", "/picture", headers=[("Accept", "image/png, */*")])
        t.equal((reply.status, reply.header("Content-Type")), (200, "image/png"))
        t.true(reply.body == bytes(range(256)) * 100, "the picture is another one: %r" % (options,))
        cookies = [value for name, value in reply.headers if name.lower() == "set-cookie"]
        # a map of single values has room for one
        both = options != ("--http-as", "alb")
        t.equal(cookies, ["a=1; Path=/", "b=2"] if both else cookies[:1], options)
        lrie.stop()


def test_streams_arrive(t):
    lrie = serve(t, "--invoke-mode", "response_stream", "--env", "AWS_LWA_INVOKE_MODE=response_stream")
    reply = ask(t, lrie, "GET", "/stream")
    t.equal((reply.status, reply.header("Content-Type"), reply.header("Transfer-Encoding")),
            (201, "text/event-stream", "chunked"))
    t.equal(reply.body, b"data: 0\n\ndata: 1\n\ndata: 2\n\n")
    t.equal([value for name, value in reply.headers if name.lower() == "set-cookie"],
            ["a=1; Path=/", "b=2"])
    t.true(ask(t, lrie, "GET", "/picture").body == bytes(range(256)) * 100, "another picture")
    lrie.stop()


if __name__ == "__main__":
    interop.harness.main()
