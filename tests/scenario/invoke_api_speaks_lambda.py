#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a client of the Invoke API sends and gets: names, headers, limits, errors."""
import base64
import json
import re
import urllib.parse

import harness
from harness import INVOKE_PATH, REQUEST_LIMIT, UUID, path_of

NOT_JSON = "Could not parse request body into json: Could not parse payload into json: "


def check_api_error(t, reply, status, name, message=None):
    """An error of the service, not of the function, to the byte; 'message' is a pattern."""
    t.equal(reply.status, status, repr(reply))
    t.equal(reply.header("x-amzn-ErrorType"), name)
    t.equal(reply.header("Content-Type"), "application/json")
    t.match(reply.request_id, UUID)
    t.true(reply.header("X-Amz-Function-Error") is None, repr(reply))
    body = reply.json()
    t.equal(list(body), ["message"] if name == "ValidationException" else ["Type", "message"])
    t.equal(body.get("Type", "User"), "User")
    t.equal(reply.body.decode(), json.dumps(body, separators=(",", ":"),
                                          ensure_ascii=False))
    if message:
        t.match(body["message"], message)


# ---- names


def test_a_function_answers_to_every_form_of_its_name(t):
    lrie = t.serve("echo")
    arn = "arn:aws:lambda:us-east-1:012345678912:function:function"
    for name in ("function", "function:$LATEST", "012345678912:function:function",
                 "012345678912:function:function:$LATEST", arn, arn + ":$LATEST"):
        for encoded in (name, urllib.parse.quote(name, safe="")):
            reply = lrie.invoke(b"1", path=path_of(encoded))
            t.equal((reply.status, reply.body), (200, b"1"), encoded)
            t.equal(reply.header("X-Amz-Executed-Version"), "$LATEST")


def test_any_name_will_do(t):
    lrie = t.serve("echo")
    for name in ("another", "x", "A-b_C-9", "n" * 64, "function"):
        t.equal(lrie.invoke(b"1", path=path_of(name)).status, 200, name)


def test_names_that_are_none_are_refused(t):
    lrie = t.serve("echo")
    bad = ("a%20b", "a%2Fb", "%C3%A4", "n" * 257, "a:b:c:d:e", "function:", "%00", "a%0Ab",
           "arn:aws:s3:::bucket", "12345:function:f", "function:%24LATER")
    for name in bad:
        reply = lrie.invoke(path=path_of(name))
        check_api_error(t, reply, 400, "ValidationException",
                        r"1 validation error detected: Value .* at 'functionName' failed to "
                        r"satisfy constraint: .*")
    t.equal(lrie.invoke().status, 200)


def test_a_qualifier_may_stand_in_the_query_or_in_the_name(t):
    lrie = t.serve("echo")
    for name, query in (("function", "?Qualifier=$LATEST"), ("function", "?Qualifier=%24LATEST"),
                        ("function:$LATEST", "?Qualifier=$LATEST")):
        t.equal(lrie.invoke(path=path_of(name, query)).status, 200, name + query)


def test_two_qualifiers_that_differ_are_refused(t):
    lrie = t.serve("echo")
    reply = lrie.invoke(path=path_of("function:one", "?Qualifier=two"))
    check_api_error(t, reply, 400, "InvalidParameterValueException", re.escape(
        "The derived qualifier from the function name does not match the specified qualifier."))


def test_the_version_is_the_one_that_ran(t):
    lrie = t.serve("echo", "--function-version", "7")
    for query in ("", "?Qualifier=live", "?Qualifier=7"):
        reply = lrie.invoke(path=path_of("function", query))
        t.equal(reply.header("X-Amz-Executed-Version"), "7", query)


# ---- headers


def test_the_headers_of_an_answer(t):
    lrie = t.serve("echo")
    reply = lrie.invoke(b'{"a":1}')
    t.equal(reply.status, 200)
    t.match(reply.request_id, UUID)
    t.equal(reply.header("X-Amz-Executed-Version"), "$LATEST")
    t.match(reply.header("X-Amzn-Trace-Id"),
            r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0")
    t.equal(reply.header("x-amzn-Remapped-Content-Length"), "0")
    t.equal(reply.header("Content-Type"), "application/json")
    t.equal(reply.header("Content-Length"), "7")
    for name in ("X-Amz-Function-Error", "X-Amz-Log-Result", "x-amzn-ErrorType"):
        t.true(reply.header(name) is None, name)


def test_the_request_id_is_the_one_that_the_runtime_saw(t):
    lrie = t.bare()
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    event = runtime.next()
    runtime.answer(event)
    t.equal(caller.reply().request_id, event.id)


def test_a_request_id_must_be_a_uuid(t):
    lrie = t.serve("echo")
    reply = lrie.invoke(headers=[("x-amzn-RequestId", "not-a-uuid")])
    check_api_error(t, reply, 400, "InvalidRequestContentException")
    given = "6F1B0B62-3f0c-4a5e-9d3b-0123456789ab"
    reply = lrie.invoke(headers=[("x-amzn-RequestId", given)])
    t.equal((reply.status, reply.request_id), (200, given.lower()))


def test_the_trace_root_of_the_caller_comes_back(t):
    lrie = t.serve("echo")
    root = "Root=1-5759e988-bd862e3fe1be46a994272793"
    reply = lrie.invoke(headers=[("X-Amzn-Trace-Id", root)])
    t.true(reply.header("X-Amzn-Trace-Id").startswith(root), reply.header("X-Amzn-Trace-Id"))


def test_any_credentials_and_content_types_are_let_through(t):
    lrie = t.serve("echo")
    for headers in ([("Authorization", "AWS4-HMAC-SHA256 Credential=x, Signature=y")],
                    [("Content-Type", "application/x-www-form-urlencoded")],
                    [("Content-Type", "application/octet-stream"),
                     ("X-Amz-Date", "20260101T000000Z")],
                    [("User-Agent", "curl/8.0"), ("Accept", "*/*")]):
        t.equal(lrie.invoke(b"{}", headers).status, 200, repr(headers))


# ---- invocation types and log types


def test_dry_run_answers_204_and_runs_nothing(t):
    lrie = t.bare()
    reply = lrie.invoke(headers=[("X-Amz-Invocation-Type", "DryRun")])
    t.equal((reply.status, reply.body), (204, b""))
    t.match(reply.request_id, UUID)
    t.equal(lrie.invoke(headers=[("X-Amz-Invocation-Type", "DryRun")], payload=b"").status, 204)
    t.equal(lrie.invoke(headers=[("X-Amz-Invocation-Type", "DryRun")], payload=b"{").status, 400)
    runtime = lrie.runtime()
    caller = lrie.begin_invoke(b'"real"', [("X-Amz-Invocation-Type", "RequestResponse")])
    event = runtime.next()
    t.equal(event.body, b'"real"')
    runtime.answer(event)
    t.equal(caller.reply().status, 200)


def test_unknown_types_are_validation_errors(t):
    lrie = t.serve("echo")
    reply = lrie.invoke(headers=[("X-Amz-Invocation-Type", "Later")])
    check_api_error(t, reply, 400, "ValidationException",
                    re.escape("1 validation error detected: Value 'Later' at 'invocationType' "
                              "failed to satisfy constraint: Member must satisfy enum value set: "
                              "[Event, RequestResponse, DryRun]"))
    reply = lrie.invoke(headers=[("X-Amz-Log-Type", "Head")])
    check_api_error(t, reply, 400, "ValidationException",
                    r"1 validation error detected: Value 'Head' at 'logType' failed to satisfy "
                    r"constraint: Member must satisfy enum value set: \[.*\]")


def test_tail_returns_the_log_of_the_invocation(t):
    lrie = t.serve("echo")
    for _ in range(2):
        reply = lrie.invoke(headers=[("X-Amz-Log-Type", "Tail")])
        lines = lrie.log(reply.request_id)
        t.equal(reply.log_tail.decode(), "\n".join(lines) + "\n")
    reply = lrie.invoke(headers=[("X-Amz-Log-Type", "None")])
    t.true(reply.header("X-Amz-Log-Result") is None, "a log that nobody asked for")


def test_tail_comes_with_function_errors_too(t):
    lrie = t.bare("--timeout", "1")
    caller = lrie.begin_invoke(headers=[("X-Amz-Log-Type", "Tail")])
    lrie.runtime().next()
    reply = caller.reply()
    t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")
    t.match(reply.log_tail.decode(), r".*START .*\nREPORT [^\n]*\tStatus: timeout\n")


# ---- client context, tenant


def test_a_client_context_must_be_short_base64_json(t):
    lrie = t.serve("echo")

    def invoke_with(value):
        return lrie.invoke(headers=[("X-Amz-Client-Context", value)])

    t.equal(invoke_with(base64.b64encode(b'{"custom":{}}').decode()).status, 200)
    longest = base64.b64encode(b'{"a":"' + b"x" * (2685 - 8) + b'"}').decode()
    t.equal(len(longest), 3580)
    t.equal(invoke_with(longest).status, 200)
    for value in ("not base64!", base64.b64encode(b"not json").decode(),
                  base64.b64encode(b'{"a":"' + b"x" * 3000 + b'"}').decode()):
        reply = invoke_with(value)
        t.equal(reply.status, 400, repr(reply))
        t.match(reply.header("x-amzn-ErrorType", ""), r"\w+Exception")


def test_a_tenant_id_must_fit_its_pattern(t):
    lrie = t.serve("echo")
    for value in ("a", "A1 ._:/=+-@", "x" * 256):
        t.equal(lrie.invoke(headers=[("X-Amz-Tenant-Id", value)]).status, 200, value)
    for value in ("a,b", "x" * 257, "t\u00e4"):
        reply = lrie.invoke(headers=[("X-Amz-Tenant-Id", value)])
        t.equal(reply.status, 400, repr(reply))
        t.match(reply.header("x-amzn-ErrorType", ""), r"\w+Exception")


# ---- payloads


def test_an_empty_payload_is_delivered_as_an_empty_object(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    for case in ({"body": b""}, {"body": None}, {"chunks": []}):
        caller = lrie.connect()
        runtime.begin_next()
        caller.request("POST", INVOKE_PATH, **case)
        event = runtime.next()
        t.equal(event.body, b"{}")
        runtime.answer(event)
        t.equal(caller.reply().status, 200)


def test_json_of_every_kind_is_accepted(t):
    lrie = t.serve("echo")
    for payload in (b"null", b"true", b"-0.5e+10", b'"text"', b"[]", b" {} \n", b'{"a":{"b":[1]}}',
                    '"\u20ac"'.encode(), b"[" * 400 + b"]" * 400, b'{"a":1,"a":2}'):
        reply = lrie.invoke(payload)
        t.equal((reply.status, reply.body), (200, payload))


def test_what_is_not_json_is_refused_and_not_delivered(t):
    lrie = t.serve("echo")
    bad = (b"x", b"{", b"}", b"{}x", b"{} {}", b'{"a":}', b"{'a':1}", b"[1,]", b"{a:1}", b"nul",
           b"NaN", b"Infinity", b"-", b"01", b"1.", b".5", b"+1", b'"a', b'"\t"', b'"\\x41"',
           b"// comment\n{}", b"/* c */ {}", b"\x00", b"{}\x00", b"   ", b'"\x87"', b'"\xff"',
           b'"\xc0\xaf"', b"True", b"0x10", b"[1 2]")
    for payload in bad:
        reply = lrie.invoke(payload)
        t.equal(reply.status, 400, "payload %r: %r" % (payload, reply))
        check_api_error(t, reply, 400, "InvalidRequestContentException",
                        re.escape(NOT_JSON) + ".+")
    t.equal(lrie.invoke(b"1").body, b"1")
    lrie.stop()
    t.equal(lrie.stdout.text().count("START"), 1, "invocations in the log")


def test_the_message_names_the_character_and_its_place(t):
    lrie = t.serve("echo")
    message = lrie.invoke(b"<").json()["message"]
    t.match(message, re.escape(
        NOT_JSON + "Unexpected character ('<' (code 60)): expected a valid value (JSON String, "
        "Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: REDACTED (")
        + r".*\); line: 1, column: 1\]")
    message = lrie.invoke(b"\x87").json()["message"]
    t.true(message.startswith(NOT_JSON + "Invalid UTF-8 start byte 0x87"), message)


def test_a_payload_of_exactly_the_limit_is_accepted(t):
    lrie = t.serve("echo", "--timeout", "60")
    payload = b'"' + b"x" * (REQUEST_LIMIT - 2) + b'"'
    t.true(lrie.invoke(payload).body == payload, "not what was sent")
    caller = lrie.connect()
    reply = caller.ask("POST", INVOKE_PATH, chunks=[payload[:4000000], payload[4000000:]])
    t.true(reply.body == payload, "not what was sent")


def test_a_payload_over_the_limit_is_refused(t):
    lrie = t.serve("echo")
    payload = b'"' + b"x" * (REQUEST_LIMIT - 1) + b'"'
    for case in ({"body": payload}, {"chunks": [payload[:4000000], payload[4000000:]]}):
        caller = lrie.connect()
        reply = caller.ask("POST", INVOKE_PATH, **case)
        check_api_error(t, reply, 413, "RequestEntityTooLargeException", re.escape(
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation"))
    t.equal(lrie.invoke().status, 200)


def test_a_null_answer_is_four_bytes(t):
    lrie = t.bare()
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    runtime.answer(runtime.next(), b"null")
    t.equal(caller.reply().body, b"null")


def test_the_answers_own_content_type_stays_inside(t):
    lrie = t.bare()
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    runtime.answer(runtime.next(), b"<p>", [("Content-Type", "text/html")])
    reply = caller.reply()
    t.equal((reply.body, reply.header("Content-Type")), (b"<p>", "application/json"))


# ---- other paths


def test_other_paths_and_methods_are_refused(t):
    lrie = t.serve("echo")
    for method, path, statuses in (
            ("GET", "/", (404,)), ("POST", "/", (404,)), ("GET", "/2015-03-31/functions", (404,)),
            ("POST", "/2015-03-31/functions/function", (404,)),
            ("POST", "/2015-03-31/functions/function/invocations/x", (404,)),
            ("POST", "/2014-11-13/functions/function/invocations", (404,)),
            ("GET", INVOKE_PATH, (404, 405)), ("PUT", INVOKE_PATH, (404, 405)),
            ("DELETE", INVOKE_PATH, (404, 405)), ("POST", "/_lrie/health", (404, 405)),
            ("GET", "/_lrie/nothing", (404,)),
            ("GET", "/2018-06-01/runtime/invocation/next", (404,))):
        with lrie.connect() as connection:
            reply = connection.ask(method, path)
            t.true(reply.status in statuses, "%s %s: %r" % (method, path, reply))
    t.equal(lrie.stdout.text(), "")
    t.equal(json.loads(lrie.invoke(b"[]").body), [])


if __name__ == "__main__":
    harness.main()
