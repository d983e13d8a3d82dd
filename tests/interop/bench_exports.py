#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What lrie bench exports is read by the libraries that others read such files with."""
import json
import os
import subprocess

import interop
from interop import harness

SCHEMA = os.path.join(interop.HERE, "..", "..", "emulator", "bench.schema.json")
PYTHON = interop.prepared("export-readers", "bin", "python")

READERS = {
    "json": """
import json, sys, jsonschema
schema = json.load(open(sys.argv[2]))
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(json.load(open(sys.argv[1])))
""",
    "prom": """
import sys
from prometheus_client.parser import text_string_to_metric_families
families = {family.name: family for family in text_string_to_metric_families(open(sys.argv[1]).read())}
assert families["lrie_bench_cold_init_seconds"].type == "summary", families
names = {sample.labels["function"] for sample in families["lrie_bench_cold_init_seconds"].samples}
assert names == {sys.argv[3]}, names
""",
    "html": """
import sys, html5lib
document = html5lib.HTMLParser(strict=True).parse(open(sys.argv[1], encoding="utf-8").read())
names = {element.tag.split("}")[1] for element in document.iter() if isinstance(element.tag, str)}
assert "svg" in names and "script" not in names, names
""",
    "svg": """
import sys, xml.etree.ElementTree
root = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
names = {element.tag.split("}")[1] for element in root.iter()}
assert names == {"svg", "style", "rect", "text", "line", "path", "title", "circle"}, names
text = " ".join(root.itertext())
assert sys.argv[3] in text, text
""",
    "junit": """
import sys, junitparser
suite, = junitparser.JUnitXml.fromfile(sys.argv[1])
assert (suite.tests, suite.failures) == (2, 1), suite
case = next(case for case in suite if case.result)
assert "above" in case.result[0].message, case.result[0].message
assert sys.argv[3] in case.classname, case.classname
""",
}


def read(t, form, path, name):
    done = subprocess.run([PYTHON, "-c", READERS[form], path, SCHEMA, name], capture_output=True,
                          text=True, check=False)
    t.equal((done.returncode, done.stderr), (0, ""), form)


def exports(t, name, *options):
    folder = t.folder()
    bootstrap = os.path.join(folder, name)
    with open(harness.BOOTSTRAP, "rb") as source, open(bootstrap, "wb") as copy:
        copy.write(source.read())
    os.chmod(bootstrap, 0o755)
    files = {form: os.path.join(folder, "out." + form) for form in READERS}
    finished = t.run("bench", "--handler", "echo", "--fail-if", "cold.init>1us", "--fail-if",
                     "cold.init>100s", *options,
                     *("--export-%s=%s" % item for item in files.items()), bootstrap, expect=99)
    t.true(finished.stdout, "nothing was printed")
    return files, bootstrap


def test_exports_of_a_small_sample(t):
    interop.need(t, PYTHON)
    files, name = exports(t, "bootstrap", "--cold", "2", "--warm", "0")
    for form, path in files.items():
        read(t, form, path, name)


def test_exports_with_every_figure(t):
    interop.need(t, PYTHON)
    files, name = exports(t, "bootstrap", "--cold", "200", "--warm", "400")
    for form, path in files.items():
        read(t, form, path, name)
    with open(files["json"], encoding="utf-8") as file:
        metric = json.load(file)["functions"][0]["metrics"]["cold.init"]
    t.true(all(metric[name] is not None for name in ("p10", "p90", "p95", "p99", "low")), metric)


def test_exports_with_a_forecast(t):
    interop.need(t, PYTHON)
    for options in (("--traffic", "poisson:5/s", "--provisioned", "2", "--concurrency", "9"),
                    ("--traffic", "10M/month", "--cold-rate", "10%")):
        files, name = exports(t, "bootstrap", "--cold", "2", "--warm", "2", *options)
        for form, path in files.items():
            read(t, form, path, name)


def test_exports_of_an_awkward_name(t):
    interop.need(t, PYTHON)
    files, name = exports(t, "<a & \"b\" 'c' %41 \\ ü>", "--cold", "2", "--warm", "2")
    for form, path in files.items():
        read(t, form, path, name)


if __name__ == "__main__":
    harness.main()
