#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The AWS CLI as a client: aws lambda invoke --endpoint-url. It has no call for streams."""
import base64
import json
import os
import subprocess

import interop
import sdk
from interop import harness

AWS = interop.prepared("python-client", "bin", "aws")

# Credentials must be there for the client to sign with; lrie checks none.
SETTINGS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": ""}


class Outcome:
    def __init__(self, finished, file):
        self.code, self.stderr = finished.returncode, finished.stderr
        self.answer = json.loads(finished.stdout) if finished.stdout.strip() else None
        try:
            with open(file, "rb") as output:
                self.payload = output.read()
        except OSError:
            self.payload = None

    def __repr__(self):
        return "<exit %d %r %r %.300r>" % (self.code, self.answer, self.stderr, self.payload)


def run(t, lrie, *words, **settings):
    interop.need(t, AWS)
    return subprocess.run(
        [AWS, "lambda", *words, "--endpoint-url", "http://127.0.0.1:%d" % lrie.port],
        env={"PATH": os.environ["PATH"], "HOME": t.folder(), "LC_ALL": "C.UTF-8", **SETTINGS,
             **settings},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.DEADLINE,
        check=False)


def aws(t, lrie, event, *options, name="function", **settings):
    folder = t.folder()
    event = harness.write_file(os.path.join(folder, "event.json"), event)
    output = os.path.join(folder, "output")
    finished = run(t, lrie, "invoke", "--function-name", name, "--payload", "fileb://" + event,
                   *options, output, **settings)
    return Outcome(finished, output)


def check(t, outcome, status, payload):
    t.equal((outcome.code, outcome.answer["StatusCode"]), (0, status), repr(outcome))
    t.true(outcome.payload == payload, "not the expected answer: %r" % outcome)


def test_echo(t):
    lrie = t.serve("echo")
    event = interop.payload({"text": "grüße", "list": [1, None]})
    outcome = aws(t, lrie, event)
    check(t, outcome, 200, event)
    t.equal(outcome.answer["ExecutedVersion"], "$LATEST")
    t.true("FunctionError" not in outcome.answer, repr(outcome))


def test_error(t):
    outcome = aws(t, t.serve("error:Function.Told"), "{}")
    t.equal((outcome.code, outcome.answer["FunctionError"]), (0, "Unhandled"), repr(outcome))
    t.equal(json.loads(outcome.payload)["errorType"], "Function.Told")


def test_five_warm_invokes(t):
    lrie = t.serve("count")
    for number in range(1, 7):
        check(t, aws(t, lrie, "{}"), 200, b"%d" % number)


def test_big_answer(t):
    lrie = t.serve("big:3000002", *interop.ROOM)
    check(t, aws(t, lrie, "{}"), 200, interop.BIG)


def test_big_event(t):
    lrie = t.serve("echo", *interop.ROOM)
    event = interop.payload("x" * 5000000)
    check(t, aws(t, lrie, event), 200, event)


def test_init_error(t):
    outcome = aws(t, t.serve("init-error:Runtime.Told"), "{}")
    t.equal((outcome.code, outcome.answer["FunctionError"]), (0, "Unhandled"), repr(outcome))
    t.equal(json.loads(outcome.payload)["errorType"], "Runtime.Told")


def test_log_tail(t):
    outcome = aws(t, t.serve("line:a word for the log,echo"), "{}", "--log-type", "Tail")
    check(t, outcome, 200, b"{}")
    tail = base64.b64decode(outcome.answer["LogResult"]).decode()
    t.match(tail, r"START RequestId: .*\na word for the log\nEND RequestId: .*\nREPORT .*\n")


def test_names_and_qualifiers(t):
    lrie = t.serve("echo")
    arn = "arn:aws:lambda:us-east-1:012345678912:function:function"
    for name in ("function", "function:$LATEST", "012345678912:function:function", arn):
        check(t, aws(t, lrie, "1", name=name), 200, b"1")
    check(t, aws(t, lrie, "1", "--qualifier", "$LATEST"), 200, b"1")


def test_types(t):
    lrie = t.serve("line:it runs,echo")
    check(t, aws(t, lrie, "{}", "--invocation-type", "DryRun"), 204, b"")
    check(t, aws(t, lrie, '{"do": "line:an event"}', "--invocation-type", "Event"), 202, b"")
    lrie.stdout.wait_line("an event")
    t.true("it runs" not in lrie.stdout.lines(), "a dry run ran")


def test_client_context(t):
    encoded = base64.b64encode(b'{"custom":{"a":[1]}}').decode()
    outcome = aws(t, t.serve("headers"), "{}", "--client-context", encoded)
    t.equal(json.loads(outcome.payload)["Lambda-Runtime-Client-Context"], '{"custom":{"a":[1]}}')


def check_error(t, outcome, name, *words):
    """How the client tells an error of the service: by its name, and what it says."""
    t.true(outcome.code != 0 and outcome.answer is None, repr(outcome))
    for word in ("An error occurred (%s)" % name, "when calling the Invoke operation", *words):
        t.true(word in outcome.stderr, "no %r: %r" % (word, outcome))


def test_api_errors_are_understood(t):
    lrie = t.serve("echo")
    check_error(t, aws(t, lrie, "not JSON"), "InvalidRequestContentException",
                "Could not parse request body into json")
    check_error(t, aws(t, lrie, "{}", "--qualifier", "two", name="function:one"),
                "InvalidParameterValueException")
    too_large = json.dumps("x" * harness.REQUEST_LIMIT)
    check_error(t, aws(t, lrie, too_large), "RequestEntityTooLargeException",
                "Request must be smaller than 6291456 bytes")


def test_other_operations_are_named(t):
    finished = run(t, t.serve("echo"), "list-functions")
    t.true("An error occurred (UnknownOperationException) when calling the ListFunctions operation"
           in finished.stderr, finished.stderr)


def test_several_functions(t):
    lrie = sdk.serve_functions(t, orders="answer:1", mail="answer:2")
    check(t, aws(t, lrie, "{}", name="mail"), 200, b"2")
    check_error(t, aws(t, lrie, "{}", name="bills"), "ResourceNotFoundException",
                "Function not found: arn:aws:lambda:us-east-1:012345678912:function:bills")


def test_throttled_calls_are_tried_again(t):
    lrie = t.bare("--concurrency", "1", "--timeout", "60")
    lrie.begin_invoke()
    lrie.runtime().next()
    outcome = aws(t, lrie, "{}", AWS_MAX_ATTEMPTS="3", AWS_RETRY_MODE="standard")
    check_error(t, outcome, "TooManyRequestsException", "(reached max retries: 2)",
                "Rate Exceeded.")
    t.equal(sdk.throttles(lrie), 3)


if __name__ == "__main__":
    harness.main()
