#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""With --concurrency N, what goes beyond N invocations at once is refused as on Lambda."""
import json
import os

import harness
from harness import path_of
from several_functions import wait_for_record

REFUSAL = (b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User",'
           b'"message":"Rate Exceeded."}')


def check_refusal(t, reply):
    t.equal(reply.status, 429)
    t.equal(reply.body, REFUSAL)
    t.match(reply.request_id, harness.UUID)
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
    lrie = t.puppet("--concurrency", "1", "--timeout", "60")
    runtime = lrie.runtime()
    caller = lrie.begin_invoke()
    runtime.next()
    check_refusal(t, lrie.invoke())
    lrie.order("exit 1")
    t.equal(caller.reply().json()["errorType"], "Runtime.ExitError")
    caller = lrie.begin_invoke()
    runtime = lrie.runtime(2)
    runtime.answer(runtime.next(), b'"well"')
    t.equal(caller.reply().body, b'"well"')


def serve_two(t, *options, reserved=None, **members):
    path = os.path.join(t.folder(), "lrie.json")
    functions = [dict({"name": name}, **members) for name in ("one", "two")]
    if reserved:
        functions[0]["concurrency"] = reserved
    harness.write_file(path, json.dumps({
        "listen": "127.0.0.1:0", "bootstrap": harness.BOOTSTRAP, "functions": functions}))
    lrie = t.start("--config", path, *options)
    lrie.wait_until_it_listens()
    return lrie


def waiting(lrie):
    return lrie.metric("lrie_invocations_waiting")


def fill(lrie, count=10):
    """All environments get something to do for ever."""
    calls = [lrie.begin_invoke() for _ in range(count)]
    lrie.stdout.wait_line(r"START .*", count)
    return calls


def test_the_account_is_a_limit_of_all_functions(t):
    lrie = serve_two(t, "--account-concurrency", "3", handler="silent", timeout=60)
    for number, name in enumerate(("one", "two", "one")):
        lrie.begin_invoke(path=path_of(name))
        lrie.stdout.wait_line(r".*START .*", number + 1)
    for name in ("one", "two"):
        reply = lrie.invoke(path=path_of(name))
        t.equal((reply.status, reply.json()["Reason"]),
                (429, "ConcurrentInvocationLimitExceeded"))
        t.equal(reply.header("Retry-After"), None, "nobody knows")
    lrie.stop()


def test_idle_environments_take_nothing_of_the_account(t):
    lrie = serve_two(t, "--account-concurrency", "1", handler="echo")
    for number in range(20):
        reply = lrie.invoke(b"%d" % number, path=path_of(("one", "two")[number % 2]))
        t.equal((reply.status, reply.body), (200, b"%d" % number))
    lrie.stop()


def test_what_one_function_reserves_the_others_have_not(t):
    lrie = serve_two(t, "--account-concurrency", "3", reserved=2, handler="silent", timeout=60)
    lrie.begin_invoke(path=path_of("two"))
    lrie.stdout.wait_line(r".*START .*")
    reply = lrie.invoke(path=path_of("two"))
    t.equal((reply.status, reply.json()["Reason"]), (429, "ConcurrentInvocationLimitExceeded"))
    for _ in range(2):
        lrie.begin_invoke(path=path_of("one"))
    lrie.stdout.wait_line(r".*START .*", 3)
    check_refusal(t, lrie.invoke(path=path_of("one")))
    lrie.stop()


def test_more_than_the_account_cannot_be_reserved(t):
    for options, words in (
            (("--concurrency", "901"), "of the account's 1000 at most 900 can be"),
            (("--concurrency", "5", "--account-concurrency", "4"),
             "--concurrency reserves 5 in all, and of the account's 4 at most 4 can be; "
             "--account-concurrency raises it")):
        done = t.run("--bootstrap", harness.BOOTSTRAP, *options)
        t.equal(done.code, 2)
        t.true(words in done.stderr, done.stderr)


def test_when_to_try_again(t):
    lrie = t.serve("silent", "--concurrency", "1", "--timeout", "60")
    lrie.report(lrie.do("sleep:1100,echo").request_id)
    lrie.begin_invoke()
    lrie.stdout.wait_line(r"START .*", 2)
    reply = lrie.invoke()
    check_refusal(t, reply)
    t.equal(reply.header("Retry-After"), "2", "seconds, as long as the last one took")
    lrie.stop()


def test_who_waits_too_long_is_refused(t):
    lrie = t.serve("silent", "--timeout", "900", "--clock", "virtual")
    fill(lrie)
    call = lrie.begin_invoke()
    harness.wait_for(lambda: waiting(lrie) == 1, "the line")
    lrie.advance("4m30s", settle="0s")
    t.true(not call.has_input(), "refused too early")
    lrie.advance("30s", settle="0s")
    reply = call.reply()
    t.equal((reply.status, reply.json()), (429, {
        "Reason": "ConcurrentInvocationLimitExceeded", "Type": "User",
        "message": "Rate Exceeded."}))
    t.equal(waiting(lrie), 0)
    lrie.stop()


def test_who_leaves_the_line_makes_room(t):
    lrie = t.serve("silent", "--timeout", "60")
    fill(lrie)
    leaves, resets, half, stays = (lrie.begin_invoke() for _ in range(4))
    harness.wait_for(lambda: waiting(lrie) == 4, "the line")
    leaves.close()
    resets.reset()
    half.half_close()
    harness.wait_for(lambda: waiting(lrie) == 1, "their end")
    t.equal(half.reply().status, 429, "one that still listens")
    t.true(not stays.has_input(), "the one that stays waits on")
    lrie.stop()


def test_no_concurrency_turns_a_function_off(t):
    records = os.path.join(t.folder(), "records")
    lrie = t.serve("echo", "--concurrency", "0", "--on-failure", records)
    reply = lrie.invoke()
    t.equal(reply.status, 429)
    t.equal(reply.json()["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded")
    reply = lrie.invoke(headers={"X-Amz-Invocation-Type": "Event"}.items())
    t.equal(reply.status, 202)
    record = wait_for_record(records)
    t.equal(record["requestContext"]["requestId"], reply.request_id)
    t.equal(record["requestContext"]["approximateInvokeCount"], 0)
    t.equal(lrie.function_processes(), [])
    lrie.stop()


if __name__ == "__main__":
    harness.main()
