#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The function gets Lambda's variables and the user's, and nothing of the caller's."""
import os

import harness

TABLE = {
    "_HANDLER": "env",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "TZ": ":UTC",
    "LANG": "en_US.UTF-8",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:"
                       "/var/task:/var/task/lib:/opt/lib",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
    "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
}


def variables(t, *options, **more):
    return t.serve("env", *options, **more).invoke().json()


def test_the_table_is_complete_and_nothing_else_is_there(t):
    t.need_walls("files")
    found = variables(t, env={"HOME": "/root", "USER": "me", "HOSTNAME": "here", "SECRET": "x",
                              "SHELL": "/bin/sh", "NODE_PATH": "/x", "PYTHONPATH": "/y"})
    t.match(found.pop("AWS_LAMBDA_RUNTIME_API"), r"127\.0\.0\.1:\d+")
    t.match(found.pop("AWS_LAMBDA_LOG_STREAM_NAME"), r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}")
    for name in sorted(set(found) | set(TABLE)):
        t.equal(found.get(name), TABLE.get(name), name)


def test_options_show_in_the_variables(t):
    found = variables(t, "--memory", "512", "--function-name", "shop", "--function-version", "7",
                      "--region", "eu-central-1")
    for name, value in (("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
                        ("AWS_LAMBDA_FUNCTION_NAME", "shop"),
                        ("AWS_LAMBDA_FUNCTION_VERSION", "7"), ("AWS_REGION", "eu-central-1"),
                        ("AWS_DEFAULT_REGION", "eu-central-1"),
                        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/shop")):
        t.equal(found.get(name), value, name)
    t.match(found["AWS_LAMBDA_LOG_STREAM_NAME"], r"\d{4}/\d\d/\d\d/\[7\][0-9a-f]{32}")


def test_region_and_credentials_of_the_caller_are_passed_on(t):
    given = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
             "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
             "AWS_PROFILE": "default"}
    found = variables(t, env=given)
    t.true("AWS_PROFILE" not in found, "AWS_PROFILE has leaked")
    for name in set(given) - {"AWS_PROFILE"}:
        t.equal(found.get(name), given[name], name)
    t.equal(found["AWS_DEFAULT_REGION"], "eu-west-1")


def test_users_variables_are_added_and_may_replace_unreserved_ones(t):
    file = harness.write_file(os.path.join(t.folder(), "env"), "FROM_FILE=1\n# comment\n\nBOTH=2\n")
    found = variables(t, "--env", "TABLE=shop", "--env", "PATH=/var/task", "--env", "EMPTY=",
                      "--env", "EQUALS=a=b", "--env-file", file, "--pass-env", "WANTED",
                      env={"WANTED": "yes", "UNWANTED": "no"})
    for name, value in (("TABLE", "shop"), ("PATH", "/var/task"), ("EMPTY", ""),
                        ("EQUALS", "a=b"), ("FROM_FILE", "1"), ("BOTH", "2"), ("WANTED", "yes"),
                        ("UNWANTED", None), ("LANG", "en_US.UTF-8")):
        t.equal(found.get(name), value, name)


def test_reserved_names_and_bad_names_are_refused(t):
    for text in ("AWS_REGION=x", "AWS_LAMBDA_RUNTIME_API=x", "_HANDLER=x", "LAMBDA_TASK_ROOT=x",
                 "1A=x", "_X=y", "=x", "A B=x", "NOVALUE"):
        finished = t.run("--bootstrap", harness.BOOTSTRAP, "--env", text, expect=2)
        t.true(text.split("=")[0] in finished.stderr, "the message does not name it: %r" % finished)
        t.equal(finished.stdout, b"")


def test_an_option_wins_over_the_environment_and_that_over_the_default(t):
    env = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}
    t.equal(variables(t, env=env)["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256")
    t.equal(variables(t, "--memory", "192", env=env)["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "192")


def test_the_trace_id_is_the_runtimes_business(t):
    lrie = t.serve("env")
    reply = lrie.invoke(headers=[("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793")])
    t.true("_X_AMZN_TRACE_ID" not in reply.json(), "set by the platform")


if __name__ == "__main__":
    harness.main()
