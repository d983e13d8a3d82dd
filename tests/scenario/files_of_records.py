#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that lrie appends records to, whatever is in them: they never hold anything up."""
import json
import os

import harness

EVENT = {"X-Amz-Invocation-Type": "Event"}.items()

# Each option, and what makes a record of it: the function's handler, and the invocation's headers.
OPTIONS = (("--emf", "echo", ()), ("--xray", "echo", ()), ("--on-success", "echo", EVENT),
           ("--on-failure", "error:Function.Told", EVENT),
           ("--dead-letters", "error:Function.Told", EVENT))


def test_a_file_that_cannot_be_opened(t):
    for option, handler, headers in OPTIONS:
        finished = t.run("serve", "--listen", "127.0.0.1:0", "--bootstrap", harness.BOOTSTRAP,
                         "--handler", handler, option, "/nonexistent/records", expect=2)
        t.equal(finished.stderr.splitlines()[-1],
                "lrie: error: %sopen '/nonexistent/records': No such file or directory"
                % (option + ": " if headers else ""), option)


def test_a_full_disk_is_told_once(t):
    for option, handler, headers in OPTIONS:
        status = 202 if headers else 200
        lrie = t.serve(handler, option, "/dev/full", "--retries", "0")
        for _ in range(5):
            t.equal(lrie.invoke(headers=headers).status, status, option)
        told = lrie.stderr.wait_line(
            "lrie: warning: cannot write to '/dev/full', lines are lost: .*")
        t.equal(lrie.invoke(headers=headers).status, status, option)
        t.equal([line for line in lrie.stderr.lines() if "/dev/full" in line], [told[0]])
        lrie.stop()


def test_a_line_that_was_cut_off_before_spoils_no_record(t):
    """As SIGKILL leaves it, or an editor that ends no last line."""
    for option, handler, headers in OPTIONS:
        path = harness.write_file(os.path.join(t.folder(), "records"), '{"a":1}\n{"hal')
        lrie = t.serve(handler, option, path, "--retries", "0")
        lrie.invoke(headers=headers)

        def read():
            with open(path, encoding="utf-8") as file:
                return file.read()

        harness.wait_for(lambda: read().count("\n") >= 3 and read().endswith("\n"), "a record")
        lrie.stop()
        lines = read().splitlines()
        t.equal(lines[:2], ['{"a":1}', '{"hal'])
        for line in lines[2:]:
            t.true(isinstance(json.loads(line), dict), line)


if __name__ == "__main__":
    harness.main()
