#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A function for Deno, written with fetch; Deno comes from a folder of the host."""
import os

import interop

FOLDER = interop.prepared("deno")

RUNTIME = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "fetch", "deno"),
    options=("--bind", FOLDER + ":/var/lang"),
    needs=(os.path.join(FOLDER, "bin", "deno"),),
    init_error=("RangeError", "init was told to fail"))

globals().update(interop.contract(RUNTIME))

if __name__ == "__main__":
    interop.harness.main()
