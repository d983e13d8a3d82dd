#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A function for Bun, written with fetch; Bun comes from a layer."""
import os

import interop

LAYER = interop.prepared("bun")

RUNTIME = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "fetch", "bun"),
    options=("--layer", LAYER),
    needs=(os.path.join(LAYER, "bin", "bun"),),
    init_error=("RangeError", "init was told to fail"))

globals().update(interop.contract(RUNTIME))

if __name__ == "__main__":
    interop.harness.main()
