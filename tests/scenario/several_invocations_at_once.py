#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Environments that take several invocations at once (AWS_LAMBDA_MAX_CONCURRENCY)."""
import json

import harness
from changed_files_replace_environments import await_telling, change
from event_stream import STREAM_PATH, EventStream
from harness import INVOKE_PATH, RESPONSE_LIMIT, RUNTIME_PATH
from responses_are_streamed import STREAM_LIMIT, Upload


def serve(t, *options):
    return t.bare("--max-concurrency", "3", *options)


def test_each_next_gets_an_event_of_its_own(t):
    lrie = serve(t)
    callers = [lrie.begin_invoke(b'"%d"' % number) for number in range(3)]
    runtimes = [lrie.runtime() for _ in range(3)]
    events = [runtime.next() for runtime in runtimes]
    t.equal(sorted(event.body for event in events), [b'"0"', b'"1"', b'"2"'])
    for runtime, event in reversed(list(zip(runtimes, events))):
        t.equal(runtime.answer(event, event.body).status, 202)
    t.equal([caller.reply().body for caller in callers], [b'"0"', b'"1"', b'"2"'])
    t.equal(lrie.lives(), 1, "environments")
    lrie.stop()


def test_beyond_them_another_environment_starts(t):
    lrie = serve(t)
    callers = [lrie.begin_invoke() for _ in range(3)]
    runtimes = [lrie.runtime() for _ in range(3)]
    events = [runtime.next() for runtime in runtimes]
    callers.append(lrie.begin_invoke()) # all have their work by now
    runtimes.append(lrie.runtime(2))
    events.append(runtimes[-1].next())
    for runtime, event in zip(runtimes, events):
        runtime.answer(event)
    t.equal([caller.reply().status for caller in callers], [200] * 4)
    lrie.stop()


def test_a_timeout_does_not_end_the_runtime(t):
    lrie = serve(t, "--timeout", "2")
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    event = runtime.next()
    t.equal(caller.reply().json()["errorType"], "Sandbox.Timedout")
    reply = runtime.answer(event)
    t.equal((reply.status, reply.json()["errorType"]), (410, "InvokeTimeout"))
    runtime.begin_next()
    caller = lrie.begin_invoke()
    runtime.answer(runtime.next(), b'"well"')
    t.equal(caller.reply().body, b'"well"')
    t.equal(lrie.lives(), 1, "environments")
    lrie.stop()


def test_an_answer_counts_once(t):
    lrie = serve(t)
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    event = runtime.next()
    runtime.answer(event, b'"first"')
    reply = runtime.answer(event, b'"second"')
    t.equal((reply.status, reply.json()["errorType"]), (400, "InvalidRequestID"))
    t.equal(caller.reply().body, b'"first"')
    lrie.stop()


def begin_on_old_code(t, path=INVOKE_PATH):
    """An invocation that its environment, which has been replaced, ends with."""
    lrie = serve(t, "--watch", "--timeout", "60")
    caller = lrie.begin_invoke(path=path)
    runtime = lrie.runtime()
    event = runtime.next()
    change(lrie)
    await_telling(lrie)
    return lrie, caller, runtime, event


def test_an_answer_that_is_refused_may_be_the_last(t):
    for body, headers in ((b"1", [("Lambda-Runtime-Function-Response-Mode", "x")]),
                          (b"x" * (RESPONSE_LIMIT + 1), [])):
        lrie, caller, runtime, event = begin_on_old_code(t)
        runtime.connection.request("POST", "%s/invocation/%s/response" % (RUNTIME_PATH, event.id),
                                   body, headers)
        t.equal(caller.reply().header("X-Amz-Function-Error"), "Unhandled")
        lrie.stop()


def test_a_stream_that_is_too_long_may_be_the_last(t):
    lrie, caller, runtime, event = begin_on_old_code(t, STREAM_PATH)
    upload = Upload(runtime, event)
    writer = harness.Writer(upload, STREAM_LIMIT + 1)
    end = EventStream(caller).rest()[1]
    t.equal(json.loads(end["ErrorDetails"])["errorType"], "Function.ResponseSizeTooLarge")
    writer.join()
    lrie.stop()


def test_logs_are_json(t):
    lrie = serve(t)
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    runtime.answer(runtime.next())
    caller.reply()
    line = lrie.stdout.wait_line(r'.*"platform.report".*').group(0)
    t.equal(json.loads(line)["record"]["status"], "success")
    lrie.stop()


def test_the_function_is_told(t):
    lrie = t.serve("env", "--max-concurrency", "3")
    variables = lrie.invoke().json()
    t.equal(variables["AWS_LAMBDA_MAX_CONCURRENCY"], "3")
    t.equal(variables["AWS_LAMBDA_INITIALIZATION_TYPE"], "lambda-managed-instances")
    lrie.stop()


if __name__ == "__main__":
    harness.main()
