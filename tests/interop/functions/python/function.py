# SPDX-License-Identifier: Apache-2.0
"""What all functions of these tests do, for awslambdaric: echo, fail, answer 3 MB, fail in init."""
import os

if "FAIL_INIT" in os.environ:
    raise ValueError("init was told to fail")


HOOKS = []  # those that have run


def hook(name):
    if os.environ.get("FAIL_HOOK") == name:
        raise ValueError("a hook was told to fail")
    HOOKS.append(name)


if os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start":
    import snapshot_restore_py

    snapshot_restore_py.register_before_snapshot(hook, "before")
    snapshot_restore_py.register_after_restore(hook, "after")


def handler(event, context):
    if event.get("do") == "hooks":
        return HOOKS
    if event.get("do") == "fail":
        raise ValueError("the function was told to fail")
    if event.get("do") == "big":
        return "x" * 3000000
    if event.get("do") == "context":
        return {
            "id": context.aws_request_id,
            "arn": context.invoked_function_arn,
            "name": context.function_name,
            "memory": context.memory_limit_in_mb,
            "group": context.log_group_name,
            "stream": context.log_stream_name,
            "remaining": context.get_remaining_time_in_millis(),
        }
    return event
