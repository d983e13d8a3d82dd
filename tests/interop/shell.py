#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The curl-and-shell bootstrap of the developer guide. It posts forms, and expects 100 Continue."""
import os

import interop

RUNTIME = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "shell", "bootstrap"),
    programs=("curl",),
    error_type="ShellError",
    init_error=("ShellError", "init was told to fail"))

globals().update(interop.contract(RUNTIME))

if __name__ == "__main__":
    interop.harness.main()
