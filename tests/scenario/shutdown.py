#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lrie ends when it is told to, at once, and takes everything with it.

That nothing is left (process, cgroup, mount, file) the harness checks each time.
"""
import signal

import harness


def stop_quickly(t, lrie, with_signal=signal.SIGTERM, expect=0, groups=True):
    began = harness.kernel_clock()
    lrie.stop(with_signal, expect, groups)
    t.between(0, harness.kernel_clock() - began, 2 * harness.SLOW, "seconds until the end")


def occupied(t, lrie):
    """An invocation is at the runtime."""
    caller = lrie.begin_invoke()
    return caller, lrie.runtime().next()


def test_sigterm_and_sigint_end_an_idle_lrie(t):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        lrie = t.serve("echo")
        lrie.invoke()
        stop_quickly(t, lrie, number)


def test_before_any_invocation(t):
    stop_quickly(t, t.serve("echo"))


def test_during_init(t):
    lrie = t.bare()
    lrie.runtime()
    stop_quickly(t, lrie)


def test_during_an_init_that_an_invocation_waits_for(t):
    lrie = t.bare()
    caller = lrie.begin_invoke()
    lrie.runtime()
    stop_quickly(t, lrie)
    reply = caller.try_reply()
    t.true(reply is None or reply.status >= 500, repr(reply))


def test_during_an_invocation(t):
    lrie = t.bare("--timeout", "900")
    caller, event = occupied(t, lrie)
    stop_quickly(t, lrie)
    reply = caller.try_reply()
    t.true(reply is None or reply.status >= 500, repr(reply))
    lines = [line.split("\t")[0] for line in lrie.stdout.lines()[1:]]
    t.equal(lines, ["START RequestId: %s Version: $LATEST" % event.id,
                    "END RequestId: %s" % event.id, "REPORT RequestId: %s" % event.id])


def test_with_requests_in_line(t):
    lrie = t.bare()
    callers = []
    for number in range(1, 11):
        callers.append(lrie.begin_invoke())
        lrie.runtime(number).next()
    callers += [lrie.begin_invoke() for _ in range(5)]
    stop_quickly(t, lrie)
    for caller in callers:
        reply = caller.try_reply()
        t.true(reply is None or reply.status >= 500, repr(reply))


def test_between_two_lives(t):
    lrie = t.bare("--timeout", "1")
    caller, _ = occupied(t, lrie)
    t.equal(caller.reply().json()["errorType"], "Sandbox.Timedout")
    stop_quickly(t, lrie)


def test_after_a_failed_init(t):
    lrie = t.serve("crash:init")
    lrie.stdout.wait_line("INIT_REPORT .*")
    stop_quickly(t, lrie)


def test_a_function_that_ignores_signals_is_killed(t):
    lrie = t.serve("echo")
    lrie.do("ignore:TERM,ignore:INT,ignore:HUP,daemon,echo")
    stop_quickly(t, lrie)


def test_a_stopped_function_is_killed(t):
    lrie = t.puppet()
    occupied(t, lrie)
    lrie.order("kill -STOP $$")
    harness.wait_for(lambda: any(process.state == "T" for process in lrie.function_processes()),
                     "a stopped function")
    stop_quickly(t, lrie)


def test_all_output_comes_out_first(t):
    lrie = t.serve("print:1000000", "--memory", "1769", "--timeout", "30")
    reply = lrie.invoke()
    lrie.stop()
    lines = lrie.log(reply.request_id)
    t.between(1000000, sum(len(line) + 1 for line in lines[1:-2]), 1000001, "bytes of output")


def test_idle_connections_do_not_hold_it_up(t):
    lrie = t.serve("echo")
    idle = [lrie.connect() for _ in range(50)]
    half = lrie.connect()
    half.send(b"POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nContent-Le")
    lrie.invoke()
    stop_quickly(t, lrie)
    t.true(all(connection.is_closed() for connection in idle + [half]), "a connection stays open")


def test_a_second_signal_ends_it_at_once(t):
    lrie = t.serve("print:5000000", "--memory", "1769", "--timeout", "30", pause_stdout=True)
    lrie.invoke()
    lrie.process.send_signal(signal.SIGTERM)
    lrie.process.send_signal(signal.SIGINT)
    # whoever is that impatient leaves empty cgroups to the next lrie
    stop_quickly(t, lrie, signal.SIGTERM, expect=None, groups=False)
    t.true(lrie.process.returncode in (0, 130, 143, -2, -15), "ended with %d"
           % lrie.process.returncode)


if __name__ == "__main__":
    harness.main()
