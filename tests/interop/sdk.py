# SPDX-License-Identifier: Apache-2.0
"""sdk - what a client library is held to

A client is a program (tests/interop/clients) that reads calls, one JSON object a line:

    {"call": "invoke", "endpoint": URL, "attempts": N, "parameters": {what Invoke takes}}

and prints what came of each: the answer's parts, or of an exception its name, whether it is of the
class that the library has for that error, and its members. A test file describes the client, as
for interop.contract().
"""
import base64
import json
import os
import subprocess
import threading

import interop
from interop import harness

CLIENTS = os.path.join(interop.HERE, "clients")
ARN = "arn:aws:lambda:us-east-1:012345678912:function:function"
RESERVED_LIMIT = "ReservedFunctionConcurrentInvocationLimitExceeded"

# One program for Node, Bun and Deno.
MODULES = interop.prepared("javascript-client")
JAVASCRIPT = (os.path.join(CLIENTS, "javascript.mjs"), MODULES)
JAVASCRIPT_NEEDS = (os.path.join(MODULES, "node_modules"),)


class Process:
    """A client that runs, and its calls to one lrie."""

    def __init__(self, t, client, lrie, attempts=1):
        self.endpoint, self.attempts = "http://127.0.0.1:%d" % lrie.port, attempts
        self.process = subprocess.Popen(
            client.command, env={**os.environ, **client.env}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        t.closing(self)

    def begin(self, call, event, **parameters):
        """Sends a call; read what comes of it with end()."""
        parameters = {"FunctionName": "function", "Payload": event, **parameters}
        line = json.dumps({"call": call, "endpoint": self.endpoint, "attempts": self.attempts,
                           "parameters": parameters}) + "\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()

    def end(self):
        line = self.process.stdout.readline()
        if not line:
            raise harness.Failure("the client has ended")
        return json.loads(line)

    def invoke(self, event="{}", **parameters):
        self.begin("invoke", event, **parameters)
        return self.end()

    def steer(self, words, **parameters):
        """Lets the fixture obey these words."""
        return self.invoke(json.dumps({"do": words}), **parameters)

    def close(self):
        self.process.stdin.close()
        self.process.wait(harness.DEADLINE)
        self.process.stdout.close()


class Client:
    def __init__(self, *command, needs=(), programs=(), **env):
        self.command, self.needs, self.programs, self.env = command, needs, programs, env

    def start(self, t, lrie, **more):
        return Process(t, self, lrie, **more)

    def check_is_here(self, t):
        interop.need(t, *self.needs)
        for program in self.programs:
            interop.need_program(t, program)


def check_exception(t, outcome, name, status, typed=True, **members):
    """Of 'typed', the library has a class; another is an error of the service by its code only."""
    expected = {"exception": name, "typed": typed, "service": True, "status": status, **members}
    t.equal({key: outcome.get(key) for key in expected}, expected, repr(outcome))


def answers(t, client):
    client.check_is_here(t)
    process = client.start(t, t.serve("echo", *interop.ROOM))
    event = '{"text": "gr\\u00fc\\u00dfe, grüße"}'
    t.equal(process.invoke(event), {"status": 200, "error": None, "version": "$LATEST", "log": "",
                                    "payload": event, "attempts": 1})
    for number in range(2, 7):
        t.equal(process.steer("count")["payload"], str(number), "warm invokes")
    answer = process.steer("big:3000002")["payload"]
    t.true(answer.encode() == interop.BIG, "not the answer of 3 MB")
    event = json.dumps("x" * 5000000)
    t.true(process.invoke(event)["payload"] == event, "not the event of 5 MB")
    outcome = process.steer("line:a word for the log,echo", LogType="Tail")
    t.match(outcome["log"], r"START RequestId: .*\na word for the log\nEND .*\nREPORT .*\n")


def types(t, client):
    client.check_is_here(t)
    lrie = t.serve("line:it runs,echo")
    process = client.start(t, lrie)
    outcome = process.invoke(InvocationType="DryRun")
    t.equal((outcome["status"], outcome["payload"]), (204, ""), repr(outcome))
    outcome = process.invoke(InvocationType="RequestResponse", LogType="None")
    t.equal((outcome["status"], outcome["payload"], outcome["log"]), (200, "{}", ""))
    outcome = process.invoke('{"do": "line:an event,echo"}', InvocationType="Event")
    t.equal((outcome["status"], outcome["payload"], outcome["log"]), (202, "", ""), repr(outcome))
    lrie.stdout.wait_line("an event")
    t.equal(lrie.stdout.lines().count("it runs"), 1)


def names(t, client):
    client.check_is_here(t)
    process = client.start(t, t.serve("headers"))
    for name, qualifier in (
            ("function", None), ("function:$LATEST", None), ("function", "$LATEST"),
            ("012345678912:function:function", None), (ARN, None), (ARN + ":$LATEST", None),
            ("function:live", None), (ARN, "live"), (ARN + ":live", "live")):
        more = {} if qualifier is None else {"Qualifier": qualifier}
        outcome = process.invoke(FunctionName=name, **more)
        t.equal((outcome["status"], outcome["version"]), (200, "$LATEST"), name)
        told = qualifier or (name.split(":")[-1] if name[-1] in "Te" else None)
        t.equal(json.loads(outcome["payload"])["Lambda-Runtime-Invoked-Function-Arn"],
                ARN if told is None else ARN + ":" + told, "%s, %s" % (name, qualifier))


def a_client_context(t, client):
    client.check_is_here(t)
    process = client.start(t, t.serve("headers"))
    context = {"custom": {"greeting": "grüße"}, "env": {}, "client": {"app_title": "interop"}}
    encoded = base64.b64encode(json.dumps(context).encode()).decode()
    outcome = process.invoke(ClientContext=encoded)
    seen = json.loads(outcome["payload"])["Lambda-Runtime-Client-Context"]
    t.equal(json.loads(seen), context)
    check_exception(t, process.invoke(ClientContext=base64.b64encode(b"[").decode()),
                    "InvalidRequestContentException", 400)


def function_errors(t, client):
    """None is an exception, and none is tried again."""
    client.check_is_here(t)
    process = client.start(t, t.serve("echo", "--timeout", "1"), attempts=3)

    def check(words, error_type):
        outcome = process.steer(words, LogType="Tail")
        t.equal((outcome["status"], outcome["error"], outcome["attempts"]), (200, "Unhandled", 1))
        t.equal(json.loads(outcome["payload"])["errorType"], error_type)
        t.true("\nREPORT " in outcome["log"], outcome["log"])

    check("error:Function.Told", "Function.Told")
    check("exit:3", "Runtime.ExitError")
    check("silent", "Sandbox.Timedout")
    t.equal(process.steer("count")["payload"], "1", "a new life")


def errors_of_the_service(t, client):
    client.check_is_here(t)
    process = client.start(t, t.serve("echo"))
    outcome = process.invoke("not JSON")
    check_exception(t, outcome, "InvalidRequestContentException", 400)
    t.true(outcome["message"].startswith("Could not parse request body into json: "), outcome)
    check_exception(t, process.invoke(FunctionName="function:one", Qualifier="two"),
                    "InvalidParameterValueException", 400)
    # neither has a class in any library: it is what Lambda really sends
    check_exception(t, process.invoke(FunctionName="a name"), "ValidationException", 400,
                    typed=False)
    too_large = json.dumps("x" * harness.REQUEST_LIMIT)
    check_exception(t, process.invoke(too_large), "RequestEntityTooLargeException", 413,
                    typed=False, message="Request must be smaller than 6291456 bytes for the "
                    "InvokeFunction operation")
    too_large = json.dumps("x" * (1 << 20))
    check_exception(t, process.invoke(too_large, InvocationType="Event"),
                    "RequestEntityTooLargeException", 413, typed=False)
    t.equal(process.invoke()["payload"], "{}", "afterwards")


def errors_of_a_restore(t, client):
    client.check_is_here(t)
    lrie = t.serve("restore-error:Function.Told", "--initialization-type", "snap-start")
    check_exception(t, client.start(t, lrie).invoke(), "SnapStartException", 400)


def throttling(t, client):
    """The library tries again by itself, as often as it was told to, and may then succeed."""
    client.check_is_here(t)
    lrie = t.bare("--concurrency", "1", "--timeout", "60")
    runtime = lrie.runtime()
    caller = lrie.begin_invoke(b'"the first"')
    event = runtime.next()
    process = client.start(t, lrie, attempts=3)
    check_exception(t, process.invoke(), "TooManyRequestsException", 429, attempts=3,
                    reason=RESERVED_LIMIT, message="Rate Exceeded.")
    t.equal(throttles(lrie), 3)

    process.begin("invoke", '"the second"')
    harness.wait_for(lambda: throttles(lrie) > 3, "another refusal")
    runtime.answer(event)
    t.equal(caller.reply().status, 200)
    event = runtime.next()
    t.equal(event.body, b'"the second"')
    runtime.answer(event, b'"at last"')
    outcome = process.end()
    t.equal((outcome["status"], outcome["payload"]), (200, '"at last"'), repr(outcome))
    t.between(2, outcome["attempts"], 3, "attempts")

    lrie.begin_invoke()
    runtime.next()
    process.attempts = 1
    outcome = process.invoke()  # now it is known how long an invocation takes
    check_exception(t, outcome, "TooManyRequestsException", 429, attempts=1, reason=RESERVED_LIMIT)
    t.between(1, int(outcome["retry_after"]), 60, "Retry-After")


def the_limit_of_the_account(t, client):
    client.check_is_here(t)
    lrie = t.bare("--account-concurrency", "1")
    lrie.begin_invoke()
    lrie.runtime().next()
    process = client.start(t, lrie)
    for invocation_type, call in (("RequestResponse", "invoke"), (None, "stream")):
        more = {"InvocationType": invocation_type} if invocation_type else {}
        process.begin(call, "{}", **more)
        check_exception(t, process.end(), "TooManyRequestsException", 429,
                        reason="ConcurrentInvocationLimitExceeded")


def serve_functions(t, **functions):
    """lrie with the fixture under several names: what each does."""
    file = os.path.join(t.folder(), "lrie.json")
    harness.write_file(file, json.dumps({
        "listen": "127.0.0.1:0", "bootstrap": harness.BOOTSTRAP,
        "functions": [{"name": name, "handler": handler} for name, handler in functions.items()]}))
    lrie = t.start("--config", file)
    lrie.wait_until_it_listens()
    return lrie


def several_functions(t, client):
    client.check_is_here(t)
    process = client.start(t, serve_functions(t, orders="answer:1", mail="headers"))
    t.equal(process.invoke(FunctionName="orders")["payload"], "1")
    arn = ARN.replace("function:function", "function:mail:live")
    for parameters in ({"FunctionName": arn}, {"FunctionName": "mail", "Qualifier": "live"}):
        seen = json.loads(process.invoke(**parameters)["payload"])
        t.equal(seen["Lambda-Runtime-Invoked-Function-Arn"], arn)
    for invocation_type in ("RequestResponse", "Event", "DryRun"):
        outcome = process.invoke(FunctionName="bills", InvocationType=invocation_type)
        check_exception(t, outcome, "ResourceNotFoundException", 404, message=(
            "Function not found: %s:$LATEST" % ARN.replace("function:function", "function:bills")))


# ---- InvokeWithResponseStream


class Upload:
    """An answer that a runtime gives piece by piece."""

    def __init__(self, runtime, event):
        self.connection = runtime.connection
        self.connection.send((
            "POST %s/invocation/%s/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            "Lambda-Runtime-Function-Response-Mode: streaming\r\n\r\n"
            % (harness.RUNTIME_PATH, event.id)).encode())

    def send(self, data):
        self.connection.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self, trailers=b""):
        self.connection.send(b"0\r\n" + trailers + b"\r\n")
        return self.connection.reply()


def end_stream(process):
    """The pieces of an answer, as one text, and what came of it."""
    pieces = []
    while True:
        outcome = process.end()
        if "chunk" not in outcome:
            return "".join(pieces), outcome
        pieces.append(outcome["chunk"])


def a_stream_comes_while_it_is_written(t, client):
    client.check_is_here(t)
    lrie = t.bare("--timeout", "60")
    runtime = lrie.runtime()
    process = client.start(t, lrie)
    process.begin("stream", '"go"', LogType="Tail")
    event = runtime.next()
    t.equal(event.body, b'"go"')
    upload = Upload(runtime, event)
    for piece in ("the first", "gr\u00fc\u00dfe", "x" * 1000):
        upload.send(piece.encode())
        t.equal(process.end(), {"chunk": piece})

    def end():  # with more than an answer in one piece may have, and than the client takes at once
        upload.send(b"y" * 8000000)
        upload.end()
        runtime.begin_next()

    ending = threading.Thread(target=end)
    ending.start()
    text, outcome = end_stream(process)
    ending.join(harness.DEADLINE)
    t.true(text == "y" * 8000000, "not what was sent: %d bytes" % len(text))
    t.equal((outcome["status"], outcome["version"], outcome["complete"]), (200, "$LATEST", {}))
    t.match(outcome["log"], r"(?s).*START RequestId: .*\nREPORT RequestId: .*")


def streams_of_functions_that_have_none(t, client):
    client.check_is_here(t)
    process = client.start(t, t.serve("echo"))
    process.begin("stream", '{"a": [1]}')
    text, outcome = end_stream(process)
    t.equal((text, outcome["status"], outcome["complete"]), ('{"a": [1]}', 200, {}), repr(outcome))
    process.begin("stream", "{}", InvocationType="DryRun")
    text, outcome = end_stream(process)
    t.equal((text, outcome["status"], outcome["complete"]), ("", 204, None), repr(outcome))
    t.equal(process.steer("stream:3")["status"], 200, "a stream behind a buffered call")


def streams_that_fail(t, client):
    client.check_is_here(t)
    process = client.start(t, t.serve("echo", "--timeout", "1"), attempts=3)

    def check(words, error, pieces=""):
        process.begin("stream", json.dumps({"do": words}))
        text, outcome = end_stream(process)
        t.equal((outcome["status"], outcome["attempts"]), (200, 1), repr(outcome))
        t.match(text, pieces)
        t.equal(outcome["complete"]["ErrorCode"], "Unhandled", repr(outcome))
        t.true(error in outcome["complete"]["ErrorDetails"], repr(outcome))

    check("error:Function.Told", "Function.Told", ".*Function.Told.*")
    check("stream-error", "broke in midstream", ".+")
    check("exit:3", "exit status 3", ".*")
    check("silent", "timed out after 1.00 seconds", ".*")
    process.begin("stream", "not JSON")
    check_exception(t, process.end(), "InvalidRequestContentException", 400)


def throttles(lrie):
    """How many invocations lrie says it has refused."""
    with lrie.connect() as connection:
        text = connection.ask("GET", "/_lrie/metrics").body.decode()
    return sum(int(line.split()[-1]) for line in text.split("\n")
               if line.startswith("lrie_throttles_total"))


def contract(client):
    """The tests that every client library passes, by name: update globals() with them."""
    return interop.bind(client, answers, types, names, a_client_context, function_errors,
                        errors_of_the_service, errors_of_a_restore, throttling,
                        the_limit_of_the_account, several_functions,
                        a_stream_comes_while_it_is_written, streams_of_functions_that_have_none,
                        streams_that_fail)
