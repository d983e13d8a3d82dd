#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server for Deno behind the Lambda Web Adapter."""
import os

import interop
import web

FOLDER = interop.prepared("deno")

SERVER = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "web", "deno"),
    options=("--bind", FOLDER + ":/var/lang") + web.OPTIONS,
    needs=(os.path.join(FOLDER, "bin", "deno"), web.ADAPTER))

globals().update(web.contract(SERVER))

if __name__ == "__main__":
    interop.harness.main()
