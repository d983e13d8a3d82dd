#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What /_lrie/metrics answers is read by Prometheus' own parser."""
import subprocess

import interop
from interop import harness

PYTHON = interop.prepared("export-readers", "bin", "python")

# The parser gives a counter the name without _total.
READER = """
import sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
for family in families:
    assert family.documentation and family.type != "untyped", family
    for sample in family.samples:
        assert sample.labels["function"] == "my-function", sample
    if family.type == "histogram":
        last = {}
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                start = sample.labels.get("start")
                assert sample.value >= last.get(start, 0), sample
                last[start] = sample.value
            if sample.name.endswith("_count"):
                assert sample.value == last[sample.labels.get("start")], sample
print(*sorted("%s:%s" % (family.name, family.type) for family in families))
"""

FAMILIES = {
    "lrie_invocations:counter", "lrie_cold_starts:counter", "lrie_invocation_errors:counter",
    "lrie_throttles:counter", "lrie_invoke_duration_seconds:histogram",
    "lrie_billed_duration_seconds:counter", "lrie_environments_started:counter",
    "lrie_setup_duration_seconds:histogram", "lrie_init_duration_seconds:histogram",
    "lrie_init_errors:counter", "lrie_extension_errors:counter", "lrie_environments:gauge",
    "lrie_invocations_waiting:gauge", "lrie_events_queued:gauge",
    "lrie_events_accepted:counter", "lrie_events_succeeded:counter", "lrie_events_failed:counter",
    "lrie_events_retried:counter", "lrie_event_records_dropped:counter",
    "lrie_memory_size_bytes:gauge", "lrie_memory_peak_bytes:gauge", "lrie_info:gauge",
    "lrie_emf_lines:counter", "lrie_xray_documents:counter",
}


def test_the_parser_reads_every_family(t):
    interop.need(t, PYTHON)
    lrie = t.serve("echo", "--function-name", "my-function", "--timeout", "1")
    for words in ("echo", "error:Function.Odd", "exit:1", "echo", "silent"):
        lrie.report(lrie.do(words).request_id)
    with lrie.connect() as connection:
        page = connection.ask("GET", "/_lrie/metrics").body
    done = subprocess.run([PYTHON, "-c", READER], input=page, capture_output=True, check=False)
    t.equal((done.returncode, done.stderr), (0, b""))
    t.equal(set(done.stdout.decode().split()), FAMILIES)


if __name__ == "__main__":
    harness.main()
