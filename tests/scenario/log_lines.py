#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the function writes comes out line by line, whole, and never stalls it."""
import harness


def at_the_runtime(lrie, headers=()):
    caller = lrie.begin_invoke(headers=headers)
    runtime = lrie.runtime()
    return caller, runtime, runtime.next()


def ordered(t, lrie, runtime, event, command):
    """Runs 'command' inside the function, then ends the invocation; returns its lines."""
    lrie.order(command + "; exec sleep 1000")
    harness.wait_for(lambda: lrie.function_processes("sleep"), "the end of the command")
    t.equal(runtime.answer(event).status, 202)
    runtime.begin_next()
    return lrie.log(event.id)[1:-2]


def test_stdout_and_stderr_are_equal(t):
    lrie = t.puppet()
    _, runtime, event = at_the_runtime(lrie)
    lines = ordered(t, lrie, runtime, event, "echo one; echo two >&2; echo three")
    t.equal(lines, ["one", "two", "three"])


def test_carriage_returns_tabs_and_odd_bytes_are_kept(t):
    lrie = t.puppet()
    _, runtime, event = at_the_runtime(lrie)
    ordered(t, lrie, runtime, event,
            r"printf '[ERROR] boom\rTraceback\r  File\n\ttab\n\n\377\300\000end\n'")
    t.true(b"\n[ERROR] boom\rTraceback\r  File\n\ttab\n\n\xff\xc0\x00end\nEND " in
           lrie.stdout.bytes(), "not as the function wrote it: %r" % lrie.stdout.bytes())


def test_an_unfinished_line_is_ended_before_END(t):
    lrie = t.puppet()
    _, runtime, event = at_the_runtime(lrie)
    lines = ordered(t, lrie, runtime, event, "printf 'whole\\nhalf'")
    t.equal(lines, ["whole", "half"])


def test_a_line_written_in_pieces_stays_one_line(t):
    lrie = t.puppet()
    _, runtime, event = at_the_runtime(lrie)
    pieces = "; ".join("printf '%d '" % number for number in range(50)) + "; echo"
    lines = ordered(t, lrie, runtime, event, pieces)
    t.equal(lines, ["".join("%d " % number for number in range(50))])


def test_output_of_init_comes_before_START(t):
    lrie = t.serve_script("#!/bin/sh\necho first\necho second >&2\n"
                          + harness.BARE_SCRIPT.split("\n", 1)[1])
    caller, runtime, event = at_the_runtime(lrie, [("X-Amz-Log-Type", "Tail")])
    runtime.answer(event)
    runtime.begin_next()
    tail = caller.reply().log_tail.decode()
    lrie.report(event.id)
    lines = lrie.stdout.lines()
    t.equal([line.split(" ")[0] for line in lines],
            ["first", "second", "runtime", "START", "END", "REPORT"])
    t.equal(tail, "\n".join(lines) + "\n", "the tail of a cold start holds the init's output")


def test_five_megabytes_arrive_complete(t):
    lrie = t.puppet("--timeout", "60", "--memory", "1769")
    _, runtime, event = at_the_runtime(lrie)
    text = "0123456789abcdef0123456789abcdef012345678"
    lines = ordered(t, lrie, runtime, event, "yes %s 2>/dev/null | head -n 120000" % text)
    t.equal((len(lines), set(lines)), (120000, {text}))


def test_the_fixture_prints_five_megabytes(t):
    lrie = t.serve("print:5000000", "--timeout", "60", "--memory", "1769")
    reply = lrie.invoke()
    t.equal(reply.status, 200)
    lines = lrie.log(reply.request_id)[1:-2]
    t.between(5000000, sum(len(line) + 1 for line in lines), 5000001, "bytes of output")


def test_a_line_of_many_megabytes_loses_nothing(t):
    lrie = t.puppet("--timeout", "60", "--memory", "1769")
    _, runtime, event = at_the_runtime(lrie)
    ordered(t, lrie, runtime, event, "head -c 3000000 /dev/zero | tr '\\000' '#'; echo")
    lrie.report(event.id)
    t.equal(lrie.stdout.bytes().count(b"#"), 3000000)


def test_a_reader_that_has_stopped_never_stalls_an_invocation(t):
    lrie = t.serve("print:5000000", "--timeout", "60", "--memory", "1769", pause_stdout=True)
    ids = []
    for _ in range(3):
        ids.append(lrie.invoke().request_id)
        lrie.rest()
    lrie.stdout.resume()
    for request_id in ids:
        t.equal(lrie.report(request_id).status, None)
        size = sum(len(line) + 1 for line in lrie.log(request_id)[1:-2])
        t.between(5000000, size, 5000001, "bytes of output")


def test_a_flood_costs_bounded_memory(t):
    """250 MB to a reader that has stopped, the first 100 of them in one line."""
    lrie = t.puppet("--timeout", "120", "--memory", "1769")
    caller, runtime, event = at_the_runtime(lrie)
    lrie.stdout.pause()
    lrie.order("head -c 100000000 /dev/zero | tr '\\000' '#'; echo; yes | head -c 150000000; "
               "echo >\"/proc/self/fd/1\"; exec sleep 1000")
    most = 0

    def is_through():
        nonlocal most
        most = max(most, harness.memory_kilobytes(lrie.pid))
        t.equal(lrie.connect().ask("GET", "/_lrie/health").status, 200)
        return [process.name for process in lrie.function_processes()] == ["sleep"]

    harness.wait_for(is_through, "the end of the flood", harness.DEADLINE * 3)
    runtime.answer(event, b'"dry"')
    t.equal(caller.reply().body, b'"dry"')
    if harness.SLOW == 1:  # a sanitizer keeps freed memory
        t.between(0, most, 160000, "kB of lrie")


def test_a_pipe_that_a_grandchild_holds_delays_nobody(t):
    for options in ((), ("--sandbox", "off")):
        lrie = t.puppet("--timeout", "60", *options)
        caller, _, _ = at_the_runtime(lrie)
        began = harness.kernel_clock()
        lrie.order("(trap '' TERM HUP; sleep 1000; echo late) & exit 3")
        t.equal(caller.reply().json()["errorType"], "Runtime.ExitError")
        t.between(0, harness.kernel_clock() - began, 5 * harness.SLOW, "seconds to the answer")
        caller = lrie.begin_invoke()
        runtime = lrie.runtime(2)
        runtime.answer(runtime.next(), b'"next"')
        t.equal(caller.reply().body, b'"next"')


def test_a_stopped_reader_does_not_stop_the_shutdown(t):
    lrie = t.serve("print:5000000", "--timeout", "60", "--memory", "1769", pause_stdout=True)
    lrie.invoke()
    lrie.process.terminate()
    t.equal(lrie.wait(), 0)


def test_tail_is_the_last_4096_bytes(t):
    lrie = t.puppet()
    caller, runtime, event = at_the_runtime(lrie, [("X-Amz-Log-Type", "Tail")])
    ordered(t, lrie, runtime, event,
            "i=0; while [ $i -lt 300 ]; do echo \"line $i of the output\"; i=$((i+1)); done")
    tail = caller.reply().log_tail
    whole = lrie.stdout.bytes()
    t.equal(len(tail), 4096)
    t.true(whole.endswith(tail), "not the end of the log")


def test_output_between_invocations_is_not_lost(t):
    lrie = t.puppet()
    caller, runtime, event = at_the_runtime(lrie)
    fifo = lrie.await_orders()  # before it may be frozen
    runtime.answer(event)
    caller.reply()
    runtime.begin_next()
    lrie.report(event.id)
    lrie.order("echo from the background; exec sleep 1000", fifo)
    lrie.begin_invoke()  # who was frozen before obeying obeys now
    lrie.stdout.wait_line("from the background")


def test_a_function_that_closes_its_output_still_works(t):
    lrie = t.serve_script(harness.BARE_SCRIPT.replace("exec sleep 1000",
                                                      "exec sleep 1000 >&- 2>&-"))
    caller, runtime, event = at_the_runtime(lrie)
    runtime.answer(event, b'"quiet"')
    t.equal(caller.reply().body, b'"quiet"')
    runtime.begin_next()
    lrie.report(event.id)


def test_diagnostics_are_not_among_the_functions_lines(t):
    lrie = t.serve("echo")
    lrie.report(lrie.invoke().request_id)
    t.true("lrie:" not in lrie.stdout.text(), lrie.stdout.text())
    t.true("REPORT" not in lrie.stderr.text(), lrie.stderr.text())


if __name__ == "__main__":
    harness.main()
