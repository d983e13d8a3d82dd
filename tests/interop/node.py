#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aws-lambda-ric, AWS's own runtime for Node, from a layer."""
import os
import shlex
import subprocess

import interop

LAYER = interop.prepared("node-layer")

RUNTIME = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "node", "bootstrap"),
    options=("--layer", LAYER, "--handler", "function.handler"),
    needs=(os.path.join(LAYER, ".done"),),
    programs=("node",),
    init_error=("RangeError", "init was told to fail"))



def test_started_by_somebody_else(t):
    """As an IDE does: lrie --only-apis, and node with the variables that it prints."""
    interop.need(t, *RUNTIME.needs)
    interop.need_program(t, "node")
    folder = os.path.dirname(RUNTIME.bootstrap)
    lrie = t.start("--only-apis=all", "--listen", "127.0.0.1:0", "--runtime-api-address",
                   "127.0.0.1:0", "--handler", "function.handler", "--task-root", folder)
    lrie.wait_until_it_listens()
    lrie.stdout.wait_line(r"export AWS_LAMBDA_RUNTIME_API=.*")
    told = [shlex.split(line)[1] for line in lrie.stdout.lines() if line.startswith("export ")]
    program = os.path.join(LAYER, "nodejs", "node_modules", "aws-lambda-ric", "bin", "index.mjs")
    for _ in range(2):
        calling = lrie.begin_invoke(b'{"hello":"debugger"}')
        node = subprocess.Popen(["node", program, "function.handler"],
                                env=dict(os.environ, **dict(each.split("=", 1) for each in told)),
                                cwd=folder, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        try:
            t.equal(calling.reply().json(), {"hello": "debugger"})
        finally:
            node.kill()
            node.wait()
        lrie.stderr.wait_line("lrie: the runtime has ended; waiting for another")
    lrie.stop()


globals().update(interop.contract(RUNTIME))
globals().update(interop.bind(RUNTIME, interop.records_in_frames, interop.json_logs))

if __name__ == "__main__":
    interop.harness.main()
