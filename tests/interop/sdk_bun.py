#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The AWS SDK for JavaScript on Bun."""
import interop
import sdk

BUN = interop.prepared("bun", "bin", "bun")
CLIENT = sdk.Client(BUN, *sdk.JAVASCRIPT, needs=(BUN, *sdk.JAVASCRIPT_NEEDS),
                    BUN_RUNTIME_TRANSPILER_CACHE_PATH=interop.prepared("bun-cache"))

globals().update(sdk.contract(CLIENT))

if __name__ == "__main__":
    interop.harness.main()
