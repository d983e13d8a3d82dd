#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aws-lambda-ric, AWS's own runtime for Node, from a layer."""
import os

import interop

LAYER = interop.prepared("node-layer")

RUNTIME = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "node", "bootstrap"),
    options=("--layer", LAYER, "--handler", "function.handler"),
    needs=(os.path.join(LAYER, ".done"),),
    programs=("node",),
    init_error=("RangeError", "init was told to fail"))

globals().update(interop.contract(RUNTIME))
globals().update(interop.bind(RUNTIME, interop.records_in_frames, interop.json_logs))

if __name__ == "__main__":
    interop.harness.main()
