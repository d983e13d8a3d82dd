#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""boto3."""
import os

import interop
import sdk

PYTHON = interop.prepared("python-client", "bin", "python")
CLIENT = sdk.Client(PYTHON, os.path.join(sdk.CLIENTS, "boto.py"), needs=(PYTHON,))

globals().update(sdk.contract(CLIENT))

if __name__ == "__main__":
    interop.harness.main()
