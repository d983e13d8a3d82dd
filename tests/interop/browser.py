# SPDX-License-Identifier: Apache-2.0
"""browser - a real browser, driven through the WebDriver protocol (W3C) of chromedriver

Nothing but Python's standard library is between. An element is found by its CSS selector at each
call, so nothing here is ever stale.
"""
import base64
import contextlib
import http.client
import json
import os
import re
import subprocess

import interop
from interop import harness

# No network but this machine's; no sandbox, which it makes of user namespaces that may not be here.
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-breakpad", "--disable-dev-shm-usage", "--no-proxy-server",
             "--window-size=800,600")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key that the protocol gives elements


class Browser:
    """A headless Chromium with an empty profile."""

    def __init__(self, t, waits=True):
        """'waits': for each page to be there whole, before anything else is done."""
        for program in ("chromium", "chromedriver"):
            interop.need_program(t, program)
        self.folder = t.folder()
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "HOME": self.folder, "TMPDIR": self.folder})
        t.closing(self)
        self.connection, self.session = None, ""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.await_port(),
                                                     timeout=harness.DEADLINE)
        arguments = [*ARGUMENTS, "--user-data-dir=" + os.path.join(self.folder, "profile")]
        found = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "pageLoadStrategy": "normal" if waits else "none",
            "timeouts": {"pageLoad": int(harness.DEADLINE * 1000)},
            "goog:chromeOptions": {"args": arguments}}}})
        self.session = "/session/" + found["sessionId"]

    def await_port(self):
        for line in self.driver.stdout:
            match = re.search(r"started successfully on port (\d+)", line)
            if match:
                return int(match[1])
        raise harness.Failure("chromedriver does not start")

    def call(self, method, path, body=None):
        text = None if method == "GET" else json.dumps(body or {})
        self.connection.request(method, self.session + path, text,
                                {"Content-Type": "application/json; charset=utf-8"})
        reply = self.connection.getresponse()
        value = json.loads(reply.read())["value"]
        if reply.status != 200:
            raise harness.Failure("%s %s: %s: %s" % (method, path, value["error"],
                                                     value["message"]))
        return value

    def element(self, selector):
        found = self.call("POST", "/element", {"using": "css selector", "value": selector})
        return "/element/" + found[ELEMENT]

    # -- what a user does

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def click(self, selector):
        self.call("POST", self.element(selector) + "/click")

    def type(self, selector, text):
        """Into a field; of a file, its path."""
        self.call("POST", self.element(selector) + "/value", {"text": text})

    def submit(self, form):
        """As Enter in a field does; the caller waits for what comes."""
        self.run("document.querySelector(arguments[0]).requestSubmit()", form)

    # -- what a user sees

    def title(self):
        return self.call("GET", "/title")

    def url(self):
        return self.call("GET", "/url")

    def text(self, selector):
        return self.call("GET", self.element(selector) + "/text")

    def run(self, script, *arguments):
        """What a script returns, in the page."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait_for_title(self, title):
        harness.wait_for(lambda: self.title() == title, "the page '%s'" % title)

    def list(self):
        """The names and values of the <dl> of a page."""
        return dict(self.run("return [...document.querySelectorAll('dt')].map("
                             "(dt) => [dt.textContent, dt.nextSibling.textContent])"))

    def cookies(self):
        return {cookie["name"]: cookie for cookie in self.call("GET", "/cookie")}

    def screenshot(self, file):
        with open(file, "wb") as output:
            output.write(base64.b64decode(self.call("GET", "/screenshot")))

    def close(self):
        if self.connection and self.session:
            with contextlib.suppress(OSError, http.client.HTTPException, harness.Failure):
                self.call("DELETE", "")
        if self.connection:
            self.connection.close()
        self.driver.terminate()
        self.driver.wait(harness.DEADLINE)
        self.driver.stdout.close()
