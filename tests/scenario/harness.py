# SPDX-License-Identifier: Apache-2.0
"""harness - starts lrie, speaks HTTP with it, and holds it to what it promises.

A story is a file of functions `test_...(t)`; `t` is a Test, which starts things
and afterwards checks that they left nothing behind. Output is TAP.

    $LRIE            the binary (./lrie)
    $LRIE_FIXTURES   the folder of the fixture functions (./fixtures)
    $LRIE_TEST_SLOW  a factor for all deadlines, for sanitizers and slow machines
    $LRIE_SOAK       any value: run the long version of long tests

There are two ways to have a function: the fixture bootstrap, whose handler name
says what it does (`t.serve("echo")`), and `t.bare()`, where the function only
prints the address of its Runtime API and the test itself plays the runtime. The
second decides to the byte and to the moment what a runtime does.

Nothing here sleeps to be safe: whatever is waited for is a condition, with one
generous deadline that only a failing test ever sees.
"""
import base64
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback

SLOW = float(os.environ.get("LRIE_TEST_SLOW") or 1)
DEADLINE = 20 * SLOW
SOAK = bool(os.environ.get("LRIE_SOAK"))

LRIE = os.path.abspath(os.environ.get("LRIE") or "./lrie")
FIXTURES = os.path.abspath(os.environ.get("LRIE_FIXTURES") or "./fixtures")
BOOTSTRAP = os.path.join(FIXTURES, "bootstrap")


def path_of(name, query=""):
    """Where a function is invoked."""
    return "/2015-03-31/functions/%s/invocations%s" % (name, query)


INVOKE_PATH = path_of("function")
RUNTIME_PATH = "/2018-06-01/runtime"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

REQUEST_LIMIT = 6291456
RESPONSE_LIMIT = 6291556

BARE_SCRIPT = """#!/bin/sh
echo "runtime api: $AWS_LAMBDA_RUNTIME_API"
exec sleep 1000
"""

# Does in the middle of its life what the test writes into a FIFO beside it.
PUPPET_SCRIPT = """#!/bin/sh
echo "runtime api: $AWS_LAMBDA_RUNTIME_API"
read -r command <"$LAMBDA_TASK_ROOT/commands"
eval "$command"
"""


class Failure(Exception):
    """The test has failed; the text says why."""


class Skip(Exception):
    """The test cannot run here; the text says why."""


def wait_for(condition, what, deadline=None):
    """Returns the first true value of condition(); fails when none comes."""
    end = time.monotonic() + (deadline or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("waited in vain for " + what)
        time.sleep(0.005)


def kernel_clock():
    """CLOCK_MONOTONIC in seconds: the clock that every process here shares."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


# ---- HTTP, as raw as a test needs it -----------------------------------------


class Reply:
    def __init__(self, status, reason, headers, body):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body

    def header(self, name, default=None):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return default

    def names(self):
        """The names of the headers as they were on the wire."""
        return [name for name, _ in self.headers]

    def json(self):
        return json.loads(self.body)

    @property
    def request_id(self):
        return self.header("X-Amzn-RequestId")

    @property
    def log_tail(self):
        return base64.b64decode(self.header("X-Amz-Log-Result"), validate=True)

    def __repr__(self):
        return "<%d %s %r %r>" % (self.status, self.reason, self.headers, self.body[:300])


class Connection:
    """One TCP connection to 127.0.0.1."""

    def __init__(self, port, receive_buffer=None):
        self.port = port
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Sends; a peer that has already closed is found out when its reply is read."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def request(self, method, target, body=None, headers=(), chunks=None, trailers=()):
        """Sends a request: 'body' with its length, or 'chunks' one by one."""
        head = ["%s %s HTTP/1.1" % (method, target)]
        given = {name.lower() for name, _ in headers}
        if "host" not in given:
            head.append("Host: 127.0.0.1:%d" % self.port)
        head += ["%s: %s" % header for header in headers]
        if chunks is not None:
            head.append("Transfer-Encoding: chunked")
        elif "content-length" not in given and (body is not None or method == "POST"):
            head.append("Content-Length: %d" % len(body or b""))
        self.send(("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + (body or b""))
        if chunks is not None:
            for chunk in chunks:
                self.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            tail = "".join("%s: %s\r\n" % trailer for trailer in trailers)
            self.send(b"0\r\n" + tail.encode("latin-1") + b"\r\n")

    def read_head(self):
        """Status, reason and headers, or None when the peer closed instead."""
        try:
            line = self.reader.readline(1 << 16)
        except ConnectionResetError:
            return None
        if not line:
            return None
        match = re.fullmatch(rb"HTTP/1\.[01] (\d{3}) ?([^\r\n]*)\r\n", line)
        if not match:
            raise Failure("not a status line: %r" % line)
        headers = []
        while True:
            line = self.reader.readline(1 << 21)
            if line == b"\r\n":
                return int(match[1]), match[2].decode("latin-1"), headers
            if b":" not in line:
                raise Failure("not a header: %r" % line)
            name, value = line.decode("latin-1").split(":", 1)
            headers.append((name, value.strip()))

    def read_body(self, status, headers, method):
        values = {name.lower(): value for name, value in headers}
        if method == "HEAD" or status in (204, 304) or status < 200:
            return b""
        if values.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while True:
                size = int(self.reader.readline().split(b";")[0], 16)
                body += self.reader.read(size)
                self.reader.readline()
                if size == 0:
                    return body
        if "content-length" in values:
            length = int(values["content-length"])
            body = self.reader.read(length)
            if len(body) != length:
                raise Failure("the body ended after %d of %d bytes" % (len(body), length))
            return body
        return self.reader.read()

    def try_reply(self, method="GET"):
        """The next reply, or None when the peer closed the connection instead."""
        head = self.read_head()
        while head and head[0] == 100:
            head = self.read_head()
        if not head:
            return None
        status, reason, headers = head
        return Reply(status, reason, headers, self.read_body(status, headers, method))

    def reply(self, method="GET"):
        reply = self.try_reply(method)
        if not reply:
            raise Failure("the connection was closed without a reply")
        return reply

    def ask(self, method, target, body=None, headers=(), **more):
        self.request(method, target, body, headers, **more)
        return self.reply(method)

    def is_closed(self):
        """Waits for the peer to close; false when it sends something instead."""
        try:
            return self.reader.read(1) == b""
        except ConnectionResetError:
            return True

    def has_input(self):
        """Whether something lies here unread, or the peer has closed."""
        self.sock.setblocking(False)
        try:
            self.sock.recv(1, socket.MSG_PEEK)
            return True
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True
        finally:
            self.sock.settimeout(DEADLINE)

    def half_close(self):
        with contextlib.suppress(OSError):  # the peer has closed already
            self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def close(self):
        self.reader.close()
        self.sock.close()


class Event:
    """What a runtime gets from /next."""

    def __init__(self, reply):
        if reply.status != 200:
            raise Failure("/next: %r" % reply)
        self.reply = reply
        self.id = reply.header("Lambda-Runtime-Aws-Request-Id")
        self.body = reply.body


class Runtime:
    """The test as the runtime of one life of an environment.

    One that has answered and does not ask for more within 200 ms gets no second invocation: the
    next one has an environment of its own. So begin_next() comes before the next begin_invoke().
    """

    def __init__(self, port):
        self.port, self.is_asking = port, False
        self.connection = Connection(port)

    def ask(self, method, path, *args, **more):
        """A call on the kept connection; 'path' is below /2018-06-01/runtime."""
        return self.connection.ask(method, RUNTIME_PATH + path, *args, **more)

    def next(self):
        if not self.is_asking:
            self.begin_next()
        return self.end_next()

    def begin_next(self):
        """Polls on the kept connection; read the event with next() or end_next()."""
        self.is_asking = True
        self.connection.request("GET", RUNTIME_PATH + "/invocation/next")

    def end_next(self):
        self.is_asking = False
        return Event(self.connection.reply())

    def answer(self, event, body=b"{}", headers=()):
        return self.ask("POST", "/invocation/%s/response" % event.id, body, headers)

    def error(self, event, body=b"{}", headers=()):
        return self.ask("POST", "/invocation/%s/error" % event.id, body, headers)

    def init_error(self, body=b"{}", headers=()):
        return self.ask("POST", "/init/error", body, headers)

    def close(self):
        self.connection.close()


def write_file(path, text, mode=0o644):
    """Whole, and with its mode, by the time that nobody has it open any more."""
    with open(path, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text if isinstance(text, bytes) else text.encode())
    return path


class Writer:
    """Writes 'total' bytes into an answer, for as long as it is let; beside the test."""

    def __init__(self, answer, total):
        self.answer, self.total, self.written = answer, total, 0
        self.piece = bytes(range(256)) * 256
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.written < self.total:
            self.answer.write(self.piece)
            self.written += len(self.piece)

    def wait_until_it_stands_still(self):
        """Fails when it gets rid of all."""
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < 0.3:
            if self.written != seen:
                seen, since = self.written, time.monotonic()
            if self.written >= self.total:
                raise Failure("nothing holds the function up")
            time.sleep(0.01)

    def join(self):
        self.thread.join(DEADLINE)
        if self.thread.is_alive():
            raise Failure("the function is held up for ever")


# ---- processes, cgroups, mounts ----------------------------------------------


def memory_kilobytes(pid, line="VmRSS"):
    """What a process has in memory; by "VmHWM", what it has had at most."""
    with open("/proc/%d/status" % pid) as file:
        return int(re.search(r"^%s:\s+(\d+) kB$" % line, file.read(), re.MULTILINE)[1])


class Process:
    def __init__(self, pid):
        with open("/proc/%d/stat" % pid) as file:
            text = file.read()
        fields = text[text.rindex(")") + 2:].split()
        self.pid, self.name = pid, text[text.index("(") + 1:text.rindex(")")]
        self.state, self.ppid, self.started = fields[0], int(fields[1]), fields[19]

    def is_alive(self):
        try:
            now = Process(self.pid)
        except OSError:
            return False
        return now.started == self.started and now.state not in "ZX"

    def __repr__(self):
        return "%s[%d]" % (self.name, self.pid)


def processes():
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                found.append(Process(int(name)))
    return found


def descendants(pid):
    """All processes below 'pid', parents first."""
    children = {}
    for process in processes():
        children.setdefault(process.ppid, []).append(process)
    found, queue = [], [pid]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += [process.pid for process in below]
    return found


def cgroups_of(pid, since=0):
    """Groups that a lrie with this pid has made, in any hierarchy, or changed since a time of
    time.time(): older ones are of somebody who was killed, and whose pid has come again."""
    name = re.compile(r"lrie-%d(\D.*)?$" % pid)
    found = []
    for root, folders, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(root, folder) for folder in folders if name.match(folder)]

    def is_new(group):
        with contextlib.suppress(FileNotFoundError):
            return os.stat(group).st_ctime > since - 1

    return list(filter(is_new, found))


def remove_cgroups_of(pid):
    """A lrie that was killed has left them; the next one with its pid is not to be blamed."""
    for group in cgroups_of(pid):
        for path, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)


def mounts():
    with open("/proc/self/mountinfo") as file:
        return set(file.read().splitlines())


def become_subreaper():
    """Orphans of an ended lrie become children of this process, and so are seen."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(36, 1, 0, 0, 0) != 0:  # PR_SET_CHILD_SUBREAPER
        raise OSError(ctypes.get_errno(), "prctl")


# ---- lrie --------------------------------------------------------------------


class Stream:
    """What lrie wrote to one of its outputs, gathered by a thread.

    Whoever asks for it gets all that lrie has written by then, whether or not the
    thread has had its turn."""

    def __init__(self, pipe, paused=False):
        self.pipe, self.data, self.ended = pipe, bytearray(), False
        self.changed = threading.Condition()
        self.running = threading.Event()
        if not paused:
            self.running.set()
        os.set_blocking(pipe.fileno(), False)
        self.thread = threading.Thread(target=self.gather, daemon=True)
        self.thread.start()

    def gather(self):
        readable = select.poll()
        readable.register(self.pipe.fileno(), select.POLLIN)
        while not self.ended:
            self.running.wait()
            readable.poll()
            with self.changed:
                self.take()

    def take(self):
        """Reads a block, if there is one; under the lock."""
        try:
            block = os.read(self.pipe.fileno(), 1 << 16)
        except BlockingIOError:
            return False
        self.data += block
        self.ended = not block
        self.changed.notify_all()
        return True

    def pause(self):
        """Reads one more block at most."""
        self.running.clear()

    def resume(self):
        self.running.set()

    def take_waiting(self):
        """Reads what is in the pipe now, and no more: some write without end."""
        if not self.running.is_set() or self.ended:
            return
        size = bytearray(4)
        fcntl.ioctl(self.pipe.fileno(), termios.FIONREAD, size)
        end = len(self.data) + int.from_bytes(size, sys.byteorder)
        while len(self.data) < end and self.take():
            pass

    def bytes(self):
        with self.changed:
            self.take_waiting()
            return bytes(self.data)

    def text(self):
        return self.bytes().decode("utf-8", "surrogateescape")

    def lines(self):
        """Whole lines, without their newline."""
        return self.text().split("\n")[:-1]

    def wait(self, condition, what):
        """Returns the first true value of condition(lines)."""
        end = time.monotonic() + DEADLINE
        with self.changed:
            while True:
                lines = self.data.decode("utf-8", "surrogateescape").split("\n")[:-1]
                value = condition(lines)
                if value:
                    return value
                if self.ended or not self.changed.wait(end - time.monotonic()):
                    raise Failure("waited in vain for %s in the output" % what)

    def wait_line(self, pattern, count=1):
        """The match of the count-th whole line that fits 'pattern'."""
        regex = re.compile(pattern)

        def find(lines):
            matches = [match for match in map(regex.fullmatch, lines) if match]
            return matches[count - 1] if len(matches) >= count else None

        return self.wait(find, "line %d of the form %r" % (count, pattern))


class Report:
    """A REPORT line, whose form is checked to the byte."""

    FORM = re.compile(
        r"REPORT RequestId: (?P<id>" + UUID + r")"
        r"\tDuration: (?P<duration>\d+\.\d\d) ms"
        r"\tBilled Duration: (?P<billed>\d+) ms"
        r"\tMemory Size: (?P<memory>\d+) MB"
        r"(\tMax Memory Used: (?P<peak>\d+) MB)?"
        r"(\tInit Duration: (?P<init>\d+\.\d\d) ms)?"
        r"(\tRestore Duration: (?P<restore>\d+\.\d\d) ms"
        r"\tBilled Restore Duration: (?P<billed_restore>\d+) ms)?"
        r"\t(Status: (?P<status>timeout|error|failure)(\tError Type: (?P<error>\S+))?)?")

    def __init__(self, line):
        match = self.FORM.fullmatch(line)
        if not match:
            raise Failure("not a REPORT line: %r" % line)
        self.line, self.id = line, match["id"]
        self.duration, self.billed = float(match["duration"]), int(match["billed"])
        self.memory = int(match["memory"])
        self.peak = int(match["peak"]) if match["peak"] else None
        self.init = float(match["init"]) if match["init"] else None
        self.restore = float(match["restore"]) if match["restore"] else None
        self.billed_restore = int(match["billed_restore"] or 0)
        self.status, self.error = match["status"], match["error"]
        if (self.status in ("error", "failure")) != (self.error is not None):
            raise Failure("Status and Error Type do not fit: %r" % line)


class Lrie:
    """A running lrie. `serve` first waits until it listens."""

    def __init__(self, test, command, env=None, user=None, cwd=None, stdin=subprocess.DEVNULL,
                 pause_stdout=False):
        self.test, self.command = test, command
        self.mounts = mounts()
        self.temporary = test.folder()
        os.chmod(self.temporary, 0o777)
        identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        self.born = time.time()
        self.process = subprocess.Popen(
            command, env=self.environment(env or {}), cwd=cwd, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **identity)
        self.pid = self.process.pid
        self.started = kernel_clock()
        self.stdout = Stream(self.process.stdout, pause_stdout)
        self.stderr = Stream(self.process.stderr)
        self.port, self.stopped = None, False
        self.told_to_end = self.ended_within = None  # by stop(): wall time, and seconds from then

    def environment(self, more):
        """What lrie itself gets: nothing of the caller's that is an option of lrie."""
        keep = ("PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH")
        env = {name: os.environ[name] for name in keep if name in os.environ}
        env.update(TMPDIR=self.temporary, LC_ALL="C")
        env.update(more)
        return env

    def wait_until_it_listens(self):
        line = self.stderr.wait_line(r"lrie: listening on http://127\.0\.0\.1:(\d+)")
        self.port = int(line[1])

    # -- the Invoke endpoint

    def connect(self, **more):
        return self.test.closing(Connection(self.port, **more))

    def do(self, words, headers=()):
        """Lets the fixture bootstrap obey 'words'; returns its answer."""
        return self.invoke(json.dumps({"do": words}).encode(), headers)

    def rest(self):
        """Waits until no environment is busy. What is invoked next is then in the one that was used
        last, and not in a new one because function or machine were slow to come back."""
        wait_for(lambda: self.metric("lrie_environments", state="busy") == 0, "rest")

    def do_and_rest(self, words):
        reply = self.do(words)
        self.rest()
        return reply

    def begin_invoke(self, payload=b"{}", headers=(), path=INVOKE_PATH):
        """Sends an invocation; read its reply from the connection that comes back."""
        connection = self.connect()
        connection.request("POST", path, payload, headers)
        return connection

    def invoke(self, payload=b"{}", headers=(), path=INVOKE_PATH):
        connection = self.begin_invoke(payload, headers, path)
        try:
            return connection.reply()
        finally:
            connection.close()

    # -- what it tells of itself

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels."""
        with self.connect() as connection:
            page = connection.ask("GET", "/_lrie/metrics").body.decode()
        wanted = {'%s="%s"' % label for label in labels.items()}
        values = [float(value) for family, given, value in
                  re.findall(r"^(\w+)\{(.*)\} (\S+)$", page, re.MULTILINE)
                  if family == name and wanted <= set(given.split(","))]
        if not values:
            raise Failure("no %s with %r in:\n%s" % (name, labels, page))
        return sum(values)

    # -- its clock, with --clock virtual

    def begin_advance(self, duration, settle=None):
        """Sends an order to move it; read the reply from the connection that comes back."""
        order = {"advance": duration}
        if settle:
            order["settle"] = settle
        connection = self.connect()
        connection.request("POST", "/_lrie/clock", json.dumps(order).encode())
        return connection

    def advance(self, duration, settle=None):
        """Moves it; returns what lrie tells when that is over."""
        with self.begin_advance(duration, settle) as connection:
            reply = connection.reply()
        if reply.status != 200:
            raise Failure("the clock does not move: %r" % reply)
        return reply.json()

    # -- the function of t.bare()

    def runtime(self, count=1):
        """The Runtime API of the count-th life that has begun."""
        line = self.stdout.wait_line(r"runtime api: 127\.0\.0\.1:(\d+)", count)
        return self.test.closing(Runtime(int(line[1])))

    def await_orders(self):
        """The FIFO of t.puppet(), once its function waits there; for order()."""

        def open_fifo():
            try:
                return os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return None

        return wait_for(open_fifo, "a function that takes orders")

    def order(self, command, fifo=None):
        """Lets the function of t.puppet() run a shell command."""
        fifo = fifo or self.await_orders()
        os.write(fifo, command.encode() + b"\n")
        os.close(fifo)

    def lives(self):
        return sum(line.startswith("runtime api: ") for line in self.stdout.lines())

    def function_processes(self, name=None):
        """The processes of the function: all below lrie that are not lrie itself."""
        own = os.path.basename(self.command[0])
        found = [process for process in descendants(self.pid) if process.name != own[:15]]
        return [process for process in found if name in (None, process.name)]

    # -- the log

    def report(self, request_id):
        """Waits for the REPORT of an invocation."""
        start = "REPORT RequestId: %s\t" % request_id

        def find(lines):
            return next((line for line in lines if line.startswith(start)), None)

        return Report(self.stdout.wait(find, "the REPORT of " + request_id))

    def log(self, request_id):
        """The lines of an invocation, START to REPORT."""
        self.report(request_id)
        lines = self.stdout.lines()
        first = lines.index("START RequestId: %s Version: $LATEST" % request_id)
        last = next(at for at, line in enumerate(lines)
                    if line.startswith("REPORT RequestId: %s\t" % request_id))
        return lines[first:last + 1]

    # -- its end

    def wait(self):
        """Waits until lrie has ended by itself; returns its exit code."""
        try:
            return self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise Failure("lrie does not end") from None

    def stop(self, with_signal=signal.SIGTERM, expect=0, groups=True):
        """Ends lrie and checks that nothing of it is left (but for cgroups, without 'groups')."""
        family = descendants(self.pid)
        self.stopped = True
        self.told_to_end = time.time()
        began = kernel_clock()
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        code = self.wait()
        self.ended_within = kernel_clock() - began
        self.check_nothing_is_left(family, groups and with_signal != signal.SIGKILL)
        if expect is not None and code != expect:
            raise Failure("lrie ended with %d instead of %d" % (code, expect))

    def check_nothing_is_left(self, family=(), groups=True):
        patience = 2 * SLOW
        wait_for(lambda: not self.test.orphans(), "the end of all processes", patience)
        wait_for(lambda: not any(process.is_alive() for process in family),
                 "the end of %r" % (family,), patience)
        for stream in (self.stdout, self.stderr):
            stream.resume()
            stream.thread.join(DEADLINE)
            if stream.thread.is_alive():
                raise Failure("a process that is left holds lrie's output")
            stream.pipe.close()
        if not groups:
            remove_cgroups_of(self.pid)
        elif cgroups_of(self.pid, self.born):
            raise Failure("cgroups are left: %s" % cgroups_of(self.pid, self.born))
        ours = [line for line in mounts() - self.mounts
                if "lrie" in line or self.temporary in line]
        if ours:
            raise Failure("mounts are left: %s" % ours)
        self.check_no_file_is_left()

    def check_no_file_is_left(self):
        left = [os.path.join(self.temporary, name) for name in os.listdir(self.temporary)]
        for folder in ("/tmp", "/run", "/dev/shm"):
            with contextlib.suppress(OSError):
                left += [os.path.join(folder, name) for name in os.listdir(folder)
                         if re.search(r"lrie.*\b%d\b" % self.pid, name)]
        if left:
            raise Failure("files are left: %s" % left)

    def end_by_force(self):
        """For a test that has failed already: no checks, but nothing may stay."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.stdout.resume()


class Finished:
    """The outcome of a lrie that has ended by itself."""

    def __init__(self, lrie, code):
        self.code = code
        self.stdout, self.stderr = lrie.stdout.bytes(), lrie.stderr.text()

    def __repr__(self):
        return "<exit %d, stdout %r, stderr %r>" % (self.code, self.stdout[:500], self.stderr)


def tells_its_runtime_api(bootstrap):
    """Whether it leaves the Runtime API to the test, who is not in its box."""
    try:
        with open(bootstrap, "rb") as file:
            return b"runtime api: " in file.read(4096)
    except OSError:
        return False


# ---- tests -------------------------------------------------------------------


class Test:
    """What a test function works with; it cleans up after it."""

    def __init__(self):
        self.lries, self.folders, self.open = [], [], []
        self.walls = ()

    # -- starting things

    def folder(self):
        """A new folder that everybody may read, gone after the test."""
        path = tempfile.mkdtemp(prefix="scenario-")
        os.chmod(path, 0o755)
        self.folders.append(path)
        return path

    def script(self, text, name="bootstrap", mode=0o755):
        """A bootstrap with this text, alone in a new folder."""
        return write_file(os.path.join(self.folder(), name), text, mode)

    def start(self, *command, program=LRIE, **more):
        """Starts lrie with exactly these arguments."""
        lrie = Lrie(self, [program, *command], **more)
        self.lries.append(lrie)
        return lrie

    def run(self, *command, stdin=None, expect=None, **more):
        """Runs lrie to its end."""
        if stdin is None:
            lrie = self.start(*command, **more)
        else:
            lrie = self.start(*command, stdin=subprocess.PIPE, **more)
            with contextlib.suppress(BrokenPipeError):
                lrie.process.stdin.write(stdin)
                lrie.process.stdin.close()
        code = lrie.wait()
        lrie.stopped = True
        lrie.check_nothing_is_left()
        finished = Finished(lrie, code)
        if expect is not None and code != expect:
            raise Failure("exit code %d expected: %r" % (expect, finished))
        return finished

    def serve_bootstrap(self, bootstrap, *options, **more):
        if tells_its_runtime_api(bootstrap):
            options = ("--runtime-api-access=any",) + options
        if self.walls:
            options += ("--require-sandbox=" + ",".join(self.walls),)
        lrie = self.start("--listen", "127.0.0.1:0", "--bootstrap", bootstrap, *options, **more)
        lrie.wait_until_it_listens()
        return lrie

    def serve(self, handler, *options, **more):
        """lrie with the fixture bootstrap, which does what the handler's name says."""
        return self.serve_bootstrap(BOOTSTRAP, "--handler", handler, *options, **more)

    def serve_script(self, text, *options, **more):
        return self.serve_bootstrap(self.script(text), *options, **more)

    def bare(self, *options, **more):
        """lrie with a function that leaves the Runtime API to the test."""
        return self.serve_script(BARE_SCRIPT, *options, **more)

    def puppet(self, *options, **more):
        """Like bare(), and the function's process does what order() tells it."""
        bootstrap = self.script(PUPPET_SCRIPT)
        fifo = os.path.join(os.path.dirname(bootstrap), "commands")
        os.mkfifo(fifo)
        os.chmod(fifo, 0o644)
        lrie = self.serve_bootstrap(bootstrap, *options, **more)
        lrie.fifo = fifo
        return lrie

    def closing(self, thing):
        """Closes it after the test."""
        self.open.append(thing)
        return thing

    # -- claims

    def equal(self, actual, expected, what=""):
        if actual != expected:
            raise Failure("%s\n  actual:   %s\n  expected: %s"
                          % (what or "not equal", shorten(actual), shorten(expected)))

    def true(self, claim, what):
        if not claim:
            raise Failure(what)

    def match(self, text, pattern, what=""):
        match = re.fullmatch(pattern, text, re.DOTALL)
        if not match:
            raise Failure("%s\n  actual: %s\n  form:   %s"
                          % (what or "no match", shorten(text), shorten(pattern)))
        return match

    def between(self, low, value, high, what):
        if not low <= value <= high:
            raise Failure("%s: %s is not between %s and %s" % (what, value, low, high))

    def near(self, actual, expected, what, share=0.05, absolute=3):
        """Within 5 % or 3 ms, whichever is more."""
        room = max(share * expected, absolute)
        self.between(expected - room, actual, expected + room, what)

    def skip(self, reason):
        raise Skip(reason)

    def need_root(self):
        if os.geteuid() != 0:
            raise Skip("needs root")

    def need_walls(self, *walls, user=None):
        """Skips where the machine does not let lrie raise these walls.

        What is served afterwards requires them, so that none falls away unnoticed.
        """
        finished = self.run("invoke", "--bootstrap", BOOTSTRAP, "--handler", "echo", "--event",
                            "{}", "--require-sandbox=" + ",".join(walls), user=user)
        if finished.code == 3:
            raise Skip(" ".join(finished.stderr.split())[:200])
        if finished.code != 0:
            raise Failure("%r" % finished)
        self.walls = walls

    def need_whole_walls(self, *walls):
        """Skips where they do not stand, or with a gap."""
        self.need_walls(*walls)
        states = json.loads(self.run("doctor", "--json").stdout)["walls"]
        for wall in states:
            if wall["name"] in walls and wall["enforced"] != "yes":
                raise Skip("%s: %s" % (wall["name"], wall["detail"]))

    def orphans(self):
        """Processes that an ended lrie has left to us; the dead among them are buried."""
        running = {lrie.pid for lrie in self.lries}
        mine = [process for process in processes()
                if process.ppid == os.getpid() and process.pid not in running]
        for process in mine:
            if process.state == "Z":
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
        return [process for process in mine if process.state not in "ZX"]

    # -- the end

    def finish(self):
        """Ends what still runs, with all checks."""
        self.close_all()
        for lrie in self.lries:
            if not lrie.stopped:
                lrie.stop()

    def close_all(self):
        for thing in self.open:
            thing.close()
        self.open = []

    def abandon(self):
        """Ends what still runs, with no checks."""
        self.close_all()
        for lrie in self.lries:
            lrie.end_by_force()
        for process in self.orphans():
            with contextlib.suppress(OSError):
                os.kill(process.pid, signal.SIGKILL)

    def sweep(self):
        for path in self.folders:
            shutil.rmtree(path, ignore_errors=True)

    def outputs(self):
        for lrie in self.lries:
            yield "$ " + " ".join(lrie.command)
            for name in ("stdout", "stderr"):
                yield "%s:" % name
                yield from fold(getattr(lrie, name).text().split("\n"))


def shorten(value):
    text = value if isinstance(value, str) else repr(value)
    text = repr(text) if isinstance(value, str) else text
    return text if len(text) <= 2000 else "%s… (%d characters)" % (text[:2000], len(text))


def fold(lines):
    """The last lines of an output, repeated ones told only once."""
    folded = []
    for line in lines[-1000:]:
        if folded and folded[-1][0] == line:
            folded[-1][1] += 1
        elif line:
            folded.append([line, 1])
    for line, count in folded[-30:]:
        yield "  " + line[:300] + (" (%d times)" % count if count > 1 else "")


def comment(text):
    for line in text.split("\n"):
        print("# " + line.encode("utf-8", "backslashreplace").decode())


def run_test(function):
    """Returns None, or the reason why the test was skipped."""
    test = Test()

    def too_slow(*_):
        raise Failure("the test takes longer than %d s" % (6 * DEADLINE))

    signal.signal(signal.SIGALRM, too_slow)
    signal.alarm(int(6 * DEADLINE) if not SOAK else 0)
    try:
        function(test)
        test.finish()
        return None
    except Skip as skip:
        test.finish()
        return str(skip) or "no reason given"
    except BaseException:
        comment(traceback.format_exc().rstrip())
        test.abandon()
        comment("\n".join(test.outputs()))
        raise
    finally:
        signal.alarm(0)
        test.sweep()


def on_termination(*_):
    raise KeyboardInterrupt


def main():
    """Runs all tests of the calling file, or those whose names hold a given word."""
    story = sys.modules["__main__"]
    words = sys.argv[1:]
    tests = [value for name, value in vars(story).items() if name.startswith("test_")
             and (not words or any(word in name for word in words))]
    for needed in (LRIE, BOOTSTRAP):
        if not os.access(needed, os.X_OK):
            print("Bail out! %s: no such program" % needed)
            sys.exit(99)
    signal.signal(signal.SIGTERM, on_termination)
    # A shell has what it starts in the background ignore these two, and so would lrie.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    become_subreaper()
    print("1..%d" % len(tests), flush=True)
    failed = 0
    for number, function in enumerate(tests, 1):
        began = time.monotonic()
        name = function.__name__[len("test_"):]
        try:
            reason = run_test(function)
        except Exception:
            failed += 1
            print("not ok %d - %s" % (number, name), flush=True)
            continue
        note = " # SKIP " + reason if reason else ""
        print("ok %d - %s%s" % (number, name, note), flush=True)
        if os.environ.get("LRIE_TEST_TIMES"):
            comment("%.2f s" % (time.monotonic() - began))
    sys.exit(1 if failed else 0)
