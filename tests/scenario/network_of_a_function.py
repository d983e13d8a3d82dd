#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What of the network a function has."""
import os

import harness

NOBODY = 65534
USERS = [None] + ([NOBODY] if os.geteuid() == 0 else [])


def alone(t, handler, *options):
    """lrie with --network=none, as the user we are and as an ordinary one."""
    for user in USERS:
        finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo",
                         "--network=none", user=user)
        if finished.code == 3 and "no network of its own" in finished.stderr:
            t.skip(" ".join(finished.stderr.split())[:200])
        t.equal(finished.code, 0, finished)
        yield t.serve(handler, "--network=none", *options, user=user)


def address_of(lrie):
    return lrie.do("env").json()["AWS_LAMBDA_RUNTIME_API"]


def test_a_function_without_a_network_is_served(t):
    for lrie in alone(t, "echo"):
        t.equal(lrie.invoke(b'{"a":1}').body, b'{"a":1}')
        t.equal(address_of(lrie), "127.0.0.1:9001")
        interfaces = lrie.do("read:/proc/self/net/dev").json().splitlines()[2:]
        t.equal([line.split(":")[0].strip() for line in interfaces], ["lo"])
        t.true("localhost" in lrie.do("read:/etc/hosts").json(), "no localhost")
        lrie.stop()


def test_nothing_is_said_when_it_stands(t):
    t.need_walls("memory", "cpu")
    finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo",
                     "--network=none", "--require-sandbox=network", "--quiet")
    if finished.code == 3:
        t.skip(finished.stderr)
    t.equal((finished.code, finished.stderr), (0, ""))


def test_its_environment_is_reset_after_a_crash(t):
    for lrie in alone(t, "echo"):
        t.equal(lrie.do("crash").json()["errorType"], "Runtime.ExitError")
        for _ in range(3):
            t.equal(lrie.invoke(b'"again"').body, b'"again"')
            t.equal(lrie.do("exit:1").json()["errorType"], "Runtime.ExitError")
        t.equal(lrie.invoke(b'"again"').body, b'"again"')


def test_two_environments_listen_at_the_same_address(t):
    for lrie in alone(t, "echo", "--memory", "1769"):
        callers = [lrie.begin_invoke(b'{"do":"sleep:300,env"}') for _ in range(2)]
        found = [caller.reply().json() for caller in callers]
        t.equal([env["AWS_LAMBDA_RUNTIME_API"] for env in found], ["127.0.0.1:9001"] * 2)
        t.equal(len({env["AWS_LAMBDA_LOG_STREAM_NAME"] for env in found}), 2, "environments")


def test_a_named_port_is_taken(t):
    for lrie in alone(t, "echo", "--runtime-api-address", "0.0.0.0:80"):
        t.equal(address_of(lrie), "127.0.0.1:80")
        t.equal(lrie.invoke(b'"hello"').body, b'"hello"')


def test_large_events_and_answers_pass(t):
    for lrie in alone(t, "echo", "--memory", "1769"):
        event = b'"' + b"x" * (harness.REQUEST_LIMIT - 2) + b'"'
        t.equal(lrie.invoke(event).body, event)


def test_a_runtime_that_leaves_is_noticed(t):
    for lrie in alone(t, "echo"):
        t.equal(lrie.do("truncate").json()["errorType"], "Runtime.TruncatedResponse")
        t.equal(lrie.invoke(b"1").body, b"1")


def test_without_namespaces_it_does_not_start(t):
    finished = t.run("--sandbox=off", "--network=none", "--bootstrap", harness.BOOTSTRAP,
                     expect=2)
    t.true("--network=none and --sandbox=off exclude each other" in finished.stderr, finished)


def test_the_wall_can_be_required(t):
    finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--require-sandbox=network",
                     expect=3)
    t.match(finished.stderr, r"(?s).*missing walls: network \(.*")


if __name__ == "__main__":
    harness.main()
