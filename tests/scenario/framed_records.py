#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""With --log-descriptor a runtime may write whole records, as those that AWS makes do."""
import os
import struct

import harness

ON = "--log-descriptor"
TEXT, JSON = 3, 2
NONE, DEBUG, INFO, WARN, ERROR = 0x00, 0x08, 0x0c, 0x10, 0x14


def frame(message, level=NONE, kind=TEXT):
    if isinstance(message, str):
        message = message.encode()
    return struct.pack(">IIQ", 0xa55a0000 | kind | level, len(message), 1791444627768000) + message


def printf(data):
    """A command that writes these bytes to the descriptor at once."""
    octal = "".join("\\%03o" % byte for byte in data)
    return "printf '%s' >/proc/self/fd/$_LAMBDA_TELEMETRY_LOG_FD" % octal


def at_the_runtime(lrie, headers=()):
    caller = lrie.begin_invoke(headers=headers)
    runtime = lrie.runtime()
    return caller, runtime, runtime.next()


def finish(t, lrie, runtime, event, *commands):
    """Runs 'commands' inside the function, then ends the invocation."""
    lrie.order("; ".join(commands) + "; exec sleep 1000")
    harness.wait_for(lambda: lrie.function_processes("sleep"), "the end of the commands")
    t.equal(runtime.answer(event).status, 202)
    runtime.begin_next()


def test_off_by_default(t):
    t.true("_LAMBDA_TELEMETRY_LOG_FD" not in t.serve("env").invoke().json(), "it is set")
    found = t.serve("env", ON).invoke().json()
    t.match(found["_LAMBDA_TELEMETRY_LOG_FD"], r"\d+")


def test_a_record_is_in_the_log_and_in_the_tail(t):
    lrie = t.puppet(ON)
    caller, runtime, event = at_the_runtime(lrie, [("X-Amz-Log-Type", "Tail")])
    finish(t, lrie, runtime, event, "echo a line",
           printf(frame("Traceback\n  File\n", ERROR) + frame("next", INFO)))
    t.equal(lrie.log(event.id)[1:-2], ["a line", "Traceback", "  File", "next"])
    t.true(b"\na line\nTraceback\n  File\nnext\nEND" in caller.reply().log_tail, "not in the tail")


def test_levels_are_those_of_the_frames(t):
    lrie = t.puppet(ON, "--log-format", "json")
    _, runtime, event = at_the_runtime(lrie)
    kept = '{"timestamp":"2026-10-08T07:30:27.768Z","level":"ERROR",\n"message":"kept"}'
    gone = kept.replace("ERROR", "DEBUG")
    finish(t, lrie, runtime, event,
           printf(frame("{}", DEBUG, JSON) + frame('{"level":"DEBUG"}', WARN, JSON)
                  + frame(kept, NONE, JSON) + frame(gone, NONE, JSON) + frame("text")
                  + frame("text", DEBUG)))
    lines = lrie.stdout.wait(
        lambda lines: lines if "platform.report" in "".join(lines[-1:]) else None, "the report")
    start = [number for number, text in enumerate(lines) if "platform.start" in text][0]
    t.equal(lines[start + 1:-1], ['{"level":"DEBUG"}'] + kept.split("\n") + ["text"])


def test_what_is_no_frame_is_text_and_one_warning(t):
    lrie = t.puppet(ON)
    _, runtime, event = at_the_runtime(lrie)
    finish(t, lrie, runtime, event,
           printf(b"junk\nmore" + frame("good\n") + b"\xa5\x5a\x00\x00\n" + frame("better")))
    log = lrie.stdout.wait(lambda lines: any("REPORT" in line for line in lines), "REPORT")
    t.true(log, "no log")
    t.true(b"\njunk\nmore\ngood\n\xa5\x5a\x00\x00\nbetter\nEND" in lrie.stdout.bytes(),
           lrie.stdout.bytes())
    t.equal(lrie.stderr.text().count("_LAMBDA_TELEMETRY_LOG_FD"), 1)


def test_a_frame_that_never_ends_delays_nobody(t):
    lrie = t.puppet(ON)
    caller, runtime, event = at_the_runtime(lrie)
    finish(t, lrie, runtime, event, printf(frame(b"x" * 50)[:40]))
    caller.reply()
    t.equal(lrie.log(event.id)[1:-2], [])
    lrie.stop()
    t.true("x" * 24 in lrie.stdout.text(), "what came of it is lost")


def test_a_flood_of_frames_arrives_complete(t):
    lrie = t.puppet(ON, "--timeout", "60", "--memory", "1769")
    _, runtime, event = at_the_runtime(lrie)
    octal = "".join("\\%03o" % byte for byte in frame("y" * 4000 + "\nz", INFO))
    finish(t, lrie, runtime, event,
           "i=0; while [ $i -lt 1000 ]; do printf '%s'; i=$((i+1)); done "
           ">/proc/self/fd/$_LAMBDA_TELEMETRY_LOG_FD" % octal)
    lines = lrie.log(event.id)[1:-2]
    t.equal((len(lines), set(lines)), (2000, {"y" * 4000, "z"}))


def test_after_a_crash_there_is_another(t):
    lrie = t.puppet(ON)
    caller, _, _ = at_the_runtime(lrie)
    lrie.order(printf(frame("last words")) + "; exit 3")
    t.equal(caller.reply().json()["errorType"], "Runtime.ExitError")
    lrie.stdout.wait_line("^last words$")
    caller = lrie.begin_invoke()
    runtime = lrie.runtime(2)
    event = runtime.next()
    finish(t, lrie, runtime, event, printf(frame("again")))
    lrie.report(event.id)
    lrie.stdout.wait_line("^again$")


def test_python_uses_it_as_its_runtime_does(t):
    """A program that opens the descriptor by its number, as AWS's runtimes do."""
    python = "/usr/bin/python3"  # in the box, unlike one in somebody's home
    if not os.path.exists(python):
        t.skip("no " + python)
    lrie = t.serve_script("""#!%s
import os, struct, time
fd = int(os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD"))
with os.fdopen(fd, "wb", 0) as log:
    text = "one\\ntwo".encode()
    log.write(struct.pack(">IIQ", 0xa55a0017, len(text), 0) + text)
    print("runtime api:", os.environ["AWS_LAMBDA_RUNTIME_API"], flush=True)
    time.sleep(1000)
""" % python, ON, "--memory", "512")
    lrie.runtime()
    lrie.stdout.wait_line("^one$")
    lrie.stdout.wait_line("^two$")
    t.equal(lrie.stderr.text().count("_LAMBDA"), 0)


if __name__ == "__main__":
    harness.main()
