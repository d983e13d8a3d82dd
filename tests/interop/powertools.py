#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Powertools for AWS Lambda (Python): its decorators read the context and write JSON lines."""
import os

import interop
from interop import harness

LAYER = interop.prepared("python-layer")

RUNTIME = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "powertools", "bootstrap"),
    options=("--layer", LAYER, "--handler", "function.handler"),
    needs=(os.path.join(LAYER, ".done"),),
    programs=("python3",),
    error_type="ValueError",
    init_error=("ValueError", "init was told to fail"))

globals().update(interop.contract(RUNTIME))


def test_log_lines_and_metrics_carry_the_context(t):
    interop.powertools(t, RUNTIME, "ColdStart", lambda values: values[0])


if __name__ == "__main__":
    harness.main()
