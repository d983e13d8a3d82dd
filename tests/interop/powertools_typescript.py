#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Powertools for AWS Lambda (TypeScript), from a layer of its own beside the runtime's."""
import os

import interop
from interop import harness

LAYERS = [interop.prepared(name) for name in ("node-layer", "powertools-layer")]

RUNTIME = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "powertools-typescript", "bootstrap"),
    options=("--layer", LAYERS[0], "--layer", LAYERS[1], "--handler", "function.handler"),
    needs=[os.path.join(layer, ".done") for layer in LAYERS],
    programs=("node",),
    init_error=("RangeError", "init was told to fail"))

globals().update(interop.contract(RUNTIME))


def test_log_lines_and_metrics_carry_the_context(t):
    interop.powertools(t, RUNTIME, "ColdStart", lambda value: value)


if __name__ == "__main__":
    harness.main()
