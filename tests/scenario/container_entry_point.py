#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""As the first process of an image that holds nothing else, lrie does all that such a process must.

No container engine is needed: an image is a folder that becomes the root of a mount, pid, IPC and UTS
namespace, as an engine makes them. A static lrie is alone in it; of another, its libraries come along.
"""
import json
import os
import re
import shutil
import signal
import subprocess

import harness
from harness import wait_for

RIE = "/usr/local/bin/aws-lambda-rie"
FREE_PORTS = ("--runtime-interface-emulator-address", "127.0.0.1:0",
              "--runtime-api-address", "127.0.0.1:0")
DEVICES = ("null", "zero", "full", "random", "urandom")

# Runs as process 1 of the new namespaces, until it becomes lrie.
ENTER = """
mount --bind "$ROOT" "$ROOT" || exit 111
for device in $DEVICES; do mount --bind "/dev/$device" "$ROOT/dev/$device" || exit 111; done
[ ! -d "$ROOT/proc" ] || mount -t proc proc "$ROOT/proc" || exit 111
[ ! -d "$ROOT/tmp" ] || mount -t tmpfs tmpfs "$ROOT/tmp" || exit 111
[ ! "$READ_ONLY" ] || mount -o remount,bind,ro "$ROOT" || exit 111
[ ! "$NETWORK" ] || ip link set lo up || exit 111
exec env -i $VARIABLES "$(command -v chroot)" ${USER_IDS:+--userspec=$USER_IDS} "$ROOT" "$@"
"""


def libraries(program):
    found = subprocess.run(["ldd", program], capture_output=True, text=True)
    return re.findall(r"(/\S+)", found.stdout) if found.returncode == 0 else []


class Image:
    """The folder, and how it is started."""

    def __init__(self, t, folders=("dev", "proc", "tmp"), bootstrap="/var/runtime/bootstrap"):
        t.need_root()
        self.test, self.root, self.has_devices = t, t.folder(), "dev" in folders
        for folder in (*folders, "usr/local/bin", "var/task"):
            os.makedirs(os.path.join(self.root, folder))
        if self.has_devices:
            for device in DEVICES:
                harness.write_file(os.path.join(self.root, "dev", device), "")
        self.put(harness.LRIE, RIE)
        for library in libraries(harness.LRIE):
            self.put(library, library)
        if bootstrap:
            self.put(harness.BOOTSTRAP, bootstrap)

    def put(self, source, path):
        target = self.root + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target)
        os.chmod(target, 0o755)

    def start(self, *command, read_only=False, user="", network=False, variables=""):
        namespaces = ["--mount", "--uts", "--ipc", "--pid"] + (["--net"] if network else [])
        env = {"ROOT": self.root, "READ_ONLY": "1" if read_only else "", "USER_IDS": user,
               "DEVICES": " ".join(DEVICES) if self.has_devices else "",
               "NETWORK": "1" if network else "", "VARIABLES": variables}
        lrie = self.test.start(*namespaces, "--fork", "--kill-child", "--propagation", "private",
                               "sh", "-c", ENTER, "sh", *command, program="unshare", env=env)
        lrie.first = lambda: next((process for process in harness.descendants(lrie.pid)
                                   if process.name == "aws-lambda-rie"), None)
        return lrie

    def serve(self, *command, **more):
        lrie = self.start(RIE, *FREE_PORTS, *command, **more)
        lrie.wait_until_it_listens()
        return lrie


def end(t, lrie, number=signal.SIGTERM, expect=0):
    """unshare hands on how its child ended."""
    family = harness.descendants(lrie.pid)
    os.kill(lrie.first().pid, number)
    t.equal(lrie.wait(), expect, "exit code")
    lrie.stopped = True
    lrie.check_nothing_is_left(family)


def environment_of(lrie):
    return lrie.do("env").json()


def test_an_image_that_holds_nothing_else(t):
    lrie = Image(t).serve("/var/runtime/bootstrap", "echo")
    t.equal(lrie.invoke(b'"bare"').body, b'"bare"')
    t.equal(environment_of(lrie)["_HANDLER"], "echo")
    end(t, lrie)


def test_the_bootstrap_is_found_without_options(t):
    for path in ("/var/task/bootstrap", "/opt/bootstrap", "/var/runtime/bootstrap"):
        lrie = Image(t, bootstrap=path).serve(variables="_HANDLER=answer:1")
        t.equal(lrie.invoke().body, b"1", path)
        end(t, lrie)


def test_no_bootstrap_is_told(t):
    lrie = Image(t, bootstrap=None).serve()
    t.true("Couldn't find valid bootstrap(s)" in lrie.invoke().json()["errorMessage"], "no reason")
    end(t, lrie)


def test_a_read_only_root(t):
    lrie = Image(t).serve("/var/runtime/bootstrap", "echo", read_only=True)
    t.equal(lrie.invoke(b"1").body, b"1")
    end(t, lrie)


def test_an_ordinary_user(t):
    for read_only in (False, True):
        lrie = Image(t).serve("/var/runtime/bootstrap", "echo", user="1000:1000",
                              read_only=read_only)
        t.equal(lrie.invoke(b"1").body, b"1")
        t.true("identity" in lrie.stderr.text(), "the missing walls are not told")
        end(t, lrie)


def test_without_proc_and_tmp(t):
    if harness.SLOW != 1:
        t.skip("a sanitizer cannot do without /proc")
    image = Image(t, folders=("dev",))
    lrie = image.serve("/var/runtime/bootstrap", "echo")
    t.equal(lrie.invoke(b"1").body, b"1")
    end(t, lrie)
    check_refused(t, image.start(RIE, *FREE_PORTS, "/var/runtime/bootstrap", user="1000:1000"),
                  r"lrie: error: read '/proc/self/stat': .*mount -t proc proc /proc'\n")


def test_without_dev_it_says_what_is_missing(t):
    check_refused(t, Image(t, folders=("proc", "tmp")).start(RIE, *FREE_PORTS),
                  r"lrie: error: open '/dev/null': .*mknod.*\n")


def check_refused(t, lrie, message):
    t.equal(lrie.wait(), 3)
    lrie.stopped = True
    lrie.check_nothing_is_left()
    t.match(lrie.stderr.text(), message)


def test_orphans_are_reaped(t):
    """As "docker exec" leaves them: their parent ends, and they end later."""
    image = Image(t)
    lrie = image.serve("/var/runtime/bootstrap", "echo")
    first = lrie.first().pid
    for _ in range(3):
        subprocess.run(["nsenter", "--target", str(first), "--pid", "sh", "-c",
                        "sleep 0.01 & exec true"], check=True)
    wait_for(lambda: not [process for process in harness.descendants(first)
                          if process.name in ("sleep", "sh") or process.state == "Z"],
             "the end of all orphans")
    t.equal(lrie.invoke(b"1").body, b"1")
    end(t, lrie)


def test_signals_end_it_and_the_box(t):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        lrie = Image(t).serve("/var/runtime/bootstrap", "echo")
        lrie.invoke()
        end(t, lrie, number)


def test_a_signal_before_it_listens_is_not_lost(t):
    for delay in range(12):
        lrie = Image(t).start(RIE, *FREE_PORTS, "/var/runtime/bootstrap", "echo")
        first = wait_for(lrie.first, "lrie")
        end_at = harness.kernel_clock() + delay * 0.0003
        while harness.kernel_clock() < end_at:
            os.sched_yield()
        # The first process of a namespace gets, from outside, only what it does not ignore.
        if not signal_is_taken(first.pid, signal.SIGTERM):
            wait_for(lambda: signal_is_taken(first.pid, signal.SIGTERM), "signals to be held")
        os.kill(first.pid, signal.SIGTERM)
        t.equal(lrie.wait(), 0, "after %d us" % (delay * 300))
        lrie.stopped = True
        lrie.check_nothing_is_left()


def signal_is_taken(pid, number):
    """Whether it is blocked, to be read later, or caught."""
    with open("/proc/%d/status" % pid) as file:
        masks = re.findall(r"^Sig(?:Blk|Cgt):\s+([0-9a-f]+)$", file.read(), re.MULTILINE)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def ask_inside(lrie, port, path, body):
    """A request to 127.0.0.1, in lrie's network."""
    code = ("import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', %d);"
            "c.request(%r, %r, %r); r = c.getresponse(); print(r.status, r.read().decode())"
            % (port, "POST" if body else "GET", path, body))
    return subprocess.run(["nsenter", "--target", str(lrie.first().pid), "--net", "python3", "-c",
                           code], capture_output=True, text=True, timeout=harness.DEADLINE)


def test_addresses_are_those_of_rie(t):
    lrie = Image(t).start(RIE, "/var/runtime/bootstrap", "echo", network=True)
    lrie.stderr.wait_line(r"lrie: listening on http://0\.0\.0\.0:8080")
    t.equal(ask_inside(lrie, 8080, harness.INVOKE_PATH, "[1]").stdout, "200 [1]\n")
    environment = ask_inside(lrie, 8080, harness.INVOKE_PATH, json.dumps({"do": "env"})).stdout
    t.true('"AWS_LAMBDA_RUNTIME_API":"127.0.0.1:9001"' in environment.replace(": ", ":"),
           environment)
    end(t, lrie)


def test_variables_of_rie(t):
    lrie = Image(t).serve("/var/runtime/bootstrap", "echo",
                          variables="AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256")
    t.equal(environment_of(lrie)["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256")
    end(t, lrie)


if __name__ == "__main__":
    harness.main()
