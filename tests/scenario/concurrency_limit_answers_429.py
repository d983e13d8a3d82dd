#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""With --concurrency N, what goes beyond N invocations at once is refused as on Lambda."""
import harness

REFUSAL = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User",
           "message": "Rate Exceeded."}


def check_refusal(t, reply):
    t.equal(reply.status, 429)
    t.equal(reply.json(), REFUSAL)
    t.equal(reply.header("x-amzn-ErrorType"), "TooManyRequestsException")
    t.equal(reply.header("Content-Type"), "application/json")
    t.true(reply.header("X-Amz-Function-Error") is None, "not an error of the function")
    if reply.header("Retry-After") is not None:
        t.match(reply.header("Retry-After"), r"\d+")


def test_a_second_request_is_refused_while_the_first_runs(t):
    lrie = t.bare("--concurrency", "1")
    runtime = lrie.runtime()
    caller = lrie.begin_invoke()
    event = runtime.next()
    check_refusal(t, lrie.invoke())
    runtime.answer(event, b'"first"')
    t.equal(caller.reply().body, b'"first"')


def test_a_refused_request_leaves_no_trace_in_the_log(t):
    lrie = t.bare("--concurrency", "1")
    runtime = lrie.runtime()
    lrie.begin_invoke()
    event = runtime.next()
    check_refusal(t, lrie.invoke())
    runtime.answer(event)
    runtime.begin_next()
    lrie.report(event.id)
    t.equal([line.split(" ")[0] for line in lrie.stdout.lines()],
            ["runtime", "START", "END", "REPORT"])


def test_two_run_and_the_third_is_refused(t):
    lrie = t.bare("--concurrency", "2")
    callers, runtimes = [], []
    for number in (1, 2):
        callers.append(lrie.begin_invoke())
        runtimes.append(lrie.runtime(number))
        event = runtimes[-1].next()
    check_refusal(t, lrie.invoke())
    runtimes[1].answer(event, b'"second"')
    t.equal(callers[1].reply().body, b'"second"')
    runtimes[1].begin_next()
    lrie.report(event.id)
    lrie.begin_invoke(b'"third"')
    t.equal(runtimes[1].end_next().body, b'"third"')
    t.equal(lrie.lives(), 2)


def test_requests_one_after_the_other_are_never_refused(t):
    lrie = t.serve("echo", "--concurrency", "1")
    connection = lrie.connect()
    for number in range(100):
        reply = connection.ask("POST", harness.INVOKE_PATH, b"%d" % number)
        t.equal((reply.status, reply.body), (200, b"%d" % number))
    lrie.report(reply.request_id)
    t.equal(sum("Init Duration" in line for line in lrie.stdout.lines()), 1)


def test_a_failing_function_frees_its_place(t):
    lrie = t.bare("--concurrency", "1", "--timeout", "1")
    runtime = lrie.runtime()
    caller = lrie.begin_invoke()
    runtime.next()
    check_refusal(t, lrie.invoke())
    t.equal(caller.reply().json()["errorType"], "Sandbox.Timedout")
    caller = lrie.begin_invoke()
    runtime = lrie.runtime(2)
    runtime.answer(runtime.next(), b'"well"')
    t.equal(caller.reply().body, b'"well"')


if __name__ == "__main__":
    harness.main()
