#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`lrie shell`: a command, or a shell on a terminal of its own, in the function's box."""
import contextlib
import errno
import fcntl
import os
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

import harness

SH = "/bin/sh"
USER = 65534 if os.geteuid() == 0 else None


def shell(t, *command, **more):
    return t.run("shell", "--", *command, **more)


def script(t, text, **more):
    return shell(t, SH, "-c", text, **more)


# ---- without a terminal ----------------------------------------------------------


def test_streams_are_connected_and_kept_apart(t):
    quiet = ("shell", "--log-level", "error", "--")
    finished = t.run(*quiet, "cat", stdin=b"hi\n", expect=0)
    t.equal((finished.stdout, finished.stderr), (b"hi\n", ""))
    finished = t.run(*quiet, SH, "-c", "echo out; echo err >&2; echo opened anew >/dev/stderr",
                     expect=0)
    t.equal((finished.stdout, finished.stderr), (b"out\n", "err\nopened anew\n"))


def test_an_empty_input_ends_at_once(t):
    t.equal(shell(t, "cat", expect=0).stdout, b"")


def test_bytes_pass_unchanged_both_ways(t):
    data = os.urandom(3000000)
    t.equal(shell(t, "cat", stdin=data, expect=0).stdout, data)


def test_files_are_read_and_written(t):
    folder, data = t.folder(), os.urandom(1000000)
    source = harness.write_file(os.path.join(folder, "source"), data)
    target = os.path.join(folder, "target")
    with open(source, "rb") as reading, open(target, "wb") as writing:
        writing.write(b"before\n")
        writing.flush()
        code = subprocess.run([harness.LRIE, "shell", "--", "cat"], stdin=reading, stdout=writing,
                              stderr=subprocess.DEVNULL).returncode
    t.equal(code, 0)
    with open(target, "rb") as file:
        t.equal(file.read(), b"before\n" + data)


def test_one_stream_for_both_outputs_keeps_their_order(t):
    lines = "".join("echo %d >&%d; " % (number, 1 + number % 2) for number in range(40))
    finished = subprocess.run([harness.LRIE, "shell", "--log-level", "error", "--", SH, "-c",
                               lines], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    t.equal(finished.stdout.decode().split(), [str(number) for number in range(40)])


def test_input_that_nobody_reads_keeps_nobody_waiting(t):
    shell(t, "true", stdin=b"x" * 1000000, expect=0)


def test_a_reader_that_leaves_is_met_by_the_command(t):
    lrie = t.start("shell", "--", "yes", pause_stdout=True)
    lrie.process.stdout.close()
    t.equal(lrie.wait(), 128 + signal.SIGPIPE)
    lrie.stopped = True
    harness.wait_for(lambda: not t.orphans(), "the end of the box")


def test_a_slow_reader_loses_nothing(t):
    lrie = t.start("shell", "--", "head", "-c", "5000000", "/dev/zero", pause_stdout=True)
    harness.wait_for(lambda: any(process.name == "head" and process.state == "S"
                                 for process in harness.descendants(lrie.pid)),
                     "a command that waits for its reader")
    lrie.stdout.resume()
    t.equal(lrie.wait(), 0)
    lrie.stopped = True
    lrie.check_nothing_is_left()
    t.equal(len(lrie.stdout.bytes()), 5000000)


def test_the_exit_code_is_the_commands(t):
    folder = t.folder()
    harness.write_file(os.path.join(folder, "plain"), "text", 0o644)
    harness.write_file(os.path.join(folder, "odd"), "\x7fELF or so", 0o755)
    for command, code, word in ((("true",), 0, ""), (("false",), 1, ""),
                                ((SH, "-c", "exit 77"), 77, ""),
                                ((SH, "-c", "kill -TERM $$"), 143, ""),
                                ((SH, "-c", "kill -KILL $$"), 137, ""),
                                (("no-such-command",), 127, "no-such-command"),
                                (("/no/such/command",), 127, "/no/such/command"),
                                (("./plain",), 126, "plain"), (("./odd",), 126, "odd"),
                                (("",), 127, "")):
        finished = t.run("shell", "--task-root", folder, "--", *command, expect=code)
        t.true(word in finished.stderr, "%r: %r" % (command, finished))


def test_mistakes_of_the_caller_are_2_and_missing_walls_3(t):
    for words, word in ((("--nonsense",), "nonsense"), (("--timeout", "3"), "timeout"),
                        (("--task-root", "/no/such"), "/no/such"), (("ls",), "ls")):
        finished = t.run("shell", *words, expect=2)
        t.true(word in finished.stderr, repr(finished))
    finished = t.run("shell", "--require-sandbox=memory", "--", "true", user=USER)
    t.true(finished.code in (0, 3), repr(finished))


def test_the_box_is_the_functions(t):
    """Same variables, user, folder and limits, but for what names this very box."""
    look = ("env | sort | grep -v -e LOG_STREAM -e RUNTIME_API= -e SHLVL= -e ^_= -e PWD=; "
            "id; pwd; ulimit -n; ls -a / /var/task /opt; cat /proc/self/limits; hostname; umask")
    folder = os.path.dirname(t.script("#!/bin/sh\n%s\nexit 1\n" % look))
    options = ("--memory", "256", "--env", "MINE=1", "--handler", "a.b", "--task-root", folder)
    function = t.run("invoke", "--quiet", "--log-level", "error", *options, expect=1).stderr
    ours = t.run("shell", *options, "--", SH, "-c", look, expect=0).stdout.decode()
    t.true("MINE=1" in ours, ours)
    # its init ran twice: once by itself, and once as part of the invocation
    t.equal((2 * ours).split("\n"), function.split("\n"))


def test_the_current_folder_is_the_task_root(t):
    folder = t.folder()
    harness.write_file(os.path.join(folder, "mine"), "text")
    finished = shell(t, "ls", cwd=folder, expect=0)
    t.equal(finished.stdout, b"mine\n" if "files" not in finished.stderr else finished.stdout)


def test_nobody_answers_at_the_runtime_api(t):
    lrie = t.start("shell", "--", SH, "-c", "echo $AWS_LAMBDA_RUNTIME_API; exec sleep 1000")
    port = int(lrie.stdout.wait_line(r"127\.0\.0\.1:(\d+)")[1])
    with contextlib.closing(socket.socket()) as client:
        t.equal(client.connect_ex(("127.0.0.1", port)), errno.ECONNREFUSED)
    with contextlib.closing(socket.socket()) as thief:
        try:
            thief.bind(("127.0.0.1", port))
            raise harness.Failure("somebody else could have the port")
        except OSError as error:
            t.equal(error.errno, errno.EADDRINUSE)
    lrie.stop(signal.SIGTERM, 143)


def test_out_of_memory_is_told(t):
    t.need_walls("memory")
    fixtures = os.path.dirname(harness.BOOTSTRAP)
    finished = t.run("shell", "--task-root", fixtures, "--", "./probe", "eat:300", expect=137)
    t.true("out of memory: the command needs more than 128 MB (--memory)" in finished.stderr,
           repr(finished))
    finished = t.run("shell", "--task-root", fixtures, "--", SH, "-c",
                     "./probe eat:300; echo lives; exec sleep 0.3", expect=0)
    t.true(b"lives\n" in finished.stdout, repr(finished))
    t.true("killed a process in the shell" in finished.stderr, repr(finished))


def test_refused_calls_are_told(t):
    t.need_walls("syscalls")
    finished = shell(t, "unshare", "-r", "true")
    t.match(finished.stderr, r".*lrie: unshare \(pid \d+\) called unshare\(2\) in the shell: "
                             r"not permitted on Lambda\n.*")


def test_signals_end_it(t):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        lrie = t.start("shell", "--", SH, "-c",
                       "trap '' INT TERM HUP; sleep 1000 & echo ready; sleep 1000")
        lrie.stdout.wait_line("ready")
        lrie.stop(number, 128 + number)


def test_a_reader_that_has_stopped_does_not_keep_it_from_ending(t):
    lrie = t.start("shell", "--", "yes", pause_stdout=True)
    harness.wait_for(lambda: any(process.name == "yes" and process.state == "S"
                                 for process in harness.descendants(lrie.pid)), "a full pipe")
    lrie.stop(signal.SIGTERM, 143)


def test_what_the_command_leaves_behind_ends_with_it(t):
    script(t, "sleep 1000 & setsid sleep 1000 & (trap '' HUP TERM; sleep 1000) & exit 5", expect=5)


def test_nothing_outlives_a_lrie_that_is_killed(t):
    lrie = t.start("shell", "--", SH, "-c", "sleep 1000 & echo ready; sleep 1000")
    lrie.stdout.wait_line("ready")
    lrie.stop(signal.SIGKILL, -signal.SIGKILL)


def test_an_ordinary_user_gets_it(t):
    finished = script(t, "id -u; cat", stdin=b"x\n", user=USER, expect=0)
    t.match(finished.stdout.decode(), r"\d+\nx\n")


def test_it_works_without_a_sandbox(t):
    folder = t.folder()
    finished = t.run("shell", "--sandbox", "off", "--task-root", folder, "--", "pwd", expect=0)
    t.equal(finished.stdout.decode().strip(), os.path.realpath(folder))


def test_it_is_found_under_the_name_of_awss_emulator(t):
    name = os.path.join(t.folder(), "aws-lambda-rie")
    os.symlink(harness.LRIE, name)
    finished = t.run("shell", "--", SH, "-c", "echo $AWS_LAMBDA_FUNCTION_NAME", program=name,
                     expect=0)
    t.equal(finished.stdout, b"test_function\n")


def test_full_speed_unless_throttled(t):
    t.need_root()
    t.need_walls("cpu")

    def quotas(*options):
        lrie = t.start("shell", *options, "--", SH, "-c", "echo ready; exec sleep 1000")
        lrie.stdout.wait_line("ready")
        found = set()
        for group in harness.cgroups_of(lrie.pid):
            for folder, _, files in os.walk(group):
                for name in set(files) & {"cpu.max", "cpu.cfs_quota_us"}:
                    with open(os.path.join(folder, name)) as file:
                        found.add(file.read().split()[0])
        lrie.stop(signal.SIGTERM, 143)
        return found - {"-1", "max"}

    t.equal(quotas(), set())
    t.equal(quotas("--throttle"), {"1440"})


# ---- on a terminal ------------------------------------------------------------------

ROWS, COLUMNS = 33, 101


class Seat:
    """A terminal with lrie on it, in a session of its own, as a terminal emulator has it."""

    def __init__(self, t, *command, program=harness.LRIE, env=None, user=None, streams=(),
                 cwd=None):
        self.t, self.data, self.stopped = t, b"", False
        self.master, self.slave = os.openpty()
        self.resize(ROWS, COLUMNS)
        if user is not None:
            os.fchown(self.slave, user, user)
        self.before = termios.tcgetattr(self.slave)
        environment = {"PATH": os.environ["PATH"], "TERM": "vt100", "LC_ALL": "C",
                       "TMPDIR": t.folder()}
        environment.update(env or {})
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                environment[name] = os.environ[name]
        ends = {"stdin": self.slave, "stdout": self.slave, "stderr": self.slave}
        ends.update(streams)
        identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        slave = self.slave

        def take_terminal():
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.command = [program, "shell", "--log-level", "error", *command]
        self.process = subprocess.Popen(self.command, env=environment, start_new_session=True,
                                        preexec_fn=take_terminal, cwd=cwd, **ends, **identity)
        self.pid = self.process.pid
        t.lries.append(self)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read_some(self, timeout):
        if not select.select([self.master], [], [], timeout)[0]:
            return False
        try:
            block = os.read(self.master, 65536)
        except OSError:
            block = b""
        self.data += block
        return bool(block)

    def expect(self, pattern):
        """Reads on until it comes; what is before it is forgotten."""
        regex, end = re.compile(pattern.encode(), re.DOTALL), time.monotonic() + harness.DEADLINE
        while True:
            match = regex.search(self.data)
            if match:
                self.data = self.data[match.end():]
                return match
            if time.monotonic() > end or (not self.read_some(0.1)
                                          and self.process.poll() is not None
                                          and not self.read_some(0)):
                raise harness.Failure("waited in vain for %r: %r" % (pattern, self.data[-2000:]))

    def settings(self):
        return termios.tcgetattr(self.slave)

    def end(self, code, with_signal=None):
        if with_signal:
            self.process.send_signal(with_signal)
        end = time.monotonic() + harness.DEADLINE
        while self.process.poll() is None and time.monotonic() < end:
            self.read_some(0.05)
        if self.process.poll() is None:
            raise harness.Failure("lrie does not end")
        self.stopped = True
        self.t.equal(self.process.returncode, code, "exit code; the last output is %r"
                     % self.data[-500:])
        self.t.equal(self.settings(), self.before, "the terminal's settings")
        harness.wait_for(lambda: not self.t.orphans(), "the end of the box")
        self.close()

    def close(self):
        for fd in (self.master, self.slave):
            if fd != -1:
                os.close(fd)
        self.master = self.slave = -1

    def end_by_force(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.close()

    def stop(self):
        self.end(self.process.returncode)

    class Text:
        def __init__(self, data):
            self.data = data

        def text(self):
            return self.data.decode("utf-8", "backslashreplace")

    stdout = property(lambda self: Seat.Text(self.data))
    stderr = Text(b"")


def need_bash(t):
    if not os.access("/bin/bash", os.X_OK):
        t.skip("bash is not installed")


def test_a_shell_has_a_terminal_of_its_own(t):
    seat = Seat(t, "--", SH, "-i")
    seat.type("test -t 0 && test -t 1 && test -t 2 && echo is''tty; readlink /proc/self/fd/0\n")
    seat.expect("istty\r\n")
    inner = seat.expect("(/[^\r]*)\r\n")[1].decode()
    t.true(inner != os.ttyname(seat.slave), "the user's own terminal is in the box: %s" % inner)
    seat.type("stty size; echo $TERM; exit 3\n")
    seat.expect("%d %d\r\n" % (ROWS, COLUMNS))
    seat.expect("vt100\r\n")
    seat.end(3)


def test_the_default_is_a_shell_without_complaints(t):
    need_bash(t)
    seat = Seat(t)
    seat.expect(r"bash-[0-9.]+[$#] ")
    t.equal(seat.data, b"")
    seat.type("tty; : > /dev/tty; echo anew > /dev/stderr; echo go''es\n")
    seat.expect("anew\r\n")
    seat.expect("goes\r\n")
    seat.type("exit 2\n")
    seat.end(2)


def test_control_c_reaches_the_command_and_not_lrie(t):
    seat = Seat(t, "--", SH, "-i")
    seat.type("sleep 1000 || echo sta''tus $?\n")
    harness.wait_for(lambda: any(process.name == "sleep"
                                 for process in harness.descendants(seat.pid)), "a command")
    seat.type("\x03")
    seat.type("echo st''ill here\n")
    seat.expect("still here\r\n")
    seat.type("exit 0\n")
    seat.end(0)


def test_jobs_are_stopped_and_go_on(t):
    need_bash(t)
    seat = Seat(t, "--", "bash", "--norc", "-i")
    seat.type("cat; echo e''nd\n")
    harness.wait_for(lambda: any(process.name == "cat"
                                 for process in harness.descendants(seat.pid)), "a command")
    seat.type("line\n")
    seat.expect("line\r\n.*line\r\n")
    seat.type("\x1a")
    seat.expect("Stopped +cat")
    seat.type("jobs; fg\n")
    seat.expect("Stopped +cat")
    seat.type("again\n")
    seat.expect("again\r\n.*again\r\n")
    seat.type("\x04")
    seat.type("exit 4\n")
    seat.end(4)


def test_the_size_of_the_window_is_followed(t):
    seat = Seat(t, "--", SH, "-c",
                "trap 'stty size' WINCH; echo ready; while :; do read line || :; done")
    seat.expect("ready\r\n")
    seat.resize(50, 132)
    seat.expect("50 132\r\n")
    seat.end(143, signal.SIGTERM)


def test_keys_and_bytes_come_through_raw(t):
    seat = Seat(t, "--", SH, "-c", "stty raw -echo; echo ready; head -c 6 | od -An -tx1")
    seat.expect("ready\n")
    seat.type("\x03\x1a\x1c\r\n\x7f")
    seat.expect("03 1a 1c 0d 0a 7f")
    seat.end(0)


def test_the_terminal_is_raw_meanwhile_and_restored_by_every_end(t):
    for number, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130),
                         (signal.SIGQUIT, -signal.SIGQUIT), (signal.SIGUSR1, -signal.SIGUSR1),
                         (signal.SIGABRT, -signal.SIGABRT)):
        seat = Seat(t, "--", SH, "-c", "echo ready; exec sleep 1000")
        seat.expect("ready\r\n")
        t.true(not seat.settings()[3] & termios.ICANON, "the terminal is not raw")
        seat.end(code, number)


def test_the_terminal_is_restored_when_there_is_no_such_command(t):
    seat = Seat(t, "--", "no-such-command")
    seat.expect("no-such-command': No such file or directory\r\n")
    seat.end(127)


def test_stopped_and_continued_from_outside(t):
    seat = Seat(t, "--", SH, "-i")
    seat.type("echo re''ady\n")
    seat.expect("ready\r\n")
    os.kill(seat.pid, signal.SIGTSTP)
    harness.wait_for(lambda: harness.Process(seat.pid).state == "T", "a stopped lrie")
    t.equal(seat.settings(), seat.before)
    seat.resize(40, 90)
    os.kill(seat.pid, signal.SIGCONT)
    harness.wait_for(lambda: not seat.settings()[3] & termios.ICANON, "a raw terminal")
    seat.type("stty size; exit 6\n")
    seat.expect("40 90\r\n")
    seat.end(6)


def test_closing_the_terminal_ends_the_box(t):
    seat = Seat(t, "--", SH, "-c", "trap '' HUP; sleep 1000 & echo ready; sleep 1000")
    seat.expect("ready\r\n")
    seat.close()
    t.equal(seat.process.wait(harness.DEADLINE), 129)
    seat.stopped = True
    harness.wait_for(lambda: not t.orphans(), "the end of the box")


def test_a_pipe_beside_a_terminal_gets_plain_bytes(t):
    reading, writing = os.pipe()
    seat = Seat(t, "--", SH, "-c", "read line; echo got $line; echo err >&2; test -t 1",
                streams={"stdout": writing})
    os.close(writing)
    seat.type("something\n")
    with os.fdopen(reading, "rb") as pipe:
        t.equal(pipe.read(), b"got something\n")
    seat.expect("err\r\n")
    seat.end(1)


def test_input_that_is_no_terminal_makes_none(t):
    seat = Seat(t, "--", SH, "-c", "cat; test -t 1; echo $?", streams={"stdin": subprocess.DEVNULL})
    seat.expect("1\r\n")
    seat.end(0)


def test_output_without_end_can_be_ended(t):
    seat = Seat(t, "--", "yes", "a long line of output that nobody reads for a while")
    harness.wait_for(lambda: any(process.name == "yes" and process.state == "S"
                                 for process in harness.descendants(seat.pid)), "a full terminal")
    os.kill(seat.pid, signal.SIGTERM)
    t.equal(seat.process.wait(harness.DEADLINE), 143)
    seat.end(143)


def test_output_without_end_is_interrupted_by_its_key(t):
    seat = Seat(t, "--", "yes")
    for _ in range(50):
        seat.read_some(1)
        seat.data = seat.data[-100:]
    seat.type("\x03")
    seat.end(130)


def test_hostile_output_is_passed_on_and_hurts_nobody(t):
    seat = Seat(t, "--", SH, "-c", "head -c 300000 /dev/urandom; printf '\\033c\\nthe %s' end")
    seat.expect("the end")
    seat.end(0)


def test_nothing_is_pushed_into_a_terminal(t):
    t.need_walls("syscalls")
    push = "import fcntl,termios\nfcntl.ioctl(0, termios.TIOCSTI, b'x')"
    if not os.access("/usr/bin/python3", os.X_OK):
        t.skip("python3 is not in the box")
    seat = Seat(t, "--", "/usr/bin/python3", "-c", push)
    seat.expect("PermissionError")
    seat.end(1)


def test_an_ordinary_user_gets_a_terminal(t):
    seat = Seat(t, "--", SH, "-i", user=USER)
    seat.type("stty size; echo anew >/dev/stderr; exit 9\n")
    seat.expect("%d %d\r\n" % (ROWS, COLUMNS))
    seat.expect("anew\r\n")
    seat.end(9)


def test_a_terminal_without_a_sandbox(t):
    seat = Seat(t, "--sandbox", "off", "--", SH, "-i")
    seat.type("stty size; exit 8\n")
    seat.expect("%d %d\r\n" % (ROWS, COLUMNS))
    seat.end(8)


def test_a_terminal_where_there_are_no_namespaces(t):
    """As in a default container: a user namespace in which there can be no more."""
    lrie = t.script("#!/bin/sh\nexec unshare -Ur %s -c 'for limit in /proc/sys/user/max_*_namespaces;"
                    " do echo 0 >$limit; done 2>/dev/null; exec %s \"$@\"' sh \"$@\"\n"
                    % (SH, harness.LRIE))
    finished = t.run("shell", "--log-level", "error", "--", "true", program=lrie)
    if "unshare" in finished.stderr:
        t.skip("no user namespaces")
    t.equal((finished.code, finished.stderr), (0, ""))
    t.true("files" in t.run("shell", "--", "true", program=lrie, expect=0).stderr,
           "a namespace was made all the same")
    seat = Seat(t, "--", SH, "-i", program=lrie)
    seat.type("stty size; echo anew >/dev/stderr; echo x >/etc/x; exit 7\n")
    seat.expect("%d %d\r\n" % (ROWS, COLUMNS))
    seat.expect("anew\r\n")
    seat.expect("/etc/x: Permission denied\r\n")
    seat.end(7)


if __name__ == "__main__":
    harness.main()
