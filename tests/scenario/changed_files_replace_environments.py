#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""With --watch, new environments take the place of old ones when files of the function change."""
import contextlib
import json
import os
import shutil
import time
import zipfile

import harness

TOLD = r"lrie: watch: (.*)"

# Tells what it is made of, and serves one invocation after the other by itself.
TELLING = """#!/bin/sh
echo "runtime api: $AWS_LAMBDA_RUNTIME_API"
echo "made of: %s"
exec sleep 1000
"""


def folder_of(lrie):
    """The task root: the folder of the bootstrap."""
    return os.path.dirname(lrie.command[lrie.command.index("--bootstrap") + 1])


def change(lrie, name="index.mjs", text="new", mode=0o644):
    """At one blow: it is one change, however long this process may stand still meanwhile."""
    new = harness.write_file(os.path.join(lrie.test.folder(), "new"), text, mode)
    os.rename(new, os.path.join(folder_of(lrie), name))


def await_telling(lrie, count=1):
    return lrie.stderr.wait_line(TOLD, count)[1]


def await_processes(lrie, count):
    harness.wait_for(lambda: len(lrie.function_processes()) == count, "%d functions" % count)


def release(t, folder, text):
    os.mkdir(folder)
    harness.write_file(os.path.join(folder, "bootstrap"), TELLING % text, 0o755)


# ---- environments ------------------------------------------------------------------


def test_an_idle_environment_is_replaced(t):
    lrie = t.bare("--watch")
    lrie.runtime().begin_next()
    change(lrie)
    t.equal(await_telling(lrie), "'index.mjs' changed: 1 environment replaced")
    new = lrie.runtime(2)
    await_processes(lrie, 1)
    calling = lrie.begin_invoke()
    new.answer(new.next(), b'"new"')
    new.begin_next()
    t.equal(calling.reply().body, b'"new"')
    lrie.stop()


def test_an_invocation_finishes_on_the_old_code(t):
    lrie = t.bare("--watch")
    first = lrie.begin_invoke(b'"one"')
    old = lrie.runtime()
    event = old.next()
    change(lrie)
    await_telling(lrie)
    second = lrie.begin_invoke(b'"two"')
    new = lrie.runtime(2)
    other = new.next()
    t.equal(other.body, b'"two"')
    new.answer(other, b'"new"')
    new.begin_next()
    t.equal(second.reply().body, b'"new"')
    old.answer(event, b'"old"')
    old.begin_next()
    t.equal(first.reply().body, b'"old"')
    await_processes(lrie, 1)
    third = lrie.begin_invoke(b'"three"')
    event = new.end_next()
    t.equal(event.body, b'"three"')
    new.answer(event)
    new.begin_next()
    t.equal(third.reply().status, 200)
    lrie.stop()


def test_who_waits_for_an_init_hears_of_nothing(t):
    lrie = t.bare("--watch")
    lrie.runtime()  # its init never ends
    callers = [lrie.begin_invoke(b"%d" % i) for i in range(2)]
    lrie.runtime(2)
    change(lrie)
    t.equal(await_telling(lrie), "'index.mjs' changed: 2 environments replaced")
    for life in (3, 4):
        runtime = lrie.runtime(life)
        event = runtime.next()
        runtime.answer(event, event.body)
        runtime.begin_next()
    t.equal([caller.reply().body for caller in callers], [b"0", b"1"])
    lrie.stop()


def test_an_init_that_fails_is_mended(t):
    lrie = t.serve_script("#!/bin/sh\necho broken\nexit 1\n", "--watch")
    lrie.stdout.wait_line("broken")
    change(lrie, "bootstrap", harness.BARE_SCRIPT, 0o755)
    await_telling(lrie)
    lrie.stdout.wait_line(r"runtime api: .*")
    lrie.stop()


def test_all_that_are_provisioned_are_replaced(t):
    lrie = t.bare("--watch", "--provisioned", "3")
    lrie.runtime(3)
    change(lrie)
    t.equal(await_telling(lrie), "'index.mjs' changed: 3 environments replaced")
    lrie.runtime(6)
    await_processes(lrie, 3)
    lrie.stop()


def is_watched(lrie):
    """Whether lrie is told of changes in the folder of the function."""
    told = "ino:%x " % os.stat(folder_of(lrie)).st_ino
    folder = "/proc/%d/fdinfo" % lrie.pid
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError), open(os.path.join(folder, name)) as file:
            if any(line.startswith("inotify ") and told in line for line in file):
                return True
    return False


def test_without_it_nothing_is_replaced(t):
    lrie = t.bare("--watch")
    lrie.runtime().begin_next()
    t.true(is_watched(lrie), "with it, nobody is told of changes")
    lrie.stop()
    lrie = t.bare()
    lrie.runtime().begin_next()
    t.true(not is_watched(lrie), "without it, changes are looked for")
    change(lrie)
    lrie.stop()
    t.equal(lrie.lives(), 1)
    t.true("watch" not in lrie.stderr.text(), lrie.stderr.text())


def test_as_an_ordinary_user_and_without_walls(t):
    user = 65534 if os.geteuid() == 0 else None
    for options in ((), ("--sandbox", "off")):
        lrie = t.bare("--watch", *options, user=user)
        lrie.runtime().begin_next()
        change(lrie)
        t.equal(await_telling(lrie), "'index.mjs' changed: 1 environment replaced")
        lrie.runtime(2)
        await_processes(lrie, 1)
        lrie.stop()


def test_each_of_several_functions_has_its_own(t):
    folder = t.folder()
    for name in ("one", "two", "three"):
        release(t, os.path.join(folder, name), name)
    functions = [{"name": name, "bootstrap": name + "/bootstrap", "watch": name != "three",
                  "provisioned": 1} for name in ("one", "two", "three")]
    path = harness.write_file(os.path.join(folder, "lrie.json"),
                              json.dumps({"listen": "127.0.0.1:0", "functions": functions}))
    lrie = t.start("--config", path)
    lrie.wait_until_it_listens()
    lrie.stdout.wait_line(r"\[.*\] made of: .*", 3)
    for name in ("three", "two", "one"):
        harness.write_file(os.path.join(folder, name, "file"), "")
        if name != "three":
            lrie.stderr.wait_line(r"lrie: watch: %s: 'file' changed: 1 environment replaced" % name)
            lrie.stdout.wait_line(r"\[%s\] made of: %s" % (name, name), 2)
    await_processes(lrie, 3)
    t.equal(lrie.stderr.text().count("watch:"), 2)
    lrie.stop()


# ---- files -------------------------------------------------------------------------


def test_what_editors_leave_is_no_change(t):
    lrie = t.bare("--watch")
    lrie.runtime()
    folder = folder_of(lrie)
    os.mkdir(os.path.join(folder, ".git"))
    for name in (".git/index", ".index.mjs.swp", "4913", "index.mjs~"):
        change(lrie, name)
    os.rename(os.path.join(folder, "index.mjs~"), os.path.join(folder, "index.mjs"))
    t.equal(await_telling(lrie), "'index.mjs' changed: 1 environment replaced")
    lrie.stop()


def test_what_a_rename_has_replaced_goes_by_its_name(t):
    lrie = t.bare("--watch")
    lrie.runtime()
    folder = folder_of(lrie)
    # until it is closed nobody takes it for done
    with open(os.path.join(folder, "index.new"), "w") as file:
        os.rename(file.name, os.path.join(folder, "index.mjs"))
    t.match(await_telling(lrie), r"'index\.mjs' changed \(and 1 more\): .*")
    lrie.stop()


def test_a_build_that_writes_the_bootstrap(t):
    lrie = t.bare("--watch")
    lrie.runtime()
    bootstrap = os.path.join(folder_of(lrie), "bootstrap")
    os.remove(bootstrap)
    t.match(await_telling(lrie), r"'bootstrap' changed, but is not complete, and the "
            r"environments of before go on: '.*/bootstrap': No such file or directory")
    t.equal(lrie.lives(), 1)
    with open(bootstrap, "w") as file:
        file.write(harness.BARE_SCRIPT)
        file.flush()
        os.chmod(bootstrap, 0o644)
        os.chmod(bootstrap, 0o755)
    t.match(await_telling(lrie, 2), r"'bootstrap' changed.*: 1 environment replaced")
    lrie.runtime(2)
    t.equal(lrie.stderr.text().count("watch:"), 2)
    lrie.stop()


def test_a_build_that_ends_while_it_is_looked_for(t):
    """Which is every 100 ms: whenever the new bootstrap comes, it is one change."""
    t.need_walls("files")
    lrie = t.bare("--watch")
    lrie.runtime()
    bootstrap = os.path.join(folder_of(lrie), "bootstrap")
    for life in range(2, 18):
        os.remove(bootstrap)
        time.sleep(0.08 + life * 0.002)  # the moment is what the test is about
        harness.write_file(bootstrap, harness.BARE_SCRIPT, 0o755)
        lrie.runtime(life)
        lrie.stderr.wait_line(r"lrie: watch: .*: 1 environment replaced", life - 1)
    lrie.stop()
    t.equal((lrie.lives(), lrie.stderr.text().count("replaced")), (17, 16))


def test_a_bootstrap_that_is_open_for_writing(t):
    lrie = t.bare("--watch")
    lrie.runtime()
    with open(os.path.join(folder_of(lrie), "bootstrap"), "a") as file:
        file.write("# more\n")
        file.flush()
        t.match(await_telling(lrie), r".*'.*/bootstrap' is being written")
        t.equal(lrie.lives(), 1)
    t.equal(await_telling(lrie, 2), "'bootstrap' changed: 1 environment replaced")
    lrie.runtime(2)
    lrie.stop()


def test_the_end_comes_while_it_waits(t):
    lrie = t.bare("--watch")
    lrie.runtime()
    os.remove(os.path.join(folder_of(lrie), "bootstrap"))
    await_telling(lrie)
    lrie.stop()


def test_a_task_root_that_is_a_link(t):
    top = t.folder()
    for number in ("1", "2"):
        release(t, os.path.join(top, number), number)
    root = os.path.join(top, "current")
    os.symlink("1", root)
    lrie = t.serve_bootstrap(os.path.join(root, "bootstrap"), "--watch")
    lrie.stdout.wait_line("made of: 1")
    os.symlink("2", os.path.join(top, "next"))
    os.rename(os.path.join(top, "next"), root)
    t.equal(await_telling(lrie), "'current' changed: 1 environment replaced")
    lrie.stdout.wait_line("made of: 2")
    lrie.stop()


def test_a_task_root_that_is_built_anew(t):
    root = os.path.join(t.folder(), "dist")
    release(t, root, "1")
    lrie = t.serve_bootstrap(os.path.join(root, "bootstrap"), "--watch")
    lrie.stdout.wait_line("made of: 1")
    shutil.rmtree(root)
    lrie.stderr.wait_line(r"lrie: watch: .*: folder of the bootstrap '.*/dist/': "
                          r"No such file or directory")
    release(t, root, "2")
    lrie.stderr.wait_line(r"lrie: watch: '.*' changed.*: 1 environment replaced")
    lrie.stdout.wait_line("made of: 2")
    lrie.stop()


def pack(path, text, filling=b""):
    """As zip(1) does: beside it, and over it."""
    with zipfile.ZipFile(path + ".new", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("text", text), ("filling", filling)):
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    os.rename(path + ".new", path)


def unpacked(lrie):
    """The folders of layers that lrie has unpacked."""
    return [name for name in os.listdir(lrie.temporary) if "layer" in name]


def catch_unpacking(lrie, layer, text):
    """Changes the layer, and comes back while lrie unpacks it, which may be over before that is seen:
    then it changes again."""

    def seen():
        is_over = len(tellings()) > told
        return "now" if len(unpacked(lrie)) == 2 else is_over and "too late"

    def tellings():
        return [line for line in lrie.stderr.lines() if "'layer.zip' changed" in line]

    while True:
        told = len(tellings())
        pack(layer, text, bytes(100 << 20))
        if harness.wait_for(seen, "the layer to be unpacked") == "now":
            break


READING = TELLING % "$(cat /opt/text)"


def test_a_layer_that_is_a_zip_file(t):
    t.need_walls("files")
    layer = os.path.join(t.folder(), "layer.zip")
    pack(layer, "1")
    lrie = t.serve_script(READING, "--watch", "--layer", layer)
    lrie.stdout.wait_line("made of: 1")
    pack(layer, "2")
    t.equal(await_telling(lrie), "'layer.zip' changed: 1 environment replaced")
    lrie.stdout.wait_line("made of: 2")
    harness.wait_for(lambda: len(unpacked(lrie)) == 1, "the old layer to be removed")
    before = unpacked(lrie)
    change(lrie)
    await_telling(lrie, 2)
    lrie.stdout.wait_line("made of: 2", 2)
    await_processes(lrie, 1)
    t.equal(unpacked(lrie), before, "what has not changed is not unpacked again")
    harness.write_file(layer, b"no zip file")
    t.match(await_telling(lrie, 3), r"'layer\.zip' changed, but is not complete.*")
    pack(layer, "3")
    await_telling(lrie, 4)
    lrie.stdout.wait_line("made of: 3")
    lrie.stop()


def test_a_large_layer_changes_again_while_it_is_unpacked(t):
    t.need_walls("files")
    layer = os.path.join(t.folder(), "layer.zip")
    pack(layer, "1")
    lrie = t.serve_script(READING, "--watch", "--layer", layer)
    lrie.stdout.wait_line("made of: 1")
    catch_unpacking(lrie, layer, "2")
    pack(layer, "3")
    lrie.stdout.wait_line("made of: 3")
    await_processes(lrie, 1)
    harness.wait_for(lambda: len(unpacked(lrie)) == 1, "the old layers to be removed")

    # ... and lrie ends meanwhile: the harness sees what is left
    catch_unpacking(lrie, layer, "4")
    lrie.stop()


def test_a_layer_that_is_a_folder(t):
    t.need_walls("files")
    layer = t.folder()
    harness.write_file(os.path.join(layer, "text"), "1")
    lrie = t.serve_script(READING, "--watch", "--layer", layer)
    lrie.stdout.wait_line("made of: 1")
    harness.write_file(os.path.join(layer, "text"), "2")
    t.equal(await_telling(lrie), "'text' changed: 1 environment replaced")
    lrie.stdout.wait_line("made of: 2")
    lrie.stop()


def test_a_folder_of_extensions(t):
    t.need_walls("files")
    folder = t.folder()
    lrie = t.serve_script(TELLING % "$(ls /opt/extensions)", "--watch", "--extensions", folder)
    lrie.stdout.wait_line("made of: ")
    os.mkdir(os.path.join(folder, "data"))
    t.equal(await_telling(lrie), "'data' changed: 1 environment replaced")
    lrie.stdout.wait_line("made of: data")
    lrie.stop()


def test_a_function_that_changes_its_own_files(t):
    """It is told once, and does not go round for ever; what somebody else changes still counts."""
    lrie = t.serve_script("""#!/bin/sh
echo "runtime api: $AWS_LAMBDA_RUNTIME_API"
echo "$$" >"$LAMBDA_TASK_ROOT/cache"
exec sleep 1000
""", "--watch", "--sandbox=off")
    lrie.stderr.wait_line(r"lrie: warning: watch: 'cache' changes with each start of the function, "
                          r"as if that wrote it, .*")

    def replacements():
        return sum(line.endswith(": 1 environment replaced") for line in lrie.stderr.lines())

    def await_life():
        """The newest has written, and none comes after it."""
        cache = os.path.join(folder_of(lrie), "cache")
        harness.wait_for(lambda: [str(process.pid) for process in lrie.function_processes("sleep")] ==
                         open(cache, encoding="utf-8").read().split(), "the life that wrote last")

    await_life()
    before = replacements()
    for number in range(1, 4):
        change(lrie, "index.mjs", str(number))
        harness.wait_for(lambda: replacements() >= before + number, "change %d" % number)
        await_life()
    t.equal(replacements(), before + 3)
    t.equal(lrie.stderr.text().count("with each start"), 1)
    lrie.stop()


# ---- limits ------------------------------------------------------------------------


def in_namespace(t, limit, value, *options):
    """lrie where the kernel allows so much to a user; other users are not concerned."""
    command = 'echo %d >/proc/sys/user/%s && shift 0 && exec "$@"' % (value, limit)
    try:
        probe = harness.subprocess.run(
            ["unshare", "-U", "-r", "sh", "-c", "echo %d >/proc/sys/user/%s" % (value, limit)],
            stderr=harness.subprocess.DEVNULL)
    except FileNotFoundError:
        t.skip("no unshare(1)")
    if probe.returncode:
        t.skip("no user namespaces here")
    return t.start("-U", "-r", "sh", "-c", command, "sh", harness.LRIE, "--listen", "127.0.0.1:0",
                   "--sandbox", "off", "--runtime-api-access=any", *options, program="unshare")


def test_no_more_instances(t):
    lrie = in_namespace(t, "max_inotify_instances", 0, "--watch", "--bootstrap",
                        t.script(harness.BARE_SCRIPT))
    t.equal(lrie.wait(), 2)
    lrie.stopped = True
    lrie.stderr.wait_line(r'lrie: error: --watch: inotify: raise the number of instances of a '
                          r'user with "sysctl fs\.inotify\.max_user_instances=.*open files')


def test_no_more_watches(t):
    script = t.script(harness.BARE_SCRIPT)
    for number in range(20):
        os.mkdir(os.path.join(os.path.dirname(script), str(number)))
    lrie = in_namespace(t, "max_inotify_watches", 10, "--watch", "--bootstrap", script)
    lrie.wait_until_it_listens()
    lrie.stderr.wait_line(r"lrie: warning: watch: changes in '.*', and perhaps in other folders, "
                          r"are not seen: .* \"sysctl fs\.inotify\.max_user_watches=524288\".*")
    lrie.runtime()
    harness.write_file(os.path.join(os.path.dirname(script), "file"), "")
    t.equal(await_telling(lrie, 1), "'file' changed: 1 environment replaced")
    lrie.stop()


if __name__ == "__main__":
    harness.main()
