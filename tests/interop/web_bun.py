#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server for Bun behind the Lambda Web Adapter."""
import os

import interop
import web

LAYER = interop.prepared("bun")

SERVER = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "web", "bun"),
    options=("--layer", LAYER) + web.OPTIONS,
    needs=(os.path.join(LAYER, "bin", "bun"), web.ADAPTER))

globals().update(web.contract(SERVER))

if __name__ == "__main__":
    interop.harness.main()
