#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever kills lrie, and whenever: its functions die with it.

The harness looks for processes, mounts and files after each death. Empty cgroups
stay until the next lrie starts, and are looked for then. Run by root, each death
is also that of a lrie of an ordinary user.
"""
import contextlib
import os
import resource
import signal
import socket
import time

import harness

NOBODY = 65534


def kill(lrie):
    lrie.process.send_signal(signal.SIGKILL)


def crash(lrie):
    with contextlib.suppress(OSError):  # 1: nowhere, not even to a program that takes cores
        resource.prlimit(lrie.pid, resource.RLIMIT_CORE, (1, 1))
    lrie.process.send_signal(signal.SIGSEGV)


def stop_and_kill(lrie):
    lrie.process.send_signal(signal.SIGSTOP)
    kill(lrie)


DEATHS = (kill, crash, stop_and_kill)

# A sanitizer would catch the crash, perhaps before it is able to, and go on from there.
UNCAUGHT = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"}


def users():
    return [None, NOBODY] if os.geteuid() == 0 else [None]


def check_the_end(t, lrie, family):
    lrie.stopped = True
    lrie.wait()
    lrie.check_nothing_is_left(family, groups=False)
    if lrie.port:
        with socket.socket() as sock:
            t.true(sock.connect_ex(("127.0.0.1", lrie.port)) != 0, "somebody still listens")


def die(t, lrie, death):
    family = harness.descendants(lrie.pid)
    death(lrie)
    check_the_end(t, lrie, family)


def check_swept(t):
    """The next lrie takes away what only an lrie can: the groups of the dead."""
    dead = [lrie for lrie in t.lries if lrie.stopped]
    for user in users():
        t.serve("echo", user=user).stop()
    for lrie in dead:
        t.equal(harness.cgroups_of(lrie.pid, lrie.born), [], "groups of the dead")


def all_deaths(t, prepare):
    """prepare(user) returns a lrie that has come to the moment of its death."""
    for user in users():
        for death in DEATHS:
            die(t, prepare(user), death)
    check_swept(t)


def test_while_it_starts(t):
    for user in users():
        for number in range(12 if not harness.SOAK else 60):
            lrie = t.start("--listen", "127.0.0.1:0", "--bootstrap", harness.BOOTSTRAP,
                           "--handler", "echo", user=user, env=UNCAUGHT)
            time.sleep(number * 0.0005)
            die(t, lrie, DEATHS[number % len(DEATHS)])
    check_swept(t)


def test_in_init(t):
    def prepare(user):
        lrie = t.bare(user=user, env=UNCAUGHT)
        lrie.runtime()
        return lrie

    all_deaths(t, prepare)


def test_in_an_invocation(t):
    def prepare(user):
        lrie = t.bare(user=user, env=UNCAUGHT)
        lrie.begin_invoke()
        lrie.runtime().next()
        return lrie

    all_deaths(t, prepare)


def test_between_invocations(t):
    """Everything is frozen then, and on cgroup v1 SIGKILL waits for the thaw."""
    def prepare(user):
        lrie = t.serve("echo", user=user, env=UNCAUGHT)
        reply = lrie.do("ignore:TERM,daemon,fork:5,echo")
        lrie.report(reply.request_id)
        return lrie

    all_deaths(t, prepare)


def test_with_several_environments(t):
    def prepare(user):
        lrie = t.bare(user=user, env=UNCAUGHT)
        for number in (1, 2, 3):
            lrie.begin_invoke()
            lrie.runtime(number).next()
        return lrie

    all_deaths(t, prepare)


def test_while_it_ends(t):
    """SIGTERM has begun the end, and death comes at some point of it."""
    for user in users():
        for number in range(6):
            lrie = t.serve("echo", user=user, env=UNCAUGHT)
            lrie.do("ignore:TERM,ignore:INT,daemon,echo")
            family = harness.descendants(lrie.pid)
            lrie.process.send_signal(signal.SIGTERM)
            time.sleep(number * 0.0003)
            DEATHS[number % len(DEATHS)](lrie)
            check_the_end(t, lrie, family)
    check_swept(t)


def test_with_a_network_of_its_own(t):
    finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo",
                     "--network", "none")
    if finished.code == 3:
        t.skip(" ".join(finished.stderr.split())[:200])

    def prepare(user):
        lrie = t.serve("echo", "--network", "none", user=user, env=UNCAUGHT)
        lrie.do("daemon,echo")
        return lrie

    all_deaths(t, prepare)


if __name__ == "__main__":
    harness.main()
