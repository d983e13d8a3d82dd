#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same function in seven languages: SHA3-512, fifty times over."""
import hashlib
import os

import interop
from interop import harness, prepared

DEFAULT_TEXT = "The quick brown fox jumps over the lazy dog"


def digest(text):
    value = text.encode()
    for _ in range(50):
        value = hashlib.sha3_512(value).digest()
    return value.hex()


def source(language):
    return os.path.join(interop.SHA3, language, "bootstrap")


FUNCTIONS = {
    "bun": (source("bun"), ("--layer", prepared("bun")), ()),
    "deno": (source("deno"), ("--bind", prepared("deno") + ":/var/lang"), ()),
    "node": (source("node"), (), ("node",)),
    "python": (source("python"), (), ("python3",)),
    "go": (prepared("sha3-go", "bootstrap"), (), ()),
    "rust": (prepared("rust", "sha3", "bootstrap"), (), ()),
    "c": (prepared("sha3-c", "bootstrap"), (), ()),
}


def check(t, bootstrap, options, programs):
    interop.need(t, bootstrap, *(option.split(":")[0] for option in options[1:]))
    for program in programs:
        interop.need_program(t, program)
    lrie = t.serve_bootstrap(bootstrap, *interop.ROOM, *options)
    for event, text in (({}, DEFAULT_TEXT), ({"text": "lrie"}, "lrie"), ({"text": ""}, ""),
                        ({"text": "ü" * 1000}, "ü" * 1000)):
        reply = lrie.invoke(interop.payload(event))
        interop.check_success(t, reply)
        t.equal(reply.json(), {"digest": digest(text)})


def test_the_digest_on_file(t):
    with open(os.path.join(interop.SHA3, "digest"), encoding="ascii") as file:
        t.equal(file.read().strip(), digest(DEFAULT_TEXT))


def bind(function):
    return lambda t: check(t, *function)


for language, function in FUNCTIONS.items():
    test = bind(function)
    test.__name__ = "test_" + language
    globals()[test.__name__] = test

if __name__ == "__main__":
    harness.main()
