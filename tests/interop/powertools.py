#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Powertools for AWS Lambda (Python): its decorators read the context and write JSON lines."""
import json
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
    lrie = RUNTIME.serve(t)
    reply = interop.check_echo(t, lrie, {"an": "event"})
    lines = [json.loads(line) for line in lrie.log(reply.request_id) if line.startswith("{")]
    log = next(line for line in lines if line.get("message") == "an event has come")
    t.equal(log["function_request_id"], reply.request_id)
    t.equal((log["function_name"], log["function_memory_size"]), ("function", "1769"))
    t.equal((log["cold_start"], log["service"]), (True, "interop"))
    t.true(any(line.get("Invocations") == [1.0] for line in lines), "no metric: %r" % lines)


if __name__ == "__main__":
    harness.main()
