#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The AWS SDK for JavaScript on Deno."""
import interop
import sdk

DENO = interop.prepared("deno", "bin", "deno")
CLIENT = sdk.Client(DENO, "run", "--quiet", "--allow-all", *sdk.JAVASCRIPT,
                    needs=(DENO, *sdk.JAVASCRIPT_NEEDS),
                    DENO_DIR=interop.prepared("deno-cache"))

globals().update(sdk.contract(CLIENT))

if __name__ == "__main__":
    interop.harness.main()
