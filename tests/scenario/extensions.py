# SPDX-License-Identifier: Apache-2.0
"""extensions - puts extensions beside a function, and lets a test be one of them

Two kinds of extension, both in a folder that is a layer. The fixture does what a variable says
(`fixture(t, first="register:INVOKE")`); the bare one only prints the address of its API, so that
the test itself registers and polls (`bare(t, "first")`, `Agent`) and decides to the byte and to the
moment what an extension does; puppet() moreover how its process ends.
"""
import json
import os
import shutil

import harness

EXTENSION = os.path.join(harness.FIXTURES, "extension")
PATH = "/2020-01-01/extension"
NOBODY = "00000000-0000-4000-8000-000000000000"

BARE_SCRIPT = """#!/bin/sh
echo "api of ${0##*/}: $AWS_LAMBDA_RUNTIME_API"
exec sleep 1000
"""


PUPPET_SCRIPT = """#!/bin/sh
echo "api of ${0##*/}: $AWS_LAMBDA_RUNTIME_API"
read -r command <'%s'
eval "$command"
"""


def layer(t, *names, script=None, mode=0o755):
    """A layer with extensions of these names: the fixture, or a script."""
    folder = t.folder()
    inner = os.path.join(folder, "extensions")
    os.mkdir(inner, 0o755)
    os.chmod(inner, 0o755)
    for name in names:
        path = os.path.join(inner, name)
        if script is None:
            shutil.copyfile(EXTENSION, path)
            os.chmod(path, mode)
        else:
            harness.write_file(path, script, mode)
    return folder


def fixture(t, **words):
    """Options for extensions that obey these words."""
    options = ["--layer", layer(t, *words)]
    for name, list_of_words in words.items():
        options += ["--env", "EXTENSION_%s=%s" % (name, list_of_words)]
    return options


def bare(t, *names):
    """Options for extensions that leave their API to the test."""
    return ["--layer", layer(t, *names, script=BARE_SCRIPT)]


def puppet(t, name, *options):
    """t.bare() with one extension, which leaves its API to the test, as well, and does what
    lrie.order() tells it."""
    folder = t.folder()
    fifo = os.path.join(folder, "commands")
    os.mkfifo(fifo)
    os.chmod(fifo, 0o644)
    script = PUPPET_SCRIPT % fifo
    lrie = t.bare("--layer", layer(t, name, script=script), "--bind", folder, *options)
    lrie.fifo = fifo
    return lrie


def lines_of(lrie, name):
    """What the fixture's extension 'name' has told so far."""
    return [line[len(name) + 1:] for line in lrie.stdout.lines() if line.startswith(name + " ")]


def log_line(name, events):
    """The platform's line about an extension that is ready."""
    return "EXTENSION\tName: %s\tState: Ready\tEvents: [%s]" % (name, ", ".join(events))


class Agent:
    """The test as an extension: as one of bare() by name, or from inside the runtime, by its port."""

    def __init__(self, t, name, lrie=None, port=None, count=1):
        if port is None:
            line = r"api of %s: 127\.0\.0\.1:(\d+)" % name
            port = int(lrie.stdout.wait_line(line, count)[1])
        self.t, self.name, self.port, self.id = t, name, port, None
        self.connection = t.closing(harness.Connection(port))

    def other(self):
        """The same extension on another connection, for what it does while it is blocked."""
        twin = Agent(self.t, self.name, port=self.port)
        twin.id = self.id
        return twin

    def ask(self, method, path, body=None, headers=()):
        """A call; 'path' is below /2020-01-01/extension."""
        return self.connection.ask(method, PATH + path, body, headers)

    def try_register(self, body=b'{"events":["INVOKE","SHUTDOWN"]}', headers=(), name=None):
        name = self.name if name is None else name
        return self.ask("POST", "/register", body, [("Lambda-Extension-Name", name), *headers])

    def register(self, *events, headers=()):
        reply = self.try_register(json.dumps({"events": events}).encode(), headers)
        self.t.equal(reply.status, 200, repr(reply))
        self.id = reply.header("Lambda-Extension-Identifier")
        return reply

    def identity(self):
        return [("Lambda-Extension-Identifier", self.id)]

    def try_next(self):
        """For what is refused; see begin_next() for what blocks."""
        return self.ask("GET", "/event/next", headers=self.identity())

    def begin_next(self):
        self.connection.request("GET", PATH + "/event/next", headers=self.identity())

    def end_next(self):
        reply = self.connection.reply()
        self.t.equal(reply.status, 200, repr(reply))
        return reply

    def next(self):
        self.begin_next()
        return self.end_next()

    def error(self, which, error_type="Extension.Broken", body=b"{}"):
        """Posts to /init/error or /exit/error."""
        return self.ask("POST", "/%s/error" % which, body,
                        self.identity() + [("Lambda-Extension-Function-Error-Type", error_type)])


def start(t, lrie, agents, *events):
    """Registers all agents for the same events, in order; returns the runtime of the function."""
    for agent in agents:
        agent.register(*events)
    return lrie.runtime()


def check_refused(t, reply, error_type, message):
    t.equal(reply.status, 403, repr(reply))
    t.equal(reply.json(), {"errorMessage": message, "errorType": error_type})
    t.equal(list(reply.json()), ["errorMessage", "errorType"], "order of the keys")
    t.equal(reply.header("Content-Type"), "application/json")


def check_forbidden(t, reply, state, target, who):
    check_refused(t, reply, "Extension.InvalidExtensionState",
                  "State transition from %s to %s failed for extension %s. Error: "
                  "State transition is not allowed" % (state, target, who))
