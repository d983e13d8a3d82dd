#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Called as aws-lambda-rie, or with a bootstrap as first word, lrie is RIE's command line."""
import os
import shutil

import harness

INVOKE = "--runtime-interface-emulator-address"
RUNTIME = "--runtime-api-address"
FREE_PORTS = (INVOKE, "127.0.0.1:0", RUNTIME, "127.0.0.1:0")


def image(t):
    """A folder that stands for an image: the working directory, with a bootstrap in it."""
    folder = t.folder()
    shutil.copy(harness.BOOTSTRAP, os.path.join(folder, "bootstrap"))
    os.symlink(harness.LRIE, os.path.join(folder, "aws-lambda-rie"))
    return folder


def rie(t, *words, env=None, folder=None, name="aws-lambda-rie"):
    folder = folder or image(t)
    program = os.path.join(folder, "aws-lambda-rie") if name else harness.LRIE
    lrie = t.start(*words, program=program, cwd=folder, env=env)
    lrie.wait_until_it_listens()
    return lrie


def variables(lrie):
    return lrie.do("env").json()


def test_the_last_word_is_the_handler(t):
    lrie = rie(t, *FREE_PORTS, "./bootstrap", "answer:\"the last\"")
    t.equal(lrie.invoke(b"1").body, b'"the last"')
    t.equal(variables(lrie)["_HANDLER"], 'answer:"the last"')


def test_all_words_are_the_command(t):
    lrie = rie(t, *FREE_PORTS, "./bootstrap", "args", "-m", "module", "app.handler")
    t.equal(lrie.invoke().json()[1:], ["args", "-m", "module", "app.handler"])
    t.equal(variables(lrie)["_HANDLER"], "app.handler")


def test_a_single_word_leaves_the_handler_to_the_environment(t):
    lrie = rie(t, *FREE_PORTS, "./bootstrap", env={"_HANDLER": "answer:1"})
    t.equal(lrie.invoke(b"{}").body, b"1")


def test_flags_may_stand_anywhere(t):
    for words in (("./bootstrap", "echo", *FREE_PORTS),
                  (*FREE_PORTS[:2], "./bootstrap", *FREE_PORTS[2:], "echo"),
                  ("./bootstrap", INVOKE + "=127.0.0.1:0", "echo", RUNTIME + "=127.0.0.1:0"),
                  (*FREE_PORTS, "--log-level", "warn", "./bootstrap", "echo"),
                  (*FREE_PORTS, "./bootstrap", "--log-level=error", "echo")):
        lrie = rie(t, *words)
        t.equal(lrie.invoke(b'"here"').body, b'"here"', repr(words))
        lrie.stop()


def test_unknown_flags_belong_to_the_command(t):
    lrie = rie(t, *FREE_PORTS, "./bootstrap", "args", "--unknown", "--memory", "5")
    t.equal(lrie.invoke().json()[1:], ["args", "--unknown", "--memory", "5"])


def test_lrie_with_a_bootstrap_as_its_first_word(t):
    lrie = rie(t, "./bootstrap", "echo", *FREE_PORTS, name=None)
    t.equal(lrie.invoke(b"2").body, b"2")
    t.equal(variables(lrie)["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "3008")


def test_the_environment_is_passed_on_and_completed(t):
    lrie = rie(t, *FREE_PORTS, "./bootstrap", "env",
               env={"FROM_IMAGE": "yes", "AWS_REGION": "eu-north-1", "HOME": "/root"})
    found = variables(lrie)
    for name, value in (("FROM_IMAGE", "yes"), ("HOME", "/root"), ("AWS_REGION", "eu-north-1"),
                        ("AWS_LAMBDA_FUNCTION_NAME", "test_function"),
                        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3008"),
                        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/Functions"),
                        ("AWS_LAMBDA_LOG_STREAM_NAME", "$LATEST"), ("_HANDLER", "env"),
                        ("AWS_ACCESS_KEY_ID", "")):
        t.equal(found.get(name), value, name)
    t.match(found["AWS_LAMBDA_RUNTIME_API"], r"127\.0\.0\.1:\d+")


def test_variables_that_rie_reads(t):
    lrie = rie(t, *FREE_PORTS, "./bootstrap",
               env={"AWS_LAMBDA_FUNCTION_TIMEOUT": "1", "AWS_LAMBDA_FUNCTION_NAME": "shop",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "4",
                    "AWS_LAMBDA_FUNCTION_HANDLER": "silent"})
    found = variables(lrie)
    t.equal((found["AWS_LAMBDA_FUNCTION_NAME"], found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
             found["AWS_LAMBDA_FUNCTION_VERSION"]), ("shop", "256", "4"))
    t.true(b"timed out after 1.00 seconds" in lrie.invoke().body, "no time-out")


def test_bodies_are_passed_on_unchecked(t):
    lrie = rie(t, *FREE_PORTS, "./bootstrap", "echo")
    t.equal(lrie.invoke(b"not json at all").body, b"not json at all")


def test_the_path_of_rie_and_curls_content_type(t):
    lrie = rie(t, *FREE_PORTS, "./bootstrap", "echo")
    for name in ("function", "test_function"):
        reply = lrie.invoke(b"{}", [("Content-Type", "application/x-www-form-urlencoded")],
                            "/2015-03-31/functions/%s/invocations" % name)
        t.equal((reply.status, reply.body), (200, b"{}"))


def test_a_fixed_runtime_api_address_is_taken(t):
    with harness.socket.socket() as probe:  # a port that is free now
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lrie = rie(t, INVOKE, "127.0.0.1:0", RUNTIME, "127.0.0.1:%d" % port, "./bootstrap", "echo")
    t.equal(variables(lrie)["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:%d" % port)
    t.equal(lrie.do("exit:1").status, 200)
    t.equal(lrie.invoke(b"5").body, b"5")  # the next life has the same address


def test_its_lines_go_to_stdout(t):
    lrie = rie(t, *FREE_PORTS, "./bootstrap", "line:hello,echo")
    reply = lrie.invoke()
    harness.wait_for(lambda: "REPORT" in lrie.stdout.text(), "REPORT")
    lines = lrie.stdout.lines()
    t.equal([line.split(" ")[0] for line in lines], ["START", "hello", "END", "REPORT"])
    t.true("Memory Size: 3008 MB" in lines[-1], lines[-1])
    t.equal(reply.status, 200)


if __name__ == "__main__":
    harness.main()
