#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A function that fails gets Lambda's error, Lambda's lines, and a fresh start."""
import math
import os
import shutil

import harness

INIT_REPORT = r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: %s\tStatus: error\tError Type: %s"


def check_failure(t, reply, error_type, message):
    """A function error made by the platform; 'message' is a regular expression."""
    t.equal(reply.status, 200)
    t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")
    t.equal(reply.header("X-Amz-Executed-Version"), "$LATEST")
    t.equal(list(reply.json()), ["errorType", "errorMessage"], "keys and their order")
    t.equal(reply.json()["errorType"], error_type)
    t.match(reply.json()["errorMessage"], "RequestId: %s Error: %s" % (reply.request_id, message))


def begin(lrie, life=1, payload=b"{}"):
    """An invocation that is at the runtime."""
    caller = lrie.begin_invoke(payload)
    runtime = lrie.runtime(life)
    return caller, runtime, runtime.next()


def check_next_one_works(t, lrie, life=2):
    """The next invocation runs its init inside itself, and well."""
    caller, runtime, event = begin(lrie, life, b'"next"')
    t.equal(event.body, b'"next"')
    t.equal(runtime.answer(event, b'"well"').status, 202)
    reply = caller.reply()
    t.equal((reply.status, reply.body), (200, b'"well"'))
    t.true(reply.header("X-Amz-Function-Error") is None, repr(reply))
    runtime.begin_next()
    report = lrie.report(event.id)
    t.equal((report.status, report.init), (None, None), report.line)
    return report


# ---- time-out


def test_a_timeout_answers_and_reports_the_configured_time(t):
    lrie = t.bare("--timeout", "1")
    caller, _, event = begin(lrie)
    reply = caller.reply()
    t.equal(reply.body, ('{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: %s Error: '
                         'Task timed out after 1.00 seconds"}' % event.id).encode())
    check_failure(t, reply, "Sandbox.Timedout", r"Task timed out after 1\.00 seconds")
    report = lrie.report(event.id)
    t.equal((report.duration, report.status), (1000.0, "timeout"))
    t.true(report.init is not None, report.line)
    t.true(report.billed in (math.ceil(1000 + report.init - 0.01),
                             math.ceil(1000 + report.init + 0.01)), report.line)
    t.true(report.line.endswith("\tStatus: timeout"), report.line)
    check_next_one_works(t, lrie)


def test_a_timeout_in_a_warm_invocation_has_no_init_duration(t):
    lrie = t.bare("--timeout", "1")
    caller, runtime, event = begin(lrie)
    runtime.answer(event)
    caller.reply()
    runtime.begin_next()
    caller = lrie.begin_invoke()
    event = runtime.next()
    t.equal(caller.reply().json()["errorType"], "Sandbox.Timedout")
    report = lrie.report(event.id)
    t.equal((report.duration, report.billed, report.init), (1000.0, 1000, None))


def test_an_answer_that_never_ends_times_out(t):
    lrie = t.bare("--timeout", "1")
    caller, runtime, event = begin(lrie)
    runtime.connection.send(("POST %s/invocation/%s/response HTTP/1.1\r\nHost: x\r\n"
                             "Content-Length: 10\r\n\r\nhalf" % (harness.RUNTIME_PATH, event.id))
                            .encode())
    check_failure(t, caller.reply(), "Sandbox.Timedout", r"Task timed out after 1\.00 seconds")
    check_next_one_works(t, lrie)


def test_a_runtime_that_answers_and_never_comes_back_times_out(t):
    lrie = t.bare("--timeout", "1")
    caller, runtime, event = begin(lrie)
    runtime.answer(event, b'"answered"')
    t.equal(caller.reply().body, b'"answered"')
    t.equal(lrie.report(event.id).status, "timeout")
    check_next_one_works(t, lrie)


def test_a_suppressed_init_eats_from_the_timeout(t):
    lrie = t.bare("--timeout", "1")
    caller, _, _ = begin(lrie)
    caller.reply()
    caller = lrie.begin_invoke()
    lrie.runtime(2)  # it is there and never asks for work
    reply = caller.reply()
    check_failure(t, reply, "Sandbox.Timedout", r"Task timed out after 1\.00 seconds")
    report = lrie.report(reply.request_id)
    t.equal((report.duration, report.init, report.status), (1000.0, None, "timeout"))
    check_next_one_works(t, lrie, 3)


# ---- crash in the invocation


def crash(t, order, error_type, message):
    lrie = t.puppet()
    caller, _, event = begin(lrie)
    lrie.order(order)
    reply = caller.reply()
    check_failure(t, reply, error_type, message)
    report = lrie.report(event.id)
    t.equal((report.status, report.error), ("error", error_type))
    t.true(report.init is not None, report.line)
    t.true(report.line.endswith("\tError Type: " + error_type), report.line)
    t.true("INIT_REPORT" not in lrie.stdout.text(), "an init that did not fail is reported")
    check_next_one_works(t, lrie)
    lrie.stop()


def test_exit_codes_are_named(t):
    crash(t, "exit 3", "Runtime.ExitError", "Runtime exited with error: exit status 3")
    crash(t, "exit 255", "Runtime.ExitError", "Runtime exited with error: exit status 255")


def test_exit_0_has_no_reason(t):
    crash(t, "exit 0", "Runtime.ExitError", "Runtime exited without providing a reason")


def test_signals_are_named_as_go_names_them(t):
    for signal, name in (("KILL", "killed"), ("SEGV", "segmentation fault"), ("ABRT", "aborted"),
                         ("TERM", "terminated"), ("HUP", "hangup"),
                         ("USR1", "user defined signal 1"), ("BUS", "bus error")):
        crash(t, "kill -%s $$" % signal, "Runtime.ExitError",
              r"Runtime exited with error: signal: %s( \(core dumped\))?" % name)


def test_an_answer_before_the_crash_is_an_answer(t):
    lrie = t.puppet()
    caller, runtime, event = begin(lrie)
    runtime.answer(event, b'"in time"')
    lrie.order("exit 1")
    reply = caller.reply()
    t.equal((reply.body, reply.header("X-Amz-Function-Error")), (b'"in time"', None))
    report = lrie.report(event.id)
    t.equal((report.status, report.error), ("error", "Runtime.ExitError"))
    check_next_one_works(t, lrie)


def test_a_crash_while_idle_goes_unnoticed_by_callers(t):
    lrie = t.puppet("--freeze=off")
    caller, runtime, event = begin(lrie)
    runtime.answer(event)
    caller.reply()
    runtime.begin_next()
    lrie.report(event.id)
    lrie.order("exit 1")
    t.true(runtime.connection.is_closed(), "the dead runtime got something")
    check_next_one_works(t, lrie)


def test_ten_crashes_in_a_row(t):
    lrie = t.puppet()
    for life in range(1, 11):
        caller, _, event = begin(lrie, life)
        lrie.order("exit %d" % life)
        check_failure(t, caller.reply(), "Runtime.ExitError",
                      "Runtime exited with error: exit status %d" % life)
        lrie.report(event.id)
    check_next_one_works(t, lrie, 11)


def test_the_fixtures_own_crash_is_the_same(t):
    lrie = t.serve("crash:invoke")
    for _ in range(2):
        reply = lrie.invoke()
        t.equal(reply.json()["errorType"], "Runtime.ExitError")
        t.equal(lrie.report(reply.request_id).error, "Runtime.ExitError")


# ---- what a reset leaves


def tmp_over_resets(t, user):
    t.need_walls("files", user=user)
    lrie = t.serve("echo", "--timeout", "1", user=user)
    t.equal(lrie.do_and_rest("write:/tmp/first").json(), "ok")
    t.equal(lrie.do("silent").json()["errorType"], "Sandbox.Timedout")
    t.equal(lrie.do_and_rest("list:/tmp").json(), ["first"])
    t.equal(lrie.do_and_rest("write:/tmp/second").json(), "ok")
    t.equal(lrie.do("crash").json()["errorType"], "Runtime.ExitError")
    t.equal(sorted(lrie.do_and_rest("list:/tmp").json()), ["first", "second"])
    t.equal(lrie.do_and_rest("read:/tmp/first").json(), "x")
    # Another environment has another.
    caller = lrie.begin_invoke(b'{"do": "line:here,silent"}')
    lrie.stdout.wait_line("here")
    t.equal(lrie.do("list:/tmp").json(), [])
    t.equal(caller.reply().json()["errorType"], "Sandbox.Timedout")


def test_tmp_outlives_a_reset(t):
    tmp_over_resets(t, None)


def test_tmp_outlives_a_reset_of_an_ordinary_user(t):
    if os.geteuid() != 0:
        t.skip("nothing else than the test before")
    tmp_over_resets(t, 65534)


# ---- crash in init


def check_init_failure(t, lrie, error_type, message):
    """An init that failed once with nobody waiting, and fails again with the invocation."""
    lrie.stdout.wait_line(INIT_REPORT % ("init", error_type.replace(".", r"\.")))
    reply = lrie.invoke()
    check_failure(t, reply, error_type, message)
    report = lrie.report(reply.request_id)
    t.equal((report.status, report.error, report.init), ("error", error_type, None), report.line)
    forms = [line.split(" ")[0] for line in lrie.stdout.lines()]
    t.equal([form for form in forms if form in ("INIT_REPORT", "START", "END", "REPORT")],
            ["INIT_REPORT", "INIT_REPORT", "START", "END", "REPORT"])
    lrie.stdout.wait_line(INIT_REPORT % ("invoke", error_type.replace(".", r"\.")))


def test_a_crash_in_init_is_reported_twice(t):
    for script, message in (
            ("exit 3", "Runtime exited with error: exit status 3"),
            ("exit 0", "Runtime exited without providing a reason"),
            ("kill -SEGV $$",
             r"Runtime exited with error: signal: segmentation fault( \(core dumped\))?")):
        lrie = t.serve_script("#!/bin/sh\n%s\n" % script)
        check_init_failure(t, lrie, "Runtime.ExitError", message)
        lrie.stop()


def test_the_output_of_both_inits_comes_before_their_reports(t):
    lrie = t.serve_script("#!/bin/sh\necho oops >&2\nexit 1\n")
    check_init_failure(t, lrie, "Runtime.ExitError", "Runtime exited with error: exit status 1")
    t.equal([line.split(" ")[0] for line in lrie.stdout.lines()],
            ["oops", "INIT_REPORT", "oops", "INIT_REPORT", "START", "END", "REPORT"])


def test_an_init_that_fails_once_is_forgiven(t):
    folder = t.folder()
    bootstrap = os.path.join(folder, "bootstrap")
    with open(bootstrap, "w") as file:
        file.write("#!/bin/sh\n[ -e \"$LAMBDA_TASK_ROOT/well\" ] || exit 1\n"
                   + harness.BARE_SCRIPT.split("\n", 1)[1])
    os.chmod(bootstrap, 0o755)
    lrie = t.serve_bootstrap(bootstrap)
    lrie.stdout.wait_line(INIT_REPORT % ("init", r"Runtime\.ExitError"))
    open(os.path.join(folder, "well"), "w").close()
    check_next_one_works(t, lrie, 1)
    t.equal(lrie.stdout.text().count("INIT_REPORT"), 1)


def test_an_invocation_that_waits_for_a_failing_init_gets_a_second_init(t):
    lrie = t.puppet()
    runtime_one = lrie.runtime(1)
    caller = lrie.begin_invoke(b'"patient"')
    with lrie.connect() as connection:  # a later request has been read: so has that one
        connection.ask("GET", "/_lrie/health")
    lrie.order("exit 1")
    t.true(runtime_one.connection.is_closed(), "the dead runtime got something")
    runtime = lrie.runtime(2)
    event = runtime.next()
    t.equal(event.body, b'"patient"')
    runtime.answer(event, b'"rewarded"')
    t.equal(caller.reply().body, b'"rewarded"')
    runtime.begin_next()
    t.equal(lrie.report(event.id).init, None)


def test_the_fixtures_crash_in_init(t):
    lrie = t.serve("crash:init")
    lrie.stdout.wait_line(INIT_REPORT % ("init", r"Runtime\.ExitError"))
    t.equal(lrie.invoke().json()["errorType"], "Runtime.ExitError")


def test_suppressed_init_counts_in_duration(t):
    lrie = t.puppet("--timeout", "30")
    caller, _, event = begin(lrie)
    lrie.order("exit 1")
    caller.reply()
    caller = lrie.begin_invoke()
    runtime = lrie.runtime(2)
    began = harness.kernel_clock()
    while harness.kernel_clock() < began + 0.3:  # a slow init
        os.sched_yield()
    event = runtime.next()
    runtime.answer(event)
    runtime.begin_next()
    t.between(300, lrie.report(event.id).duration, 300 + 2000 * harness.SLOW, "Duration")


# ---- no start at all


def test_no_bootstrap_at_all(t):
    lrie = t.start("--listen", "127.0.0.1:0", "--task-root", t.folder())
    lrie.wait_until_it_listens()
    check_init_failure(t, lrie, "Runtime.InvalidEntrypoint",
                       r"Couldn't find valid bootstrap\(s\): "
                       r"\[/var/task/bootstrap /opt/bootstrap\]")


def cannot_start(t, bootstrap, message, hint=None):
    lrie = t.serve_bootstrap(bootstrap)
    check_init_failure(t, lrie, "Runtime.InvalidEntrypoint",
                       "fork/exec %s: %s" % (r"\S*/bootstrap", message))
    if hint:
        t.true(hint in lrie.stderr.text().lower(), "no hint about %r on stderr" % hint)
    lrie.stop()


def test_no_exec_bit(t):
    cannot_start(t, t.script("#!/bin/sh\nexit 0\n", mode=0o644), "permission denied", "chmod")


def test_no_interpreter(t):
    cannot_start(t, t.script("#!/no/such/interpreter\n"), "no such file or directory",
                 "/no/such/interpreter")


def test_crlf_line_ends(t):
    cannot_start(t, t.script("#!/bin/sh\r\nexit 0\r\n"), "no such file or directory", "crlf")


def test_no_shebang(t):
    cannot_start(t, t.script("echo hello\n"), "exec format error")


def test_another_architecture(t):
    path = t.script(b"")
    shutil.copyfile(harness.BOOTSTRAP, path)
    with open(path, "r+b") as file:
        file.seek(18)  # e_machine
        file.write(b"\x2a\x00" if os.uname().machine != "sh4" else b"\x3e\x00")
    cannot_start(t, path, "exec format error")


def test_a_missing_loader(t):
    path = t.script(b"")
    source = shutil.which("true")
    with open(source, "rb") as file:
        image = file.read()
    start = image.find(b"/lib")
    if not image.startswith(b"\x7fELF") or start == -1 or start > 4096:
        t.skip("%s is not dynamically linked" % source)
    with open(path, "wb") as file:
        file.write(image[:start] + b"/nil" + image[start + 4:])
    os.chmod(path, 0o755)
    cannot_start(t, path, "no such file or directory")


def test_a_bootstrap_that_becomes_startable_is_started(t):
    bootstrap = t.script(harness.BARE_SCRIPT, mode=0o644)
    lrie = t.serve_bootstrap(bootstrap)
    lrie.stdout.wait_line(INIT_REPORT % ("init", r"Runtime\.InvalidEntrypoint"))
    os.chmod(bootstrap, 0o755)
    check_next_one_works(t, lrie, 1)


def test_failures_in_the_log_as_they_were(t):
    lrie = t.serve("echo", "--legacy-failures", "--timeout", "1")
    lost = lrie.invoke(b'{"do":"exit:3"}').request_id
    late = lrie.invoke(b'{"do":"silent"}').request_id
    t.equal(lrie.report(lost).status, None)
    t.equal(lrie.report(late).status, None)
    t.true("RequestId: %s Error: Runtime exited with error: exit status 3\nRuntime.ExitError\n"
           "END RequestId: %s\n" % (lost, lost) in lrie.stdout.text(), lrie.stdout.text())
    t.match(lrie.stdout.text(), r".*\n\d{4}-\d\d-\d\dT[\d:.]{12}Z %s Task timed out after 1\.00 "
                                r"seconds\n\nEND .*" % late)


if __name__ == "__main__":
    harness.main()
