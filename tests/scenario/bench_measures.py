#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lrie bench measures cold starts and warm invocations, compares functions, and holds a gate."""
import csv
import http.server
import json
import os
import re
import shutil
import signal
import sys
import threading
import xml.etree.ElementTree

import harness

METRICS = ("cold.setup", "cold.contact", "cold.code", "cold.extensions", "cold.init", "cold.invoke",
           "cold.total", "cold.billed", "warm.invoke", "warm.billed", "memory.peak")
NOT_EVERYWHERE = {"cold.extensions", "memory.peak"}


def bench(t, *options, expect=0, handler="echo", **more):
    return t.run("bench", "--bootstrap", harness.BOOTSTRAP, "--handler", handler, *options,
                 expect=expect, **more)


def says(t, text, pattern):
    t.true(re.search(pattern, text), "no %r in:\n%s" % (pattern, text))


def tables(finished):
    """The figures of each function: a list of {metric: {column: value or None}}."""
    found = []
    for line in finished.stdout.decode().splitlines():
        words = line.split()
        if line.endswith("warm invocations"):
            found.append({})
        elif words and words[0] in METRICS and words[1] in ("ms", "MB"):
            names = ("median", "interval", "p10", "p90", "p99", "min", "max", "n", "out")
            values = [None if word == "-" or ".." in word else float(word) for word in words[2:]]
            found[-1][words[0]] = dict(zip(names, values))
    return found


def test_every_metric_is_measured(t):
    finished = bench(t, "--cold", "20", "--warm", "50")
    figures, = tables(finished)
    t.equal(set(METRICS) - NOT_EVERYWHERE - set(figures), set(), "metrics that are missing")
    for name, row in figures.items():
        t.equal(row["n"], 50 if name.startswith("warm") else 20, name)
        t.true(row["min"] <= row["median"] <= row["max"], "%s: %r" % (name, row))
        t.true(row["p90"] is not None and row["p99"] is None, "%s: %r" % (name, row))
    says(t, finished.stdout.decode(), "do not predict AWS")


def test_figures_are_those_of_the_function(t):
    figures, = tables(bench(t, "--cold", "5", "--warm", "6", handler="init-sleep:30,sleep:20,echo"))
    t.between(30, figures["cold.init"]["min"], 30 + 60 * harness.SLOW, "init")
    t.between(20, figures["cold.invoke"]["min"], 20 + 60 * harness.SLOW, "first invocation")
    t.between(20, figures["warm.invoke"]["min"], 20 + 60 * harness.SLOW, "warm invocation")
    t.true(figures["cold.total"]["min"] >= 50, figures["cold.total"])
    t.true(figures["cold.billed"]["min"] >= 51, figures["cold.billed"])


def test_phases_add_up_to_the_total(t):
    """Of one cold start, so that the medians are the values themselves."""
    figures, = tables(bench(t, "--cold", "1", "--warm", "0", handler="init-sleep:20,sleep:10"))
    parts = sum(figures["cold." + part]["median"]
                for part in ("setup", "contact", "code", "invoke"))
    total = figures["cold.total"]["median"]
    t.between(total * 0.99 - 0.1, parts, total * 1.01, "phases of %r" % figures)
    t.true("warm.invoke" not in figures, "a figure of nothing")


def test_phases_of_each_cold_start_add_up(t):
    """Of a function that does nothing, where the smallest gap would be seen."""
    metrics = json.loads(bench(t, "--cold", "50", "--warm", "0", "--json").stdout)["functions"][0]["metrics"]
    phases = [metrics["cold." + phase]["values"] for phase in ("setup", "contact", "code", "invoke")]
    for total, *parts in zip(metrics["cold.total"]["values"], *phases):
        t.between(total * 0.99, sum(parts), total * 1.01, "the phases %r" % parts)


def test_extensions_are_a_phase_of_their_own(t):
    """One that takes 20 ms before it registers, and 30 ms before it asks for an event; of these the
    first 10 are the runtime's, or more where the machine is busy."""
    extensions = os.path.join(t.folder(), "extensions")
    os.mkdir(extensions)
    shutil.copy(os.path.join(os.path.dirname(harness.BOOTSTRAP), "extension"),
                os.path.join(extensions, "slow"))
    svg = os.path.join(t.folder(), "out.svg")
    finished = bench(t, "--cold", "5", "--warm", "1", "--layer", os.path.dirname(extensions),
                     "--env", "EXTENSION=sleep:20,register,sleep:30,next", "--export-svg", svg,
                     "--json", handler="init-sleep:10,sleep:10")
    metrics = json.loads(finished.stdout)["functions"][0]["metrics"]
    if metrics["cold.extensions"]["count"] == 0:
        t.skip("extensions are not launched here")
    t.between(20, metrics["cold.extensions"]["min"], 50 + 60 * harness.SLOW, "extensions")
    t.between(10, metrics["cold.contact"]["min"], 10 + 30 * harness.SLOW, "contact")
    for setup, contact, code, waited, init, invoke, total in zip(*(
            metrics["cold." + part]["values"] for part in (
                "setup", "contact", "code", "extensions", "init", "invoke", "total"))):
        t.near(init, contact + code + waited, "init", share=0.01, absolute=0)
        t.near(total, setup + init + invoke, "the whole", share=0.01, absolute=0.2)
    with open(svg, encoding="utf-8") as file:
        says(t, file.read(), "<title>extensions: ")


def test_without_extensions_nothing_is_told_of_them(t):
    svg = os.path.join(t.folder(), "out.svg")
    finished = bench(t, "--cold", "2", "--warm", "1", "--export-svg", svg, "--fail-if",
                     "cold.extensions>1s", expect=99)
    figures, = tables(finished)
    t.true("cold.extensions" not in figures, figures)
    says(t, finished.stdout.decode(), "cold.extensions.p50 is not known: there are none")
    with open(svg, encoding="utf-8") as file:
        t.true("extensions" not in file.read(), "extensions in the picture")


def test_a_small_sample_has_no_percentiles(t):
    figures, = tables(bench(t, "--cold", "4", "--warm", "4"))
    for name, row in figures.items():
        t.equal((row["p10"], row["p90"], row["p99"], row["interval"]), (None,) * 4, name)


def test_memory_is_told_as_used(t):
    figures, = tables(bench(t, "--cold", "2", "--warm", "2", handler="eat:40"))
    if "memory.peak" not in figures:
        t.skip("memory is not measured here")
    t.between(40, figures["memory.peak"]["max"], 128, "peak")


def usage(t, *options, **more):
    """The metrics in JSON of a benchmark of five cold starts."""
    finished = bench(t, "--cold", "5", "--warm", "0", "--json", *options, **more)
    function, = json.loads(finished.stdout)["functions"]
    return function["metrics"]


def test_cpu_time_is_that_of_its_phase(t):
    metrics = usage(t, "--memory", "1769", handler="init-busy:60,busy:30,echo")
    t.between(60, metrics["cold.init.cpu"]["min"], 60 + 15 * harness.SLOW, "init")
    t.between(90, metrics["cold.cpu"]["min"], 90 + 25 * harness.SLOW, "all")
    sleeper = usage(t, handler="init-sleep:120,sleep:30,echo")
    t.between(0.01, sleeper["cold.cpu"]["max"], 10 * harness.SLOW, "one who sleeps")


def test_throttled_time_is_told(t):
    metrics = usage(t, handler="busy:30,echo")
    throttled = metrics["cold.throttled"]
    if throttled["count"] == 0:
        t.true(throttled["missing"], throttled)
        t.skip(throttled["missing"])
    t.between(150, throttled["p50"], metrics["cold.invoke"]["max"], "throttled")
    t.true(metrics["cold.init.cpu"]["p50"] < 10 * harness.SLOW, "init is not throttled")


def test_pages_and_files_are_told(t):
    echo, eater = usage(t), usage(t, handler="init-eat:40,echo")
    for metrics in echo, eater:
        for name in ("cold.faults.minor", "cold.faults.major", "cold.mapped.bytes"):
            t.equal((metrics[name]["count"], metrics[name]["missing"]), (5, None), name)
        for name, metric in metrics.items():
            t.true(metric["count"] == 0 or metric["missing"] is None, name)
    t.true(eater["cold.init.faults.minor"]["min"] > echo["cold.init.faults.minor"]["max"], "faults")
    files = echo["cold.files"]
    if files["count"] == 0:
        t.true(files["missing"], files)
        t.skip(files["missing"])
    t.equal(files["count"], 1)
    t.between(1, files["p50"], 10, "the bootstrap, and what it loads")


def test_what_was_used_is_a_gate(t):
    finished = bench(t, "--cold", "3", "--warm", "0", "--fail-if", "cold.init.cpu>10ms",
                     "--fail-if", "cold.faults.major>1000", "--fail-if", "cold.faults.minor>2",
                     handler="init-busy:20,echo", expect=99)
    text = finished.stdout.decode()
    says(t, text, r"(?m)^FAILED: .*: cold.init.cpu.p50 is [\d.]+ ms, above 10 ms$")
    says(t, text, r"(?m)^ok: .*: cold.faults.major.p50 is \d+, below 1000$")
    says(t, text, r"(?m)^FAILED: .*: cold.faults.minor.p50 is [\d.]+, above 2$")
    says(t, text, r"(?m)^CPU time +ms +[\d.]+ +[\d.]+ +cold\[\.init\]\.cpu$")


def test_a_figure_that_is_unknown_breaks_its_threshold(t):
    """Nobody tells the kernel's part of so little CPU time."""
    finished = bench(t, "--cold", "1", "--warm", "0", "--fail-if", "cold.cpu.system>10s",
                     expect=99)
    says(t, finished.stdout.decode(), r"(?m)^FAILED: .*: cold.cpu.system.p50 is not known: it takes ")


def test_a_slower_init_is_called_regressed(t):
    finished = bench(t, "--cold", "10", "--warm", "0", "--", "--function-name", "slower",
                     "--handler", "init-sleep:120,echo")
    first, second = tables(finished)
    t.true(second["cold.init"]["min"] >= 120, second["cold.init"])
    t.true(first["cold.init"]["median"] < second["cold.init"]["median"], "medians")
    says(t, finished.stdout.decode(), r"slower +128  cold\.init .* x \(.*\) .*  regressed")


def test_a_quicker_one_is_called_improved(t):
    finished = bench(t, "--cold", "10", "--warm", "0", "--", "--function-name", "quicker",
                     "--handler", "echo", handler="init-sleep:120")
    says(t, finished.stdout.decode(), r"quicker +128  cold\.init .*  improved")


def test_bootstraps_stand_beside_each_other(t):
    """What stands behind -- is read with the first function's options, and changes them."""
    folder = t.folder()
    for name in ("one", "two"):
        shutil.copy(harness.BOOTSTRAP, os.path.join(folder, name))
    finished = t.run("bench", "--cold", "2", "--warm", "2", "--handler", "echo",
                     os.path.join(folder, "one"), "--", os.path.join(folder, "two"), "--memory",
                     "256", "--", os.path.join(folder, "two"), expect=0)
    heads = re.findall(r"/(one|two), (\d+) MB: 2 cold", finished.stdout.decode())
    t.equal(heads, [("one", "128"), ("two", "256"), ("two", "128")])


def test_memory_sizes_are_swept_and_one_is_chosen(t):
    finished = bench(t, "--memory", "128,256", "--cold", "2", "--warm", "10", handler="busy:3,echo")
    text = finished.stdout.decode()
    t.equal(re.findall(r", (\d+) MB: 2 cold starts", text), ["128", "256"])
    for word in ("cheapest", "fastest", "balanced"):
        says(t, text, r"(?m)^%s +.*, (128|256) MB: [\d.]+ ms, \$[\d.]+ a million$" % word)


def test_a_gate_that_holds(t):
    finished = bench(t, "--cold", "20", "--warm", "20", "--fail-if", "cold.init.p90>10s",
                     "--fail-if", "memory.peak>100%", "--fail-if", "warm.invoke<1us")
    t.equal(len(re.findall(r"(?m)^ok: ", finished.stdout.decode())), 3)


def test_a_gate_that_breaks(t):
    finished = bench(t, "--cold", "3", "--warm", "3", "--fail-if", "cold.init>10s", "--fail-if",
                     "cold.init.max > 10ms", handler="init-sleep:12", expect=99)
    text = finished.stdout.decode()
    says(t, text, r"(?m)^ok: cold.init>10s: cold.init.p50 is [\d.]+ ms, below 1e\+04 ms$")
    says(t, text, r"(?m)^FAILED: cold.init.max > 10ms: cold.init.max is [\d.]+ ms, above 10 ms$")


def test_mistakes_are_told_before_anything_runs(t):
    for options, words in (
            (("--cold", "0"), "0 is not between 1 and"),
            (("--cold", "-1"), "'-1'"),
            (("--warm", "many"), "'many' is not a whole number"),
            (("--fail-if", "cold.start>1ms"), "known are cold.setup"),
            (("--fail-if", "cold.init>1h"), "cold.init takes us, ms, s"),
            (("--fail-if", "cold.init.p99>1ms"), "takes 200 runs, and there will be 30"),
            (("--fail-if", "cold.init>+10%"), "takes a --baseline, or another function"),
            (("--memory", "128,256", "--fail-if", "cold.init>+10%"), "or another function"),
            (("--fail-if", "node:cold.init>1ms"), "no function is called 'node' (there are '"),
            (("--memory", "128,128"), "128 is there twice"),
            (("--", "--cold", "3"), "--cold is not about one function"),
            (("--noise", "3"), "'3' is not a percentage"),
            (("--traffic", "5/week"), "is no traffic"),
            (("--traffic", "trace:/nonexistent"), "/nonexistent"),
            (("--cold-rate", "101%"), "more than 100%"),
            (("--memory", "128,64"), "64 is not between 128 and"),
            (("--memory", "128,,256"), "not a whole number"),
            (("--event", "{"), "JSON"),
            (("--",), "the other function is missing"),
            (("--", "--memory", "256", "--"), "the other function is missing"),
            (("--", "--task-root", "/nonexistent"), "/nonexistent")):
        finished = bench(t, *options, expect=2)
        t.true(words in finished.stderr, "%r says %r" % (options, finished.stderr))
        t.equal(finished.stdout, b"", options)


def suite(t, functions, **common):
    """A file of functions in a folder of its own, with the fixture beside it."""
    folder = t.folder()
    shutil.copy(harness.BOOTSTRAP, os.path.join(folder, "boot"))
    return harness.write_file(os.path.join(folder, "suite.json"), json.dumps(
        dict(common, bootstrap="boot", functions=functions)))


def test_functions_come_from_a_file(t):
    """Each with its own handler, memory and thresholds; paths are those of the file's folder."""
    path = suite(t, [
        {"name": "quick", "env": {"FROM": "suite"}, "event": {"k": [1]}},
        {"name": "slow", "handler": "init-sleep:120,echo", "memory": [128, 256],
         "fail-if": ["cold.init<120ms", "cold.init>+10%"]}], handler="echo", timeout=5)
    finished = t.run("bench", "--suite", path, "--cold", "8", "--warm", "8", "--fail-if",
                     "quick:cold.init.max>10s", expect=99)
    text = finished.stdout.decode()
    t.equal(re.findall(r"(?m)^(\w+), (\d+) MB: 8 cold", text),
            [("quick", "128"), ("slow", "128"), ("slow", "256")])
    says(t, text, r"(?m)^slow +256  cold\.init .* regressed$")
    t.equal(re.findall(r"(?m)^(ok|FAILED): (.*?): \S+: ", text.replace("quick:cold", "cold")),
            [("ok", "quick, 128 MB"), ("ok", "slow, 128 MB"), ("FAILED", "slow, 128 MB"),
             ("ok", "slow, 256 MB"), ("FAILED", "slow, 256 MB")])
    says(t, text, r"above [\d.]+ ms \(\+10% of quick\)")


def test_functions_of_a_file_have_a_baseline_by_name(t):
    functions = [{"name": "one"}, {"name": "two", "handler": "init-sleep:120,echo"}]
    path = suite(t, functions, handler="echo")
    baseline = os.path.join(t.folder(), "baseline.json")
    t.run("bench", "--suite", path, "--cold", "8", "--warm", "0", "--export-json", baseline, expect=0)
    functions.reverse()
    functions[1]["handler"] = "init-sleep:120,echo"
    harness.write_file(path, json.dumps({"bootstrap": "boot", "functions": functions}))
    finished = t.run("bench", "--suite", path, "--cold", "8", "--warm", "0", "--baseline", baseline,
                     "--fail-if", "cold.init>+50%", expect=99)
    text = finished.stdout.decode()
    says(t, text, r"(?m)^ok: two, 128 MB: .* of the baseline\)$")
    says(t, text, r"(?m)^FAILED: one, 128 MB: .* of the baseline\)$")


def test_a_file_of_functions_can_be_wrong(t):
    path = suite(t, [{"name": "one"}])
    for text, words in (
            ('{"functions": [\n{"name": "one", "memry": 1}]}',
             "'%s' line 2: unknown member 'memry': did you mean 'memory'?" % path),
            ('{"functions": [{"name": "one"},\n\n{"name": "one"}]}',
             "line 3: the name 'one' is that of the function in line 1, too"),
            ('{"bootstrap": "boot", "functions": [{"name": "one", "layer": "none.zip"}]}',
             "error: one: "),
            ('{"functions": [{"name": "one"}]}', "one: no bootstrap"),
            ('{"functions": [\n{"name": "one"]}', "line: 2"),
            ("", "No content")):
        harness.write_file(path, text)
        finished = t.run("bench", "--suite", path, expect=2)
        t.true(words in finished.stderr, "%r says %r" % (text, finished.stderr))
        t.equal(finished.stdout, b"", text)


def test_standard_input_is_the_event_of_all(t):
    """The fixture does what its event says."""
    finished = bench(t, "--event", "-", "--cold", "1", "--warm", "1", "--memory", "128,256", "--",
                     "--function-name", "other", stdin=b'"sleep:25"')
    found = tables(finished)
    t.equal(len(found), 4)
    for figures in found:
        t.true(figures["cold.invoke"]["min"] >= 25, figures)


def test_functions_of_one_name_are_numbered(t):
    text = bench(t, "--cold", "1", "--warm", "0", "--", "--memory", "128").stdout.decode()
    says(t, text, r"(?m)^%s, 128 MB: 1 cold" % re.escape(harness.BOOTSTRAP))
    says(t, text, r"(?m)^%s \(2\), 128 MB: 1 cold" % re.escape(harness.BOOTSTRAP))


def test_the_first_function_is_a_baseline_for_the_others(t):
    """The recipe of lrie-bench(1) for pull requests, with builds that differ by 120 ms."""
    finished = bench(t, "--cold", "10", "--warm", "0", "--fail-if", "cold.init>+10%", "--",
                     "--function-name", "change", "--handler", "init-sleep:120,echo", expect=99)
    says(t, finished.stdout.decode(), r"(?m)^FAILED: change, 128 MB: cold.init>\+10%: .* \(\+10% of /")
    finished = bench(t, "--cold", "10", "--warm", "0", "--fail-if", "cold.init>+10%", "--",
                     "--function-name", "change", "--handler", "echo", handler="init-sleep:120")
    t.equal(len(re.findall(r"(?m)^ok: ", finished.stdout.decode())), 1)


def test_help_defines_the_figures(t):
    text = t.run("help", "bench", expect=0).stdout.decode()
    for word in METRICS + ("median", "95 % interval", "Mann and Whitney", "lrie-bench(1)"):
        t.true(word in text, "no %r in:\n%s" % (word, text))


def test_a_function_that_fails_stops_it(t):
    finished = bench(t, "--cold", "30", expect=1, handler="line:about to fail,error:My.Error")
    t.equal(finished.stdout, b"")
    text = finished.stderr
    says(t, text, "failed in its first invocation of cold start 0")
    says(t, text, "My.Error")
    says(t, text, "about to fail")


class Counter:
    """Tells each caller how many came before it, and itself."""

    def __init__(self):
        counter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                counter.count += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"%d" % counter.count)

            def log_message(self, *_):
                pass

        self.count = 0
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def failing_bootstrap(t, condition):
    """A bootstrap that exits with 3 where the shell's condition on its number, $count, is false."""
    if not shutil.which("curl"):
        t.skip("curl is missing")
    counter = t.closing(Counter())
    folder = t.folder()
    shutil.copy(harness.BOOTSTRAP, os.path.join(folder, "real"))
    return harness.write_file(os.path.join(folder, "bootstrap"), (
        "#!/bin/sh\ncount=$(curl -s http://127.0.0.1:%d/)\n[ %s ] || exit 3\n"
        "exec ${0%%/*}/real\n" % (counter.port, condition)), 0o755)


def test_what_was_measured_before_a_failure_is_printed(t):
    """The seventh counted cold start dies; one before them is not counted."""
    finished = t.run("bench", "--bootstrap", failing_bootstrap(t, "$count -lt 8"), "--handler",
                     "echo", "--cold", "30", "--warm", "30", expect=1)
    says(t, finished.stdout.decode(), "6 cold starts, 6 warm invocations")
    says(t, finished.stderr, "cold start 7")
    says(t, finished.stderr, "exit status 3")


def test_an_init_that_works_at_the_second_try_is_a_failure(t):
    finished = t.run("bench", "--bootstrap", failing_bootstrap(t, "$count != 2"), "--handler",
                     "echo", "--cold", "3", "--warm", "0", expect=1)
    says(t, finished.stderr, "its init failed")
    says(t, finished.stderr, "cold start 1")


def test_an_interrupt_prints_what_there_is(t):
    lrie = t.start("bench", "--bootstrap", harness.BOOTSTRAP, "--handler", "sleep:20", "--cold",
                   "100000", "--warm", "0", "--max-time", "600")
    harness.wait_for(lambda: len(harness.descendants(lrie.pid)) > 0, "a first box")
    seen = set()

    def some_turns_are_over():
        seen.update(process.pid for process in harness.descendants(lrie.pid))
        return len(seen) >= 12

    harness.wait_for(some_turns_are_over, "a few cold starts")
    lrie.stop(signal.SIGINT, expect=130)
    says(t, lrie.stdout.text(), r"[1-9]\d* cold starts, 0 warm")


def test_time_can_be_limited(t):
    finished = bench(t, "--cold", "100000", "--warm", "0", "--max-time", "1", handler="sleep:20")
    figures, = tables(finished)
    t.between(1, figures["cold.total"]["n"], 50, "cold starts")


def test_progress_is_shown_on_a_terminal_only(t):
    finished = bench(t, "--cold", "2", "--warm", "0")
    t.true("cold starts" not in finished.stderr, finished.stderr)
    spawn = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    finished = t.run("-c", spawn, harness.LRIE, "bench", "--bootstrap", harness.BOOTSTRAP,
                     "--handler", "echo", "--cold", "2", "--warm", "0", program=sys.executable,
                     expect=0)
    says(t, finished.stdout.decode(), r"\r\[#{15} {15}\] 1 of 2 cold starts\r\[#{30}\] 2 of 2")


def test_an_interrupt_before_anything_is_told(t):
    lrie = t.start("bench", "--bootstrap", harness.BOOTSTRAP, "--handler", "init-sleep:60000,echo",
                   "--init-timeout", "100")
    harness.wait_for(lambda: len(harness.descendants(lrie.pid)) > 1, "a first box")
    lrie.stop(signal.SIGINT, expect=130)
    t.equal(lrie.stdout.text(), "")
    says(t, lrie.stderr.text(), "there is nothing to tell")


def test_precision_can_be_asked_for(t):
    """A sample that is sure after the least count ends there; an impossible one at ten times."""
    figures, = tables(bench(t, "--cold", "12", "--warm", "0", "--until-ci", "100%",
                            handler="init-sleep:30"))
    t.equal(figures["cold.init"]["n"], 12)
    figures, = tables(bench(t, "--cold", "2", "--warm", "0", "--until-ci", "0.001%"))
    t.equal(figures["cold.init"]["n"], 20)


def test_a_full_disk_is_told(t):
    if not os.path.exists("/dev/full"):
        t.skip("/dev/full is missing")
    finished = t.run("-c", 'exec "$0" "$@" >/dev/full', harness.LRIE, "bench", "--bootstrap",
                     harness.BOOTSTRAP, "--handler", "echo", "--cold", "1", "--warm", "0",
                     program="/bin/sh", expect=2)
    says(t, finished.stderr, "write to stdout: No space left on device")


def test_exports_are_what_their_readers_take(t):
    folder = t.folder()
    files = {form: os.path.join(folder, form) for form in ("json", "markdown", "csv", "junit", "prom", "svg", "html")}
    bench(t, "--cold", "3", "--warm", "4", "--fail-if", "cold.init>1us", "--commit", "abc",
          *("--export-%s=%s" % item for item in files.items()), expect=99)
    t.equal(sorted(os.listdir(folder)), sorted(files), "files")
    with open(files["json"], encoding="utf-8") as file:
        data = json.load(file)
    t.equal((data["schema_version"], data["commit"], data["partial"]), (2, "abc", False))
    function, = data["functions"]
    t.equal(len(function["metrics"]["warm.invoke"]["values"]), 4)
    t.equal(data["thresholds"][0]["verdict"], "broken")
    with open(files["csv"], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    inits = [float(row["value"]) for row in rows if row["metric"] == "cold.init"]
    t.equal(len(inits), 3)
    for read, written in zip(inits, function["metrics"]["cold.init"]["values"]):
        t.between(written * 0.999999, read, written * 1.000001, "a value")
    suite = xml.etree.ElementTree.parse(files["junit"]).getroot().find("testsuite")
    t.equal((suite.get("tests"), suite.get("failures")), ("1", "1"))
    t.true(xml.etree.ElementTree.parse(files["svg"]).getroot().tag.endswith("svg"), "no picture")
    with open(files["html"], encoding="utf-8") as file:
        says(t, file.read(), r"(?s)^<!DOCTYPE html>.*<svg .*</svg>.*</html>\n$")
    with open(files["prom"], encoding="utf-8") as file:
        says(t, file.read(), r'(?m)^lrie_bench_cold_init_seconds\{.*quantile="0.5"\} 0\.\d+$')
    with open(files["markdown"], encoding="utf-8") as file:
        says(t, file.read(), r"(?m)^\| .* \| 128 \| ")


def test_an_export_that_fails_leaves_the_old_file(t):
    path = harness.write_file(os.path.join(t.folder(), "out.json"), "old")
    finished = bench(t, "--cold", "1", "--warm", "0", "--export-csv", "/nonexistent/x",
                     "--export-json", "/dev/full", "--export-prom", path, expect=2)
    says(t, finished.stderr, "create '/nonexistent/x")
    says(t, finished.stderr, "write '/dev/full': No space left")
    with open(path, encoding="utf-8") as file:
        says(t, file.read(), "lrie_bench")
    t.equal(os.listdir(os.path.dirname(path)), ["out.json"])


def test_traffic_is_priced(t):
    """10 million requests of 100 ms at 512 MB: 8.33 dollars of duration, 2.00 of requests."""
    finished = bench(t, "--memory", "512", "--cold", "2", "--warm", "4", "--traffic", "10M/month",
                     "--cold-rate", "10%", handler="sleep:99")
    text = finished.stdout.decode()
    says(t, text, r"under 10M/month, 10 % of it cold starts")
    cost = float(re.search(r"(?m)^\S+ +512 +0 +10\.000 .* (\d+\.\d\d)$", text)[1])
    arm = os.uname().machine == "aarch64"
    t.between((8.6 if arm else 10.3), cost, 16 * harness.SLOW, "the costs")


def test_prices_can_be_given(t):
    path = harness.write_file(os.path.join(t.folder(), "prices.json"), json.dumps(
        {"name": "ours", "tiers": [{"per_gb_second": 0}], "per_request": 0.5}))
    data = json.loads(bench(t, "--cold", "1", "--warm", "1", "--prices", path, "--json").stdout)
    t.equal(data["functions"][0]["cost"], {"prices": "ours", "million_warm": 500000,
                                           "million_cold": 500000})
    arm = json.loads(bench(t, "--cold", "1", "--warm", "1", "--architecture", "arm64",
                           "--json").stdout)
    t.true("arm64" in arm["functions"][0]["cost"]["prices"], arm["functions"][0]["cost"])
    harness.write_file(path, '{"per_reqest": 1}')
    says(t, bench(t, "--prices", path, expect=2).stderr, "unknown member 'per_reqest'")
    says(t, bench(t, "--prices", path + "x", expect=2).stderr, "No such file")


def test_traffic_is_simulated(t):
    finished = bench(t, "--cold", "3", "--warm", "3", "--traffic", "burst:10x1/hour",
                     "--provisioned", "4", "--", "--function-name", "slower", "--handler",
                     "init-sleep:30,sleep:30")
    text = finished.stdout.decode()
    for name in ("bootstrap", "slower"):
        says(t, text, r"(?m)^\S*%s +128 +0 +100\.000 .* 10 +0\.000 " % name)
        says(t, text, r"(?m)^\S*%s +128 +4 +60\.000 .* 6 +0\.000 " % name)
    says(t, text, r"(?m)^quickest .*bootstrap, 128 MB.*: the next takes [\d.]+ times the time")
    says(t, text, r"(?m)^cheapest ")
    says(t, text, r"(?m)^Costs are by the prices of us-east-1 ")


def test_forecasts_are_exported(t):
    folder = t.folder()
    files = {form: os.path.join(folder, form) for form in ("json", "markdown", "csv", "html")}
    bench(t, "--cold", "2", "--warm", "2", "--traffic", "burst:10x1/hour", "--concurrency", "6",
          *("--export-%s=%s" % item for item in files.items()), "--", "--function-name", "slower",
          "--handler", "sleep:30")
    with open(files["json"], encoding="utf-8") as file:
        traffic = json.load(file)["traffic"]
    t.equal((traffic["text"], traffic["simulated"], traffic["concurrency"]),
            ("burst:10x1/hour", True, 6))
    for forecast in traffic["forecasts"]:
        t.equal((forecast["cold_rate"], forecast["refused_rate"], forecast["environments"]),
                (0.6, 0.4, 6))
    t.true(traffic["quickest"]["function"] != "slower", traffic)
    with open(files["csv"], encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "forecast.refused_rate"]
    t.equal([(row["run"], row["value"]) for row in rows], [("", "0.4")] * 2)
    with open(files["markdown"], encoding="utf-8") as file:
        says(t, file.read(), r"(?m)^\| slower \| 128 \| 0 \| 60\.000 % \|.* 6 \| 40\.000 % \|")
    with open(files["html"], encoding="utf-8") as file:
        says(t, file.read(), "<h2>A month under burst:10x1/hour, .*, at most 6 at once</h2>")


def test_json_goes_to_stdout(t):
    data = json.loads(bench(t, "--cold", "1", "--warm", "1", "--json").stdout)
    t.equal(len(data["functions"]), 1)


def test_a_baseline_is_compared_to(t):
    path = os.path.join(t.folder(), "baseline.json")
    bench(t, "--cold", "8", "--warm", "8", "--export-json", path)
    finished = bench(t, "--cold", "8", "--warm", "8", "--baseline", path, "--fail-if",
                     "cold.init>+100%", handler="init-sleep:120,echo", expect=99)
    text = finished.stdout.decode()
    says(t, text, r"against the baseline:\n.* cold\.init .* regressed")
    says(t, text, r"FAILED: .* above .* \(\+100% of the baseline\)")
    with open(path, encoding="utf-8") as file:
        other = file.read().replace('"cpus":', '"cpus":10')
    harness.write_file(path, other)
    finished = bench(t, "--cold", "1", "--warm", "1", "--baseline", path)
    says(t, finished.stderr, "the baseline's CPUs: 10")
    for text, words in (("{}", "schema_version is missing"), ("{", "line: 1"),
                        ('{"schema_version":9}', "its schema_version is 9")):
        harness.write_file(path, text)
        says(t, bench(t, "--baseline", path, expect=2).stderr, words)
    says(t, bench(t, "--baseline", path + "x", expect=2).stderr, "No such file")


def test_github_is_told_where_it_listens(t):
    summary = os.path.join(t.folder(), "summary")
    options = ("--cold", "1", "--warm", "0", "--fail-if", "cold.init>1us")
    finished = bench(t, *options, expect=99)
    t.true(b"::error" not in finished.stdout, finished.stdout)
    finished = bench(t, *options, expect=99,
                     env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": summary})
    says(t, finished.stdout.decode(), r"(?m)^::error title=lrie bench::.* above 0\.001 ms$")
    with open(summary, encoding="utf-8") as file:
        says(t, file.read(), r"^\| function \|")


if __name__ == "__main__":
    harness.main()
