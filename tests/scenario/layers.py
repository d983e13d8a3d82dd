#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`--layer` takes folders and zip files; a zip file that is not what it says is refused by name."""
import fcntl
import io
import os
import signal
import stat
import struct
import zipfile
import zlib

import harness

SH = "/bin/sh"


def entry(name, mode=0o644, kind=stat.S_IFREG, system=3, method=zipfile.ZIP_DEFLATED):
    info = zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10))
    info.create_system, info.compress_type = system, method
    info.external_attr = (kind | mode) << 16 if system == 3 else 0x20
    return info


def link(name, target):
    return entry(name, 0o777, stat.S_IFLNK), target


def file(name, text="x", **more):
    return entry(name, **more), text


def folder(name, mode=0o755):
    return entry(name + "/", mode, stat.S_IFDIR), ""


def pack(*entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", strict_timestamps=False) as archive:
        for info, data in entries:
            archive.writestr(info, data)
    return buffer.getvalue()


def put(t, data, name="layer.zip"):
    return harness.write_file(os.path.join(t.folder(), name), data)


def shell(t, layers, command, *options, **more):
    words = [word for layer in layers for word in ("--layer", layer)]
    return t.run("shell", *words, *options, "--", SH, "-c", command, **more)


def need_files(t):
    t.need_walls("files")


# ---- what a layer is for -------------------------------------------------------------


def test_zips_and_folders_are_merged_in_order(t):
    need_files(t)
    one = put(t, pack(file("both", "zip 1"), file("lib/a", "a"), file("only", "1")))
    two = t.folder()
    harness.write_file(os.path.join(two, "both"), "folder 2")
    three = put(t, pack(file("lib/b", "b"), file("both", "zip 3")))
    look = "cat /opt/both; echo; cd /opt; find . -type f | sort"
    names = "./both\n./lib/a\n./lib/b\n./only\n"
    t.equal(shell(t, (one, two, three), look, expect=0).stdout.decode(), "zip 3\n" + names)
    t.equal(shell(t, (three, one, two), look, expect=0).stdout.decode(), "folder 2\n" + names)
    t.equal(shell(t, (two, three, one), look, expect=0).stdout.decode(), "zip 1\n" + names)


def test_modes_times_links_and_contents_are_kept(t):
    need_files(t)
    data = "".join("line %d\n" % number for number in range(200000))
    layer = put(t, pack(folder("bin"), file("bin/tool", "#!/bin/sh\necho tool\n", mode=0o755),
                        file("lib/lib.so.1", "library"), link("lib/lib.so", "lib.so.1"),
                        link("bin/other", "../bin/tool"), file("big", data),
                        file("stored", "as it is", method=zipfile.ZIP_STORED),
                        file("setuid", "s", mode=0o6755), folder("private", 0o711),
                        file("dos", "d", system=0), file("./odd//name", "o"),
                        file("new\nline", "n"), file("deep/" * 250 + "file", "deep")))
    look = ("tool; other; cat /opt/lib/lib.so /opt/stored; echo; cksum </opt/big; cd /opt; "
            "stat -c '%a %n' bin bin/tool setuid private dos odd/name; readlink lib/lib.so; "
            "TZ= stat -c %Y bin/tool; ls -d new*; cat " + "deep/" * 250 + "file")
    finished = shell(t, (layer,), look, "--env", "PATH=/usr/bin:/bin:/opt/bin", expect=0)
    lines = finished.stdout.decode().split("\n")
    t.equal(lines[:3], ["tool", "tool", "libraryas it is"])
    t.equal(lines[3].split()[1], str(len(data)))
    t.equal(lines[4:11], ["755 bin", "755 bin/tool", "755 setuid", "711 private", "644 dos",
                          "644 odd/name", "lib.so.1"])
    t.near(int(lines[11]), 1714979290, "time of a file", share=0, absolute=15 * 3600)
    t.equal(lines[12:], ["new", "line", "deep"])


def test_a_bootstrap_may_be_in_a_zip(t):
    need_files(t)
    layer = put(t, pack(file("bootstrap", "#!/bin/sh\necho started >&2\nexit 1\n", mode=0o755)))
    finished = t.run("invoke", "--task-root", t.folder(), "--layer", layer, expect=1)
    t.true("started" in finished.stderr, repr(finished))


def test_a_zip_in_front_of_which_is_something_else(t):
    need_files(t)
    layer = put(t, b"#!/bin/sh\nexit\n" * 50 + pack(file("inside", "text")))
    t.equal(shell(t, (layer,), "cat /opt/inside", expect=0).stdout, b"text")


def test_an_ordinary_user_may_unpack(t):
    user = 65534 if os.geteuid() == 0 else None
    layer = put(t, pack(file("private", "readable", mode=0o600), folder("closed", 0o500),
                        file("closed/file", "c")))
    finished = shell(t, (layer,), "cat /opt/closed/file", user=user)
    if "files not enforced" in finished.stderr:
        t.skip("no root of its own")
    t.equal((finished.code, finished.stdout), (0, b"c"), repr(finished))


def test_layers_that_no_overlay_takes_are_copied(t):
    """A folder in another one is what overlayfs refuses everywhere."""
    need_files(t)
    outer = t.folder()
    inner = os.path.join(outer, "inner")
    os.mkdir(inner)
    harness.write_file(os.path.join(outer, "file"), "outer", 0o755)
    harness.write_file(os.path.join(inner, "file"), "inner", 0o640)
    os.chmod(os.path.join(inner, "file"), 0o644)
    os.symlink("file", os.path.join(outer, "link"))
    os.mkfifo(os.path.join(outer, "fifo"))
    os.mkdir(os.path.join(inner, "link"))
    archive = put(t, pack(file("inner", "now a file"), file("from zip", "z")))
    look = "cd /opt; for i in *; do echo $i $(stat -c '%F %a' \"$i\"); done; cat file"
    finished = shell(t, (outer, inner), look, expect=0)
    t.equal(finished.stdout.decode(), "file regular file 644\ninner directory 755\n"
            "link directory 755\ninner")
    finished = shell(t, (inner, outer, archive), look, expect=0)
    t.equal(finished.stdout.decode(), "file regular file 755\nfrom zip regular file 644\n"
            "inner regular file 644\nlink symbolic link 777\nouter")


# ---- limits ------------------------------------------------------------------------------


def test_more_layers_than_lambda_takes_are_told(t):
    folders = [t.folder() for _ in range(13)]
    t.true("6 layers: Lambda takes 5" in shell(t, folders[:6], "true", expect=0).stderr, "6")
    t.true("Lambda takes 5" not in shell(t, folders[:5], "true", expect=0).stderr, "5")
    t.true("13 layers" in shell(t, folders, "true", expect=2).stderr, "13")


def test_more_bytes_than_lambda_takes_are_told(t):
    layer, task = t.folder(), t.folder()
    for where, size in ((layer, 200 << 20), (task, 60 << 20)):
        with open(os.path.join(where, "sparse"), "wb") as file_:
            file_.truncate(size)
    finished = t.run("shell", "--task-root", task, "--layer", layer, "--", "true", expect=0)
    t.true("have 260 MB or more: Lambda takes 250" in finished.stderr, repr(finished))


# ---- hostile ones --------------------------------------------------------------------------


def patched(data, name, offset, form, *values):
    """Overwrites something in the directory's entry of 'name' (APPNOTE.TXT 4.3.12)."""
    data = bytearray(data)
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode()))
    struct.pack_into(form, data, at + offset, *values)
    return bytes(data)


def patched_both(data, name, offset, form, *values):
    """The same in the header in front of the data, which is two bytes shorter there."""
    data = bytearray(patched(data, name, offset, form, *values))
    at = data.rindex(b"PK\x03\x04", 0, data.index(name.encode()))
    struct.pack_into(form, data, at + offset - 2, *values)
    return bytes(data)


def renamed(old, new, *entries):
    return pack(*entries).replace(old, new)


def zeros(names, size, shared=False):
    """Files of zeros, packed only once; 'shared' is data that belongs to all of them."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = compressor.compress(bytes(size)) + compressor.flush()
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, zlib.crc32(bytes(size)), len(packed),
                         size, 1, 0)
    data, directory = b"", b""
    for name in names:
        start = 0 if shared else len(data)
        if start == len(data):
            data += b"PK\x03\x04" + fields + name.encode() + packed
        directory += (b"PK\x01\x02" + struct.pack("<H", 20 | 3 << 8) + fields
                      + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, start) + name.encode())
    return data + directory + b"PK\x05\x06" + struct.pack(
        "<HHHHIIH", 0, 0, len(names), len(names), len(directory), len(data), 0)


BIG = "z" * 100000
PLAIN = (file("name", BIG),)
HOSTILE = {
    "absolute": (pack(file("/etc/evil")), "entry '/etc/evil': its name is an absolute path"),
    "up": (pack(file("../evil")), "entry '../evil': '..' is in its name"),
    "up in the middle": (pack(file("a/../../evil")), "entry 'a/../../evil': '..' is in its name"),
    "up at the end": (pack(folder("a/..")), "entry 'a/../': '..' is in its name"),
    "backslash": (renamed(b"a#b", b"a\\b", file("a#b")), "entry 'a\\b': a backslash"),
    "NUL": (renamed(b"a#b", b"a\0b", file("a#b")), "entry 'a': a NUL is in its name"),
    "no name": (renamed(b"#", b".", file("#")), "entry '': it has no name"),
    "long name": (pack(file("n" * 256)), "entry 'nnnnn"),
    "long path": (pack(file("n/" * 2500 + "x")), "entry 'n/n/n"),
    "deep path": (pack(file("n/" * 256 + "x")), "entry 'n/n/n"),
    "long path of long names": (pack(file(("n" * 250 + "/") * 17 + "x")), "entry 'nnn"),
    "control characters": (pack(file("../\x1b[2J\n")), "entry '../?[2J?': '..'"),
    "link to an absolute path": (pack(link("l", "/etc/passwd")),
                                 "entry 'l': it is a link to an absolute path"),
    "link that leads out": (pack(link("a/l", "../../x")),
                            "entry 'a/l': it is a link that leads out of the layer"),
    "link with a detour": (pack(link("s", "."), link("l", "s/s/../../x")),
                           "entry 'l': it is a link with '..' behind a name"),
    "link to nothing": (pack(link("l", "")), "entry 'l': it is a link to nothing"),
    "link with a NUL": (pack(link("l", "a\0b")), "entry 'l': it is a link with a NUL"),
    "long link": (pack(link("l", "x" * 5000)), "entry 'l': it is a link to a path that is too"),
    "through a link": (pack(link("l", "etc"), file("l/evil")),
                       "entry 'l/evil': it goes through a link"),
    "through a link that comes later": (pack(file("l/evil"), link("l", "etc")),
                                        "entry 'l/evil': it goes through a link"),
    "below a file": (pack(file("f"), file("f/g")), "entry 'f/g': it lies below what is a file"),
    "file and folder": (pack(file("f"), folder("f")), "entry 'f': it is there twice"),
    "file and link": (pack(file("f"), link("f", "g")), "entry 'f': it is there twice"),
    "twice": (pack(file("f", "1"), file("./f", "2")), "entry 'f': it is there twice"),
    "device": (pack((entry("d", 0o666, stat.S_IFCHR), "")), "entry 'd': it is neither"),
    "FIFO": (pack((entry("p", 0o666, stat.S_IFIFO), "")), "entry 'p': it is neither"),
    "socket": (pack((entry("s", 0o666, stat.S_IFSOCK), "")), "entry 's': it is neither"),
    "encrypted": (patched_both(pack(*PLAIN), "name", 8, "<H", 1), "entry 'name': it is encrypted"),
    "bzip2": (pack(file("name", BIG, method=zipfile.ZIP_BZIP2)),
              "entry 'name': its compression is not deflate"),
    "other method": (patched_both(pack(*PLAIN), "name", 10, "<H", 97),
                     "entry 'name': its compression is not deflate"),
    "folder with data": (pack((entry("d/", 0o755, stat.S_IFDIR), "data")),
                         "entry 'd': it is a folder with data"),
    "wrong checksum": (patched_both(pack(*PLAIN), "name", 16, "<I", 1),
                       "entry 'name': the checksum does not fit"),
    "smaller than it says": (patched_both(pack(*PLAIN), "name", 24, "<I", 100001),
                             "entry 'name': "),
    "larger than it says": (patched_both(pack(*PLAIN), "name", 24, "<I", 99999), "entry 'name': "),
    "impossible ratio": (patched_both(pack(*PLAIN), "name", 24, "<I", 900000000),
                         "entry 'name': its size cannot be true"),
    "stored, of two sizes": (patched_both(pack(file("name", BIG, method=zipfile.ZIP_STORED)),
                                          "name", 24, "<I", 99999),
                             "entry 'name': its size cannot be true"),
    "two truths": (patched(pack(*PLAIN), "name", 16, "<I", 1), "entry 'name': the file is damaged"),
    "data elsewhere": (patched(pack(*PLAIN), "name", 42, "<I", 50000000), "entry 'name': "),
    "huge": (patched_both(pack(*PLAIN), "name", 20, "<II", 4000000000, 4000000000),
             "entry 'name': it is larger than the file"),
    "shared data": (zeros("abc", 1 << 20, shared=True), "entry 'b': it shares its data with another entry"),
    "cut off": (pack(*PLAIN)[:-30], "it is not a zip file, is empty, or is cut off"),
    "cut in front": (pack(*PLAIN)[20:], None),
    "not a zip": (b"\x7fELF and so on" * 100, "it is not a zip file, is empty, or is cut off"),
    "no entries": (pack(), "it is not a zip file, is empty, or is cut off"),
    "empty file": (b"", "it is not a zip file, is empty, or is cut off"),
    "more entries than it has": (pack(*PLAIN)[:-14] + struct.pack("<HH", 60000, 60000)
                                 + pack(*PLAIN)[-10:], None),
}


def test_hostile_zips_are_refused_by_name(t):
    for name, (data, words) in HOSTILE.items():
        layer = put(t, data)
        finished = t.run("shell", "--log-level", "error", "--layer", layer, "--", "true")
        t.equal(finished.code, 2, "%s: %r" % (name, finished))
        t.true(finished.stderr.startswith("lrie: error: layer '%s': %s" % (layer, words or "")),
               "%s: %r" % (name, finished))
        t.equal(finished.stderr.count("\n"), 1, name)


def test_a_bomb_costs_nothing(t):
    """1100 MB of zeros are a megabyte of zip; the limit is four times Lambda's."""
    layer = put(t, zeros("abcdefghij", 110 << 20))
    t.true(os.path.getsize(layer) < 2000000, "the bomb is too large")
    finished = shell(t, (layer,), "true", expect=2)
    t.true("it unpacks to more than 1000 MB" in finished.stderr, repr(finished))


def test_what_is_no_layer_is_said(t):
    fifo = os.path.join(t.folder(), "fifo")
    os.mkfifo(fifo)
    for path, words in ((fifo, "neither a folder nor a zip file"),
                        ("/dev/null", "neither a folder nor a zip file"),
                        ("/no/such/layer", "No such file or directory")):
        finished = shell(t, (path,), "true", expect=2)
        t.true("layer '%s'" % path in finished.stderr and words in finished.stderr, repr(finished))


def test_a_full_disk_is_told(t):
    t.need_root()
    layer = put(t, pack(file("big", os.urandom(300000).hex())))
    script = ("mount -t tmpfs -o size=100k none '%s' && TMPDIR='%s' exec '%s' shell --layer '%s' "
              "-- true" % (2 * (t.folder(),) + (harness.LRIE, layer)))
    finished = t.run("-m", SH, "-c", script, program="/usr/bin/unshare")
    if "mount:" in finished.stderr:
        t.skip("cannot mount")
    t.equal(finished.code, 2, repr(finished))
    t.true("entry 'big': write: No space left on device" in finished.stderr, repr(finished))


def test_a_layer_is_not_looked_for_through_hostile_links(t):
    """A folder may hold what it likes; in the box its links lead nowhere but into the box."""
    need_files(t)
    layer, secret = t.folder(), harness.write_file(os.path.join(t.folder(), "secret"), "outside")
    for name, target in (("absolute", secret), ("up", "../../../../../.." + secret),
                         ("loop", "loop"), ("dangling", "nowhere"), ("tmp", "/tmp"),
                         ("proc", "/proc"), ("name\nwith newline", "/dev/zero")):
        os.symlink(target, os.path.join(layer, name))
    os.mkfifo(os.path.join(layer, "fifo"))
    look = ("cd /opt; for i in absolute up loop dangling; do cat $i 2>/dev/null && echo $i; done; "
            "ls | wc -l; echo x >tmp/mine && cat /tmp/mine")
    other = t.folder()
    for layers in ((layer,), (layer, other), (layer, other, layer + "/../" +
                                              os.path.basename(layer))):
        t.equal(shell(t, layers, look, expect=0).stdout.decode().split(), ["9", "x"])
    t.equal(sorted(os.listdir(layer)), sorted(["absolute", "up", "loop", "dangling", "tmp", "proc",
                                               "name\nwith newline", "fifo"]))


# ---- what is left ------------------------------------------------------------------------------


def unpacked(folder_):
    return [name for name in os.listdir(folder_) if name.startswith("lrie-layer-")]


def test_what_was_unpacked_is_gone_at_the_end(t):
    """Each run of the harness checks that TMPDIR is empty; here it was not meanwhile."""
    layer = put(t, pack(file("f"), folder("closed", 0), file("unreadable", mode=0)))
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        lrie = t.start("shell", "--layer", layer, "--", SH, "-c", "echo ready; exec sleep 1000")
        lrie.stdout.wait_line("ready")
        t.equal(len(unpacked(lrie.temporary)), 1)
        lrie.stop(number, code)
    lrie = t.serve("echo", "--layer", layer)
    t.equal(len(unpacked(lrie.temporary)), 1)
    t.equal(os.listdir(os.path.join(lrie.temporary, unpacked(lrie.temporary)[0])), ["0-layer.zip"])
    lrie.stop()


def test_what_a_killed_lrie_left_is_swept_by_the_next(t):
    layer, temporary = put(t, pack(file("f"), folder("closed", 0))), t.folder()
    os.chmod(temporary, 0o1777)
    env = {"TMPDIR": temporary}
    killed = t.start("shell", "--layer", layer, "--", SH, "-c", "echo ready; exec sleep 1000",
                     env=env)
    killed.stdout.wait_line("ready")
    alive = t.start("shell", "--layer", layer, "--", SH, "-c",
                    "echo ready; read line; cat /opt/f", env=env, stdin=-1)
    alive.stdout.wait_line("ready")
    t.equal(len(unpacked(temporary)), 2, "one must not sweep what is in use")
    killed.stop(signal.SIGKILL, -signal.SIGKILL)
    t.equal(len(unpacked(temporary)), 2)
    os.mkdir(os.path.join(temporary, "lrie-layer-held"))
    held = os.open(os.path.join(temporary, "lrie-layer-held"), os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    harness.write_file(os.path.join(temporary, "lrie-layer-file"), "no folder")
    os.symlink("/", os.path.join(temporary, "lrie-layer-link"))
    shell(t, (layer,), "true", env=env, expect=0)
    alive.process.stdin.write(b"go on\n")
    alive.process.stdin.close()
    t.equal(alive.wait(), 0)
    alive.stop()
    t.equal(alive.stdout.text(), "ready\n" + ("x" if alive.stdout.text() != "ready\n" else ""))
    t.equal(sorted(unpacked(temporary)), ["lrie-layer-file", "lrie-layer-held", "lrie-layer-link"])
    os.close(held)


def test_a_signal_while_it_unpacks_leaves_nothing(t):
    layer = put(t, zeros("abcdefghij", 90 << 20))
    lrie = t.start("shell", "--layer", layer, "--", "true")
    harness.wait_for(lambda: unpacked(lrie.temporary), "a folder for the layer")
    lrie.stop(signal.SIGTERM, -signal.SIGTERM)


if __name__ == "__main__":
    harness.main()
