#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A site that a function serves, in a real browser: lrie --http and headless Chromium."""
import hashlib
import json
import os
import random
import struct
import zlib

import interop
from browser import Browser
from interop import harness

LAYER = interop.prepared("node-layer")
SITE = interop.Runtime(
    os.path.join(interop.FUNCTIONS, "site", "bootstrap"),
    options=("--layer", LAYER, "--http", "127.0.0.1:0"),
    needs=(os.path.join(LAYER, ".done"),), programs=("node",))


STREAM = ("--invoke-mode", "response_stream")


def serve(t, *options):
    """The address of the site."""
    lrie = SITE.serve(t, *options)
    line = lrie.stderr.wait_line(r"lrie: serving HTTP on (http://127\.0\.0\.1:\d+).*")
    return line[1]


def test_pages_links_and_cookies(t):
    site, browser = serve(t, "--handler", "site.handler"), Browser(t)
    browser.open(site + "/")
    t.equal((browser.title(), browser.text("h1")), ("Home", "Home"))
    t.equal(browser.text("#umlauts"), "grüße, 世界")
    browser.click("#about")
    browser.wait_for_title("About")
    t.equal(browser.list(), {"path": "/about/us%20all", "query": "from=home&from=link",
                             "from": "home,link", "method": "GET"})
    browser.run("history.back()")
    browser.wait_for_title("Home")
    browser.click("#login")
    browser.wait_for_title("Cookies")
    t.equal(browser.url(), site + "/cookies")
    t.equal(browser.list(), {"session": "a1b2", "theme": "dark%20blue"})
    t.equal(browser.run("return document.cookie"), "theme=dark%20blue; visits=1")
    cookies = browser.cookies()
    t.equal(sorted(cookies), ["session", "theme", "visits"])
    t.equal((cookies["session"]["httpOnly"], cookies["theme"]["sameSite"]), (True, "Lax"))
    browser.open(site + "/cookies")
    t.equal(browser.list(), {"session": "a1b2", "theme": "dark%20blue", "visits": "1"})


def test_forms(t):
    site, browser = serve(t, "--handler", "site.handler"), Browser(t)
    browser.open(site + "/")
    browser.type("#search [name=q]", "a & b + ü=1")
    browser.submit("#search")
    browser.wait_for_title("Found")
    t.equal(browser.url(), site + "/search?q=a+%26+b+%2B+%C3%BC%3D1&page=1")
    t.equal(browser.list(), {"q": "a & b + ü=1", "page": "1"})
    browser.open(site + "/")
    browser.type("#note [name=title]", "100 % & more")
    browser.type("#note [name=text]", "grüße,\n世界 <b>")
    browser.submit("#note")
    browser.wait_for_title("Noted")
    t.equal(browser.list(), {"title": "100 % & more", "text": "grüße,\n世界 <b>"})


def png(width, height):
    """A picture of noise, so that it cannot be packed and has every byte."""
    shuffle = random.Random(4)
    rows = b"".join(b"\0" + shuffle.randbytes(3 * width) for _ in range(height))

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def test_a_picture_goes_up_and_comes_back(t):
    site, browser = serve(t, "--handler", "site.handler"), Browser(t)
    picture = png(320, 240)
    file = harness.write_file(os.path.join(t.folder(), "noise ü.png"), picture)
    browser.open(site + "/")
    browser.type("#upload [name=caption]", "noise")
    browser.type("#upload [name=file]", file)
    browser.submit("#upload")
    browser.wait_for_title("Picture")
    t.equal(browser.list(), {"caption": "noise", "filename": "noise ü.png",
                             "sha256": hashlib.sha256(picture).hexdigest()})
    harness.wait_for(lambda: browser.run("return document.querySelector('#picture').complete"),
                     "the picture")
    t.equal(browser.run("const image = document.querySelector('#picture');"
                        "return [image.naturalWidth, image.naturalHeight]"), [320, 240])


def test_scripts_that_fetch(t):
    site, browser = serve(t, "--handler", "site.handler"), Browser(t)
    browser.open(site + "/app")
    text = harness.wait_for(lambda: browser.text("#answer"), "an answer")
    t.equal(json.loads(text), {
        "status": 200, "type": "application/json", "gone": 404, "failed": 502,
        "body": {"event": [1, 2.5, "ä"], "greeting": "hello", "round": "2"}})
    browser.open(site + "/no/such/page")
    t.equal(browser.title(), "No such page")
    browser.open(site + "/fail")
    t.true("Internal Server Error" in browser.text("body"), browser.text("body"))


def test_a_page_is_shown_while_it_comes(t):
    folder = t.folder()
    site = serve(t, "--handler", "site.stream", "--bind", folder + ":/var/site", *STREAM)
    browser = Browser(t, waits=False)
    browser.open(site + "/")

    def ids():
        return browser.run("return [...document.querySelectorAll('p')].map((p) => p.id)")

    harness.wait_for(ids, "the beginning")
    t.equal((ids(), browser.run("return document.readyState")), (["first"], "loading"))
    harness.write_file(os.path.join(folder, "go"), "")
    harness.wait_for(lambda: browser.run("return document.readyState") == "complete", "the end")
    t.equal((ids(), browser.title()), (["first", "last"], "Stream"))
    t.equal(browser.run("return document.cookie"), "streamed=yes")


if __name__ == "__main__":
    harness.main()
