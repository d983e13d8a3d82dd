#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A function that writes where Lambda is read-only fails as there, and the user hears what to do."""
import os
import re

import harness

NOBODY = 65534
LINE = (r"lrie: (?P<name>.+) \(pid (?P<pid>\d+)\) could not (?P<verb>[a-z ]+) '(?P<path>.*)' "
        r"(?P<phase>during init|during invoke|while idle): (?P<reason>[^:]+): (?P<advice>.+)")
OTHERS = (r"lrie: writes to other files failed (\d+) times? (during init|during invoke|while idle): "
          r"read-only on Lambda: use /tmp")


def writes(lrie):
    """The matches of all lines that tell of failed writes."""
    return [match for match in map(re.compile(LINE).fullmatch, lrie.stderr.lines()) if match]


def paths(lrie):
    return [match["path"] for match in writes(lrie)]


def need_reports(t):
    """Skips where nobody hears of calls, or all files can be written."""
    t.need_walls("files", "syscalls")
    finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo", expect=0)
    if "syscalls enforced in part" in finished.stderr:
        t.skip("another filter has the listener")


def shell(t, commands, *options, **more):
    """Runs commands in init; after them the function waits."""
    return t.serve_script("#!/bin/sh\n" + commands + "\necho done\nexec sleep 1000\n",
                          *options, **more)


def test_the_line_names_process_path_phase_and_advice(t):
    need_reports(t)
    users = [None] + ([NOBODY] if os.geteuid() == 0 else [])
    for user in users:
        lrie = shell(t, "echo $$; touch /etc/passwd; cd /opt; echo >new", user=user)
        pid = int(lrie.stdout.wait_line(r"(\d+)")[1])
        lrie.stderr.wait_line(r"lrie: touch \(pid \d+\) could not write '/etc/passwd' during "
                              r"init: read-only on Lambda: use /tmp")
        lrie.stderr.wait_line(r"lrie: bootstrap \(pid %d\) could not create '/opt/new' during "
                              r"init: read-only on Lambda: use /tmp" % pid)
        t.equal(len(writes(lrie)), 2)
        lrie = t.serve("echo", user=user)
        pid = lrie.do("pid").json()
        t.equal(lrie.do("write:/opt/new").status, 200)
        lrie.stderr.wait_line(r"lrie: bootstrap \(pid %d\) could not create '/opt/new' during "
                              r"invoke: read-only on Lambda: use /tmp" % pid)
        t.equal(len(writes(lrie)), 1)


def test_writes_between_invocations_are_told_as_such(t):
    need_reports(t)
    lrie = t.puppet("--freeze=off")
    caller = lrie.begin_invoke()
    runtime = lrie.runtime()
    runtime.answer(runtime.next(), b'"done"')
    t.equal(caller.reply().body, b'"done"')
    runtime.begin_next()
    lrie.stdout.wait_line(r"REPORT RequestId: .*")
    lrie.order("touch /etc/passwd; sleep 1000")
    lrie.stderr.wait_line(r"lrie: touch \(pid \d+\) could not write '/etc/passwd' while idle: "
                          r"read-only on Lambda: use /tmp")


def test_shared_memory_and_home_have_advice_of_their_own(t):
    need_reports(t)
    lrie = shell(t, "echo > /dev/shm/x; echo > /dev/shm/y; mkdir -p /home/sbx_user1051/.foo/bar; "
                    "echo > /home/sbx_user1051/.cache/y; echo > /home/sbx_user1051/.cache/z")
    lrie.stdout.wait_line("done")
    lrie.stderr.wait_line(r".*'/dev/shm/x' during init: Lambda has no shared memory, .*")
    lrie.stderr.wait_line(r".*could not create '/home/sbx_user1051/.cache/y' during init: no such "
                          r"folder, and none can be made on Lambda: set XDG_CACHE_HOME=.*")
    lrie.stderr.wait_line(r"lrie: mkdir .*create '/home/sbx_user1051' during init: .*HOME=/tmp")
    t.equal(len(writes(lrie)), 3)


def test_a_path_is_told_once_in_all_environments(t):
    need_reports(t)
    lrie = t.serve("echo", "--memory", "1769", "--timeout", "30")
    for _ in range(3):
        t.equal(lrie.do("write:/var/task/x,echo").status, 200)
    lrie.do("write:/var/task/x,crash:invoke")
    t.equal(lrie.do("write:/var/task/x,echo").status, 200)
    t.equal(lrie.do("write:/var/task/y,echo").status, 200)
    lrie.stderr.wait_line(r".*'/var/task/y'.*")
    t.equal(paths(lrie), ["/var/task/x", "/var/task/y"])


def test_a_flood_is_summed_up(t):
    need_reports(t)
    lrie = shell(t, "i=0; while [ $i -lt 500 ]; do true >/var/task/f$i; i=$((i+1)); done",
                 "--init-timeout", "100")
    lrie.stdout.wait_line("done")
    lrie.stop()
    others = [match for match in map(re.compile(OTHERS).fullmatch, lrie.stderr.lines()) if match]
    t.equal(len(writes(lrie)), 64)
    t.equal(64 + sum(int(match[1]) for match in others), 500)
    t.between(1, len(others), 8, "lines of others, each after a longer pause")


def test_lrie_answers_others_in_a_flood(t):
    need_reports(t)
    folder = t.folder()
    harness.write_file(os.path.join(folder, "writer"), "#!/bin/sh\nwhile :; do true >/opt/x$$; "
                       "true >/tmp/x; done\n", 0o755)
    lrie = t.serve("echo", "--memory", "1769", "--timeout", "5", "--bind", folder + ":/mnt")
    flood = shell(t, "/mnt/writer & /mnt/writer &", "--bind", folder + ":/mnt")
    flood.stderr.wait_line(LINE)
    for number in range(20):
        t.equal(lrie.invoke(b"%d" % number).body, b"%d" % number)
    t.equal(flood.connect().ask("GET", "/_lrie/health").status, 200)


def test_hostile_paths_stay_in_their_line(t):
    need_reports(t)
    lrie = shell(t, "cd /var/task; echo > \"$(printf '\\033[2J\\nlrie: x\\302\\233')\" ; "
                    "echo > \"/opt/$(printf '%0200d' 1)/$(printf '%0200d' 2)\"")
    lrie.stdout.wait_line("done")
    lrie.stderr.wait_line(r".* could not create '/var/task/\?\[2J\?lrie: x\?\?' during init: .*")
    lrie.stderr.wait_line(r".* could not create '/opt/0+1/0+\.\.\.' during init: .*")
    t.true("\033" not in lrie.stderr.text(), "an escape sequence came through")


def test_good_writes_make_no_line(t):
    need_reports(t)
    lrie = shell(t, "cd /tmp; echo > a; mkdir -p b/c; mv a b; cp b/a d; ln -s d e; rm -rf b; "
                    "echo >/dev/null; touch f; chmod 600 f; ls / >/dev/null 2>&1; cat /etc/passwd; "
                    "mkdir -p /tmp /var /usr; rm -f /var/task/nothing; [ -w /var/task ]; "
                    "echo x >/dev/stdout; cat <<END\nx\nEND\n")
    lrie.stdout.wait_line("done")
    lrie.stop()
    t.equal(writes(lrie), [])


def test_python_is_not_told_of_what_it_compiles(t):
    need_reports(t)
    if not os.path.exists("/usr/bin/python3"):
        t.skip("no /usr/bin/python3 that the box would have")
    folder = t.folder()
    harness.write_file(os.path.join(folder, "module.py"), "print('imported', flush=True)\n")
    bootstrap = harness.write_file(
        os.path.join(folder, "bootstrap"),
        "#!/bin/sh\nunset PYTHONDONTWRITEBYTECODE\nexec /usr/bin/python3 -c 'import module, time; "
        "time.sleep(1000)'\n", 0o755)
    lrie = t.serve_bootstrap(bootstrap, "--init-timeout", "60")
    lrie.stdout.wait_line("imported")
    lrie.stop()
    t.equal(writes(lrie), [])


def test_it_can_be_switched_off(t):
    need_reports(t)
    for options in (("--report-writes=off",), ("--log-level", "error"), ("--seccomp", "off")):
        finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler",
                         "write:/var/task/x,echo", *options, expect=0)
        t.true("could not" not in finished.stderr, finished.stderr)
    finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler",
                     "write:/var/task/x,echo", "--seccomp", "strict", expect=0)
    t.true("could not create '/var/task/x'" in finished.stderr, finished.stderr)


def test_the_line_is_not_part_of_the_functions_log(t):
    need_reports(t)
    lrie = t.serve("echo")
    reply = lrie.do("write:/var/task/x,echo", headers=[("X-Amz-Log-Type", "Tail")])
    lrie.stderr.wait_line(LINE)
    t.true(b"could not" not in reply.log_tail, "it is in the log tail")
    t.true("could not" not in lrie.stdout.text(), "it is in the log")


if __name__ == "__main__":
    harness.main()
