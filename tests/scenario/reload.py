#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP with --config: what has changed in the file changes, and nothing else."""
import contextlib
import os
import pty
import re
import signal
import threading
import time
import zipfile

import harness
from changed_files_replace_environments import unpacked
from harness import path_of
from several_functions import File, ask, not_found, wait_for_record

EVENT = {"X-Amz-Invocation-Type": "Event"}.items()


class Served:
    """lrie with a file that changes."""

    def __init__(self, t, functions, **common):
        self.file = File(t, functions, **common)
        self.lrie = t.start("--config", self.file.path)
        self.lrie.wait_until_it_listens()
        self.told = 0

    def reload(self, pattern, functions=None, **common):
        """Writes the file, unless None is given, and waits for what is said of it."""
        if functions is not None:
            self.file.write(functions, **common)
        os.kill(self.lrie.pid, signal.SIGHUP)
        self.told += 1
        lines = self.lrie.stderr.wait(
            lambda lines: (lambda told: told if len(told) >= self.told else None)(
                [line for line in lines if re.search("is read again: |stay as they are", line)]),
            "what reload %d did" % self.told)
        if not re.search(pattern, lines[self.told - 1]):
            raise harness.Failure("%r does not match %r" % (lines[self.told - 1], pattern))


def body(served, name):
    return ask(served.lrie, name).body


def metric(served, name, function):
    return served.lrie.metric("lrie_" + name, function=function)


def lives(served, name):
    """How many inits were told: environments of 'name' so far."""
    return metric(served, "environments_started_total", name)


def test_what_has_changed_changes_and_nothing_else(t):
    served = Served(t, {"same": {"handler": "answer:1"}, "other": {"handler": "answer:2"},
                        "gone": {"handler": "answer:3"}})
    for name in ("same", "other", "gone"):
        body(served, name)
    served.lrie.rest()
    served.reload(r"/lrie\.json' is read again: changed other; added new; removed gone$",
                  {"new": {"handler": "answer:4"}, "other": {"handler": "answer:5"},
                   "same": {"handler": "answer:1"}})
    t.equal([body(served, name) for name in ("same", "other", "new")], [b"1", b"5", b"4"])
    reply = ask(served.lrie, "gone")
    t.equal((reply.status, reply.body), (404, not_found("gone")))
    t.equal([lives(served, name) for name in ("same", "other", "new")], [1, 2, 1])
    served.reload("is read again: no function has changed$")
    t.equal([lives(served, name) for name in ("same", "other", "new")], [1, 2, 1])
    served.lrie.stop()


def test_how_it_is_written_does_not_count(t):
    served = Served(t, {"one": {"memory": 256, "env": {"MODE": "1"}}})
    body(served, "one")
    served.reload("no function has changed$", {"one": {"env": ["MODE=1"], "timeout": "3"}},
                  memory="256")
    t.equal(lives(served, "one"), 1)
    served.lrie.stop()


def test_a_broken_file_changes_nothing(t):
    served = Served(t, {"one": {"handler": "answer:1"}, "two": {"handler": "answer:2"}})
    for name in ("one", "two"):
        body(served, name)
    for text, words in (
            ('{"functions": [\n{"name": "one", "memry": 1}]}', r"line 2: unknown member 'memry'"),
            ('{"functions": [\n{"name": "one", "memory": 1}]}', r"line 2, memory: 1 is not between"),
            ('{"functions": [{"name": "one"}', r"lrie\.json'?: "),
            ('{"functions": []}', "no 'functions'"),
            ("", "No content"),
            # What can be read, and cannot be had: the first one would have changed, the last one
            # would be new.
            ('{"bootstrap": "boot", "functions": [{"name": "one", "handler": "answer:9"},'
             '{"name": "two", "layer": "nothing"}]}', "two: "),
            ('{"bootstrap": "boot", "functions": [{"name": "one", "handler": "answer:9"},'
             '{"name": "two", "on-failure": "no/folder"}]}', "two: "),
            ('{"bootstrap": "boot", "functions": [{"name": "one", "handler": "answer:9"},'
             '{"name": "new", "bootstrap": "no/folder"}]}', "new: ")):
        harness.write_file(served.file.path, text)
        served.reload(words + ".*: all functions stay as they are")
        served.lrie.rest()
        t.equal([body(served, name) for name in ("one", "two")], [b"1", b"2"], text)
    os.unlink(served.file.path)
    os.mkfifo(served.file.path) # that nobody writes to
    served.reload(r"is no file that can be read again: all functions stay as they are")
    os.unlink(served.file.path)
    served.reload(r"No such file or directory: all functions stay as they are")
    t.equal([lives(served, name) for name in ("one", "two")], [1, 1])
    served.reload("changed one, two$", {"one": {"handler": "answer:3"}, "two": {"handler": "answer:4"}})
    t.equal([body(served, name) for name in ("one", "two")], [b"3", b"4"])
    served.lrie.stop()


def test_running_invocations_end_on_the_old(t):
    served = Served(t, {"one": {"handler": "sleep:700,answer:old", "function-version": "1"}})
    busy = served.lrie.begin_invoke(path=path_of("one"))
    served.lrie.stdout.wait_line(r"START .*")
    served.reload("changed one$", {"one": {"handler": "answer:new", "function-version": "2"}})
    for reply, expected in ((ask(served.lrie, "one"), (b"new", "2")), (busy.reply(), (b"old", "1"))):
        t.equal((reply.body, reply.header("X-Amz-Executed-Version")), expected)
    harness.wait_for(lambda: len(served.lrie.function_processes("boot")) == 1, "the end of the old")
    served.lrie.stop()


def test_a_function_that_is_gone_ends_what_it_has(t):
    """Those that wait in its line as well; its environments end then, and no other."""
    served = Served(t, {"stays": {}, "goes": {"handler": "sleep:400,answer:1"}})
    body(served, "stays")
    busy = [served.lrie.begin_invoke(path=path_of("goes")) for _ in range(12)]
    # Looked at in this order, who moves on meanwhile is counted twice only when all have come.
    harness.wait_for(lambda: sum("[goes] START " in line for line in served.lrie.stdout.lines())
                     + metric(served, "invocations_waiting", "goes") >= 12, "twelve of them")
    served.reload("removed goes$", {"stays": {}})
    t.equal(ask(served.lrie, "goes").status, 404)
    t.equal([connection.reply().body for connection in busy], 12 * [b"1"])
    harness.wait_for(lambda: len(served.lrie.function_processes("boot")) == 1, "the end of the old")
    t.equal(lives(served, "stays"), 1)
    # And it may come back.
    served.reload("added goes$", {"stays": {}, "goes": {"handler": "answer:2"}})
    t.equal(body(served, "goes"), b"2")
    served.lrie.stop()


def test_an_end_while_a_function_goes(t):
    served = Served(t, {"stays": {}, "goes": {"handler": "sleep:5000", "timeout": 10}})
    busy = served.lrie.begin_invoke(path=path_of("goes"))
    served.lrie.stdout.wait_line(r"\[goes\] START .*")
    served.reload("removed goes$", {"stays": {}})
    served.lrie.stop()
    busy.close()


def test_events_of_a_changed_function_go_on(t):
    """It is the new one that takes those that wait for their next attempt."""
    served = Served(t, {"one": {"handler": "crash:invoke"}, "two": {}}, clock="virtual")
    t.equal(ask(served.lrie, "one", b'{"a":1}', EVENT).status, 202)
    served.lrie.stdout.wait_line(r"\[one\] REPORT .*\tStatus: error.*")
    served.reload("changed one$", {"one": {"handler": "echo", "on-success": "good"}, "two": {}},
                  clock="virtual")
    served.lrie.advance("1m")
    record = wait_for_record(os.path.join(served.file.folder, "good"))
    t.equal((record["requestPayload"], record["responsePayload"]), ({"a": 1}, {"a": 1}))
    t.equal(record["requestContext"]["approximateInvokeCount"], 2)
    served.lrie.stop()


def test_events_of_a_function_that_is_gone_are_told(t):
    served = Served(t, {"one": {"handler": "crash:invoke"}, "two": {}})
    t.equal(ask(served.lrie, "one", b"{}", EVENT).status, 202)
    served.lrie.stdout.wait_line(r"\[one\] REPORT .*\tStatus: error.*")
    served.reload("removed one$", {"two": {}})
    served.lrie.stderr.wait_line(r"lrie: warning: one: 1 event has been accepted and not run to the end: .*")
    served.lrie.stop()


def test_events_of_a_function_that_comes_back_go_on(t):
    """Also one that the function before was still running when the new one began."""
    common = {"state": os.path.join(t.folder(), "state")}
    served = Served(t, {"one": {"handler": "sleep:1500,crash:invoke"}, "two": {}}, **common)
    reply = ask(served.lrie, "one", b'{"a":1}', EVENT)
    t.equal(reply.status, 202)
    served.lrie.stdout.wait_line(r"\[one\] START .*")
    served.reload("removed one$", {"two": {}}, **common)
    served.reload("added one$", {"one": {"handler": "echo", "on-success": "good"}, "two": {}}, **common)
    record = wait_for_record(os.path.join(served.file.folder, "good"))
    t.equal((record["requestContext"]["requestId"], record["responsePayload"]),
            (reply.request_id, {"a": 1}))
    t.equal(record["requestContext"]["approximateInvokeCount"], 2)
    served.lrie.stop()


def test_what_is_not_of_a_function_waits_for_the_next_start(t):
    served = Served(t, {"one": {}})
    served.reload("no function has changed$", {"one": {}}, sandbox="off")
    served.lrie.stderr.wait_line(
        r"lrie: warning: '.*': 'sandbox' is not about one function: .* from the next start on")
    t.equal(ask(served.lrie, "one").status, 200)
    served.lrie.stop()


def test_lines_bear_names_as_soon_as_there_are_several(t):
    served = Served(t, {"one": {}})
    served.lrie.report(ask(served.lrie, "one").request_id)
    served.reload("added two$", {"one": {}, "two": {}})
    body(served, "one")
    served.lrie.stdout.wait_line(r"\[one\] REPORT .*")
    served.reload("removed two$", {"one": {}})
    served.lrie.report(ask(served.lrie, "one").request_id)
    served.lrie.stop()


def test_the_paths_of_a_site_change(t):
    served = Served(t, {"one": {"handler": "answer:1", "http-path": "/a"},
                        "two": {"handler": "answer:2", "http-path": "/b"}}, http="127.0.0.1:0")
    port = int(served.lrie.stderr.wait_line(r"lrie: serving HTTP on http://127\.0\.0\.1:(\d+)( .*)?")[1])

    def get(path):
        with harness.Connection(port) as connection:
            return connection.ask("GET", path).body

    t.equal((get("/a"), get("/b")), (b"1", b"2"))
    served.reload("changed one; removed two$",
                  {"one": {"handler": "answer:3", "http-path": "/b"}}, http="127.0.0.1:0")
    t.equal(get("/b"), b"3")
    t.true(get("/a") not in (b"1", b"3"), "a path that nobody has any more")
    served.lrie.stop()


def test_a_storm(t):
    """Forty changes while callers never pause: each gets an answer of one of them."""
    def functions(i):
        names = {"busy": {"handler": "sleep:5,answer:%d" % i}, "still": {"handler": "answer:0"}}
        if i % 2:
            names["comes%d" % (i % 3)] = {"provisioned": 1}
        return names

    served = Served(t, functions(0))
    body(served, "still")
    still, = served.lrie.function_processes("boot")
    wrong, good, done = [], [], threading.Event()

    def call():
        while not done.is_set():
            try:
                reply = ask(served.lrie, "busy")
            except Exception as error:  # for a thread that ends so nobody looks
                wrong.append(error)
                return
            is_good = reply.status == 200 and re.fullmatch(rb"\d+", reply.body)
            (good if is_good else wrong).append(reply)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    try:
        for i in range(1, 40):
            served.file.write(functions(i))
            os.kill(served.lrie.pid, signal.SIGHUP)
            body(served, "still")
    finally:
        done.set()
        for caller in callers:
            caller.join()
    t.equal(wrong, [])
    t.true(good, "nobody was answered")
    harness.wait_for(lambda: body(served, "busy") == b"39", "the last one")
    t.true(still.is_alive(), "one that has not changed was replaced")
    harness.wait_for(lambda: len(served.lrie.function_processes("boot")) <= 12, "the end of the old")
    served.lrie.stop()


# ---- layers that have to be unpacked -----------------------------------------------

FILLING = 100 << 20


def pack(t, sizes, damage=False):
    """A zip file with files of these sizes; damaged so that this is found out at the end."""
    path = os.path.join(t.folder(), "layer.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number, size in enumerate(sizes):
            archive.writestr("file%d" % number, bytes(size))
    if damage:
        with open(path, "r+b") as file:
            data = bytearray(file.read())
            at = data.rindex(b"PK\1\2") + 16 # the checksum of the last one
            data[at] ^= 1
            file.seek(0)
            file.write(data)
    return path


def unpacking(served, count=1):
    served.lrie.stderr.wait_line(r"lrie: '.*/lrie\.json': layers are being unpacked; .*", count)


class Caller:
    """Who asks for 'other' again and again, and sees how long the answers stay away."""

    def __init__(self, served):
        self.served, self.answers, self.wrong = served, [], []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.call)

    def call(self):
        try:
            with self.served.lrie.connect() as connection:
                while not self.done.is_set():
                    if connection.ask("POST", path_of("other"), b"{}").body != b"2":
                        raise harness.Failure("another answer")
                    self.answers.append(time.monotonic())
        except Exception as error:  # for a thread that ends so nobody looks
            self.wrong.append(error)

    def __enter__(self):
        self.thread.start()
        harness.wait_for(lambda: self.answers or self.wrong, "the first answer")
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def check_during(self, t, what, deed):
        """Who is kept waiting by 'deed' waits as long as that takes."""
        begun = time.monotonic()
        deed()
        ended = time.monotonic()
        times = [begun] + [moment for moment in self.answers if begun < moment < ended] + [ended]
        gap = max(later - earlier for earlier, later in zip(times, times[1:]))
        t.true(gap < (ended - begun) / 2, "%s takes %.0f ms, and for %.0f ms there is no answer"
               % (what, 1e3 * (ended - begun), 1e3 * gap))


def test_others_are_served_while_layers_are_unpacked(t):
    """And while they are removed, which many small files make slow."""
    plain = {"one": {"handler": "answer:1"}, "other": {"handler": "answer:2"}}
    served = Served(t, plain)
    body(served, "one")
    body(served, "other")
    layer = pack(t, 2 * [FILLING] + 10000 * [1])
    layered = {"one": {"handler": "answer:3", "layer": layer}, "other": {"handler": "answer:2"},
               "new": {"handler": "answer:4", "layer": layer}}
    with Caller(served) as caller:
        caller.check_during(t, "unpacking", lambda: served.reload("changed one; added new$", layered))
        unpacking(served)
        t.equal([body(served, name) for name in ("one", "new")], [b"3", b"4"])
        t.equal(len(unpacked(served.lrie)), 1, "both have the same")
        served.reload("changed one; removed new$", plain)
        caller.check_during(t, "removing", lambda: harness.wait_for(
            lambda: not unpacked(served.lrie), "the end of the layers"))
    t.equal(caller.wrong, [])
    served.lrie.stop()


def test_a_reload_while_layers_are_unpacked(t):
    """It waits until that is done; and what a shell sends to all processes is for lrie alone."""
    served = Served(t, {"one": {"handler": "answer:1"}, "two": {"handler": "answer:1"}})
    t.equal([body(served, name) for name in ("one", "two")], [b"1", b"1"])
    boxes = {child.pid for child in harness.descendants(served.lrie.pid)}
    layer = pack(t, [FILLING])
    served.file.write({"one": {"handler": "answer:2", "layer": layer}, "two": {"handler": "answer:1"}})
    os.kill(served.lrie.pid, signal.SIGHUP)
    unpacking(served)
    for child in harness.descendants(served.lrie.pid):
        if child.pid not in boxes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGHUP)
    served.told = 1
    served.reload("changed two$", {"one": {"handler": "answer:2", "layer": layer},
                                   "two": {"handler": "answer:3"}})
    t.match("\n".join(served.lrie.stderr.lines()),
            r"(?s).*: changed one\n.*: changed two$")
    t.equal([body(served, name) for name in ("one", "two")], [b"2", b"3"])
    served.lrie.stop()


def test_layers_that_cannot_be_unpacked_change_nothing(t):
    served = Served(t, {"one": {"handler": "answer:1"}, "two": {"handler": "answer:2"}})
    good, bad = pack(t, [FILLING]), pack(t, [FILLING, 1], damage=True)
    served.reload(r"two: layer '.*/layer\.zip': .*: all functions stay as they are$", {
        "one": {"handler": "answer:3", "layer": good}, "two": {"handler": "answer:4", "layer": bad}})
    t.equal([body(served, name) for name in ("one", "two")], [b"1", b"2"])
    harness.wait_for(lambda: not unpacked(served.lrie), "the end of what was unpacked")
    served.reload("changed one$", {"one": {"handler": "answer:3", "layer": good},
                                   "two": {"handler": "answer:2"}})
    t.equal(body(served, "one"), b"3")
    served.lrie.stop()


def test_an_end_while_layers_are_unpacked(t):
    served = Served(t, {"one": {"handler": "answer:1"}})
    served.file.write({"one": {"handler": "answer:2", "layer": pack(t, 2 * [FILLING])}})
    os.kill(served.lrie.pid, signal.SIGHUP)
    unpacking(served)
    served.lrie.stop()


def test_without_a_file_it_is_the_end(t):
    lrie = t.serve("echo")
    lrie.stop(signal.SIGHUP)


def test_a_terminal_that_goes_takes_it_along(t):
    """SIGHUP is what the kernel sends then."""
    file = File(t, {"one": {}})
    ours, theirs = pty.openpty()
    lrie = t.start("--config", file.path, stdin=theirs)
    os.close(theirs)
    lrie.wait_until_it_listens()
    os.kill(lrie.pid, signal.SIGHUP)
    lrie.stderr.wait_line(r"lrie: '.*' is read again: no function has changed")
    os.close(ours)
    lrie.stop(signal.SIGHUP)


if __name__ == "__main__":
    harness.main()
