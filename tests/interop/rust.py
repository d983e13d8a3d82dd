#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lambda_runtime, AWS's own runtime for Rust."""
import interop

RUNTIME = interop.Runtime(interop.prepared("rust", "interop", "bootstrap"))

globals().update(interop.contract(RUNTIME))

GRACEFUL = interop.Runtime(interop.prepared("rust", "graceful", "bootstrap"))


def test_goodbye(t):
    interop.goodbye(t, GRACEFUL)


if __name__ == "__main__":
    interop.harness.main()
