#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Environments that begin before a request, and that end for want of work."""
import re

import harness


def test_provisioned_environments_begin_before_a_request(t):
    lrie = t.serve("echo", "--provisioned", "3")
    lrie.stdout.wait_line(r"INIT_REPORT .*", 3)
    t.equal(len(lrie.function_processes()), 3, "functions")
    for line in lrie.stdout.lines():
        t.true(re.fullmatch(r"INIT_REPORT Init Duration: [0-9.]+ ms\tPhase: init", line), line)
    reply = lrie.invoke()
    report = lrie.report(reply.request_id)
    t.equal(report.init, None, "init is no part of an invocation")
    lrie.stop()


def test_they_are_told_what_they_are(t):
    lrie = t.serve("env", "--provisioned", "1")
    t.equal(lrie.invoke().json()["AWS_LAMBDA_INITIALIZATION_TYPE"], "provisioned-concurrency")
    lrie.stop()


def test_what_is_needed_beyond_them_begins_on_demand(t):
    lrie = t.bare("--provisioned", "1")
    first = lrie.begin_invoke()
    one = lrie.runtime()
    event = one.next()
    second = lrie.begin_invoke()
    two = lrie.runtime(2)
    other = two.next()
    for runtime, each in ((one, event), (two, other)):
        runtime.answer(each)
        runtime.begin_next()
    t.equal(first.reply().status, 200)
    t.equal(second.reply().status, 200)
    lrie.stdout.wait_line(r"REPORT .*", 2)
    inits = [line for line in lrie.stdout.lines() if "Init Duration" in line]
    t.equal([line.split(" ")[0] for line in inits], ["INIT_REPORT", "REPORT"])
    lrie.stop()


def test_more_of_them_than_reserved_is_a_mistake(t):
    done = t.run("--provisioned", "3", "--concurrency", "2", "--bootstrap", "/bin/true")
    t.equal(done.code, 2)
    t.true("--provisioned 3 is more than --concurrency 2" in done.stderr, done.stderr)


def test_without_work_an_environment_ends(t):
    lrie = t.serve("echo", "--idle-timeout", "1")
    lrie.invoke()
    harness.wait_for(lambda: not lrie.function_processes(), "the end of the function")
    t.true(lrie.report(lrie.invoke().request_id).init is not None, "a cold start")
    lrie.stop()


if __name__ == "__main__":
    harness.main()
