#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A thousand callers at once against one slow function: each gets a clear answer, and lrie stays
small."""
import os
import resource

import harness
from harness import memory_kilobytes

CALLERS = 1000
KILOBYTES_EACH = 50  # of a connection, its head, its event and its answer


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def call_all(t, lrie, count):
    """Sends all requests before it reads an answer; returns the replies."""
    calls = [lrie.begin_invoke(b'{"caller":%d}' % number) for number in range(count)]
    replies = []
    for call in calls:
        replies.append(call.reply())
        call.close()
    return replies


def check_memory(t, lrie, before):
    if harness.SLOW == 1:  # a sanitizer has a memory of its own
        grown = memory_kilobytes(lrie.pid, "VmHWM") - before
        t.true(grown < CALLERS * KILOBYTES_EACH, "grown by %d kB" % grown)
        if os.environ.get("LRIE_TEST_TIMES"):
            harness.comment("grown by %d kB" % grown)


def test_all_are_served_in_turn(t):
    raise_descriptor_limit()
    lrie = t.serve("sleep:5,echo", "--timeout", "60", "--quiet")
    lrie.invoke()
    before = memory_kilobytes(lrie.pid, "VmHWM")
    replies = call_all(t, lrie, CALLERS)
    for number, reply in enumerate(replies):
        t.equal((reply.status, reply.body), (200, b'{"caller":%d}' % number))
    check_memory(t, lrie, before)
    lrie.stop()


def test_beyond_what_is_reserved_each_is_refused(t):
    raise_descriptor_limit()
    lrie = t.serve("sleep:1000,echo", "--timeout", "60", "--concurrency", "2")
    lrie.report(lrie.invoke().request_id)
    before = memory_kilobytes(lrie.pid, "VmHWM")
    replies = call_all(t, lrie, CALLERS)
    served = [reply for reply in replies if reply.status == 200]
    t.between(2, len(served), CALLERS // 2, "those who have a place, and then others")
    for reply in replies:
        if reply.status != 200:
            t.equal(reply.status, 429)
            t.equal(reply.json()["Reason"],
                    "ReservedFunctionConcurrentInvocationLimitExceeded")
            t.match(reply.header("Retry-After"), "[12]", "half of what one takes, or all of it")
    check_memory(t, lrie, before)
    lrie.stop()


def test_all_leave_and_lrie_serves_on(t):
    raise_descriptor_limit()
    lrie = t.serve("sleep:20,echo", "--timeout", "60", "--quiet")
    for call in [lrie.begin_invoke() for _ in range(CALLERS)]:
        call.close()
    t.equal(lrie.invoke(b'"after"').body, b'"after"')
    lrie.stop()


if __name__ == "__main__":
    harness.main()
