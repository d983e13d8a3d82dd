#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the Dockerfiles of fixtures/docker put together runs: custom runtime, function, bootstrap."""
import os
import shutil

import interop
from interop import harness

DOCKER = os.path.join(interop.HERE, "..", "..", "fixtures", "docker")


def serve(t, name, *options):
    """The files where the image of fixtures/docker/NAME has them, with NAME itself from 'options'."""
    interop.need(t, os.path.join(interop.prepared(name), "bin", name))
    runtime, task = t.folder(), t.folder()
    shutil.copy(os.path.join(DOCKER, "runtime.mjs"), runtime)
    shutil.copy(os.path.join(DOCKER, name, "bootstrap"), runtime)
    shutil.copy(os.path.join(DOCKER, name, "function.ts"), task)
    return t.serve_bootstrap(os.path.join(runtime, "bootstrap"), "--task-root", task, "--handler",
                             "function.handler", "--bind", runtime + ":/var/runtime", "--memory",
                             "1769", "--timeout", "30", *options)


def check(t, lrie):
    reply = lrie.invoke(b'{"name": "image"}')
    t.equal(reply.json(), {"greeting": "Hello, image!", "request": reply.request_id})
    reply = lrie.invoke(b"null")
    t.equal(reply.json()["errorType"], "TypeError")
    t.equal(lrie.invoke(b"{}").json()["greeting"], "Hello, world!")


def test_bun(t):
    check(t, serve(t, "bun", "--layer", interop.prepared("bun")))


def test_deno(t):
    check(t, serve(t, "deno", "--bind", interop.prepared("deno") + ":/var/lang"))


if __name__ == "__main__":
    harness.main()
