#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a function when one of its extensions does not start, dies, or gives up."""
import harness
from extensions import Agent, fixture, layer, puppet
from harness import UUID

ENDS = (("exit:0", "exit code 0"), ("exit:3", "exit status 3"), ("kill:KILL", "signal: killed"))


def check_fault(t, reply, error_type, message):
    t.equal((reply.status, reply.header("X-Amz-Function-Error")), (200, "Unhandled"), repr(reply))
    t.equal(reply.json()["errorType"], error_type)
    t.match(reply.json()["errorMessage"], "RequestId: %s Error: %s" % (UUID, message))


def check_failed_line(t, lrie, name, state, events, error_type):
    line = "EXTENSION\tName: %s\tState: %s\tEvents: %s\tError Type: %s"
    line %= (name, state, events, error_type)
    t.true(line in lrie.stdout.lines(), "no such line: " + line)


def check_it_lives_again(t, lrie):
    reply = lrie.invoke(b'{"do":"echo"}')
    t.equal((reply.status, reply.header("X-Amz-Function-Error")), (200, None), repr(reply))


# ---- start


def test_without_the_exec_bit(t):
    lrie = t.serve("echo", "--layer", layer(t, "first", mode=0o644))
    reply = lrie.invoke()
    check_fault(t, reply, "Extension.LaunchError", "PermissionDenied")
    report = lrie.report(reply.request_id)
    t.equal((report.status, report.error), ("error", "Extension.LaunchError"))
    check_failed_line(t, lrie, "first", "LaunchError", "[]", "PermissionDenied")


def test_that_no_kernel_executes(t):
    lrie = t.serve("echo", "--layer", layer(t, "first", script="junk"))
    check_fault(t, lrie.invoke(), "Extension.LaunchError", "UnknownError")


def test_that_are_eleven(t):
    names = ["extension-%d" % number for number in range(11)]
    lrie = t.serve("echo", "--layer", layer(t, *names))
    reply = lrie.invoke()
    check_fault(t, reply, "Extension.LaunchError", "TooManyExtensions")
    lrie.report(reply.request_id)
    check_failed_line(t, lrie, sorted(names)[10], "LaunchError", "[]", "TooManyExtensions")


def test_that_are_ten(t):
    names = ["extension-%d" % number for number in range(10)]
    lrie = t.serve("echo", "--layer", layer(t, *names))
    check_it_lives_again(t, lrie)


# ---- crash


def test_before_it_registers(t):
    for end, message in ENDS:
        lrie = t.serve("echo", *fixture(t, first=end))
        check_fault(t, lrie.invoke(), "Extension.Crash", message)


def test_between_registration_and_its_first_next(t):
    for end, message in ENDS:
        lrie = t.serve("init-sleep:300,echo", *fixture(t, first="register," + end))
        reply = lrie.invoke()
        check_fault(t, reply, "Extension.Crash", message)
        lrie.report(reply.request_id)
        lines = lrie.stdout.lines()
        t.true(any(line.startswith("INIT_REPORT") and line.endswith(
            "\tPhase: init\tStatus: error\tError Type: Extension.Crash") for line in lines),
            "no INIT_REPORT: %r" % lines)


def test_before_the_answer(t):
    for end, message in ENDS:
        lrie = t.serve("sleep:60000,echo", *fixture(t, first="register,invoke-" + end),
                       "--timeout", "120")
        reply = lrie.invoke()
        check_fault(t, reply, "Extension.Crash", message)
        report = lrie.report(reply.request_id)
        t.equal((report.status, report.error), ("error", "Extension.Crash"))


def die_after_the_answer(t, lrie, life, order):
    caller = lrie.begin_invoke()
    agent = Agent(t, "first", lrie, count=life)
    agent.register("INVOKE")
    runtime = lrie.runtime(life)
    agent.begin_next()
    runtime.answer(runtime.next(), b'"hello"')
    reply = caller.reply()
    t.equal((reply.header("X-Amz-Function-Error"), reply.body), (None, b'"hello"'))
    lrie.order(order)
    report = lrie.report(reply.request_id)
    t.equal((report.status, report.error), ("error", "Extension.Crash"))


def test_after_the_answer(t):
    for order in ("exit 0", "exit 3", "kill -KILL $$"):
        die_after_the_answer(t, puppet(t, "first"), 1, order)


def test_the_next_invocation_begins_anew(t):
    lrie = puppet(t, "first")
    for life in range(1, 4):
        die_after_the_answer(t, lrie, life, "exit 1")


def test_the_first_fault_is_told(t):
    lrie = t.serve("sleep:60000,echo", "--timeout", "120", *fixture(
        t, first="register,invoke-exit:3", second="register,shutdown-exit:4"))
    check_fault(t, lrie.invoke(), "Extension.Crash", "exit status 3")


def test_a_daemon_that_it_leaves_is_not_it(t):
    lrie = t.serve("echo", *fixture(t, first="daemon,register"))
    check_it_lives_again(t, lrie)


# ---- giving up


def test_init_error(t):
    lrie = t.serve("echo", *fixture(t, first="register,init-error:Extension.Refused,silent"))
    reply = lrie.invoke()
    check_fault(t, reply, "Extension.InitError", ".*")
    lrie.report(reply.request_id)
    check_failed_line(t, lrie, "first", "InitError", "[INVOKE, SHUTDOWN]", "Extension.Refused")
    lrie.stdout.wait_line("INIT_REPORT.*\tPhase: init\tStatus: error\tError Type: Extension.InitError")


def test_exit_error(t):
    lrie = t.serve("sleep:60000,echo", "--timeout", "120",
                   *fixture(t, first="register,invoke-exit-error,invoke-silent"))
    reply = lrie.invoke()
    check_fault(t, reply, "Extension.ExitError", ".*")
    t.equal(lrie.report(reply.request_id).status, "error")


# ---- junk


def test_who_sends_junk_hurts_only_itself(t):
    words = ("register-body:junk", "register-body:", "name:other,register", "register,register",
             "id:junk,next", "register,id:junk,next", "register,exit-error:,next")
    for word in words:
        lrie = t.serve("echo", *fixture(t, first=word + ",silent"), "--init-timeout", "1",
                       "--timeout", "1")
        t.equal(lrie.invoke().header("X-Amz-Function-Error"), "Unhandled", word)
        lrie.stop()


if __name__ == "__main__":
    harness.main()
