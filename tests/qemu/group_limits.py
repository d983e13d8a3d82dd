#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What cgroup v2 must do for lrie, in the modes of tests/qemu/run.

Written for a slow machine: what is claimed of time are only bounds that hold however slow it is.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))

import harness  # noqa: E402

MODE = os.environ.get("LRIE_TEST_MODE", "root")
HAS_GROUPS = MODE != "plain"
PATIENT = ("--timeout", "60")


def need_groups(t):
    if not HAS_GROUPS:
        t.skip("no group was handed to this user")
    t.need_walls("memory", "cpu")


def test_limits_stand_where_groups_can_be_made(t):
    for walls in ("memory", "cpu"):
        done = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo", "--event",
                     "{}", "--require-sandbox=" + walls)
        # Without a group lrie itself looks at the memory.
        t.equal(done.code, 0 if HAS_GROUPS or walls == "memory" else 3, walls)
        if not HAS_GROUPS:
            t.true("handed" in done.stderr or "hand the" in done.stderr, done.stderr)
            t.true("Delegate=yes" in done.stderr, "no advice: " + done.stderr)


def test_a_function_runs_without_groups(t):
    lrie = t.serve("echo", *PATIENT)
    t.equal(lrie.invoke(b"1").body, b"1")


def test_out_of_memory_in_init(t):
    need_groups(t)
    lrie = t.serve("init-eat:256,echo", *PATIENT)
    t.equal(lrie.invoke().json()["errorType"], "Runtime.OutOfMemory")


def test_out_of_memory_is_told_apart(t):
    need_groups(t)
    lrie = t.serve("echo", *PATIENT)
    reply = lrie.do("eat:140,echo")
    t.equal(reply.json()["errorType"], "Runtime.OutOfMemory")
    t.between(115, lrie.report(reply.request_id).peak, 128, "Max Memory Used")
    t.equal(lrie.invoke(b'"next"').body, b'"next"')
    t.equal(lrie.do("eat:8,kill:KILL").json()["errorType"], "Runtime.ExitError")


def test_an_invocation_has_a_share_of_a_processor(t):
    need_groups(t)
    lrie = t.serve("echo", *PATIENT)
    lrie.invoke()
    report = lrie.report(lrie.do("busy:40,echo").request_id)
    t.true(report.duration >= 40 * 1769 / 128 * 0.75, report.line)


def test_init_has_all_of_it(t):
    need_groups(t)
    lrie = t.serve("init-busy:300,echo", *PATIENT)
    report = lrie.report(lrie.invoke().request_id)
    t.between(300, report.init, 300 * 1769 / 128 * 0.5, "Init Duration")


if __name__ == "__main__":
    harness.main()
