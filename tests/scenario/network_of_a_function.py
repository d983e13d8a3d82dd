#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What of the network a function has, and that nobody else calls its Runtime API."""
import os
import socket

import harness

NOBODY = 65534
USERS = [None] + ([NOBODY] if os.geteuid() == 0 else [])
NEXT = harness.RUNTIME_PATH + "/invocation/next"


def alone(t, handler, *options):
    """lrie with --network=none, as the user we are and as an ordinary one."""
    for user in USERS:
        finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo",
                         "--network=none", user=user)
        if finished.code == 3 and "no network of its own" in finished.stderr:
            t.skip(" ".join(finished.stderr.split())[:200])
        t.equal(finished.code, 0, finished)
        yield t.serve(handler, "--network=none", *options, user=user)


def do_and_end(lrie, words):
    """What comes next is done in the same environment; others may be busy."""
    reply = lrie.do(words)
    lrie.report(reply.request_id)
    return reply


def address_of(lrie):
    return do_and_end(lrie, "env").json()["AWS_LAMBDA_RUNTIME_API"]


def ask(lrie, port, method="GET", path=NEXT, body=None):
    with lrie.test.closing(harness.Connection(port)) as connection:
        return connection.ask(method, path, body)


def check_refusal(t, reply):
    t.equal(reply.status, 403)
    t.equal(reply.header("Content-Type"), "application/json")
    t.equal(reply.json()["errorType"], "AccessDenied")
    t.true("its Runtime API" in reply.json()["errorMessage"], reply)


def refusals(lrie):
    return [line for line in lrie.stderr.lines() if "called the Runtime API" in line]


# ---- a network of its own


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
        callers = [lrie.begin_invoke(b'{"do":"sleep:1000,env"}') for _ in range(2)]
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


# ---- who calls


def test_an_outsider_is_refused_and_disturbs_nothing(t):
    for user in USERS:
        lrie = t.serve("echo", user=user)
        port = int(address_of(lrie).split(":")[1])
        caller = lrie.begin_invoke(b'{"do":"sleep:300,answer:\\"mine\\""}')
        for path in (NEXT, "/2018-06-01/ping", "/anything"):
            check_refusal(t, ask(lrie, port, path=path))
        check_refusal(t, ask(lrie, port, "POST", harness.RUNTIME_PATH + "/init/error", b"{}"))
        check_refusal(t, ask(lrie, port, "POST", harness.RUNTIME_PATH + "/invocation/"
                             "00000000-0000-4000-8000-000000000000/response", b'"stolen"'))
        reply = caller.reply()
        t.equal(reply.body, b'"mine"')
        lrie.report(reply.request_id)
        reply = lrie.invoke(b'"next"')
        t.equal(reply.body, b'"next"')
        lrie.report(reply.request_id)
        t.equal(lrie.do("count").json(), 4)
        t.equal(len(refusals(lrie)), 1, "lines about it")
        t.match(refusals(lrie)[0], r"lrie: warning: a process outside of the box called the "
                r"Runtime API at 127\.0\.0\.1:%d and was refused .*" % port)
        lrie.stop()


def status_for(user, group, port):
    """What a process of that user gets to hear."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)
            with harness.Connection(port) as connection:
                os.write(writer, b"%d" % connection.ask("GET", NEXT).status)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        status = pipe.read()
    os.waitpid(child, 0)
    return status


def test_an_outsider_of_the_same_user_is_refused(t):
    t.need_root()
    for user in USERS:
        lrie = t.serve("echo", user=user)
        port = int(address_of(lrie).split(":")[1])
        # in the box of root the function is user 993 of the machine
        t.equal(status_for(user or 993, user or 990, port), b"403")
        t.equal(lrie.invoke(b'"mine"').body, b'"mine"')
        lrie.stop()


def test_another_environment_is_refused(t):
    for user in USERS:
        lrie = t.serve("echo", "--memory", "1769", "--timeout", "30", user=user)
        first = address_of(lrie)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(harness.DEADLINE)
            victim = lrie.begin_invoke(b'{"do":"keep:%d"}' % server.getsockname()[1])
            peer, _ = server.accept()  # from now on the first environment is busy
        with peer:
            second = address_of(lrie)
            t.true(first != second, "both have the address " + first)
            for address, status in ((first, 403), (second, 200)):
                reply = do_and_end(lrie, "trespass:%s,last" % address.split(":")[1]).json()
                t.equal(reply["status"], status, repr(reply))
                t.equal("AccessDenied" in reply["body"], status == 403, repr(reply))
            peer.sendall(b'"mine"')
            t.equal(victim.reply().body, b'"mine"')
        t.equal(len(refusals(lrie)), 1, "lines about it")
        lrie.stop()


def test_children_of_a_runtime_are_its_own(t):
    for user in USERS:
        lrie = t.serve("echo", "--memory", "1769", user=user)
        t.equal(lrie.do("child:redial:20,last").status, 200)
        t.equal(refusals(lrie), [])
        lrie.stop()


def test_anybody_may_call_when_the_user_says_so(t):
    for options in (["--runtime-api-access=any"], ["--sandbox=off"]):
        lrie = t.serve("echo", *options)
        port = int(address_of(lrie).split(":")[1])
        reply = ask(lrie, port, path="/2018-06-01/ping")
        t.equal((reply.status, reply.body), (200, b"pong"))
        t.equal(refusals(lrie), [])


def test_a_flood_of_connections_is_survived(t):
    """A function that dials without end does not keep lrie from its other work."""
    for network in ("host", "none"):
        lrie = t.serve("echo", "--network", network, "--memory", "1769", "--timeout", "30")
        flood = lrie.begin_invoke(b'{"do":"redial:3000,answer:\\"done\\""}')
        lrie.stdout.wait_line("START .*")
        for _ in range(20):
            t.equal(lrie.invoke(b'"quick"').body, b'"quick"')
        t.equal(flood.reply().body, b'"done"')
        open_files = len(os.listdir("/proc/%d/fd" % lrie.pid))
        t.between(10, open_files, 100, "descriptors of lrie")
        t.equal(refusals(lrie), [])
        lrie.stop()


if __name__ == "__main__":
    harness.main()
