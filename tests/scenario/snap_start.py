#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SnapStart: init ends in a snapshot, which the first request restores."""
import datetime

import harness
from harness import RUNTIME_PATH

SNAP_START = ("--initialization-type", "snap-start")
INIT_REPORT = r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init"


def check_refused(t, reply, status, name, message):
    """An error of the API, and none of the function."""
    t.equal((reply.status, reply.header("x-amzn-ErrorType")), (status, name), repr(reply))
    t.equal(reply.json(), {"Type": "User", "Message": message})
    t.equal(reply.header("X-Amz-Function-Error"), None)


def test_a_runtime_that_knows_of_it_runs_its_hooks(t):
    lrie = t.serve("init-line:before,restore-line:hook,restore-sleep:60,echo", *SNAP_START)
    lrie.stdout.wait_line(INIT_REPORT)
    reply = lrie.invoke(b"[1]", [("X-Amz-Log-Type", "Tail")])
    t.equal((reply.status, reply.body), (200, b"[1]"))
    report = lrie.report(reply.request_id)
    t.equal(report.init, None, "init is no part of an invocation")
    t.between(60, report.restore, 60 + 5000, "Restore Duration")
    # Billed is what was measured, and told is that to a hundredth.
    t.between(-0.01, report.billed_restore - report.restore, 1.01, "Billed Restore Duration")
    t.between(0, report.billed - report.billed_restore - report.duration, 1, "Billed Duration")
    lines = lrie.stdout.lines()
    t.match("\n".join(lines), "before\n" + INIT_REPORT + "\nhook\n"
            r"RESTORE_REPORT Restore Duration: \d+\.\d\d ms\nSTART [^\n]*\nEND [^\n]*\nREPORT .*")
    t.equal(reply.log_tail.decode(), "\n".join(lines[2:]) + "\n")
    second = lrie.report(lrie.invoke().request_id)
    t.equal((second.init, second.restore), (None, None))
    lrie.stop()


def test_another_one_is_thawed(t):
    lrie = t.serve("env", *SNAP_START)
    lrie.stdout.wait_line(INIT_REPORT)
    reply = lrie.invoke()
    t.equal(reply.json()["AWS_LAMBDA_INITIALIZATION_TYPE"], "snap-start")
    t.true(lrie.report(reply.request_id).restore is not None, "no Restore Duration")
    lrie.stdout.wait_line(r"RESTORE_REPORT Restore Duration: \d+\.\d\d ms")
    lrie.stop()


def test_a_hook_that_fails(t):
    lrie = t.serve("restore-error:Runtime.HookError,echo", *SNAP_START)
    lrie.stdout.wait_line(INIT_REPORT)
    for count in (1, 2):
        check_refused(t, lrie.invoke(), 400, "SnapStartException",
                      "Runtime reported a failed restore: Runtime.HookError")
        lrie.stdout.wait_line(r"RESTORE_REPORT Restore Duration: \d+\.\d\d ms\t"
                              r"Status: error\tError Type: Runtime\.HookError", count)
    t.true("START" not in lrie.stdout.text(), "nothing was invoked")
    lrie.stop()


def test_a_hook_that_crashes(t):
    lrie = t.serve("restore-exit:7", *SNAP_START)
    check_refused(t, lrie.invoke(), 400, "SnapStartException",
                  "Runtime exited with error: exit status 7: Runtime.ExitError")
    lrie.stop()


def test_a_hook_that_hangs(t):
    lrie = t.serve("restore-silent", *SNAP_START, "--restore-timeout", "0.3")
    check_refused(t, lrie.invoke(headers=[("X-Amz-Log-Type", "Tail")]), 408,
                  "SnapStartTimeoutException",
                  "Restore timed out after 0.30 seconds: Runtime.RestoreHookUserTimeout")
    line = lrie.stdout.wait_line(r"RESTORE_REPORT Restore Duration: (\d+\.\d\d) ms\t"
                                 r"Status: timeout")
    t.between(300, float(line[1]), 300 + 5000, "Restore Duration")
    lrie.stop()


def test_after_a_crash_there_is_another_snapshot(t):
    lrie = t.serve("restore-sleep:5,echo", *SNAP_START)
    t.equal(lrie.do("exit:1").header("X-Amz-Function-Error"), "Unhandled")
    report = lrie.report(lrie.invoke().request_id)
    t.equal((report.status, report.init), (None, None))
    t.true(report.restore >= 5, report.line)
    lrie.stdout.wait_line(INIT_REPORT, 2)
    lrie.stop()


def test_a_failed_init_is_told_at_once(t):
    lrie = t.serve("init-error:Runtime.NoModule", *SNAP_START)
    for _ in range(2):
        reply = lrie.invoke()
        t.equal((reply.status, reply.header("X-Amz-Function-Error")), (200, "Unhandled"))
        t.equal(reply.json()["errorType"], "Runtime.NoModule")
    t.true("Phase: invoke" not in lrie.stdout.text(), "a suppressed init")
    lrie.stop()


def test_the_routes_to_the_byte(t):
    lrie = t.bare(*SNAP_START)
    runtime = lrie.runtime()

    def forbidden(reply, state, target):
        t.equal(reply.status, 403, repr(reply))
        t.equal(reply.json(), {
            "errorMessage": "State transition from %s to %s failed for runtime. Error: State "
                            "transition is not allowed" % (state, target),
            "errorType": "InvalidStateTransition"})

    def ask(method, path):
        other = lrie.runtime()
        return other.ask(method, path, b"{}" if method == "POST" else None)

    forbidden(ask("POST", "/restore/error"), "Started", "RuntimeRestoreErrorState")
    runtime.connection.request("GET", RUNTIME_PATH + "/restore/next")
    lrie.stdout.wait_line(INIT_REPORT)
    forbidden(ask("GET", "/restore/next"), "RestoreReady", "RestoreReady")
    forbidden(ask("GET", "/invocation/next"), "RestoreReady", "Ready")
    forbidden(ask("POST", "/init/error"), "RestoreReady", "InitError")
    t.true(not runtime.connection.has_input(), "released without a request")
    caller = lrie.begin_invoke()
    reply = runtime.connection.reply()
    t.equal((reply.status, reply.body), (200, b""))
    forbidden(ask("GET", "/restore/next"), "Restoring", "RestoreReady")
    event = runtime.next()
    forbidden(ask("POST", "/restore/error"), "Running", "RuntimeRestoreErrorState")
    runtime.answer(event)
    t.equal(caller.reply().status, 200)
    lrie.stop()


def test_a_failed_restore_may_be_told_either_way(t):
    lrie = t.bare(*SNAP_START)
    for count, path in ((1, "/init/error"), (2, "/restore/error")):
        caller = lrie.begin_invoke()
        runtime = lrie.runtime(count)
        t.equal(runtime.ask("GET", "/restore/next").status, 200)
        reply = runtime.ask("POST", path, b"{}", [
            ("Lambda-Runtime-Function-Error-Type", "Runtime.AfterRestore")])
        t.equal((reply.status, reply.body), (202, b'{"status":"OK"}\n'))
        t.equal(caller.reply().header("x-amzn-ErrorType"), "SnapStartException")
    lrie.stop()


def test_elsewhere_there_are_no_such_routes(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    t.equal(runtime.ask("GET", "/restore/next").status, 404)
    t.equal(runtime.ask("POST", "/restore/error", b"{}").status, 404)
    t.equal(runtime.ask("POST", "/restore/next", b"{}").status, 404)
    t.equal(runtime.connection.ask("GET", "/2021-04-23/credentials").status, 404)
    lrie.stop()


def test_metrics_tell_restores_from_cold_starts(t):
    lrie = t.serve("restore,echo", *SNAP_START)
    lrie.report(lrie.invoke().request_id)
    t.equal([lrie.metric("lrie_" + name) for name in (
        "cold_starts_total", "invocations_total", "restore_duration_seconds_count")], [0, 1, 1])
    lrie.stop()


TOKEN_SCRIPT = harness.BARE_SCRIPT.replace(
    "exec", 'echo "token: $AWS_CONTAINER_AUTHORIZATION_TOKEN"\n'
    'echo "uri: $AWS_CONTAINER_CREDENTIALS_FULL_URI"\nexec')


def begin_with_token(t, *options, **more):
    """A connection to where the credentials are, their path, and the token for them."""
    lrie = t.serve_script(TOKEN_SCRIPT, *options, *SNAP_START, **more)
    token = lrie.stdout.wait_line(r"token: ([0-9a-f]{64})")[1]
    uri = lrie.stdout.wait_line(r"uri: http://127\.0\.0\.1:(\d+)(/2021-04-23/credentials)")
    return lrie, lrie.test.closing(harness.Connection(int(uri[1]))), uri[2], token


def check_no_credentials(t, reply):
    t.equal((reply.status, reply.body),
            (404, b"cannot get credentials for the provided token\n"))
    t.match(reply.header("Content-Type"), "text/plain.*")


def test_credentials_are_asked_for(t):
    lrie, connection, path, token = begin_with_token(t, env={
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": 'a"b',
        "AWS_SESSION_TOKEN": "session"})
    reply = connection.ask("GET", path, headers=[("Authorization", token)])
    t.equal((reply.status, reply.header("Content-Type")), (200, "application/json"))
    answer = reply.json()
    end = datetime.datetime.fromisoformat(answer.pop("Expiration").replace("Z", "+00:00"))
    left = end - datetime.datetime.now(datetime.timezone.utc)
    t.between(1500, left.total_seconds(), 1800, "seconds until they expire")
    t.equal(answer, {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": 'a"b', "Token": "session"})
    for headers in ([], [("Authorization", "")], [("Authorization", token[:-1])],
                    [("Authorization", "Bearer " + token)]):
        check_no_credentials(t, connection.ask("GET", path, headers=headers))
    t.equal(connection.ask("POST", path, b"{}").status, 405)
    lrie.stop()


def test_credentials_without_a_session_have_an_empty_token(t):
    lrie, connection, path, token = begin_with_token(t, env={
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"})
    reply = connection.ask("GET", path, headers=[("Authorization", token)])
    t.equal(reply.json()["Token"], "")
    lrie.stop()


def test_there_may_be_no_credentials(t):
    lrie, connection, path, token = begin_with_token(t)
    for _ in range(2):
        check_no_credentials(t, connection.ask("GET", path, headers=[("Authorization", token)]))
    lrie.stop()
    t.equal(lrie.stderr.text().count("the function asked for AWS credentials"), 1)


def test_the_variables_are_those_of_a_snapshot(t):
    lrie = t.serve("env", *SNAP_START, env={
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"})
    found = lrie.invoke().json()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                 "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"):
        t.true(name not in found, name)
    t.match(found["AWS_CONTAINER_AUTHORIZATION_TOKEN"], "[0-9a-f]{64}")
    lrie.stop()


def test_what_does_not_go_with_it(t):
    done = t.run("--bootstrap", "/bin/true", "--provisioned", "2", *SNAP_START)
    t.equal(done.code, 2)
    t.true("exclude each other" in done.stderr, done.stderr)


if __name__ == "__main__":
    harness.main()
