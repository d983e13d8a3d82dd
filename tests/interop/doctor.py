#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lrie doctor raises no alarm about functions that run: those of the other files here."""
import json
import os
import shutil

import interop
from interop import FUNCTIONS, SHA3, prepared


def check(t, *options):
    finished = t.run("doctor", "--json", *options)
    findings = json.loads(finished.stdout)["preflight"]["findings"]
    # built on a newer system than Lambda's, a program may need a newer C library: no false alarm
    alarms = [each for each in findings if each["severity"] != "hint" and each["check"] != "glibc"]
    t.equal(alarms, [])


def test_built_programs(t):
    programs = [prepared(*path, "bootstrap") for path in
                (("go",), ("rust", "interop"), ("rust", "sha3"), ("sha3-c",), ("sha3-go",))]
    interop.need(t, *programs)
    for program in programs:
        check(t, "--bootstrap", program)


def test_runtimes_in_layers(t):
    for name in ("bun", "deno"):
        interop.need(t, prepared(name, "bin", name))
        check(t, "--bootstrap", os.path.join(SHA3, name, "bootstrap"), "--layer", prepared(name))
        folder = t.folder()
        shutil.copy(os.path.join(FUNCTIONS, "fetch", "function.ts"), folder)
        bootstrap = os.path.join(folder, "bootstrap")
        with open(bootstrap, "w", encoding="utf-8") as file:
            file.write("#!/opt/bin/%s run\n" % name)
        os.chmod(bootstrap, 0o755)
        check(t, "--bootstrap", bootstrap, "--layer", prepared(name))


def test_libraries_in_layers(t):
    for function, layer in (("node", "node-layer"), ("python", "python-layer")):
        interop.need(t, prepared(layer))
        check(t, "--bootstrap", os.path.join(FUNCTIONS, function, "bootstrap"),
              "--layer", prepared(layer))


if __name__ == "__main__":
    interop.harness.main()
