#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Thousands of invocations and hundreds of cold starts leak nothing.

$LRIE_SOAK asks for the full numbers; the default finds a leak of one descriptor
or one page per invocation just as well.
"""
import os
import signal
import threading

import harness

INVOCATIONS = 10000 if harness.SOAK else 1000
COLD_STARTS = 300 if harness.SOAK else 30
LIVES = 500 if harness.SOAK else 10
DEATHS = 50 if harness.SOAK else 5


class Usage:
    """What a process and its family hold right now."""

    def __init__(self, lrie):
        self.descriptors = len(os.listdir("/proc/%d/fd" % lrie.pid))
        self.processes = len(harness.descendants(lrie.pid))
        self.kilobytes = harness.memory_kilobytes(lrie.pid)
        self.groups = len(harness.cgroups_of(lrie.pid))

    def __repr__(self):
        return "%d descriptors, %d processes, %d kB, %d cgroups" % (
            self.descriptors, self.processes, self.kilobytes, self.groups)


def groups_of(pids):
    """Groups of any of these, found in one walk."""
    names = {"lrie-%d" % pid for pid in pids}
    return [os.path.join(root, folder) for root, folders, _ in os.walk("/sys/fs/cgroup")
            for folder in folders if folder in names]


def check_no_growth(t, lrie, before, kilobytes=1500):
    def has_settled():
        now = Usage(lrie)
        return now if (now.descriptors <= before.descriptors + 2
                       and now.processes <= before.processes
                       and now.groups <= before.groups) else None

    try:
        after = harness.wait_for(has_settled, "usage to settle", 5 * harness.SLOW)
    except harness.Failure:
        raise harness.Failure("before: %r, after: %r" % (before, Usage(lrie))) from None
    if harness.SLOW == 1:  # a sanitizer keeps freed memory
        growth = after.kilobytes - before.kilobytes
        t.true(growth <= kilobytes, "grown by %d kB to %r" % (growth, after))
    if os.environ.get("LRIE_TEST_TIMES"):
        harness.comment("before: %r, after: %r" % (before, after))


def check_reports(t, lrie, count, settled):
    """One START, END and REPORT each, nothing lost and nothing twice."""
    lines = lrie.stdout.wait(
        lambda lines: lines if sum(line.startswith("REPORT") for line in lines) >= count else None,
        "%d reports" % count)
    for word in ("START ", "END ", "REPORT "):
        ids = [line.split()[2] for line in lines if line.startswith(word)]
        t.equal((len(ids), len(set(ids))), (count, count), word)


def test_warm_invocations(t):
    lrie = t.serve("echo", "--memory", "1769")
    connection = lrie.connect()

    def invoke(count):
        for number in range(count):
            payload = b'{"number":%d}' % number
            t.equal(connection.ask("POST", harness.INVOKE_PATH, payload).body, payload)

    invoke(200)
    before = Usage(lrie)
    invoke(INVOCATIONS)
    check_no_growth(t, lrie, before)
    check_reports(t, lrie, INVOCATIONS + 200, True)


def test_a_connection_for_each_invocation(t):
    lrie = t.serve("line:hello,echo", "--memory", "1769")
    for _ in range(50):
        lrie.invoke()
    before = Usage(lrie)
    for _ in range(INVOCATIONS // 4):
        t.equal(lrie.invoke(b"1").body, b"1")
    check_no_growth(t, lrie, before)


def test_large_events_and_answers(t):
    lrie = t.serve("echo", "--memory", "1769", "--timeout", "60")
    payload = b'"' + b"x" * 3000000 + b'"'
    for _ in range(10):
        lrie.invoke(payload)
    before = Usage(lrie)
    for _ in range(INVOCATIONS // 50):
        t.true(lrie.invoke(payload).body == payload, "not what was sent")
    check_no_growth(t, lrie, before, 8000)


def test_cold_starts_after_crashes(t):
    lrie = t.serve("echo", "--timeout", "60")

    def crash(count):
        for _ in range(count):
            t.equal(lrie.do("daemon,exit:1").json()["errorType"], "Runtime.ExitError")
        t.equal(lrie.invoke(b"1").body, b"1")

    crash(10)
    before = Usage(lrie)
    crash(COLD_STARTS)
    check_no_growth(t, lrie, before)


def test_cold_starts_that_fail(t):
    lrie = t.serve("crash:init")
    for _ in range(10):
        lrie.invoke()
    before = Usage(lrie)
    for _ in range(COLD_STARTS):
        t.equal(lrie.invoke().json()["errorType"], "Runtime.ExitError")
    check_no_growth(t, lrie, before)


def live_and_end(t, count, words, with_signal, expect):
    """What each life leaves the harness looks for at its end; but for groups, at the very end."""
    pids = []
    for _ in range(count):
        lrie = t.serve("echo")
        t.equal(lrie.do(words).status, 200)
        lrie.stop(with_signal, expect, groups=False)
        pids.append(lrie.pid)
        t.lries.clear()
    return pids


def test_start_and_stop(t):
    t.equal(groups_of(live_and_end(t, LIVES, "echo", signal.SIGTERM, 0)), [])


def test_start_and_kill(t):
    pids = live_and_end(t, DEATHS, "daemon,fork:3", signal.SIGKILL, -signal.SIGKILL)
    t.serve("echo").stop()  # sweeps
    t.equal(groups_of(pids), [])


def test_concurrent_callers(t):
    lrie = t.serve("echo", "--memory", "1769")
    wrong = []

    def call(count):
        with harness.Connection(lrie.port) as connection:
            for number in range(count):
                payload = b"%d" % number
                reply = connection.ask("POST", harness.INVOKE_PATH, payload)
                if reply.body != payload:
                    wrong.append(reply)

    def call_in_parallel(count):
        threads = [threading.Thread(target=call, args=(count,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        t.equal(wrong, [])

    call_in_parallel(40)
    lrie_is_warm = [lrie.begin_invoke(b'{"do":"sleep:200"}') for _ in range(10)]
    t.equal({caller.reply().status for caller in lrie_is_warm}, {200})
    before = Usage(lrie)
    call_in_parallel(INVOCATIONS // 10)
    check_no_growth(t, lrie, before)


if __name__ == "__main__":
    harness.main()
