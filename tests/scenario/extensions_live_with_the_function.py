#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""When extensions start, what they are given, and how init and invoke wait for them."""
import json
import os

import harness
from extensions import Agent, bare, fixture, layer, lines_of, log_line, start


def agents_of(t, lrie, *names):
    return [Agent(t, name, lrie) for name in names]


# ---- start


def test_all_are_launched_in_the_order_of_their_names(t):
    script = '#!/bin/sh\necho "${0##*/} is process $$"\nexec sleep 1000\n'
    lrie = t.bare("--layer", layer(t, "c", "a", "B", "b", script=script))
    pids = [int(lrie.stdout.wait_line(name + r" is process (\d+)")[1]) for name in "Babc"]
    t.equal(pids, sorted(pids))


def test_the_runtime_starts_when_all_have_registered(t):
    lrie = t.bare(*bare(t, "first", "second"))
    first, second = agents_of(t, lrie, "first", "second")
    first.register("INVOKE")
    first.begin_next()
    t.equal(lrie.lives(), 0, "the runtime is there before the second has registered")
    second.register()
    lrie.runtime()


def test_what_is_no_file_is_left_alone(t):
    options = bare(t, "first")
    inner = options[1] + "/extensions/folder"
    os.mkdir(inner)
    harness.write_file(inner + "/second", "#!/bin/sh\nexit 1\n", 0o755)
    lrie = t.bare(*options)
    start(t, lrie, agents_of(t, lrie, "first"))


def test_the_environment_of_an_extension(t):
    lrie = t.serve("env", *fixture(t, first="env,register"), "--env", "MINE=1", "--memory", "256", "--region", "eu-central-1")
    function = lrie.invoke().json()
    found = lrie.stdout.wait(lambda lines: lines_of(lrie, "first"), "its environment")
    mine = json.loads(found[0][len("env "):])
    for name in ("MINE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME",
                 "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                 "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_INITIALIZATION_TYPE", "TZ", "PATH",
                 "LD_LIBRARY_PATH"):
        t.equal((name, mine.get(name)), (name, function[name]))
    hidden = {"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
              "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR",
              "LAMBDA_TASK_ROOT"}
    t.equal([name for name in mine if name in hidden or name.startswith("_")], [])


def test_output_of_an_extension_is_logged(t):
    lrie = t.serve("echo", *fixture(t, first="line:out,print-error:80,register"))
    lrie.invoke()
    lrie.stdout.wait_line("out")
    lrie.stdout.wait_line("x{79}")


# ---- init


def test_init_ends_when_all_have_asked_for_an_event(t):
    lrie = t.bare(*bare(t, "first", "second"))
    first, second = agents_of(t, lrie, "first", "second")
    runtime = start(t, lrie, [first, second])
    inner = Agent(t, "inner", port=runtime.port)
    inner.register("INVOKE")
    caller = lrie.begin_invoke()
    runtime.begin_next()
    for agent in (first, second):
        agent.begin_next()
        t.true(not runtime.connection.has_input(), "an event before init has ended")
    inner.begin_next()
    event = runtime.end_next()
    t.equal(inner.end_next().json()["requestId"], event.id)
    runtime.answer(event)
    caller.reply()


def test_each_has_its_line_before_START(t):
    lrie = t.serve("init-extension:inner:INVOKE,echo", *fixture(
        t, first="register:SHUTDOWN+INVOKE", second="register-none", third="register:INVOKE"))
    reply = lrie.invoke()
    lrie.report(reply.request_id)
    lines = lrie.stdout.lines()
    start_line = lines.index("START RequestId: %s Version: $LATEST" % reply.request_id)
    mine = [line for line in lines[:start_line] if line.startswith("EXTENSION\t")]
    t.equal(sorted(mine), sorted([
        log_line("first", ["SHUTDOWN", "INVOKE"]), log_line("second", []),
        log_line("third", ["INVOKE"]), log_line("inner", ["INVOKE"])]))


# ---- invoke


def test_the_caller_never_waits_for_an_extension(t):
    lrie = t.bare(*bare(t, "first"), "--timeout", "60")
    agents = agents_of(t, lrie, "first")
    runtime = start(t, lrie, agents, "INVOKE")
    agents[0].begin_next()
    caller = lrie.begin_invoke()
    event = runtime.next()
    agents[0].end_next()
    runtime.answer(event, b'"hello"')
    t.equal(caller.reply().body, b'"hello"')
    runtime.begin_next()
    t.equal([line for line in lrie.stdout.lines() if line.startswith("REPORT")], [])
    agents[0].begin_next()
    lrie.report(event.id)


def test_the_duration_is_that_of_the_slowest(t):
    lrie = t.serve("echo", *fixture(t, quick="register", slow="register:INVOKE,invoke-sleep:300"))
    for _ in range(2):
        reply = lrie.invoke()
        t.between(300, lrie.report(reply.request_id).duration, 3000 * harness.SLOW, "milliseconds")


def test_who_wants_no_invokes_is_left_in_peace(t):
    lrie = t.bare(*bare(t, "first", "second"))
    agents = agents_of(t, lrie, "first", "second")
    agents[0].register()
    agents[1].register("SHUTDOWN")
    runtime = lrie.runtime()
    for agent in agents:
        agent.begin_next()
    for _ in range(2):
        caller = lrie.begin_invoke()
        event = runtime.next()
        runtime.answer(event)
        caller.reply()
        runtime.begin_next()
    lrie.report(event.id)
    t.equal([agent.connection.has_input() for agent in agents], [False, False])


def test_the_timeout_is_for_extensions_too(t):
    lrie = t.serve("echo", "--timeout", "1", *fixture(t, first="register:INVOKE,invoke-silent"))
    reply = lrie.invoke(b'"hello"')
    t.equal((reply.status, reply.header("X-Amz-Function-Error"), reply.body),
            (200, None, b'"hello"'))
    report = lrie.report(reply.request_id)
    t.equal((report.status, report.duration), ("timeout", 1000))


def test_who_never_asks_holds_init_up_to_its_limit(t):
    lrie = t.serve("echo", "--init-timeout", "1", "--timeout", "1",
                   *fixture(t, first="register,silent"))
    reply = lrie.invoke()
    t.equal(reply.json()["errorType"], "Sandbox.Timedout")
    lrie.stdout.wait_line(r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: timeout")


def test_a_late_registration_delays_the_runtime(t):
    lrie = t.serve("echo", *fixture(t, first="sleep:300,register"))
    reply = lrie.invoke()
    t.between(300, lrie.report(reply.request_id).init, 5000 * harness.SLOW, "milliseconds of init")


def test_no_extensions_cost_no_lines(t):
    lrie = t.serve("echo", "--layer", layer(t))
    lrie.report(lrie.invoke().request_id)
    t.true("EXTENSION" not in lrie.stdout.text(), "a line about no extension")


if __name__ == "__main__":
    harness.main()
