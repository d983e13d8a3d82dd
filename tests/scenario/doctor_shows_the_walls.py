#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lrie doctor: the table of walls, for people and for programs."""
import json
import os
import re

import harness

NOBODY = 65534
STANDINGS = ("yes", "partly", "no")


def users():
    """The user we are, and an ordinary one where we are root."""
    yield None
    if os.geteuid() == 0:
        yield NOBODY


def wall_names(t):
    """As the message about an unknown wall lists them."""
    finished = t.run("doctor", "--require-sandbox=moat", expect=2)
    return re.search(r"known are ([a-z, ]+)\)", finished.stderr)[1].split(", ")


def report(t, *options, expect=0, **more):
    finished = t.run("doctor", "--json", *options, expect=expect, **more)
    return json.loads(finished.stdout)


def test_every_wall_is_in_the_text(t):
    names = wall_names(t)
    for user in users():
        finished = t.run("doctor", user=user, expect=0)
        lines = finished.stdout.decode().split("\n")
        t.match(lines[0], r"lrie \d+\.\d+\.\d+, Linux \S+, \S+")
        rows = [line.split()[:2] for line in lines if line and line.split()[0] in names]
        t.equal([row[0] for row in rows], names)
        t.true(all(row[1] in STANDINGS for row in rows), rows)
        t.true("\033" not in finished.stdout.decode(), "color in a pipe")
        t.match(finished.stdout.decode(), r".*\n\d+ of %d walls stand(, \d+ in part)?\n.*"
                % len(names))


def test_every_wall_is_in_the_json(t):
    names = wall_names(t)
    for user in users():
        found = report(t, user=user)
        t.equal(found["schema_version"], 1)
        t.equal(found["machine"]["kernel"], os.uname().release)
        t.equal(found["sandbox"], "auto")
        t.equal([wall["name"] for wall in found["walls"]], names)
        for wall in found["walls"]:
            t.true(wall["enforced"] in STANDINGS, wall)
            t.true(wall["summary"], wall)
            t.equal(wall["required"], False)
            # a reason and a remedy where there is a gap, and only there
            t.equal(wall["enforced"] != "yes", wall["detail"] is not None, repr(wall))
            t.true(wall["mechanism"] or wall["enforced"] != "yes", wall)
        t.equal(found["exit_code"], 0)


def test_what_the_doctor_says_is_what_a_start_does(t):
    for user in users():
        stand = {wall["name"]: wall["enforced"] for wall in report(t, user=user)["walls"]}
        for name, enforced in stand.items():
            finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo",
                             "--require-sandbox=" + name, user=user)
            t.equal(finished.code, 3 if enforced == "no" else 0, "%s: %r" % (name, finished))


def test_without_a_sandbox_no_wall_stands(t):
    found = report(t, "--sandbox", "off")
    t.equal({wall["enforced"] for wall in found["walls"]}, {"no"})
    t.equal(found["sandbox"], "off")
    finished = t.run("doctor", "--sandbox", "off", expect=0)
    # the one reason is told once
    t.equal(finished.stdout.decode().count("the sandbox is off"), 1)


def test_a_required_wall_that_is_missing_is_exit_3_with_the_whole_table(t):
    for user in users():
        found = report(t, user=user)
        # all walls are those that stand wherever they can; the network is a choice
        walls = [wall for wall in found["walls"] if wall["name"] != "network"]
        missing = [wall["name"] for wall in walls if wall["enforced"] == "no"]
        standing = [wall["name"] for wall in found["walls"] if wall["enforced"] == "yes"]
        if standing:
            report(t, "--require-sandbox=" + ",".join(standing), user=user)
        full = report(t, "--sandbox", "full", user=user, expect=3 if missing else 0)
        t.equal(len(full["walls"]), len(found["walls"]))
        t.equal([wall["name"] for wall in full["walls"] if wall["required"]],
                [wall["name"] for wall in walls])
        if missing:
            again = report(t, "--require-sandbox=" + missing[0], user=user, expect=3)
            t.equal([wall["name"] for wall in again["walls"] if wall["required"]], missing[:1])
            t.equal(again["exit_code"], 3)
            text = t.run("doctor", "--require-sandbox", user=user, expect=3).stdout.decode()
            t.equal(text.count("it is required"), len(missing))


def test_a_network_of_its_own_is_looked_for_when_it_is_wanted(t):
    for user in users():
        found = report(t, "--network", "none", user=user, expect=None)
        wall = next(wall for wall in found["walls"] if wall["name"] == "network")
        t.true(wall["required"], wall)
        t.equal(found["exit_code"], 3 if wall["enforced"] == "no" else 0)
        finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo",
                         "--network", "none", user=user)
        t.equal(finished.code, found["exit_code"], finished)


def test_options_of_a_command_line_are_understood(t):
    report(t, "--listen", "127.0.0.1:0", "--memory", "256", "--env", "KEY=value", "--event", "{}",
           "--concurrency", "2", "--seccomp", "strict", "--", "argument")
    off = report(t, "--seccomp", "off")
    state = next(wall for wall in off["walls"] if wall["name"] == "syscalls")
    t.equal(state["enforced"], "no")
    t.run("doctor", "stray", expect=2)
    t.run("doctor", "--no-such-option", expect=2)
    t.run("serve", "--json", expect=2)


def test_color_is_asked_for(t):
    text = t.run("doctor", "--color", "always", expect=0).stdout
    t.true(b"\033[" in text, text)


if __name__ == "__main__":
    harness.main()
