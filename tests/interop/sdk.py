# SPDX-License-Identifier: Apache-2.0
"""sdk - what a client library is held to: it is a program that reads the parameters of Invoke, one
JSON object a line, and prints what it got."""
import json
import os
import subprocess

import interop
from interop import harness


class Client:
    def __init__(self, t, lrie, command, env):
        self.process = subprocess.Popen(
            [*command, "http://127.0.0.1:%d" % lrie.port], env={**os.environ, **env},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        t.closing(self)

    def invoke(self, event, **parameters):
        parameters.setdefault("FunctionName", "function")
        line = json.dumps({"Payload": event, **parameters}) + "\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise harness.Failure("the client has ended")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(harness.DEADLINE)
        self.process.stdout.close()


def check_client(t, command, **env):
    """Everything in one test: to start a client takes longer than all that it does."""
    lrie = t.serve("echo", *interop.ROOM)
    client = Client(t, lrie, command, env)

    def steer(words, **parameters):
        return client.invoke(json.dumps({"do": words}), **parameters)

    event = '{"text": "gr\\u00fc\\u00dfe"}'
    t.equal(client.invoke(event), {"status": 200, "error": None, "version": "$LATEST", "log": "",
                                   "payload": event})
    for number in range(2, 7):
        t.equal(steer("count")["payload"], str(number), "warm invokes")
    t.true(steer("big:3000002")["payload"].encode() == interop.BIG, "the answer of 3 MB")

    outcome = steer("error:Function.Told")
    t.equal((outcome["status"], outcome["error"]), (200, "Unhandled"))
    t.equal(json.loads(outcome["payload"])["errorType"], "Function.Told")

    outcome = steer("exit:3")
    t.equal(json.loads(outcome["payload"])["errorType"], "Runtime.ExitError")
    t.equal(steer("count")["payload"], "1", "a new life after a crash")

    outcome = steer("line:a word for the log,echo", LogType="Tail")
    t.true("\na word for the log\n" in outcome["log"], "the log: %r" % outcome["log"])
    t.equal(client.invoke("{}", InvocationType="DryRun")["status"], 204)
    t.equal(client.invoke("{}", InvocationType="Event")["status"], 202)
    t.equal(client.invoke("not JSON"), {"exception": "InvalidRequestContentException"})
    t.equal(steer("pid", FunctionName="any:$LATEST")["status"], 200)
