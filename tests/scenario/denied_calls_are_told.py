#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A function that calls what Lambda forbids is refused, and the user hears of it in a line."""
import os
import re

import harness

NOBODY = 65534
LINE = (r"lrie: (?P<name>\S+) \(pid (?P<pid>\d+)\) called (?P<call>\w+)\(2\)(?P<with> with .*?)?"
        r"( (?P<more>\d+) more times?)? (?P<phase>during init|during invoke|while idle): not "
        r"(?P<why>permitted on Lambda|known to be permitted on Lambda \(--seccomp=strict\))")


def denials(lrie):
    """The matches of all lines that tell of denied calls."""
    return [match for match in map(re.compile(LINE).fullmatch, lrie.stderr.lines()) if match]


def calls(lrie, call):
    return sum(int(match["more"] or 1) for match in denials(lrie) if match["call"] == call)


def need_listener(t):
    """Skips where calls are refused in silence, or not at all."""
    t.need_walls("syscalls")
    finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "call:ptrace,echo",
                     expect=0)
    if "syscalls enforced in part" in finished.stderr:
        t.skip("another filter has the listener")


def test_the_line_names_process_call_and_phase(t):
    need_listener(t)
    users = [None] + ([NOBODY] if os.geteuid() == 0 else [])
    for user in users:
        lrie = t.serve("init-call:ptrace", user=user)
        pid = lrie.do("call:keyctl,pid").json()
        lrie.stderr.wait_line(r"lrie: bootstrap \(pid %d\) called ptrace\(2\) during init: "
                              r"not permitted on Lambda" % pid)
        lrie.stderr.wait_line(r"lrie: bootstrap \(pid %d\) called keyctl\(2\) during invoke: "
                              r"not permitted on Lambda" % pid)
        t.equal(len(denials(lrie)), 2)


def test_calls_between_invocations_are_told_as_such(t):
    need_listener(t)
    lrie = t.puppet("--freeze=off")
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    runtime.answer(runtime.next(), b'"done"')
    t.equal(caller.reply().body, b'"done"')
    runtime.begin_next()
    lrie.stdout.wait_line(r"REPORT RequestId: .*")
    lrie.order("unshare --user true; sleep 1000")
    lrie.stderr.wait_line(r"lrie: unshare \(pid \d+\) called unshare\(2\) while idle: "
                          r"not permitted on Lambda")


def test_a_clean_function_makes_no_line(t):
    t.need_walls("syscalls")
    lrie = t.serve("echo")
    t.equal(lrie.invoke(b"1").body, b"1")
    lrie.stop()
    t.equal(denials(lrie), [])


def test_the_line_is_not_part_of_the_functions_log(t):
    need_listener(t)
    lrie = t.serve("echo")
    reply = lrie.do("call:ptrace,echo", headers=[("X-Amz-Log-Type", "Tail")])
    t.true(b"ptrace" not in reply.log_tail, "it is in the log tail")
    lrie.stderr.wait_line(LINE)
    t.true("ptrace" not in lrie.stdout.text(), "it is in the log")


def test_a_flood_is_summed_up(t):
    need_listener(t)
    lrie = t.serve("echo", "--memory", "1769", "--timeout", "60")
    t.equal(lrie.do("call:ptrace:5000,answer:1").body, b"1")
    lrie.stop()
    t.equal(calls(lrie, "ptrace"), 5000)
    t.between(2, len(denials(lrie)), 10, "lines")


def test_lrie_answers_others_in_a_flood(t):
    need_listener(t)
    lrie = t.serve("echo", "--memory", "1769", "--timeout", "5")
    flood = lrie.begin_invoke(b'{"do":"call:ptrace:4000000000"}')
    lrie.stderr.wait_line(LINE)
    for number in range(20):
        t.equal(lrie.invoke(b"%d" % number).body, b"%d" % number)
    t.equal(flood.reply().json()["errorType"], "Sandbox.Timedout")
    t.equal(lrie.invoke(b"2").body, b"2")
    lrie.stop()
    t.between(2, len(denials(lrie)), 10, "lines")


def test_calls_of_children_are_counted(t):
    need_listener(t)
    lrie = t.serve("child:call:ptrace:100,echo")
    t.equal(lrie.invoke(b"1").body, b"1")
    lrie.stop()
    t.equal(calls(lrie, "ptrace"), 100)


def test_names_that_a_process_gives_itself_stay_in_their_line(t):
    need_listener(t)
    folder = t.folder()
    os.symlink("/usr/bin/unshare", os.path.join(folder, "\033[2J\nlrie: x"))
    bootstrap = harness.write_file(
        os.path.join(folder, "bootstrap"),
        "#!/bin/sh\nfor f in /var/task/*lrie*; do \"$f\" --user true; done\nexit 1\n", 0o755)
    lrie = t.serve_bootstrap(bootstrap)
    lrie.stderr.wait_line(r"lrie: \?\[2J \(pid \d+\) called unshare\(2\) during init: "
                          r"not permitted on Lambda")
    t.true("\033" not in lrie.stderr.text(), "an escape sequence came through")


def test_strict_says_that_it_is_strict(t):
    need_listener(t)
    lrie = t.serve("echo", "--seccomp", "strict")
    t.equal(lrie.do("call:fanotify_mark,call:ptrace,echo").status, 200)
    lrie.stop()
    told = {match["call"]: match["why"] for match in denials(lrie)}
    t.equal(told, {"fanotify_mark": "known to be permitted on Lambda (--seccomp=strict)",
                   "ptrace": "permitted on Lambda"})


def test_ordinary_programs_run_under_strict(t):
    t.need_walls("syscalls")
    lrie = t.serve("echo", "--seccomp", "strict", "--memory", "512")
    for words, answer in (("fork:3", "3"), ("write:/tmp/x", '"ok"'), ("daemon,answer:1", "1"),
                          ("eat:10,answer:2", "2"), ("stream:3", None)):
        reply = lrie.do(words)
        t.equal(reply.status, 200)
        t.true(answer is None or reply.body == answer.encode(), repr(reply))
    shell = t.serve_script("#!/bin/sh\nls -l / | grep -c tmp >/tmp/x; cat /tmp/x\n"
                           + harness.BARE_SCRIPT.split("\n", 1)[1], "--seccomp", "strict")
    shell.runtime()
    lrie.stop()
    t.equal(denials(lrie) + denials(shell), [])


def test_off_is_said_and_refuses_nothing(t):
    lrie = t.serve("echo", "--seccomp", "off")
    t.equal(lrie.do("call:unshare,echo").status, 200)
    lrie.stderr.wait_line(r"lrie: warning: sandbox: syscalls not enforced: .*")
    t.equal(denials(lrie), [])


def test_the_wall_can_be_required(t):
    t.need_walls("syscalls")
    t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo",
          "--require-sandbox=syscalls", "--seccomp=strict", expect=0)
    finished = t.run("--bootstrap", harness.BOOTSTRAP, "--require-sandbox=syscalls",
                     "--seccomp=off", "--listen", "127.0.0.1:0", expect=2)
    t.true("exclude each other" in finished.stderr, repr(finished))


def test_the_line_can_be_silenced(t):
    need_listener(t)
    finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "call:ptrace,echo",
                     "--log-level", "error", expect=0)
    t.true("ptrace" not in finished.stderr, finished.stderr)


if __name__ == "__main__":
    harness.main()
