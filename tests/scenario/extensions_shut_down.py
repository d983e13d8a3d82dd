#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How an environment ends: 0, 500 or 2000 ms, the runtime first, extensions behind it."""
import json

import harness
from extensions import fixture, lines_of

CAUGHT = "caught 15"
WATCH = "register,shutdown-line:goodbye"


def stopped_after(lrie):
    """How many milliseconds lrie takes to end, and when that was asked for, as the wall sees it."""
    lrie.stop()
    return lrie.ended_within * 1000, lrie.told_to_end * 1000


def shutdown_of(t, lrie, name):
    """The SHUTDOWN event that an extension of the fixture got."""
    events = [line for line in lines_of(lrie, name) if "SHUTDOWN" in line and
              line.startswith("next 200 ")]
    t.equal(len(events), 1, "not one SHUTDOWN: %r" % lines_of(lrie, name))
    event = json.loads(events[0][len("next 200 "):])
    t.equal(list(event), ["eventType", "deadlineMs", "shutdownReason"], "order of the keys")
    return event


def served(t, handler, *options):
    lrie = t.serve(handler, *options)
    lrie.report(lrie.invoke().request_id)
    return lrie


# ---- budgets


def quickest(t, handler, check):
    """Of three: what is slow for want of a CPU is not so each time."""
    times = []
    for _ in range(3):
        lrie = served(t, handler)
        times.append(stopped_after(lrie)[0])
        check(lrie.stdout.lines())
    return min(times)


def test_without_extensions_nobody_is_asked(t):
    took = quickest(t, "init-catch:TERM:5000,echo", lambda lines: t.true(
        CAUGHT not in lines, "SIGTERM with no extension"))
    t.between(0, took, 400 * harness.SLOW, "milliseconds")


def test_one_inside_the_runtime_makes_it_SIGTERM(t):
    took = quickest(t, "init-extension:inner,init-catch:TERM:100,echo", lambda lines: t.true(
        CAUGHT in lines, "no SIGTERM"))
    t.between(100, took, 490 * harness.SLOW, "milliseconds")


def test_who_ignores_it_has_500_ms(t):
    lrie = served(t, "init-extension:inner,init-ignore:TERM,echo")
    took, _ = stopped_after(lrie)
    t.between(490, took, 1900 * harness.SLOW, "milliseconds, and not the two seconds of others")


def test_the_runtime_first_then_extensions(t):
    lrie = served(t, "init-catch:TERM:100,echo", *fixture(t, first=WATCH, second=WATCH))
    took, wall = stopped_after(lrie)
    t.between(100, took, 1500 * harness.SLOW, "milliseconds")
    lines = lrie.stdout.lines()
    for name in ("first", "second"):
        event = shutdown_of(t, lrie, name)
        t.equal(event["shutdownReason"], "spindown")
        t.between(wall + 1900, event["deadlineMs"], wall + 2000 + 500 * harness.SLOW, "deadlineMs")
        told = next(at for at, line in enumerate(lines)
                    if line.startswith(name + " next 200") and "SHUTDOWN" in line)
        t.true(lines.index(CAUGHT) < told, "an extension before the runtime")
    t.equal(lines.count("goodbye"), 2)


def test_a_runtime_that_ignores_it_has_300_ms(t):
    lrie = served(t, "init-ignore:TERM,echo", *fixture(t, first=WATCH))
    took, _ = stopped_after(lrie)
    t.between(290, took, 1500 * harness.SLOW, "milliseconds")
    t.true("goodbye" in lrie.stdout.lines(), "no SHUTDOWN")


def test_an_extension_has_two_seconds_in_all(t):
    lrie = served(t, "init-ignore:TERM,echo",
                  *fixture(t, first="register,shutdown-sleep:60000", second=WATCH))
    took, _ = stopped_after(lrie)
    t.between(1950, took, 2000 + 1000 * harness.SLOW, "milliseconds")
    t.true("goodbye" in lrie.stdout.lines(), "the other was not heard")


def test_who_wants_no_SHUTDOWN_is_killed(t):
    lrie = served(t, "echo", *fixture(t, first="catch:TERM:5000,register:INVOKE",
                                      second="catch:TERM:5000,register-none"))
    took, _ = stopped_after(lrie)
    t.between(0, took, 1000 * harness.SLOW, "milliseconds")
    t.true(CAUGHT not in lrie.stdout.lines(), "an extension got SIGTERM")
    t.true("SHUTDOWN" not in "".join(lines_of(lrie, "first")[2:]), "and a SHUTDOWN")


def test_how_it_exits_is_its_own_affair(t):
    for word in ("exit:3", "kill:SEGV", "exit-error"):
        lrie = served(t, "echo", *fixture(t, first="register,shutdown-" + word))
        stopped_after(lrie)
        shutdown_of(t, lrie, "first")


def test_an_lrie_that_starts_ends_as_well(t):
    for words in ("silent", "register,silent"):
        lrie = t.serve("hang-init", *fixture(t, first="line:here," + words))
        lrie.stdout.wait_line("here")
        took, _ = stopped_after(lrie)
        t.between(0, took, 2000 + 1000 * harness.SLOW, "milliseconds")


# ---- reasons


def reason_after(t, lrie, count=1):
    lrie.stdout.wait_line(r"first next 200 .*SHUTDOWN.*", count)
    return shutdown_of(t, lrie, "first")["shutdownReason"]


def test_timeout(t):
    lrie = t.serve("silent", "--timeout", "1", *fixture(t, first=WATCH))
    t.equal(lrie.invoke().json()["errorType"], "Sandbox.Timedout")
    t.equal(reason_after(t, lrie), "timeout")


def test_failure_of_the_runtime(t):
    lrie = t.serve("exit:3", *fixture(t, first=WATCH))
    t.equal(lrie.invoke().json()["errorType"], "Runtime.ExitError")
    t.equal(reason_after(t, lrie), "failure")


def test_failure_of_another_extension(t):
    lrie = t.serve("sleep:60000", "--timeout", "120",
                   *fixture(t, first=WATCH, second="register,invoke-exit:1"))
    t.equal(lrie.invoke().json()["errorType"], "Extension.Crash")
    t.equal(reason_after(t, lrie), "failure")


def test_the_caller_does_not_wait_for_the_shutdown(t):
    lrie = t.serve("silent", "--timeout", "1", *fixture(t, first="register,shutdown-sleep:60000"))
    began = harness.kernel_clock()
    t.equal(lrie.invoke().json()["errorType"], "Sandbox.Timedout")
    t.between(1, harness.kernel_clock() - began, 2.9 * harness.SLOW, "seconds")


def test_who_comes_meanwhile_is_served(t):
    lrie = t.serve("echo", *fixture(t, first="register,shutdown-sleep:60000"))
    lrie.do("exit:3")
    reply = lrie.do("pid")
    t.equal((reply.status, reply.header("X-Amz-Function-Error")), (200, None), repr(reply))


if __name__ == "__main__":
    harness.main()
