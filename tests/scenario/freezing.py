#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Between invocations nothing of the function runs, and everything goes on afterwards."""
import os
import re
import signal
import socket
import threading
import time

import harness

IDLE = 0.3  # in which a function that runs ticks some hundred times


def idle():
    """This is the time in which something happens or does not."""
    time.sleep(IDLE)


def is_stopped(process):
    """Whether none of its threads gets a CPU, by the kernel's own account."""
    def turns():
        folder = "/proc/%d/task" % process.pid
        found = {}
        for thread in os.listdir(folder):
            with open(os.path.join(folder, thread, "status")) as file:
                found[thread] = re.findall(r"ctxt_switches:\s*(\d+)", file.read())
        return found
    before = turns()
    idle()
    return turns() == before


def freezing(t, *options):
    t.need_walls("freeze")
    return t.serve("echo", *options)


def test_nothing_runs_between_invocations(t):
    lrie = freezing(t)
    for _ in range(3):
        lrie.do("ticks")  # of a thread and of a child
        found = lrie.function_processes("bootstrap")
        t.equal(len(found), 2, "processes")
        for process in found:
            harness.wait_for(lambda: is_stopped(process), "the freeze of %r" % process)


def test_everything_goes_on_with_the_next_invocation(t):
    lrie = freezing(t)
    lrie.do("ticks")
    idle()

    def ticked():
        lrie.do("ticks,sleep:100")  # which is in the invocation, until the next one
        thread, child = lrie.do("ticks").json()
        return thread > 20 and child > 20

    harness.wait_for(ticked, "ticks in an invocation")


def test_it_can_be_switched_off(t):
    for options, env in ((["--freeze=off"], {}), ([], {"LRIE_FREEZE": "off"})):
        lrie = t.serve("echo", *options, env=env)
        lrie.do("ticks")

        def ticked():
            idle()
            thread, child = lrie.do("ticks").json()
            return thread > 100 and child > 100

        harness.wait_for(ticked, "ticks between invocations")
        t.true("freeze" not in lrie.stderr.text(), lrie.stderr.text())


def test_init_is_followed_by_a_freeze(t):
    t.need_walls("freeze")
    lrie = t.serve("init-busy:20,echo")
    process, = harness.wait_for(lambda: lrie.function_processes("bootstrap"), "the function")
    harness.wait_for(lambda: is_stopped(process), "the freeze")
    t.equal(lrie.invoke(b"1").body, b"1")


def test_connections_are_kept(t):
    lrie = freezing(t)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        accepted = []

        def serve():
            peer, _ = server.accept()
            accepted.append(peer)
            while peer.recv(64):
                peer.sendall(b'"still here"')

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        for _ in range(3):
            t.equal(lrie.do("keep:%d" % port).body, b'"still here"')
            idle()
        t.equal(len(accepted), 1)
        accepted[0].shutdown(socket.SHUT_RDWR)
        thread.join(harness.DEADLINE)
        accepted[0].close()


def test_invocations_far_apart_are_as_good_as_others(t):
    lrie = freezing(t)
    first = lrie.do("pid").body
    durations = []
    for _ in range(3):
        idle()
        reply = lrie.do("pid")
        t.equal(reply.body, first)
        durations.append(lrie.report(reply.request_id).duration)
    t.true(min(durations) < 100 * harness.SLOW, "slow thaws: %r" % durations)


def test_a_timeout_after_a_freeze(t):
    lrie = freezing(t, "--timeout", "1")
    lrie.invoke()
    idle()
    t.equal(lrie.do("silent").json()["errorType"], "Sandbox.Timedout")
    idle()
    t.equal(lrie.invoke(b"2").body, b"2")


def test_a_crash_after_a_freeze(t):
    lrie = freezing(t)
    lrie.invoke()
    idle()
    t.equal(lrie.do("crash").json()["errorType"], "Runtime.ExitError")
    t.equal(lrie.invoke(b"2").body, b"2")
    idle()
    t.equal(lrie.invoke(b"3").body, b"3")


def test_a_frozen_runtime_that_is_killed(t):
    t.need_root()
    lrie = freezing(t)
    lrie.invoke()
    process, = lrie.function_processes("bootstrap")
    idle()
    os.kill(process.pid, signal.SIGKILL)
    reply = lrie.invoke(b"1")
    t.true(reply.body == b"1" or reply.json()["errorType"] == "Runtime.ExitError", repr(reply))
    t.equal(lrie.invoke(b"2").body, b"2")


def end_frozen(t, number, **more):
    lrie = freezing(t)
    lrie.do("ticks,daemon")
    idle()
    lrie.stop(number, **more)


def test_shutdown_while_frozen(t):
    for number in (signal.SIGTERM, signal.SIGINT):
        end_frozen(t, number)


def test_lrie_is_killed_while_frozen(t):
    end_frozen(t, signal.SIGKILL, expect=None)


def test_many_environments_are_frozen_each(t):
    lrie = freezing(t)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(harness.DEADLINE)
        port = server.getsockname()[1]
        callers = [lrie.begin_invoke(b'{"do": "keep:%d"}' % port) for _ in range(3)]
        peers = [server.accept()[0] for _ in callers]  # all three are there at once
        for peer in peers:
            peer.sendall(b"1")
        for caller in callers:
            t.equal(caller.reply().body, b"1")
        for peer in peers:
            t.closing(peer)
    found = lrie.function_processes("bootstrap")
    t.equal(len(found), 3)
    for process in found:
        harness.wait_for(lambda: is_stopped(process), "the freeze of each")
    t.equal(lrie.invoke(b"1").body, b"1")


if __name__ == "__main__":
    harness.main()
