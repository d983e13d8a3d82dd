#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lrie doctor with a function: what is wrong is named before it fails, good ones are left alone, and
nothing of the function runs."""
import json
import os
import shutil
import socket
import stat
import struct
import zipfile

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
NOBODY = 65534
MACHINES = {"x86_64": 62, "aarch64": 183}
OTHER = {"x86_64": "arm64", "aarch64": "x86_64"}.get(os.uname().machine)


def preflight(t, *options, expect=0, **more):
    finished = t.run("doctor", "--json", *options, expect=expect, **more)
    report = json.loads(finished.stdout)
    t.equal(report["exit_code"], expect)
    return report["preflight"]


def checks(found):
    return [finding["check"] for finding in found["findings"]]


def finding(t, found, check):
    for each in found["findings"]:
        if each["check"] == check:
            return each
    raise harness.Failure("no %r in %r" % (check, found))


def bundle(t, text="#!/bin/sh\n", mode=0o755):
    return t.script(text, mode=mode)


def elf(machine, kind=3):
    """A header and one segment: a static program, as far as a header tells."""
    return (b"\x7fELF\x02\x01\x01" + bytes(9)
            + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
            + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 120, 120, 4096))


# ---- good ones


def copy_of(t, *paths):
    folder = t.folder()
    for path in paths:
        shutil.copy(path, folder)
    return folder


def test_good_packages_raise_no_alarm(t):
    packages = {
        "shell": [os.path.join(ROOT, "fixtures/hello/bootstrap")],
        "C": [harness.BOOTSTRAP],
    }
    for name in ("node", "python"):
        if os.access("/usr/bin/" + {"python": "python3"}.get(name, name), os.X_OK):
            packages[name] = [os.path.join(ROOT, "fixtures/sha3", name, "bootstrap")]
    for name in ("bun", "deno"):
        source = os.path.join(ROOT, "fixtures/sha3", name)
        packages[name] = [os.path.join(source, each) for each in os.listdir(source)]
    for name, files in packages.items():
        folder = copy_of(t, *files)
        found = preflight(t, "--bootstrap", os.path.join(folder, "bootstrap"))
        # what an OS-only runtime does not bring is a hint, not an alarm
        t.true(set(checks(found)) <= {"machine-interpreter"}, "%s: %r" % (name, found))
        t.true(all(each["severity"] == "hint" for each in found["findings"]), repr(found))
        t.equal(found["shown_as"], "/var/task/bootstrap")
        t.equal(found["cut_short"], None)


def test_nothing_of_the_function_runs(t):
    folder = t.folder()
    os.chmod(folder, 0o777)
    bootstrap = harness.write_file(os.path.join(folder, "bootstrap"),
                                   "#!/bin/sh\ntouch %s/ran\n" % folder, 0o755)
    preflight(t, "--bootstrap", bootstrap)
    preflight(t, "--bootstrap", bootstrap, "--sandbox", "off")
    t.equal(os.listdir(folder), ["bootstrap"])


def test_the_fixture_of_the_readme_in_words(t):
    folder = copy_of(t, os.path.join(ROOT, "fixtures/hello/bootstrap"))
    text = t.run("doctor", "--bootstrap", folder + "/bootstrap", expect=0).stdout.decode()
    t.true(text.endswith("0 errors, 0 warnings, 0 hints\n"), text)


# ---- what is said is what happens


def test_an_error_is_the_one_that_a_start_gives(t):
    """The type and message of the pre-flight, held against those of an invocation."""
    cases = {
        "missing-interpreter": bundle(t, "#!/no/such/interpreter\n"),
        "exec-bit": bundle(t, mode=0o644),
        "crlf": bundle(t, "#!/bin/sh\r\n"),
        "format": bundle(t, "echo no script\n"),
        "env-program": bundle(t, "#!/usr/bin/env no-such-program\n"),
    }
    if OTHER:
        machine = MACHINES["aarch64" if OTHER == "arm64" else "x86_64"]
        cases["architecture"] = bundle(t, elf(machine))
    t.need_walls("files")
    for check, bootstrap in cases.items():
        said = finding(t, preflight(t, "--bootstrap", bootstrap, expect=1), check)
        t.equal(said["severity"], "error")
        t.true(said["fix"], said)
        done = t.run("invoke", "--bootstrap", bootstrap, expect=1)
        answer = json.loads(done.stdout)
        t.equal(answer["errorType"], said["errorType"], check)
        t.equal(answer["errorMessage"].split(" Error: ", 1)[1], said["errorMessage"], check)
        if said["errorType"] == "Runtime.InvalidEntrypoint":
            # and the words behind a failed start are those in front of it
            t.true(said["problem"] in done.stderr, "%s\n%s" % (said["problem"], done.stderr))
        else:
            t.true(said["log"] in done.stderr.replace("\u2018", "'").replace("\u2019", "'"),
                   "%s\n%s" % (said["log"], done.stderr))


def test_a_function_for_another_architecture(t):
    if not OTHER:
        t.skip("this machine is neither x86_64 nor arm64")
    machine = MACHINES["aarch64" if OTHER == "arm64" else "x86_64"]
    bootstrap = bundle(t, elf(machine))
    found = preflight(t, "--bootstrap", bootstrap, "--architecture", OTHER)
    t.equal((found["architecture"], checks(found)), (OTHER, ["other-machine"]))
    finding(t, preflight(t, "--bootstrap", harness.BOOTSTRAP, "--task-root",
                         os.path.dirname(bootstrap), "--bind", harness.FIXTURES,
                         "--architecture", OTHER, expect=1), "architecture")
    t.run("doctor", "--architecture", "sparc", expect=2)


def test_files_that_others_cannot_read(t):
    bootstrap = bundle(t)
    folder = os.path.dirname(bootstrap)
    for number in range(14):
        harness.write_file(os.path.join(folder, "file%d" % number), "", 0o640)
    said = finding(t, preflight(t, "--bootstrap", bootstrap), "unreadable")
    t.true("14 files" in said["problem"] and "file" in said["file"], said)


def test_layers(t):
    bootstrap, layers = bundle(t), [t.folder() for _ in range(6)]
    options = sum((["--layer", layer] for layer in layers), [])
    t.equal(checks(preflight(t, "--bootstrap", bootstrap, *options[:10])), [])
    t.equal(checks(preflight(t, "--bootstrap", bootstrap, *options, expect=1)), ["layer-count"])
    os.mkdir(os.path.join(layers[0], "extensions"))
    harness.write_file(os.path.join(layers[0], "extensions", "one"), "#!/bin/sh\n", 0o644)
    said = finding(t, preflight(t, "--bootstrap", bootstrap, *options[:2], expect=1),
                   "extension-exec-bit")
    t.equal(said["errorType"], "Extension.LaunchError")
    with open(os.path.join(layers[1], "big"), "wb") as file:
        file.truncate(251 << 20)
    said = finding(t, preflight(t, "--bootstrap", bootstrap, *options[:4], expect=1), "size")
    t.true("251 MB" in said["problem"], said)


def test_an_interpreter_in_a_layer_is_found(t):
    layer = t.folder()
    os.mkdir(os.path.join(layer, "bin"))
    harness.write_file(os.path.join(layer, "bin", "my-runtime"), "#!/bin/sh\n", 0o755)
    for line in ("#!/opt/bin/my-runtime\n", "#!/usr/bin/env my-runtime\n"):
        bootstrap = bundle(t, line)
        t.equal(checks(preflight(t, "--bootstrap", bootstrap, "--layer", layer)), [])
        t.equal(len(checks(preflight(t, "--bootstrap", bootstrap, expect=1))), 1)


def test_layers_that_are_archives(t):
    bootstrap, archive = bundle(t, "#!/opt/bin/tool\n"), os.path.join(t.folder(), "layer.zip")
    with zipfile.ZipFile(archive, "w") as file:
        info = zipfile.ZipInfo("bin/tool")
        info.external_attr = 0o100644 << 16
        file.writestr(info, "#!/bin/sh\n")
    said = finding(t, preflight(t, "--bootstrap", bootstrap, "--layer", archive, expect=1),
                   "exec-bit")
    t.equal(said["file"], archive + "/bin/tool")
    harness.write_file(archive, "no archive")
    finished = t.run("doctor", "--bootstrap", bootstrap, "--layer", archive, expect=2)
    t.true("layer.zip" in finished.stderr, finished.stderr)


def test_variables_and_ports(t):
    bootstrap = bundle(t)
    said = finding(t, preflight(t, "--bootstrap", bootstrap, "--env", "PORT=9000"), "port")
    t.equal(said["severity"], "warning")
    t.equal(checks(preflight(t, "--bootstrap", bootstrap, "--env", "PORT=9000", "--listen",
                             "127.0.0.1:9100")), [])
    apart = json.loads(t.run("doctor", "--json", "--bootstrap", bootstrap, "--env", "PORT=9000",
                             "--network", "none").stdout)
    t.equal(checks(apart["preflight"]), [])
    # what Lambda's own API would refuse is refused as everywhere
    for env in ("AWS_REGION=x", "KEY=" + "x" * 4097):
        finished = t.run("doctor", "--bootstrap", bootstrap, "--env", env, expect=2)
        t.true("--env" in finished.stderr or "4 KB" in finished.stderr, finished.stderr)


# ---- hostile ones


def test_a_bootstrap_that_is_no_file(t):
    folder = t.folder()
    path = os.path.join(folder, "bootstrap")
    cases = {"missing": lambda: None, "link-loop": lambda: os.symlink("bootstrap", path),
             "dangling-link": lambda: os.symlink("nowhere", path)}
    for check, make in cases.items():
        make()
        finding(t, preflight(t, "--bootstrap", path, expect=1), check)
        if os.path.lexists(path):
            os.unlink(path)
    os.mkfifo(path)
    finding(t, preflight(t, "--bootstrap", path, expect=1), "not-a-file")
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        finding(t, preflight(t, "--bootstrap", path, expect=1), "not-a-file")
    os.unlink(path)
    os.mkdir(path)
    finding(t, preflight(t, "--bootstrap", path, expect=1), "not-a-file")
    finding(t, preflight(t, "--task-root", folder, expect=1), "no-bootstrap")
    t.run("doctor", "--bootstrap", os.path.join(folder, "no", "bootstrap"), expect=2)
    t.run("doctor", "--task-root", os.path.join(folder, "no"), expect=2)


def test_a_huge_sparse_bootstrap(t):
    bootstrap = bundle(t, elf(MACHINES.get(os.uname().machine, 62)))
    os.truncate(bootstrap, 2 << 30)
    found = preflight(t, "--bootstrap", bootstrap)
    t.equal(checks(found), ["size"])


def test_names_that_play_with_the_terminal(t):
    folder = t.folder()
    name = "boot\nstrap\033[2J\x07\udcff"
    path = os.path.join(folder, name)
    harness.write_file(path, "#!/no\033[31m/such\n", 0o755)
    said = finding(t, preflight(t, "--bootstrap", path, expect=1), "missing-interpreter")
    t.true(said["file"].endswith("boot\nstrap\033[2J\x07\ufffd"), said)
    text = t.run("doctor", "--bootstrap", path, expect=1).stdout
    t.true(b"\033" not in text and b"\x07" not in text, text)
    t.true(b"boot\\x0astrap\\x1b[2J\\x07" in text, text)


def test_loops_and_closed_folders_in_the_package(t):
    bootstrap = bundle(t)
    folder = os.path.dirname(bootstrap)
    os.symlink(".", os.path.join(folder, "again"))
    os.symlink("one", os.path.join(folder, "two"))
    os.symlink("two", os.path.join(folder, "one"))
    os.symlink("/etc/hostname", os.path.join(folder, "outside"))
    os.symlink("/usr/bin/env", os.path.join(folder, "inside"))
    closed = os.path.join(folder, "closed")
    os.mkdir(closed)
    os.chmod(closed, 0)
    deep = folder
    for _ in range(150):
        deep = os.path.join(deep, "d")
        os.mkdir(deep)
    for user in (None, NOBODY) if os.geteuid() == 0 else (None,):
        found = preflight(t, "--bootstrap", bootstrap, user=user)
        t.true(found["cut_short"], "so deep, and all was looked at")
        expected = {"unreadable"} | ({"link-outside"} if os.path.exists("/etc/hostname") else set())
        t.equal(set(checks(found)), expected)
        t.equal(finding(t, found, "unreadable")["file"], closed)
    os.chmod(closed, stat.S_IRWXU)


if __name__ == "__main__":
    harness.main()
