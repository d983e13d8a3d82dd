# SPDX-License-Identifier: Apache-2.0
"""web - what a web server is held to behind the Lambda Web Adapter

The adapter is an extension that speaks the Runtime API in the place of the function's process, which
only answers HTTP. A test file describes the server, as for interop.contract().
"""
import json
import socket

import interop


def free_port():
    """Where a box has no network of its own, 8080 may be somebody's, as another test's server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


PORT = free_port()
ADAPTER = interop.prepared("rust", "adapter")
OPTIONS = ("--layer", ADAPTER, "--env", "PORT=" + PORT, "--env", "AWS_LWA_PORT=" + PORT)


def request(method, path, query="", body=None, headers=()):
    """What an HTTP API of the API Gateway sends to a function."""
    event = {
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "headers": dict(headers, host="example.com"),
        "requestContext": {
            "accountId": "123456789012", "apiId": "api-id", "domainName": "example.com",
            "domainPrefix": "id", "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1583348638390,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1",
                     "sourceIp": "192.0.2.1", "userAgent": "agent"}},
        "isBase64Encoded": False}
    if body is not None:
        event["body"] = body
    return interop.payload(event)


def answer(t, reply, status=200):
    """What the API Gateway makes an HTTP response of; returns its body."""
    interop.check_success(t, reply)
    answer = reply.json()
    t.equal((answer["statusCode"], answer["isBase64Encoded"]), (status, False))
    return answer["body"]


def get_and_post(t, server):
    lrie = server.serve(t)
    reply = lrie.invoke(request("GET", "/echo", "a=1&b=%C3%BC", headers=[("x-greeting", "hello")]))
    seen = json.loads(answer(t, reply))
    t.equal((seen["method"], seen["query"], seen["greeting"], seen["body"]),
            ("GET", {"a": "1", "b": "ü"}, "hello", ""))
    t.equal(seen["context"]["request_id"], reply.request_id)
    t.true(lrie.report(reply.request_id).init is not None, "no Init Duration")
    reply = lrie.invoke(request("POST", "/echo", body="grüße"))
    seen = json.loads(answer(t, reply))
    t.equal((seen["method"], seen["body"]), ("POST", "grüße"))
    t.equal(lrie.report(reply.request_id).init, None)
    t.true("EXTENSION\tName: lambda-adapter\tState: Ready\tEvents: []" in lrie.stdout.lines(),
           "the adapter is not told")


def an_event_that_is_no_request(t, server):
    reply = server.serve(t).invoke(b'{"Records":[{"source":"queue"}]}')
    interop.check_success(t, reply)
    t.equal(reply.json(), {"event": {"Records": [{"source": "queue"}]}})


def errors_and_big_answers(t, server):
    lrie = server.serve(t)
    t.equal(answer(t, lrie.invoke(request("GET", "/nowhere")), 404), "no such page")
    t.true(answer(t, lrie.invoke(request("GET", "/big"))) == "x" * 3000000, "not what was sent")


def a_server_that_ends(t, server):
    """The adapter may still say that nobody answers, or lrie that the process has gone."""
    lrie = server.serve(t)
    reply = lrie.invoke(request("GET", "/crash"))
    t.equal((reply.status, reply.header("X-Amz-Function-Error")), (200, "Unhandled"))
    interop.harness.wait_for(
        lambda: lrie.invoke(request("GET", "/")).header("X-Amz-Function-Error") is None,
        "a server that lives")


def contract(server):
    """The tests that every web server passes, by name: update globals() with them."""
    return interop.bind(server, get_and_post, an_event_that_is_no_request, errors_and_big_answers,
                        a_server_that_ends)
