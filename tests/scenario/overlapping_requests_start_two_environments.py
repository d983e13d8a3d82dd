#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An environment runs one invocation at a time; who comes meanwhile gets another one."""
import harness


def occupy(lrie, count=1):
    """Starts 'count' environments, each with an invocation at its runtime."""
    taken = []
    for number in range(1, count + 1):
        caller = lrie.begin_invoke(b'"%d"' % number)
        runtime = lrie.runtime(number)
        taken.append((caller, runtime, runtime.next()))
    return taken


def test_two_overlapping_requests_are_both_cold(t):
    lrie = t.bare()
    taken = occupy(lrie, 2)
    for number, (caller, runtime, event) in enumerate(taken, 1):
        t.equal(event.body, b'"%d"' % number)
        runtime.answer(event, event.body)
        t.equal(caller.reply().body, event.body)
        runtime.begin_next()
        t.true(lrie.report(event.id).init is not None, "not a cold start")
    t.equal(lrie.lives(), 2)


def test_neither_of_two_slow_functions_waits_for_the_other(t):
    lrie = t.serve("sleep:1000", "--memory", "1769")
    callers = [lrie.begin_invoke() for _ in range(2)]
    replies = [caller.reply() for caller in callers]
    t.equal([reply.status for reply in replies], [200, 200])
    for reply in replies:
        t.true(lrie.report(reply.request_id).init is not None, "not a cold start")
    lines = [line.split()[0] for line in lrie.stdout.lines()]
    t.equal(lines[:2], ["START", "START"], "the first ended before the second began")


def test_a_later_request_goes_to_an_idle_environment(t):
    lrie = t.bare()
    runtimes = []
    for caller, runtime, event in occupy(lrie, 2):
        runtime.answer(event)
        caller.reply()
        runtime.begin_next()
        lrie.report(event.id)
        runtimes.append(runtime)
    caller = lrie.begin_invoke(b'"third"')
    event = runtimes[1].end_next()  # the one that was used last
    t.equal(event.body, b'"third"')
    runtimes[1].answer(event, b'"done"')
    t.equal(caller.reply().body, b'"done"')
    t.equal(lrie.lives(), 2)


def test_an_eleventh_request_waits_in_line(t):
    lrie = t.bare("--timeout", "60")
    taken = occupy(lrie, 10)
    eleventh = lrie.begin_invoke(b'"eleventh"')
    twelfth = lrie.begin_invoke(b'"twelfth"')
    caller, runtime, event = taken[6]
    runtime.answer(event, b'"free"')
    t.equal(caller.reply().body, b'"free"')
    for waiting in (eleventh, twelfth):
        event = runtime.next()
        runtime.answer(event, event.body)
    t.equal(eleventh.reply().body, b'"eleventh"')
    t.equal(twelfth.reply().body, b'"twelfth"')
    t.equal(lrie.lives(), 10)
    for caller, runtime, event in taken[:6]:
        runtime.answer(event, event.body)
        t.equal(caller.reply().body, event.body)


def test_one_that_times_out_does_not_disturb_another(t):
    lrie = t.bare("--timeout", "1")
    (slow, _, _), (quick, runtime, event) = occupy(lrie, 2)
    runtime.answer(event, b'"quick"')
    t.equal(quick.reply().body, b'"quick"')
    runtime.begin_next()
    t.equal(slow.reply().json()["errorType"], "Sandbox.Timedout")
    caller = lrie.begin_invoke(b'"again"')
    event = runtime.end_next()
    t.equal(event.body, b'"again"')
    runtime.answer(event, b'"fine"')
    t.equal(caller.reply().body, b'"fine"')


def test_an_answer_to_the_other_environments_event_is_refused(t):
    lrie = t.bare()
    (_, one, event_one), (_, two, event_two) = occupy(lrie, 2)
    t.equal(one.answer(event_two).status, 400)
    t.equal(two.answer(event_one).status, 400)
    t.equal(one.answer(event_one).status, 202)
    t.equal(two.answer(event_two).status, 202)


def test_environments_have_a_log_stream_each(t):
    lrie = t.serve_script('#!/bin/sh\necho "stream $AWS_LAMBDA_LOG_STREAM_NAME"\n'
                          + harness.BARE_SCRIPT.split("\n", 1)[1])
    occupy(lrie, 2)
    streams = {line for line in lrie.stdout.lines() if line.startswith("stream ")}
    t.equal(len(streams), 2)


def test_twenty_concurrent_callers_are_all_served(t):
    lrie = t.serve("echo", "--memory", "1769")
    for _ in range(5):
        callers = [lrie.begin_invoke(b"%d" % number) for number in range(20)]
        t.equal([caller.reply().body for caller in callers], [b"%d" % n for n in range(20)])
        for caller in callers:
            caller.close()


if __name__ == "__main__":
    harness.main()
