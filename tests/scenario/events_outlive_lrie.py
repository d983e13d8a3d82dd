#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--state: an event that was answered with 202 is run, whatever becomes of lrie.

And destinations that are servers or functions; and what is told of events that wait.
"""
import contextlib
import http.server
import json
import os
import random
import resource
import signal
import struct
import threading
import time
import zlib

import harness

EVENT = {"X-Amz-Invocation-Type": "Event"}.items()


def kill(lrie):
    """As the kernel does when there is no memory."""
    lrie.stop(signal.SIGKILL, expect=-signal.SIGKILL)


def says(t, text, part):
    t.true(part in text, "%r says nothing of %r" % (text, part))


def events(lrie, query=""):
    with lrie.connect() as connection:
        return connection.ask("GET", "/_lrie/events" + query).json()


def read_lines(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().split("\n")[:-1]
    except FileNotFoundError:
        return []


def places(log):
    """Where records are in a log, and how long their bodies: 4 bytes of marker, 4 of length, 4 of
    checksum before each."""
    at = 16
    while at + 12 <= len(log):
        length, = struct.unpack_from(">I", log, at + 4)
        yield at, length
        at += 12 + length


class Survivor:
    """An lrie that is killed and begun again, with one state and one log."""

    def __init__(self, t, handler, *options):
        self.t = t
        self.handler = handler
        self.folder = t.folder()
        self.records = os.path.join(self.folder, "records")
        self.options = ("--state", os.path.join(self.folder, "state"), "--on-success", self.records,
                        *options)

    def begin(self):
        return self.t.serve(self.handler, *self.options)

    def log_path(self):
        return os.path.join(self.folder, "state", "events-1.log")

    def log(self):
        with open(self.log_path(), "rb") as file:
            return file.read()

    def has_kept_failures(self, count):
        """Whether the first attempt of so many events has failed, and that would outlive lrie."""
        log, progress = self.log(), struct.Struct(">BQQIQQII")
        told = [progress.unpack_from(log, at + 12) for at, length in places(log)
                if length == progress.size and at + 12 + length <= len(log)]
        return len({each[1] for each in told if each[0] == 3 and each[-1] == 1}) == count

    def done(self):
        found = set()
        for line in read_lines(self.records):
            with contextlib.suppress(ValueError):  # SIGKILL has torn it; it comes again
                found.add(json.loads(line)["requestContext"]["requestId"])
        return found


def test_killed_at_any_time(t):
    """Many callers, and a SIGKILL at a random moment, again and again."""
    survivor = Survivor(t, "sleep:3", "--quiet")
    accepted, seed, rounds = set(), random.randrange(1 << 32), 0
    chance = random.Random(seed)
    while rounds < 8 or len(accepted) < 50:
        rounds += 1  # longer ones, where a disk takes its time
        lrie = survivor.begin()
        lock = threading.Lock()

        def stream(lrie=lrie, lock=lock):
            try:
                with lrie.connect() as connection:
                    while True:
                        reply = connection.ask("POST", harness.INVOKE_PATH, b"{}", EVENT)
                        if reply.status == 202:
                            with lock:
                                accepted.add(reply.request_id)
            except (OSError, EOFError, harness.Failure, ValueError, AttributeError, IndexError):
                pass  # it was killed

        callers = [threading.Thread(target=stream) for _ in range(4)]
        for caller in callers:
            caller.start()
        time.sleep(chance.uniform(0.02, 0.2 * max(1, rounds - 7)))  # the moment is what the test is about
        kill(lrie)
        for caller in callers:
            caller.join()
    lrie = survivor.begin()
    harness.wait_for(lambda: lrie.metric("lrie_events_queued") == 0, "all events to be over")
    lrie.stop()
    lost = accepted - survivor.done()
    t.equal((len(lost), seed), (0, seed))
    t.equal(os.listdir(os.path.join(survivor.folder, "state")), ["lock"])


def test_attempts_go_on(t):
    survivor = Survivor(t, "error", "--retries", "1")
    lrie = survivor.begin()
    reply = lrie.invoke(b'{"a":1}', EVENT)
    harness.wait_for(lambda: survivor.has_kept_failures(1), "the failure")
    kill(lrie)
    lrie = survivor.begin()
    event, = events(lrie)["events"]
    t.equal((event["requestId"], event["attempts"], event["failures"], event["state"]),
            (reply.request_id, 1, 1, "delayed"))
    lrie.stop()
    t.true("1 event has been accepted and not run to the end: kept in '%s/state'" % survivor.folder
           in lrie.stderr.text(), lrie.stderr.text())


def shift_times(survivor, seconds):
    """All that the log says of the wall clock, as if that had been set meanwhile."""
    data = survivor.log()
    out = data[:16]
    for at, length in places(data):
        kind, number, accepted, chain, due = struct.unpack_from(">BQQIQ", data, at + 12)
        accepted, due = (when + seconds * 10 ** 9 if when else 0 for when in (accepted, due))
        body = struct.pack(">BQQIQ", kind, number, accepted, chain, due)
        body += data[at + 12 + len(body):at + 12 + length]
        head = struct.pack(">4sI", data[at:at + 4], length)
        out += head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body
    with open(survivor.log_path(), "wb") as file:
        file.write(out)


def begin_with_times_shifted(t, seconds):
    """An event has failed once, and the next lrie finds that it was 'seconds' later."""
    survivor = Survivor(t, "error", "--retries", "1", "--clock", "virtual")
    lrie = survivor.begin()
    lrie.invoke(b"{}", EVENT)
    harness.wait_for(lambda: survivor.has_kept_failures(1), "the failure")
    kill(lrie)
    shift_times(survivor, seconds)
    return survivor.begin()


def test_a_clock_that_was_ahead(t):
    """By a century: the event is new, and waits five minutes at most."""
    lrie = begin_with_times_shifted(t, 100 * 365 * 86400)
    event, = events(lrie)["events"]
    t.equal((event["state"], event["attempts"]), ("delayed", 1))
    t.true(event["ageMs"] < 60000, event)
    lrie.advance("4m")
    t.equal(events(lrie)["events"][0]["attempts"], 1)
    lrie.advance("1m")
    harness.wait_for(lambda: lrie.metric("lrie_events_failed_total") == 1, "the second attempt")
    lrie.stop()


def test_a_clock_that_was_behind(t):
    """By an hour: the event is as old, and due."""
    lrie = begin_with_times_shifted(t, -3600)
    harness.wait_for(lambda: lrie.metric("lrie_events_queued") == 0, "the second attempt")
    lrie.stop()
    lrie = begin_with_times_shifted(t, -7 * 3600)
    harness.wait_for(lambda: lrie.metric("lrie_events_queued") == 0, "the end")
    lrie.stop()
    says(t, lrie.stderr.text(), "given up after 1 attempt (--max-event-age)")


def test_one_lrie_at_a_time(t):
    survivor = Survivor(t, "echo")
    lrie = survivor.begin()
    other = t.run("--listen", "127.0.0.1:0", "--bootstrap", harness.BOOTSTRAP, *survivor.options)
    t.equal(other.code, 2)
    t.true("in use by another lrie, process %d" % lrie.process.pid in other.stderr, other.stderr)
    lrie.stop()


def refused(t, path):
    done = t.run("--listen", "127.0.0.1:0", "--bootstrap", harness.BOOTSTRAP, "--state", path)
    t.equal(done.code, 2)
    return done.stderr


def test_folders_that_cannot_be_used(t):
    folder = t.folder()
    harness.write_file(os.path.join(folder, "file"), "")
    says(t, refused(t, os.path.join(folder, "file")), "/file': Not a directory")
    says(t, refused(t, os.path.join(folder, "none", "state")),
         "/none/state': No such file or directory")
    state = os.path.join(folder, "state")
    os.makedirs(os.path.join(state, "events-1.log"))
    says(t, refused(t, state), "/events-1.log': open: Is a directory")
    os.rmdir(os.path.join(state, "events-1.log"))
    os.unlink(os.path.join(state, "lock"))
    os.symlink("/dev/null", os.path.join(state, "lock"))
    says(t, refused(t, state), "/lock': Too many levels of symbolic links")


def test_a_folder_of_another_user(t):
    if os.geteuid() == 0:
        raise harness.Skip("root may use any folder")
    says(t, refused(t, "/"), "open '//lock' in a folder of user 0: Permission denied")


def test_a_disk_that_is_full(t):
    """Its stand-in is a limit on the size of files, which an ordinary user has too."""
    lrie = t.bare("--state", os.path.join(t.folder(), "state"), "--concurrency", "1", "--quiet")
    resource.prlimit(lrie.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    replies = [lrie.invoke(b'"%s"' % (b"a" * 1000), EVENT) for _ in range(8)]
    good = [reply for reply in replies if reply.status == 202]
    bad = replies[-1]
    t.true(0 < len(good) < 8, replies)
    t.equal((bad.status, bad.header("x-amzn-ErrorType"), list(bad.json()), bad.json()["Type"]),
            (500, "ServiceException", ["Type", "Message"], "Service"))
    says(t, bad.json()["Message"], "File too large")
    resource.prlimit(lrie.process.pid, resource.RLIMIT_FSIZE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    t.equal(lrie.invoke(b"{}", EVENT).status, 202)
    run_all(t, lrie, len(good) + 1)
    lrie.stop()
    says(t, lrie.stderr.text(), "events are refused, since they cannot be kept")


def run_all(t, lrie, count):
    """The events, which have waited until now: this test is their runtime."""
    runtime = lrie.runtime()
    for _ in range(count):
        runtime.answer(runtime.next())
    runtime.begin_next()
    harness.wait_for(lambda: lrie.metric("lrie_events_queued") == 0, "all events to be over")
    t.equal(lrie.metric("lrie_events_succeeded_total"), count)


def in_file_system(t, kind, prepare, *options):
    """lrie, its state in a tmpfs that nobody else sees, mounted so; the shell 'prepare's "$1"."""
    if os.geteuid() != 0:
        raise harness.Skip("a mount needs root")
    folder = t.folder()
    script = 'mount -t tmpfs -o %s,mode=700 tmpfs "$1" && %s && shift && exec "$@"' % (kind, prepare)
    return t.start("-m", "--propagation", "private", "sh", "-c", script, "sh", folder,
                   harness.LRIE, "--listen", "127.0.0.1:0", "--bootstrap",
                   t.script(harness.BARE_SCRIPT), "--runtime-api-access=any", "--state", folder,
                   "--quiet", *options, program="unshare")


def in_small_file_system(t, ballast, *options):
    """Of 64 KiB, with so many of them taken."""
    return in_file_system(t, "size=64k", 'head -c %d /dev/zero >"$1/ballast"' % (ballast * 1024),
                          *options)


def check_refuses_to_start(t, lrie, reason):
    t.equal(lrie.wait(), 2)
    lrie.stopped = True
    says(t, lrie.stderr.text(), reason)


def test_a_file_system_that_is_full(t):
    lrie = in_small_file_system(t, 0, "--concurrency", "1")
    lrie.wait_until_it_listens()
    replies = [lrie.invoke(b'"%s"' % (b"a" * 5000), EVENT) for _ in range(20)]
    good = [reply for reply in replies if reply.status == 202]
    t.between(5, len(good), 19, "events that fit")
    bad = [reply for reply in replies if reply.status != 202]
    t.equal({(reply.status, reply.header("x-amzn-ErrorType")) for reply in bad},
            {(500, "ServiceException")})
    says(t, bad[0].json()["Message"], "No space left on device")
    run_all(t, lrie, len(good))
    lrie.stop()


def test_a_file_system_that_is_full_at_the_start(t):
    check_refuses_to_start(t, in_small_file_system(t, 64), "No space left on device")


def test_a_file_system_that_is_read_only(t):
    check_refuses_to_start(t, in_file_system(t, "ro", "true"), "Read-only file system")


def test_damage_is_told_and_kept(t):
    survivor = Survivor(t, "error")
    lrie = survivor.begin()
    ids = [lrie.invoke(b"{}", EVENT).request_id for _ in range(3)]
    harness.wait_for(lambda: survivor.has_kept_failures(3), "all failures")
    kill(lrie)
    with open(survivor.log_path(), "r+b") as file:
        file.seek(file.read().index(ids[1].encode()))
        file.write(b"garbage")
    lrie = survivor.begin()
    t.equal([e["requestId"] for e in events(lrie)["events"]], [ids[0], ids[2]])
    lrie.stop()
    t.true("is damaged at byte" in lrie.stderr.text(), lrie.stderr.text())
    with open(os.path.join(survivor.folder, "state", "events-1.damaged"), "rb") as file:
        t.true(b"garbage" in file.read(), "the damaged bytes are not there")


def test_a_function_that_is_not_there(t):
    survivor = Survivor(t, "error")
    lrie = survivor.begin()
    lrie.invoke(b"{}", EVENT)
    lrie.stop()
    lrie = t.serve("error", *survivor.options, "--function-name", "other")
    t.equal(events(lrie)["queued"], 0)
    lrie.stop()
    t.true("has 1 event of functions that are not there, as 'function': kept" in
           lrie.stderr.text(), lrie.stderr.text())
    lrie = survivor.begin()
    t.equal(events(lrie)["queued"], 1)
    lrie.stop()


# ---- what waits

def test_what_waits_is_told(t):
    lrie = t.bare()
    ids = [lrie.invoke(b'{"a":1}', EVENT).request_id for _ in range(3)]
    page = events(lrie, "?limit=2")
    t.equal([event["requestId"] for event in page["events"]], ids[:2])
    t.equal((page["queued"], page["next"]), (3, "function:2"))
    t.equal((page["events"][0]["function"], page["events"][0]["state"], page["events"][0]["bytes"]),
            ("function", "running", 7))
    rest = events(lrie, "?from=" + page["next"])
    t.equal([event["requestId"] for event in rest["events"]], ids[2:])
    t.true("next" not in rest, rest)
    t.equal(events(lrie, "?function=other"), {"events": [], "queued": 0})
    with lrie.connect() as connection:
        for query in ("limit=0", "limit=1001", "limit=x", "from=", "from=x", "from=a:b",
                      "from=" + 100 * "a" + ":1"):
            t.equal(connection.ask("GET", "/_lrie/events?" + query).status, 400)
        t.equal(connection.ask("POST", "/_lrie/events").status, 405)
    lrie.stop()


def test_what_waits_in_several_functions_is_told(t):
    """In the order of their names, whichever page it is on."""
    folder = t.folder()
    functions = [{"name": name, "handler": "sleep:60000", "concurrency": 1} for name in "cab"]
    harness.write_file(os.path.join(folder, "lrie.json"), json.dumps({
        "bootstrap": harness.BOOTSTRAP, "timeout": 100, "functions": functions}))
    lrie = t.start("--listen", "127.0.0.1:0", "--config", os.path.join(folder, "lrie.json"))
    lrie.wait_until_it_listens()
    ids = {name: [lrie.invoke(b"{}", EVENT, path=harness.INVOKE_PATH.replace(
        "/function/", "/%s/" % name)).request_id for _ in range(2)] for name in "cab"}
    told, query = [], "?limit=1"
    while True:
        page = events(lrie, query)
        t.equal(page["queued"], 6)
        told += [(event["function"], event["requestId"]) for event in page["events"]]
        if "next" not in page:
            break
        query = "?limit=1&from=" + page["next"]
    t.equal(told, [(name, each) for name in "abc" for each in ids[name]])
    page = events(lrie, "?function=b")
    t.equal((page["queued"], [event["requestId"] for event in page["events"]]), (2, ids["b"]))
    lrie.stop()
    says(t, lrie.stderr.text(), "b: 2 events have been accepted and not run to the end: lost")


# ---- destinations

class Server:
    """Takes records; 'status' is what it answers."""

    def __init__(self):
        self.records, self.status = [], 200
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if owner.status == 200:
                    owner.records.append((self.path, json.loads(body)))
                self.send_response(owner.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_a_server_is_told(t):
    with Server() as server:
        lrie = t.serve("echo", "--on-success", "http://127.0.0.1:%d/hook?a=b" % server.port)
        ids = [lrie.invoke(b'{"a":1}', EVENT).request_id for _ in range(3)]
        harness.wait_for(lambda: len(server.records) == 3, "three records")
        t.equal({record["requestContext"]["requestId"] for _, record in server.records}, set(ids))
        t.equal({path for path, _ in server.records}, {"/hook?a=b"})
        lrie.stop()


def tell_in_vain(lrie, server):
    """The first attempt, of a server that is busy."""
    server.status = 503
    reply = lrie.invoke(b"{}", EVENT)
    lrie.stderr.wait(lambda _: "is tried again" in lrie.stderr.text(), "the first attempt")
    return reply


def check_put_aside(t, undelivered, reply):
    line, = read_lines(undelivered)
    t.equal(json.loads(line)["requestContext"]["requestId"], reply.request_id)


def test_the_end_waits_for_what_is_left(t):
    with Server() as server:
        lrie = t.serve("echo", "--on-success", "http://127.0.0.1:%d/" % server.port)
        tell_in_vain(lrie, server)
        server.status = 200
        lrie.stop()
        t.equal(len(server.records), 1)


def test_a_server_that_is_down_is_told_later(t):
    """It gets what the lrie before could not tell."""
    with Server() as server:
        survivor = Survivor(t, "echo", "--on-success", "http://127.0.0.1:%d/" % server.port)
        lrie = survivor.begin()
        reply = tell_in_vain(lrie, server)
        kill(lrie)
        server.status = 200
        lrie = survivor.begin()
        harness.wait_for(lambda: server.records, "the record")
        t.equal(server.records[0][1]["requestContext"]["requestId"], reply.request_id)
        lrie.stop()


def test_a_record_that_is_refused_is_put_aside(t):
    with Server() as server:
        survivor = Survivor(t, "echo", "--on-success", "http://127.0.0.1:%d/" % server.port)
        server.status = 400
        lrie = survivor.begin()
        reply = lrie.invoke(b"{}", EVENT)
        harness.wait_for(lambda: lrie.metric("lrie_event_records_dropped_total") == 1, "the end")
        check_put_aside(t, os.path.join(survivor.folder, "state", "undelivered"), reply)
        lrie.stop()


def test_what_is_put_aside_has_an_end(t):
    """It is told before, and what has no room stays for the next lrie."""
    with Server() as server:
        survivor = Survivor(t, "echo", "--on-success", "http://127.0.0.1:%d/" % server.port)
        server.status = 400
        state = os.path.join(survivor.folder, "state")
        undelivered = os.path.join(state, "undelivered")
        os.mkdir(state)
        for megabytes, words in ((40, "undelivered' has 40 MB, and takes 64 MB at most"),
                                 (64, "nor can that be put aside")):
            harness.write_file(undelivered, "")
            os.truncate(undelivered, megabytes << 20)
            lrie = survivor.begin()
            reply = lrie.invoke(b"{}", EVENT)
            lrie.stderr.wait(lambda _, lrie=lrie, words=words: words in lrie.stderr.text(), words)
            lrie.stop()
        os.unlink(undelivered)
        survivor.begin().stop()
        check_put_aside(t, undelivered, reply)


def test_a_record_for_nobody_is_put_aside_when_that_is_possible(t):
    with Server() as server:
        survivor = Survivor(t, "echo", "--on-success", "http://127.0.0.1:%d/" % server.port)
        lrie = survivor.begin()
        reply = tell_in_vain(lrie, server)
        kill(lrie)
    state = os.path.join(survivor.folder, "state")
    undelivered = os.path.join(state, "undelivered")
    os.mkdir(undelivered)
    lrie = t.serve("echo", "--state", state)
    lrie.stop()
    says(t, lrie.stderr.text(), "that is no destination any more")
    says(t, lrie.stderr.text(), "nor can that be put aside")
    os.rmdir(undelivered)
    for _ in range(2):
        t.serve("echo", "--state", state).stop()
        check_put_aside(t, undelivered, reply)


def test_a_function_is_told(t):
    folder = t.folder()
    records = os.path.join(folder, "records")
    harness.write_file(os.path.join(folder, "lrie.json"), json.dumps({
        "bootstrap": harness.BOOTSTRAP,
        "functions": [
            {"name": "one", "handler": "echo", "on-success": "function:two"},
            {"name": "two", "handler": "echo", "on-success": records}]}))
    lrie = t.start("--listen", "127.0.0.1:0", "--config", os.path.join(folder, "lrie.json"))
    lrie.wait_until_it_listens()
    reply = lrie.invoke(b'{"a":1}', EVENT, path=harness.INVOKE_PATH.replace("/function/", "/one/"))
    record = json.loads(harness.wait_for(lambda: read_lines(records), "the record")[0])
    t.equal(record["requestPayload"]["requestContext"]["requestId"], reply.request_id)
    t.equal(record["requestPayload"]["requestPayload"], {"a": 1})
    lrie.stop()


def test_a_function_that_tells_itself_comes_to_an_end(t):
    lrie = t.serve("answer:1", "--on-success", "function:function", "--quiet")
    lrie.invoke(b"{}", EVENT)
    harness.wait_for(lambda: lrie.metric("lrie_event_records_dropped_total") == 1, "the end")
    t.equal(lrie.metric("lrie_events_succeeded_total"), 16)
    lrie.stop()
    t.true("RecursiveInvocationException" in lrie.stderr.text(), lrie.stderr.text())


def test_destinations_that_are_none(t):
    for destination, reason in (
            ("https://localhost/", "lrie speaks plain HTTP only"),
            ("http://no.such.host.invalid/", "neither an address nor a name in /etc/hosts"),
            ("function:other", "there is no function of that name")):
        done = t.run("--listen", "127.0.0.1:0", "--bootstrap", harness.BOOTSTRAP, "--on-failure",
                     destination)
        t.equal(done.code, 2)
        t.true(reason in done.stderr, done.stderr)


if __name__ == "__main__":
    harness.main()
