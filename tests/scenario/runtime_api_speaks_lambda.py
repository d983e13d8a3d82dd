#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every status, body and header that a runtime sees. Here the test is the runtime."""
import base64
import json
import time

import harness
from harness import RESPONSE_LIMIT, RUNTIME_PATH, UUID, Connection

OK_BODY = b'{"status":"OK"}\n'
TRACE = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]"


def check_accepted(t, reply):
    t.equal((reply.status, reply.body), (202, OK_BODY))
    t.equal(reply.header("Content-Type"), "application/json")


def check_error(t, reply, status, error_type, message):
    t.equal(reply.status, status, repr(reply))
    t.equal(reply.json(), {"errorMessage": message, "errorType": error_type})
    t.equal(list(reply.json()), ["errorMessage", "errorType"], "order of the keys")
    t.true(reply.body.endswith(b"}\n"), "no newline at the end")
    t.equal(reply.header("Content-Type"), "application/json")


def check_forbidden(t, reply, state, target):
    check_error(t, reply, 403, "InvalidStateTransition",
                "State transition from %s to %s failed for runtime. Error: "
                "State transition is not allowed" % (state, target))


def check_invalid_id(t, reply):
    check_error(t, reply, 400, "InvalidRequestID", "Invalid request ID")


def deliver(lrie, payload=b"{}", headers=(), path=harness.INVOKE_PATH):
    """An invocation that has reached the runtime: the caller, the runtime, the event."""
    caller = lrie.begin_invoke(payload, headers, path)
    runtime = lrie.runtime()
    return caller, runtime, runtime.next()


def finish(t, lrie, runtime, event):
    """The runtime asks for more; returns the REPORT of what it has answered."""
    runtime.begin_next()
    return lrie.report(event.id)


# ---- /next


def test_next_has_every_header_in_its_canonical_form(t):
    lrie = t.bare()
    before = time.time() * 1000
    caller, runtime, event = deliver(lrie)
    names = event.reply.names()
    for name in ("Lambda-Runtime-Aws-Request-Id", "Lambda-Runtime-Deadline-Ms",
                 "Lambda-Runtime-Invoked-Function-Arn", "Lambda-Runtime-Trace-Id",
                 "Content-Type", "Content-Length"):
        t.equal(names.count(name), 1, name)
    for name in ("Lambda-Runtime-Client-Context", "Lambda-Runtime-Cognito-Identity",
                 "Lambda-Runtime-Aws-Tenant-Id"):
        t.true(event.reply.header(name) is None, name + " is there and nobody gave one")
    t.match(event.id, UUID)
    t.match(event.reply.header("Lambda-Runtime-Trace-Id"), TRACE)
    t.equal(event.reply.header("Lambda-Runtime-Invoked-Function-Arn"),
            "arn:aws:lambda:us-east-1:012345678912:function:function")
    t.equal(event.reply.header("Content-Type"), "application/json")
    deadline = event.reply.header("Lambda-Runtime-Deadline-Ms")
    t.match(deadline, r"\d{13}")
    t.between(before + 2999, int(deadline), time.time() * 1000 + 3001, "deadline")
    runtime.answer(event)
    t.equal(caller.reply().request_id, event.id)


def test_deadline_follows_the_timeout(t):
    lrie = t.bare("--timeout", "900")
    before = time.time() * 1000
    _, _, event = deliver(lrie)
    t.between(before + 899999, int(event.reply.header("Lambda-Runtime-Deadline-Ms")),
              time.time() * 1000 + 900001, "deadline")


def test_what_the_caller_gives_reaches_the_runtime(t):
    lrie = t.bare()
    context = '{"client":{"app_title":"Prüfung"},"custom":{"a":1}}'
    root = "Root=1-5759e988-bd862e3fe1be46a994272793"
    _, _, event = deliver(lrie, b"{}", [
        ("X-Amz-Client-Context", base64.b64encode(context.encode()).decode()),
        ("X-Amz-Tenant-Id", "tenant 1/a+b@c"),
        ("X-Amzn-Trace-Id", root + ";Parent=53995c3f42cd8ad8;Sampled=1")])
    sent = event.reply.header("Lambda-Runtime-Client-Context")
    t.equal(sent.encode("latin-1").decode(), context)
    t.equal(event.reply.header("Lambda-Runtime-Aws-Tenant-Id"), "tenant 1/a+b@c")
    trace = event.reply.header("Lambda-Runtime-Trace-Id")
    t.match(trace, TRACE + ".*")
    t.true(trace.startswith(root + ";") and "Sampled=1" in trace, trace)


def test_an_event_is_json_whatever_it_is_called(t):
    """What curl -d says, what SDKs say, and nothing: the runtime for Python reads JSON alone."""
    lrie = t.bare()
    runtime = lrie.runtime()
    for kind in ("application/x-www-form-urlencoded", "application/octet-stream",
                 "application/json; charset=utf-8", ""):
        runtime.begin_next()
        caller = lrie.begin_invoke(b"{}", [("Content-Type", kind)])
        event = runtime.next()
        t.equal(event.reply.header("Content-Type"), "application/json", kind)
        runtime.answer(event)
        t.equal(caller.reply().status, 200)


def test_a_trace_header_is_completed(t):
    lrie = t.bare()
    root = "Root=1-5759e988-bd862e3fe1be46a994272793"
    _, _, event = deliver(lrie, b"{}", [("X-Amzn-Trace-Id", "Self=1-a;" + root)])
    t.match(event.reply.header("Lambda-Runtime-Trace-Id"),
            root + ";Parent=[0-9a-f]{16};Sampled=0")


def test_the_arn_has_a_qualifier_only_when_the_caller_gives_one(t):
    lrie = t.bare("--function-name", "shop", "--region", "eu-central-1", "--account-id",
                  "123456789012")
    base = "arn:aws:lambda:eu-central-1:123456789012:function:shop"
    path = "/2015-03-31/functions/shop/invocations"
    caller, runtime, event = deliver(lrie, path=path)
    for query, arn in (("", base), ("?Qualifier=$LATEST", base + ":$LATEST"),
                       ("?Qualifier=%24LATEST", base + ":$LATEST")):
        if query:
            runtime.begin_next()
            caller = lrie.begin_invoke(path=path + query)
            event = runtime.next()
        t.equal(event.reply.header("Lambda-Runtime-Invoked-Function-Arn"), arn)
        runtime.answer(event)
        t.equal(caller.reply().status, 200)


def test_events_are_passed_on_byte_for_byte(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    for payload in (b' { "a" :\r\n [1e400, 1.50, "\\u0000\\ud83d\\ude00"] }\n',
                    '"käse \U0001f9c0"'.encode(), b"null", b"0", b"[]"):
        runtime.begin_next()
        caller = lrie.begin_invoke(payload)
        event = runtime.next()
        t.equal(event.body, payload)
        runtime.answer(event, payload)
        t.equal(caller.reply().body, payload)


def test_two_nexts_that_wait_get_the_same_event(t):
    lrie = t.bare()
    one, two = lrie.runtime(), lrie.runtime()
    one.begin_next()
    two.begin_next()
    caller = lrie.begin_invoke(b'"both"')
    events = [one.end_next(), two.end_next()]
    t.equal([event.body for event in events], [b'"both"'] * 2)
    t.equal(events[0].id, events[1].id)
    check_accepted(t, two.answer(events[1], b'"two"'))
    t.equal(caller.reply().body, b'"two"')


def test_a_hundred_nexts_get_the_same_event(t):
    lrie = t.bare()
    runtimes = [lrie.runtime() for _ in range(100)]
    for runtime in runtimes:
        runtime.begin_next()
    caller = lrie.begin_invoke(b'"all"')
    events = [runtime.end_next() for runtime in runtimes]
    t.equal({event.id for event in events}, {events[0].id})
    check_accepted(t, runtimes[99].answer(events[99]))
    check_forbidden(t, runtimes[0].answer(events[0]),
                    "RuntimeResponseSentState", "InvocationResponse")
    t.equal(caller.reply().status, 200)


def test_next_while_running_gives_the_event_again(t):
    lrie = t.bare()
    _, runtime, event = deliver(lrie, b'"once more"')
    again = runtime.next()
    t.equal((again.id, again.body), (event.id, b'"once more"'))
    t.equal(again.reply.headers, event.reply.headers)


def test_an_abandoned_next_does_not_lose_the_event(t):
    lrie = t.bare()
    for leave in ("close", "reset"):
        gone = Connection(lrie.runtime().port)
        gone.request("GET", RUNTIME_PATH + "/invocation/next")
        getattr(gone, leave)()
    caller, runtime, event = deliver(lrie, b'"kept"')
    t.equal(event.body, b'"kept"')
    runtime.answer(event, b'"well"')
    t.equal(caller.reply().body, b'"well"')


def test_a_connection_is_kept_for_many_invocations(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    caller = lrie.connect()
    for number in range(50):
        runtime.begin_next()
        caller.request("POST", harness.INVOKE_PATH, b"%d" % number)
        event = runtime.next()
        check_accepted(t, runtime.answer(event, event.body))
        t.equal(caller.reply().body, b"%d" % number)


# ---- /response


def test_a_response_is_accepted_in_every_framing(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    path = "/invocation/%s/response"
    cases = [
        {"body": b'"plain"'},
        {"body": b'"form"', "headers": [("Content-Type", "application/x-www-form-urlencoded")]},
        {"body": b"a=1&b=%zz", "headers": [("Content-Type", "multipart/form-data")]},
        {"body": b""},
        {"body": bytes(range(256))},
        {"chunks": [b'"in ', b"three ", b'chunks"']},
        {"chunks": [b'"go"'], "headers": [
            ("Trailer", "Lambda-Runtime-Function-Error-Type"),
            ("Trailer", "Lambda-Runtime-Function-Error-Body")]},
        {"chunks": [b'"stream"'], "headers": [
            ("Lambda-Runtime-Function-Response-Mode", "streaming"),
            ("Content-Type", "application/octet-stream")]},
        {"chunks": [b'"empty trailers"'], "headers": [
            ("Lambda-Runtime-Function-Response-Mode", "streaming"),
            ("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")],
         "trailers": [("Lambda-Runtime-Function-Error-Type", ""),
                      ("Lambda-Runtime-Function-Error-Body", "")]},
    ]
    for case in cases:
        runtime.begin_next()
        caller = lrie.begin_invoke()
        event = runtime.next()
        check_accepted(t, runtime.ask("POST", path % event.id, **case))
        reply = caller.reply()
        t.equal(reply.body, case.get("body", b"".join(case.get("chunks", []))))
        t.true(reply.header("X-Amz-Function-Error") is None, repr(reply))


def test_expect_100_continue_is_answered(t):
    lrie = t.bare()
    caller, runtime, event = deliver(lrie)
    body = b'"' + b"x" * 100000 + b'"'
    connection = runtime.connection
    connection.send(b"POST %s/invocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
                    b"Expect: 100-continue\r\n\r\n"
                    % (RUNTIME_PATH.encode(), event.id.encode(), len(body)))
    t.equal(connection.read_head()[0], 100)
    connection.send(body)
    check_accepted(t, connection.reply())
    t.equal(caller.reply().body, body)


def test_error_trailers_of_a_stream_fail_the_invocation(t):
    lrie = t.bare()
    caller, runtime, event = deliver(lrie)
    error = b'{"errorMessage":"midway","errorType":"Error"}'
    check_accepted(t, runtime.ask(
        "POST", "/invocation/%s/response" % event.id, chunks=[b"some bytes"],
        headers=[("Lambda-Runtime-Function-Response-Mode", "streaming"),
                 ("Trailer", "Lambda-Runtime-Function-Error-Type"),
                 ("Trailer", "Lambda-Runtime-Function-Error-Body")],
        trailers=[("Lambda-Runtime-Function-Error-Type", "Runtime.StreamError"),
                  ("Lambda-Runtime-Function-Error-Body", base64.b64encode(error).decode())]))
    reply = caller.reply()
    t.equal((reply.status, reply.body), (200, error))
    t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")
    finish(t, lrie, runtime, event)


def test_a_bad_response_mode_is_refused_and_fails_the_invocation(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    for mode in ("Streaming", "buffered", "streaming,streaming", "x"):
        runtime.begin_next()
        caller = lrie.begin_invoke()
        event = runtime.next()
        check_error(t, runtime.answer(event, b"1", [
            ("Lambda-Runtime-Function-Response-Mode", mode)]),
            400, "InvalidFunctionResponseMode", "Invalid function response mode")
        reply = caller.reply()
        t.equal((reply.status, reply.body), (200, b""), mode)
        t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")
        check_forbidden(t, runtime.answer(event), "RuntimeResponseSentState", "InvocationResponse")
    report = finish(t, lrie, runtime, event)
    t.equal(report.error, "Runtime.InvalidResponseModeHeader")


def test_a_response_of_exactly_the_limit_is_accepted(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    body = b'"' + b"x" * (RESPONSE_LIMIT - 2) + b'"'
    halves = [body[:3000000], body[3000000:]]
    for case in ({"body": body}, {"chunks": halves}):
        runtime.begin_next()
        caller = lrie.begin_invoke()
        event = runtime.next()
        check_accepted(t, runtime.ask("POST", "/invocation/%s/response" % event.id, **case))
        t.true(caller.reply().body == body, "not what the runtime has sent")


def test_a_response_over_the_limit_is_refused_and_the_runtime_lives(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    body = b"x" * (RESPONSE_LIMIT + 1)
    for case in ({"body": body}, {"chunks": [body[:4000000], body[4000000:]]}):
        runtime.begin_next()
        caller = lrie.begin_invoke()
        event = runtime.next()
        check_error(t, runtime.ask("POST", "/invocation/%s/response" % event.id, **case),
                    413, "RequestEntityTooLarge",
                    "Exceeded maximum allowed payload size (6291556 bytes).")
        reply = caller.reply()
        t.equal(reply.status, 200)
        t.equal(reply.body, b'{"errorMessage":"Response payload size exceeded maximum allowed '
                b'payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}')
        t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")
    report = finish(t, lrie, runtime, event)
    t.equal((report.status, report.error), ("error", "Function.ResponseSizeTooLarge"))
    lrie.begin_invoke(b'"next"')
    t.equal(runtime.end_next().body, b'"next"')


def test_a_truncated_response_fails_the_invocation_only(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    starts = (b"Content-Length: 100\r\n\r\nonly this",
              b"Transfer-Encoding: chunked\r\n\r\n5\r\nonly ",
              b"Transfer-Encoding: chunked\r\n\r\n5\r\nonly \r\n")
    for start in starts:
        runtime.begin_next()
        caller = lrie.begin_invoke()
        event = runtime.next()
        with Connection(runtime.port) as broken:
            broken.send(b"POST %s/invocation/%s/response HTTP/1.1\r\nHost: x\r\n%s"
                        % (RUNTIME_PATH.encode(), event.id.encode(), start))
        reply = caller.reply()
        t.equal(reply.json()["errorType"], "Runtime.TruncatedResponse", repr(start))
        t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")
    report = finish(t, lrie, runtime, event)
    t.equal((report.status, report.error), ("error", "Runtime.TruncatedResponse"))
    t.equal(lrie.lives(), 1)


# ---- /error


def test_an_error_is_passed_on_unchanged(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    bodies = (b'{"errorMessage":"boom","errorType":"ValueError","stackTrace":["a","b"]}',
              b'{ "errorType" : "unhandled" }', b"not json \xff\x00", b"")
    for body in bodies:
        runtime.begin_next()
        caller = lrie.begin_invoke()
        event = runtime.next()
        check_accepted(t, runtime.error(event, body, [
            ("Lambda-Runtime-Function-Error-Type", "Runtime.Whatever"),
            ("Content-Type", "application/vnd.aws.lambda.error+json")]))
        reply = caller.reply()
        t.equal((reply.status, reply.body), (200, body))
        t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")
        report = finish(t, lrie, runtime, event)
        t.equal(report.status, None, "a handler's error is a success for REPORT")
        runtime.close()
        runtime = lrie.runtime()
    t.equal(lrie.lives(), 1)


def test_the_cause_of_an_error_is_not_for_the_caller(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    cause_type = [("Content-Type", "application/vnd.aws.lambda.error.cause+json; charset=utf-8")]
    cases = (
        ({"errorMessage": "boom", "errorType": "E", "stackTrace": ["x"],
          "errorCause": {"working_directory": "/", "exceptions": [], "paths": []}},
         {"errorMessage": "boom", "errorType": "E", "stackTrace": ["x"]}),
        ("this is no error", "Invalid error body"),
    )
    for sent, expected in cases:
        body = json.dumps(sent).encode() if isinstance(sent, dict) else sent.encode()
        runtime.begin_next()
        caller = lrie.begin_invoke()
        event = runtime.next()
        check_accepted(t, runtime.error(event, body, cause_type))
        reply = caller.reply()
        t.equal(reply.json(), expected)
        t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")


def test_an_xray_header_of_one_mebibyte_is_accepted(t):
    lrie = t.bare()
    caller, runtime, event = deliver(lrie)
    form = '{"working_directory":"/","exceptions":[],"paths":["%s"]}'
    cause = form % ("x" * ((1 << 20) - len(form) + 2))
    t.equal(len(cause), 1 << 20)
    check_accepted(t, runtime.error(event, b'{"errorType":"E"}', [
        ("Lambda-Runtime-Function-XRay-Error-Cause", cause)]))
    t.equal(caller.reply().body, b'{"errorType":"E"}')
    t.equal(finish(t, lrie, runtime, event).status, None)


# ---- wrong ids and wrong states


def test_a_wrong_id_is_400_in_every_state(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    other = "11111111-2222-4333-8444-555555555555"
    bad = [RUNTIME_PATH + "/invocation/%s/%s" % (name, kind)
           for name in (other, "x", "%20", "a" * 300) for kind in ("response", "error")]

    def check_all():
        for path in bad:
            check_invalid_id(t, runtime.connection.ask("POST", path, b"{}"))

    check_all()  # Started
    caller = lrie.begin_invoke()
    event = runtime.next()
    check_all()  # Running
    runtime.answer(event, b'"still"')
    check_all()  # RuntimeResponseSentState
    t.equal(caller.reply().body, b'"still"')
    poll = lrie.runtime()
    poll.begin_next()
    lrie.report(event.id)
    check_all()  # Ready
    check_invalid_id(t, runtime.answer(event))
    check_invalid_id(t, runtime.error(event))


def test_an_id_is_compared_after_percent_decoding(t):
    lrie = t.bare()
    caller, runtime, event = deliver(lrie)
    encoded = "".join("%%%02x" % ord(character) for character in event.id)
    check_accepted(t, runtime.ask("POST", "/invocation/%s/response" % encoded, b'"decoded"'))
    t.equal(caller.reply().body, b'"decoded"')


def test_answering_twice_is_forbidden(t):
    lrie = t.bare()
    caller, runtime, event = deliver(lrie)
    check_accepted(t, runtime.answer(event, b'"first"'))
    state = "RuntimeResponseSentState"
    check_forbidden(t, runtime.answer(event, b'"second"'), state, "InvocationResponse")
    check_forbidden(t, runtime.error(event), state, "InvocationErrorResponse")
    check_forbidden(t, runtime.init_error(), state, "InitError")
    t.equal(caller.reply().body, b'"first"')
    t.equal(finish(t, lrie, runtime, event).status, None)


def test_nothing_else_is_allowed_while_an_answer_is_uploaded(t):
    lrie = t.bare()
    caller, runtime, event = deliver(lrie)
    upload = t.closing(Connection(runtime.port))
    path = "%s/invocation/%s/response" % (RUNTIME_PATH, event.id)
    upload.send(("POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\"ab\r\n"
                 % path).encode())
    state = "InvocationResponse"

    def uploading():  # /next says so and changes nothing
        reply = runtime.ask("GET", "/invocation/next")
        return reply if reply.status == 403 else None

    check_forbidden(t, harness.wait_for(uploading, "the upload to begin"), state, "Ready")
    check_forbidden(t, runtime.answer(event), state, "InvocationResponse")
    check_forbidden(t, runtime.error(event), state, "InvocationErrorResponse")
    check_forbidden(t, runtime.init_error(), state, "InitError")
    upload.send(b'2\r\nc"\r\n0\r\n\r\n')
    check_accepted(t, upload.reply())
    t.equal(caller.reply().body, b'"abc"')


def test_init_error_is_forbidden_after_the_first_next(t):
    lrie = t.bare()
    caller, poll, event = deliver(lrie)
    runtime = lrie.runtime()
    check_forbidden(t, runtime.init_error(), "Running", "InitError")
    poll.answer(event)
    t.equal(caller.reply().status, 200)
    finish(t, lrie, poll, event)
    check_forbidden(t, runtime.init_error(), "Ready", "InitError")


# ---- /init/error


def test_after_init_error_nothing_is_allowed(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    check_accepted(t, runtime.init_error(b'{"errorType":"Runtime.Nope"}'))
    # lrie is about to kill this runtime: a closed connection is an answer too
    runtime.connection.request("GET", RUNTIME_PATH + "/invocation/next")
    reply = runtime.connection.try_reply()
    if reply:
        check_forbidden(t, reply, "InitError", "Ready")
        runtime.connection.request("POST", RUNTIME_PATH + "/init/error", b"{}")
        reply = runtime.connection.try_reply()
    if reply:
        check_forbidden(t, reply, "InitError", "InitError")


def test_error_types_are_sanitised_for_the_log(t):
    cases = (("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
             ("Function.SomethingBad", "Function.SomethingBad"),
             ("Function.x", "Function.Unknown"), ("unhandled", "Runtime.Unknown"),
             ("my-Runtime.ExitError!", "my-Runtime.ExitError!"), (None, "Runtime.Unknown"),
             ("Runtime.x", "Runtime.Unknown"))
    for sent, logged in cases:
        lrie = t.bare()
        runtime = lrie.runtime()
        headers = [("Lambda-Runtime-Function-Error-Type", sent)] if sent else []
        check_accepted(t, runtime.init_error(b"{}", headers))
        lrie.stdout.wait_line(r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\t"
                              r"Status: error\tError Type: " + logged.replace(".", r"\."))
        lrie.stop()


def test_the_body_of_init_error_is_the_answer_of_the_next_invocation(t):
    lrie = t.bare()
    body = b'{"errorMessage":"no module","errorType":"Runtime.ImportModuleError","requestId":""}'
    header = [("Lambda-Runtime-Function-Error-Type", "Runtime.ImportModuleError")]
    check_accepted(t, lrie.runtime(1).init_error(body, header))
    lrie.stdout.wait_line(r"INIT_REPORT .*\tPhase: init\tStatus: error\tError Type: \S+")
    caller = lrie.begin_invoke()
    check_accepted(t, lrie.runtime(2).init_error(body, header))
    reply = caller.reply()
    t.equal((reply.status, reply.body), (200, body))
    t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")
    report = lrie.report(reply.request_id)
    t.equal((report.status, report.error, report.init),
            ("error", "Runtime.ImportModuleError", None))
    lines = [line.split(" ")[0] for line in lrie.stdout.lines() if "runtime api" not in line]
    t.equal(lines, ["INIT_REPORT", "INIT_REPORT", "START", "END", "REPORT"])


# ---- other routes


def test_ping(t):
    lrie = t.bare()
    reply = lrie.runtime().connection.ask("GET", "/2018-06-01/ping")
    t.equal((reply.status, reply.body), (200, b"pong"))


def test_unknown_paths_are_404(t):
    lrie = t.bare()
    connection = lrie.runtime().connection
    paths = (("GET", "/"), ("GET", "/2018-06-01/"), ("GET", "/2018-06-01/runtime/invocation/"),
             ("GET", "/2018-06-01/runtime/invocation/next/"), ("POST", "/2018-06-01/runtime/x"),
             ("GET", "/2018-06-01/runtime/restore/next"),
             ("POST", "/2018-06-01/runtime/restore/error"),
             ("GET", "/2019-01-01/runtime/invocation/next"), ("GET", "//"), ("GET", "/%2e%2e/"),
             ("POST", harness.INVOKE_PATH), ("GET", "/_lrie/health"))
    for method, path in paths:
        reply = connection.ask(method, path)
        t.equal((reply.status, reply.body), (404, b"404 page not found\n"), method + " " + path)


def test_known_paths_with_a_wrong_method_are_405(t):
    lrie = t.bare()
    connection = lrie.runtime().connection
    some_id = "11111111-2222-4333-8444-555555555555"
    for method, path in (("POST", "/invocation/next"), ("PUT", "/invocation/next"),
                         ("GET", "/invocation/%s/response" % some_id),
                         ("DELETE", "/invocation/%s/error" % some_id), ("GET", "/init/error")):
        reply = connection.ask(method, RUNTIME_PATH + path)
        t.equal((reply.status, reply.body), (405, b""), method + " " + path)


def test_a_query_does_not_change_a_route(t):
    lrie = t.bare()
    lrie.begin_invoke(b'"asked"')
    runtime = lrie.runtime()
    t.equal(harness.Event(runtime.ask("GET", "/invocation/next?a=b")).body, b'"asked"')


if __name__ == "__main__":
    harness.main()
