#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aws-lambda-go, AWS's own runtime for Go. It sends every answer in chunks with trailers."""
import interop

RUNTIME = interop.Runtime(interop.prepared("go", "bootstrap"), error_type="errorString")

globals().update(interop.contract(RUNTIME))


def test_goodbye(t):
    interop.goodbye(t, RUNTIME, "--env", "GOODBYE=1")


if __name__ == "__main__":
    interop.harness.main()
