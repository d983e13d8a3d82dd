#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The AWS SDK for JavaScript on Node."""
import interop
import sdk

CLIENT = sdk.Client("node", "--no-warnings", *sdk.JAVASCRIPT, needs=sdk.JAVASCRIPT_NEEDS,
                    programs=("node",))

globals().update(sdk.contract(CLIENT))

if __name__ == "__main__":
    interop.harness.main()
