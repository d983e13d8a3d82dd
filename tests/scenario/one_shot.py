#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`lrie invoke`: the result on stdout, the rest on stderr, the exit code by result."""
import os
import re
import signal
import subprocess

import harness
from harness import UUID


def invoke(t, handler, *options, **more):
    return t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", handler, *options, **more)


def test_the_result_is_all_that_stdout_gets(t):
    finished = invoke(t, "line:a log line,echo", "--event", '{"key": "value"}', expect=0)
    t.equal(finished.stdout, b'{"key": "value"}\n')
    t.match(finished.stderr, r".*a log line\n.*")


def test_stderr_gets_the_log(t):
    finished = invoke(t, "print:160,print-error:80,echo", "--event", "1", expect=0)
    t.match(finished.stderr,
            r"(lrie: [^\n]*\n)*START RequestId: (%s) Version: \$LATEST\n(x{79}\n){3}"
            r"END RequestId: \2\nREPORT RequestId: \2\t[^\n]*\tInit Duration: [^\n]*\t\n" % UUID)


def test_events_come_from_a_file_from_stdin_or_from_the_command_line(t):
    file = harness.write_file(os.path.join(t.folder(), "event.json"), '{"from":"file"}')
    t.equal(invoke(t, "echo", "--event", file, expect=0).stdout, b'{"from":"file"}\n')
    t.equal(invoke(t, "echo", "--event", "-", stdin=b'{"from":"stdin"}', expect=0).stdout,
            b'{"from":"stdin"}\n')
    t.equal(invoke(t, "echo", "--event", '"text"', expect=0).stdout, b'"text"\n')
    t.equal(invoke(t, "echo", "--event", "[1, 2]", expect=0).stdout, b"[1, 2]\n")
    # longer than any file name, and longer than any path
    for length in (300, 5000):
        text = '{"path":"/%s"}' % ("x" * length)
        t.equal(invoke(t, "echo", "--event", text, expect=0).stdout, text.encode() + b"\n")


def test_no_event_is_an_empty_object(t):
    t.equal(invoke(t, "echo", expect=0).stdout, b"{}\n")
    t.equal(invoke(t, "echo", "--event", "-", stdin=b"", expect=0).stdout, b"{}\n")


def test_a_result_is_written_byte_for_byte(t):
    t.equal(invoke(t, r"answer:two\nlines\n", expect=0).stdout, b"two\nlines\n")
    result = invoke(t, "big:3000000", "--timeout", "60", "--memory", "1769", expect=0).stdout
    t.equal(len(result.rstrip(b"\n")), 3000000)


def test_an_error_of_the_handler_is_1(t):
    finished = invoke(t, r'error-body:{"errorMessage":"boom"}', expect=1)
    t.equal(finished.stdout, b'{"errorMessage":"boom"}\n')
    t.true("REPORT" in finished.stderr, finished.stderr)


def test_a_crash_is_1(t):
    finished = invoke(t, "exit:3", expect=1)
    t.match(finished.stdout.decode(),
            r'\{"errorType":"Runtime\.ExitError","errorMessage":"RequestId: %s Error: Runtime '
            r'exited with error: exit status 3"\}\n' % UUID)


def test_a_crash_in_init_is_1(t):
    finished = invoke(t, "crash:init", expect=1)
    t.true(b"Runtime.ExitError" in finished.stdout, repr(finished))
    t.true("INIT_REPORT" in finished.stderr, finished.stderr)


def test_a_bootstrap_that_cannot_start_is_1_and_explained(t):
    bootstrap = t.script("#!/no/such/interpreter\n")
    finished = t.run("invoke", "--bootstrap", bootstrap, "--event", "{}", expect=1)
    t.true(b"Runtime.InvalidEntrypoint" in finished.stdout, repr(finished))
    t.true("/no/such/interpreter" in finished.stderr, finished.stderr)


def test_a_timeout_is_124(t):
    finished = invoke(t, "silent", "--timeout", "1", expect=124)
    t.true(b'"errorType":"Sandbox.Timedout"' in finished.stdout, repr(finished))
    t.true(re.search(r"\tStatus: timeout$", finished.stderr, re.MULTILINE), finished.stderr)


def test_mistakes_on_the_command_line_are_2(t):
    for options, word in ((("--event", "no-such-file.json"), "no-such-file.json"),
                          (("--event", "{broken"), "JSON"), (("--nonsense",), "nonsense"),
                          (("--memory", "0"), "memory"), (("--timeout", "901"), "timeout"),
                          (("--event", "-"), "JSON")):
        finished = invoke(t, "echo", *options, stdin=b"not json", expect=2)
        t.equal(finished.stdout, b"")
        t.true(word in finished.stderr, "%r does not name the mistake: %r" % (options, finished))


def test_a_wall_that_is_missing_is_3(t):
    user = 65534 if os.geteuid() == 0 else None
    finished = invoke(t, "echo", "--require-sandbox=cpu", user=user)
    if finished.code == 0:
        t.skip("even an ordinary user has a CPU limit here")
    t.equal(finished.code, 3, repr(finished))
    t.equal(finished.stdout, b"")
    t.true("cpu" in finished.stderr, finished.stderr)


def test_the_event_may_not_be_larger_than_lambda_takes(t):
    file = harness.write_file(os.path.join(t.folder(), "event.json"),
                              b'"' + b"x" * (harness.REQUEST_LIMIT - 2) + b'"')
    t.equal(len(invoke(t, "echo", "--event", file, "--timeout", "60", expect=0).stdout),
            harness.REQUEST_LIMIT + 1)
    with open(file, "ab") as event:
        event.write(b" ")
    t.equal(invoke(t, "echo", "--event", file, expect=2).stdout, b"")


def test_sigint_ends_it(t):
    lrie = t.start("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "line:here,silent",
                   "--timeout", "900")
    lrie.stderr.wait_line("here")
    lrie.stop(signal.SIGINT, 130)
    t.equal(lrie.stdout.bytes(), b"")


def test_a_reader_that_leaves_does_not_hang_it(t):
    lrie = t.start("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "sleep:200,big:3000000",
                   "--timeout", "60", "--memory", "1769", pause_stdout=True)
    lrie.process.stdout.close()
    lrie.stderr.wait_line("REPORT .*")
    t.equal(lrie.wait(), 1)
    lrie.stopped = True
    harness.wait_for(lambda: not t.orphans(), "the end of the box")


def test_a_stopped_reader_does_not_keep_it_from_ending(t):
    lrie = t.start("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "big:3000000",
                   "--timeout", "60", "--memory", "1769", pause_stdout=True)
    lrie.stderr.wait_line("REPORT .*")
    lrie.process.send_signal(signal.SIGTERM)
    # before it prints the result the signal ends the function, afterwards itself
    t.true(lrie.wait() in (143, -signal.SIGTERM), "exit code %s" % lrie.process.returncode)
    lrie.stopped = True
    harness.wait_for(lambda: not t.orphans(), "the end of the box")


def test_a_reader_may_have_made_stdout_non_blocking(t):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    lrie = subprocess.Popen([harness.LRIE, "invoke", "--bootstrap", harness.BOOTSTRAP,
                             "--handler", "big:3000000", "--timeout", "60", "--memory", "1769"],
                            stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        t.equal(len(pipe.read()), 3000001)
    t.equal(lrie.wait(), 0)


def test_standard_streams_may_be_missing(t):
    for missing, present in (("0<&- 2>&-", True), ("0<&- 1>&-", False), ("0<&- 1>&- 2>&-", False)):
        finished = subprocess.run(
            ["sh", "-c", 'exec "$0" invoke --bootstrap "$1" --handler line:log,list:/proc/self/fd '
             + missing, harness.LRIE, harness.BOOTSTRAP], stdin=subprocess.DEVNULL,
            capture_output=True)
        t.equal(finished.returncode, 0, missing)
        t.equal(finished.stdout.startswith(b"["), present, missing)


def test_help_and_version(t):
    for words in (("help",), ("--help",), ("help", "invoke"), ("invoke", "--help")):
        finished = t.run(*words, expect=0)
        t.true(b"--bootstrap" in finished.stdout or b"invoke" in finished.stdout, repr(finished))
        t.equal(finished.stderr, "")
    t.match(t.run("version", expect=0).stdout.decode(), r"lrie \S+\n")


if __name__ == "__main__":
    harness.main()
