#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a function sees of the machine, and what it can do to it, when lrie runs it.

Run by root, each claim is also held against a lrie of an ordinary user.
"""
import os
import re
import socket

import harness

NOBODY = 65534
DEVICES = ["fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero"]


def boxes(t, *options, walls=("files", "identity", "processes"), handler="echo"):
    """lrie as the user we are, and as an ordinary one where we are root."""
    t.need_walls(*walls)
    yield t.serve(handler, *options)
    if os.geteuid() == 0:
        t.need_walls(*walls, user=NOBODY)
        yield t.serve(handler, *options, user=NOBODY)


def status_of(lrie):
    """/proc/self/status of the function."""
    text = lrie.do("read:/proc/self/status").json()
    return {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in text.splitlines()}


def test_nothing_but_tmp_can_be_written(t):
    for lrie in boxes(t):
        for folder in ("", "/usr", "/etc", "/var/task", "/opt", "/var/runtime"):
            t.equal(lrie.do("write:%s/new" % folder).json(), "EROFS", folder)
        for path in ("/var/task/bootstrap", "/etc/passwd"):
            t.true(lrie.do("write:" + path).json() in ("EROFS", "EACCES", "ETXTBSY"), path)
        for folder in ("/home", "/root", "/dev", "/proc", "/sys", "/var/tmp", "/run", "/mnt"):
            t.true(lrie.do("write:%s/new" % folder).json() != "ok", folder + " can be written")
        t.equal(lrie.do_and_rest("write:/tmp/new").json(), "ok")
        t.equal(lrie.do("list:/tmp").json(), ["new"])


def test_the_user_is_lambdas_and_has_no_rights(t):
    for lrie in boxes(t):
        status = status_of(lrie)
        t.equal(status["Uid"].split(), ["993"] * 4)
        t.equal(status["Gid"].split(), ["990"] * 4)
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            t.equal(int(status[name], 16), 0, name)
        t.equal(status["NoNewPrivs"], "1")
        t.true(set(status["Groups"].split()) <= {"990", "65534"}, status["Groups"])


def test_devices_are_lambdas(t):
    for lrie in boxes(t):
        t.equal(sorted(lrie.do("list:/dev").json()), DEVICES)


def test_only_its_own_processes_can_be_seen(t):
    for lrie in boxes(t):
        pids = [name for name in lrie.do("list:/proc").json() if name.isdigit()]
        t.between(1, len(pids), 4, "processes in sight")
        t.true(lrie.do("pid").json() not in (1, "1"), "the function is PID 1")
        for name in ("environ", "maps"):
            secret = lrie.do("read:/proc/1/" + name).body
            t.true(b"LRIE" not in secret and b"TMPDIR" not in secret, "PID 1 tells its " + name)


def test_files_of_the_host_are_hidden(t):
    folder = t.folder()
    harness.write_file(os.path.join(folder, "secret"), "host's secret")
    for lrie in boxes(t):
        t.true(b"secret" not in lrie.do("read:%s/secret" % folder).body.replace(b"/secret", b""),
               "a file of the host can be read")
        for path in ("/root", "/home"):
            listed = lrie.do("list:" + path)
            t.true(listed.body in (b"[]",) or b"E" in listed.body, "%s: %r" % (path, listed))


def test_the_task_root_is_the_bootstraps_folder(t):
    for lrie in boxes(t):
        t.true("bootstrap" in lrie.do("list:/var/task").json(), "no bootstrap in /var/task")


def test_layers_are_merged_below_opt_and_later_ones_win(t):
    one, two = t.folder(), t.folder()
    harness.write_file(os.path.join(one, "both"), "one")
    harness.write_file(os.path.join(one, "first"), "one")
    harness.write_file(os.path.join(two, "both"), "two")
    for lrie in boxes(t, "--layer", one, "--layer", two):
        t.equal(lrie.do("read:/opt/both").json(), "two")
        t.equal(lrie.do("read:/opt/first").json(), "one")
        t.equal(lrie.do("write:/opt/new").json(), "EROFS")


def test_the_machines_own_opt_is_no_layer(t):
    for lrie in boxes(t):
        t.equal(lrie.do("list:/opt").json(), [])


def test_a_bound_folder_is_shown_read_only(t):
    folder = t.folder()
    harness.write_file(os.path.join(folder, "tool"), "useful")
    for lrie in boxes(t, "--bind", folder):
        t.equal(lrie.do("read:%s/tool" % folder).json(), "useful")
        t.equal(lrie.do("write:%s/new" % folder).json(), "EROFS")


def test_the_host_name_is_not_the_hosts(t):
    for lrie in boxes(t, walls=("hostname",)):
        t.true(lrie.do("read:/proc/sys/kernel/hostname").json().strip() != socket.gethostname(),
               "the function knows the host's name")


def test_descriptors_are_few_and_limited(t):
    for lrie in boxes(t):
        limits = lrie.do("read:/proc/self/limits").json()
        t.true(re.search(r"^Max open files +1024 +1024 ", limits, re.MULTILINE), limits)
        t.true(re.search(r"^Max core file size +[01] +", limits, re.MULTILINE), limits)
        t.between(1000, int(lrie.do("open:2000").json()), 1024, "descriptors that it got")
        t.equal(lrie.invoke(b"1").body, b"1")


def test_nothing_of_lrie_is_inherited(t):
    t.need_walls("files")
    lrie = t.serve_script("#!/bin/sh\nls /proc/self/fd\necho end\n"
                          + harness.BARE_SCRIPT.split("\n", 1)[1])
    lrie.stdout.wait_line("end")
    # the fourth is the folder that ls itself has open
    t.equal(lrie.stdout.lines()[:5], ["0", "1", "2", "3", "end"])


def test_processes_are_limited(t):
    for lrie in boxes(t, "--memory", "1024"):
        t.between(100, int(lrie.do("fork:1200").json()), 1024, "processes that it got")
        t.equal(lrie.invoke(b"1").body, b"1")


def test_tmp_is_bounded_and_a_full_one_is_survived(t):
    for lrie in boxes(t, "--ephemeral-storage", "512", "--memory", "2048", "--timeout", "60",
                      walls=("tmp",)):
        t.equal(lrie.do("fill:600").json(), "ENOSPC")
        t.equal(lrie.invoke(b"1").body, b"1")
        lrie.stop()


def test_programs_may_be_run_from_tmp(t):
    t.need_walls("files")
    lrie = t.serve_script(
        "#!/bin/sh\nprintf '#!/bin/sh\\necho it ran\\n' >/tmp/tool\nchmod +x /tmp/tool\n/tmp/tool\n"
        + harness.BARE_SCRIPT.split("\n", 1)[1])
    lrie.stdout.wait_line("it ran")


def test_setuid_programs_gain_nothing(t):
    t.need_root()
    t.need_walls("identity")
    folder = t.folder()
    harness.write_file(os.path.join(folder, "bootstrap"), "#!/bin/sh\n/var/task/id -u\n"
                       + harness.BARE_SCRIPT.split("\n", 1)[1], 0o755)
    with open("/usr/bin/id", "rb") as file:
        harness.write_file(os.path.join(folder, "id"), file.read(), 0o4755)
    lrie = t.serve_bootstrap(os.path.join(folder, "bootstrap"))
    lrie.runtime()
    t.equal(lrie.stdout.lines()[0], "993")


def test_environments_do_not_share_tmp(t):
    for lrie in boxes(t, "--timeout", "60"):
        t.equal(lrie.do_and_rest("write:/tmp/mine").json(), "ok")
        t.equal(lrie.do_and_rest("list:/tmp").json(), ["mine"])
        lrie.begin_invoke(b'{"do":"silent"}')
        lrie.stdout.wait_line(r"START .*", 3)
        t.equal(lrie.do("list:/tmp").json(), [], "/tmp of another environment")
        lrie.stop()


def test_a_daemon_does_not_outlive_a_crash(t):
    for lrie in boxes(t):
        lrie.do_and_rest("daemon,echo")
        before = lrie.function_processes("bootstrap")
        t.true(len(before) >= 2, "no daemon: %r" % before)
        t.equal(lrie.do("exit:1").json()["errorType"], "Runtime.ExitError")
        harness.wait_for(lambda: not any(process.is_alive() for process in before),
                         "the end of %r" % before)
        t.equal(lrie.invoke(b"1").body, b"1")


def test_a_daemon_does_not_outlive_a_timeout(t):
    for lrie in boxes(t, "--timeout", "1"):
        reply = lrie.do("daemon,ignore:TERM,silent")
        t.equal(reply.json()["errorType"], "Sandbox.Timedout")
        t.equal(lrie.invoke(b"1").body, b"1")
        harness.wait_for(lambda: len(lrie.function_processes("bootstrap")) == 1,
                         "the end of the daemon")


def test_nothing_outlives_lrie(t):
    # that nothing is left is checked by the harness when lrie ends
    for lrie in boxes(t):
        lrie.do("daemon,daemon,fork:20,echo")
        lrie.stop()


def test_killing_everything_in_sight_hurts_nobody_else(t):
    t.need_walls("processes")
    lrie = t.puppet()
    caller = lrie.begin_invoke()
    lrie.runtime().next()
    lrie.order("kill -KILL 1; kill -STOP 1; kill -KILL -1; exit 7")
    t.equal(caller.reply().json()["errorType"], "Runtime.ExitError")
    caller = lrie.begin_invoke()
    runtime = lrie.runtime(2)
    runtime.answer(runtime.next(), b'"alive"')
    t.equal(caller.reply().body, b'"alive"')


def test_without_a_sandbox_it_still_works_and_says_so(t):
    lrie = t.serve("echo", "--sandbox", "off")
    t.equal(lrie.invoke(b"1").body, b"1")
    t.true("sandbox" in lrie.stderr.text(), "nothing about the sandbox on stderr")
    t.equal(lrie.do("exit:2").json()["errorType"], "Runtime.ExitError")
    t.equal(lrie.invoke(b"2").body, b"2")


def test_a_wall_that_is_required_and_missing_ends_the_start(t):
    # without a sandbox no wall stands, on any machine
    finished = t.run("--sandbox", "off", "--require-sandbox=files", "--bootstrap",
                     harness.BOOTSTRAP, "--listen", "127.0.0.1:0")
    t.true(finished.code in (2, 3), repr(finished))
    t.true("listening" not in finished.stderr, "it listens")
    finished = t.run("--require-sandbox=moat", "--bootstrap", harness.BOOTSTRAP, expect=2)
    t.true("moat" in finished.stderr and "memory" in finished.stderr, repr(finished))


if __name__ == "__main__":
    harness.main()
