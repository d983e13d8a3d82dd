# SPDX-License-Identifier: Apache-2.0
"""default_container - lrie where "docker run" puts it: no namespaces, no mounts, no cgroups

Every test runs a command in a container of its own, made by podman with Docker's default
capabilities and with profile.json, which refuses what Docker's own profile refuses of all that a box
needs. The image is made here, of busybox and what was built; nothing is fetched, and nothing is left.

Needs root, podman, crun and a static busybox; LRIE_CONTAINER_REQUIRED makes their lack a failure.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

LRIE = os.path.abspath(os.environ.get("LRIE") or "./lrie")
FIXTURES = os.path.abspath(os.environ.get("LRIE_FIXTURES") or "./fixtures")
BOX_TESTS = os.path.join(os.path.dirname(LRIE), "tests", "box")
HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 120 * float(os.environ.get("LRIE_TEST_SLOW") or 1)

IMAGE = "localhost/lrie/test"
APPLETS = ["sh", "cat", "chmod", "echo", "env", "ls", "mkdir", "ps", "sleep", "wget"]

# Docker grants root a few capabilities more than podman. crun may not raise limits here.
CAPABILITIES = ["--cap-add", "MKNOD", "--cap-add", "NET_RAW", "--cap-add", "AUDIT_WRITE"]
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]
ROOT = CAPABILITIES
USER = CAPABILITIES + ["--user", "1000:1000"]
STRIPPED = ["--user", "1000:1000", "--cap-drop", "ALL", "--read-only"]
BARE = STRIPPED + ["--read-only-tmpfs=false", "--tmpfs", "/tmp:size=24m,mode=1777,exec"]


def lacking():
    """Why there can be no containers here, or None."""
    if os.geteuid() != 0:
        return "podman is run by root here"
    for program in ("podman", "crun", "conmon", "busybox", "unshare"):
        if not shutil.which(program):
            return "there is no " + program
    if "not a dynamic" not in libraries_of(shutil.which("busybox")):
        return "busybox is not static (Debian: busybox-static)"
    if subprocess.run(in_private_mounts("true"), capture_output=True).returncode != 0:
        return "a cgroup2 file system cannot be mounted here"
    return None


def libraries_of(program):
    done = subprocess.run(["ldd", program], capture_output=True, text=True)
    return done.stdout + done.stderr


def in_private_mounts(*command):
    """crun refuses a machine that has both versions of cgroups: it is shown the second only."""
    return ["unshare", "-m", "--propagation", "private", "sh", "-c",
            'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"', "sh", *command]


class Podman:
    def __init__(self, folder):
        self.folder = folder

    def podman(self, *arguments):
        return in_private_mounts(
            "podman", "--root", self.folder + "/store", "--runroot", self.folder + "/run",
            "--tmpdir", self.folder + "/tmp", "--storage-driver", "vfs",
            "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "crun",
            *arguments)

    def make_image(self):
        root = self.folder + "/root"
        for folder in ("bin", "dev", "etc", "lrie/box", "proc", "run", "sys", "usr"):
            os.makedirs(os.path.join(root, folder))
        for folder in ("tmp", "var/tmp"):
            os.makedirs(os.path.join(root, folder))
            os.chmod(os.path.join(root, folder), 0o1777)
        shutil.copy(shutil.which("busybox"), root + "/bin/busybox")
        for applet in APPLETS:
            os.symlink("busybox", root + "/bin/" + applet)
        programs = [LRIE, BOX_TESTS + "/container"]
        shutil.copy(LRIE, root + "/lrie/lrie")
        shutil.copy(BOX_TESTS + "/container", root + "/lrie/box/container")
        for fixture in ("bootstrap", "probe"):
            shutil.copy(os.path.join(FIXTURES, fixture), root + "/lrie/" + fixture)
            programs.append(os.path.join(FIXTURES, fixture))
        for path in {path for program in programs for path in paths_in(libraries_of(program))}:
            os.makedirs(root + os.path.dirname(path), exist_ok=True)
            shutil.copy(path, root + path)
        archive = self.folder + "/image.tar"
        subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
        subprocess.run(self.podman("import", archive, IMAGE), check=True, capture_output=True)

    def run(self, options, *command):
        """Runs a command in a new container; returns exit status, stdout and stderr."""
        done = subprocess.run(
            self.podman("run", "--rm", "--net", "none", "--cgroups", "disabled",
                        "--security-opt", "seccomp=" + HERE + "/profile.json",
                        *LIMITS, *options, IMAGE, *command),
            capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr


def paths_in(text):
    return [word for word in text.split() if word.startswith("/") and os.path.exists(word)]


def check(condition, what, *context):
    if not condition:
        raise AssertionError("%s\n%s" % (what, "\n".join(map(str, context))))


# ---- the walls, line by line -----------------------------------------------------


def landlock_abi():
    import ctypes
    return max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))


def check_walls(podman, options, expected):
    code, out, err = podman.run(options, "/lrie/lrie", "doctor", "--json")
    check(code == 0, "doctor ends with %d" % code, out, err)
    walls = {wall["name"]: wall for wall in json.loads(out)["walls"]}
    for name, (enforced, mechanism, detail) in expected.items():
        wall = walls.pop(name)
        check(wall["enforced"] == enforced, name + " is not " + enforced, wall)
        check((wall["mechanism"] or "") == mechanism, name + " is not by " + mechanism, wall)
        check(detail in (wall["detail"] or ""), name + " does not say " + detail, wall)
    return walls


NO_NAMESPACES = "Operation not permitted; "
EVERYWHERE = {
    "files": ("partly", "Landlock", "EACCES"),
    "ipc": ("no", "", NO_NAMESPACES),
    "hostname": ("no", "", NO_NAMESPACES),
    "cpu": ("no", "", "cgroup"),
    "syscalls": ("yes", "seccomp", ""),
}
FILE_SIZES = ("partly", "RLIMIT_FSIZE", "--tmpfs /tmp:size=")
AS_ROOT = {
    "processes": ("partly", "a user for each box", "cannot signal it or look into it"),
    "identity": ("yes", "uid 993", ""),
    "pids": ("yes", "RLIMIT_NPROC", ""),
}
AS_USER = {
    "processes": ("partly", "Landlock", "cannot signal it or look into it"),
    "identity": ("no", "no new privileges", "the user who runs lrie"),
    "pids": ("no", "", "RLIMIT_NPROC would count all that the user runs"),
}


def test_walls_as_root(podman):
    check_walls(podman, ROOT, {**EVERYWHERE, **AS_ROOT, "tmp": FILE_SIZES})


def test_walls_as_a_user(podman):
    check_walls(podman, USER, {**EVERYWHERE, **AS_USER, "tmp": FILE_SIZES})


def test_walls_without_capabilities_on_a_read_only_root(podman):
    check_walls(podman, BARE, {**EVERYWHERE, **AS_USER,
                               "tmp": ("partly", "tmpfs", "of 24 MB for all boxes together")})


def test_a_read_only_tmp_is_told(podman):
    check_walls(podman, ROOT + ["--read-only", "--read-only-tmpfs=false"],
                {**EVERYWHERE, **AS_ROOT, "tmp": ("no", "", "--tmpfs /tmp:size=")})


def test_walls_can_be_required(podman):
    for options, walls, wanted in ((ROOT, "files,processes,identity,pids", 0), (ROOT, "ipc", 3),
                                   (USER, "files,processes,syscalls", 0), (USER, "pids", 3),
                                   (USER, "identity", 3), (ROOT, "", 3)):
        code, out, err = podman.run(options, "/lrie/lrie", "invoke", "-b", "/lrie/bootstrap",
                                    "--handler", "echo", "--require-sandbox=" + walls)
        check(code == wanted, "--require-sandbox=%s ends with %d" % (walls, code), out, err)
        check(wanted == 0 or "missing walls: " in err, "the wall is not named", err)


# ---- what a function sees and can do -----------------------------------------------


def ask(podman, options, **answers):
    """Runs the probe as the function's program, in a container in which lrie is process 1."""
    cases = answers.pop("cases")
    code, out, err = podman.run(["-e", "SECRET=hunter2"] + options, "/lrie/lrie", "shell", "-b",
                                "/lrie/bootstrap", "--", "/lrie/probe", *cases)
    said = dict(line.split(": ", 1) for line in out.splitlines() if ": " in line)
    check(code == 0, "the probe ends with %d" % code, out, err)
    check("hunter2" not in out, "lrie's environment is seen", out)
    for word, answer in cases.items():
        check(said.get(word) in answer.split(" or "), word + " is not " + answer, out, err)


ATTACKS = {
    "kill:1": "EPERM", "kill:1:19": "EPERM", "kill:1:15": "EPERM",
    "read:/proc/1/environ": "EACCES", "link:/proc/1/exe": "EACCES", "ls:/proc/1/root": "EACCES",
    "read:/proc/1/maps": "EACCES", "write:/proc/1/mem": "EACCES",
    "write:/proc/sys/kernel/hostname": "EACCES or EROFS",
    "write:/lrie/lrie": "EACCES or EROFS", "write:/var/tmp/x": "EACCES or EROFS",
    "write:/x": "EACCES or EROFS", "unlink:/lrie/probe": "EACCES or EROFS",
    "chmod:/lrie/probe": "EPERM or EROFS", "mknod:/tmp/device": "EPERM or EACCES",
    "shm-open:/x": "EACCES", "write:/dev/null": "ok", "write:/tmp/x": "ok",
    "exec-copy:/tmp/copy": "ok", "setuid:0": "EPERM or EINVAL", "setgid:0": "EPERM or EINVAL",
    "chroot": "EPERM", "call:ptrace": "EPERM", "call:unshare": "EPERM",
    "status:CapEff": "0000000000000000", "status:CapPrm": "0000000000000000",
    "status:CapInh": "0000000000000000", "status:CapAmb": "0000000000000000",
    "status:NoNewPrivs": "1", "fds": "0 1 2", "limit:files": "1024 1024",
}


def test_attacks_as_root(podman):
    ask(podman, ROOT, cases={"uid": "993 993 993", "gid": "990 990 990", "groups": "0", **ATTACKS})


def test_attacks_as_a_user(podman):
    ask(podman, USER, cases={"uid": "1000 1000 1000", **ATTACKS})


def test_attacks_without_capabilities_on_a_read_only_root(podman):
    ask(podman, BARE, cases={"uid": "1000 1000 1000", "status:CapBnd": "0000000000000000",
                             **ATTACKS})


def test_a_full_tmp(podman):
    ask(podman, ROOT, cases={"fill:/tmp/x": "512 EFBIG"})
    ask(podman, BARE, cases={"fill:/tmp/x": "24 ENOSPC or 23 ENOSPC"})


# ---- the tests of the box that are made for this ----------------------------------------


def run_box_tests(podman, options):
    code, out, err = podman.run(options + ["-e", "LRIE_PROBE=/lrie/probe"], "/lrie/box/container")
    check(code == 0 and "\nnot ok" not in out, "tests of the box fail", out, err)


def test_boxes_as_root(podman):
    run_box_tests(podman, ROOT)


def test_boxes_as_a_user(podman):
    run_box_tests(podman, USER)


def test_boxes_without_capabilities_on_a_read_only_root(podman):
    run_box_tests(podman, STRIPPED)


# ---- lrie itself ------------------------------------------------------------------------


def test_failures_are_told(podman):
    for options in (ROOT, USER, BARE):
        for handler, wanted, said in (("echo", 0, '{"a":1}'), ("crash", 1, "Runtime.ExitError"),
                                      ("exit:3", 1, "exit status 3"),
                                      ("sleep:20000", 124, "Sandbox.Timedout")):
            code, out, err = podman.run(options, "/lrie/lrie", "invoke", "-b", "/lrie/bootstrap",
                                        "--handler", handler, "--timeout", "1", "--event",
                                        '{"a":1}')
            check(code == wanted, "%s ends with %d" % (handler, code), out, err)
            check(said in out, handler + " does not say " + said, out, err)


SERVE = r"""
/lrie/lrie --bootstrap /lrie/bootstrap --handler %s >/tmp/log 2>/tmp/errors &
lrie=$!
ask() { wget -q -O - "$@"; }
until ask http://127.0.0.1:9000/_lrie/health >/dev/null 2>&1; do :; done
call() { ask --post-data "$1" http://127.0.0.1:9000/2015-03-31/functions/f/invocations; echo; }
%s
kill $lrie
wait $lrie
echo "lrie ends with $?"
ps
"""


def serve(podman, options, handler, commands):
    code, out, err = podman.run(options, "/bin/sh", "-c", SERVE % (handler, commands))
    check(code == 0 and "lrie ends with 0" in out, "lrie does not serve", out, err)
    listed = out[out.index("lrie ends with"):].splitlines()[2:]
    check(not [line for line in listed if "/lrie/" in line and "/bin/sh -c" not in line],
          "processes are left", out)
    return out


def test_it_serves(podman):
    for options in (ROOT, USER, BARE):
        out = serve(podman, options, "echo", """call '{"n":1}'; call '{"n":2}'""")
        check('{"n":1}\n{"n":2}\n' in out, "the answers are missing", out)


def test_daemons_end_with_the_environment(podman):
    for options in (ROOT, USER, BARE):
        serve(podman, options, "daemon,daemon,echo", """call '{"n":1}'""")


def test_environments_have_users_of_their_own(podman):
    out = serve(podman, ROOT, "sleep:1000,echo", """call '{"n":1}' & one=$!
call '{"n":2}' & two=$!
until [ "$(ps | grep -c '[/]lrie/bootstrap$')" -ge 2 ]; do :; done
ps | sed -n 's/^ *[0-9]* \\([0-9]*\\) *[/]lrie.bootstrap$/user \\1/p'
wait $one $two""")
    users = {line for line in out.splitlines() if line.startswith("user ")}
    check("user 993" in users and len(users) >= 2, "environments share a user", out)


# ---- running them -------------------------------------------------------------------------


def run_tests(podman, tests):
    failed = 0
    for number, test in enumerate(tests, 1):
        name = test.__name__[len("test_"):]
        try:
            test(podman)
        except Exception:
            failed += 1
            print("# " + traceback.format_exc().strip().replace("\n", "\n# "))
            print("not ok %d - %s" % (number, name), flush=True)
            continue
        print("ok %d - %s" % (number, name), flush=True)
    return failed


def main():
    words = sys.argv[1:]
    tests = [value for name, value in globals().items() if name.startswith("test_")
             and (not words or any(word in name for word in words))]
    reason = lacking()
    if not reason and landlock_abi() < 6:
        reason = "the tables are those of Linux 6.12 and later"
    if reason:
        if os.environ.get("LRIE_CONTAINER_REQUIRED"):
            print("Bail out! " + reason)
            sys.exit(1)
        print("1..0 # SKIP " + reason)
        return
    print("1..%d" % len(tests), flush=True)
    folder = tempfile.mkdtemp(prefix="lrie-container-")
    try:
        podman = Podman(folder)
        podman.make_image()
        failed = run_tests(podman, tests)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
