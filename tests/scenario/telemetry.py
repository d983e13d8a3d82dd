#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Extensions that subscribe get telemetry, in order and in time, and nobody waits for them.

The extension is the fixture, which prints each batch that it is sent.
"""
import http.server
import json
import os
import re
import shutil
import socket
import threading
import time

import harness

EXTENSION = os.path.join(harness.FIXTURES, "extension")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def extended(t, words, name="agent"):
    """Options for a function with an extension that obeys these words."""
    layer = t.folder()
    os.mkdir(os.path.join(layer, "extensions"), 0o755)
    shutil.copy(EXTENSION, os.path.join(layer, "extensions", name))
    return ("--layer", layer, "--env", "EXTENSION_%s=%s" % (name, words))


def body(port=None, tcp=None, types=("platform", "function"), schema="2022-12-13", timeout=25,
         **buffering):
    """A word's argument: the body of a subscribe request."""
    destination = ({"protocol": "TCP", "port": tcp} if tcp else
                   {"protocol": "HTTP", "URI": "http://sandbox.localdomain:%s/hear" % port})
    text = json.dumps({"schemaVersion": schema, "types": types, "destination": destination,
                       "buffering": {"timeoutMs": timeout, **buffering}})
    return text.replace(",", "\\,")


def batches(lines, name="agent"):
    mark = name + " batch "
    return [json.loads(line[len(mark):]) for line in lines if line.startswith(mark)]


def records(lines, name="agent"):
    mark = name + " record "
    return ([record for batch in batches(lines, name) for record in batch] +
            [json.loads(line[len(mark):]) for line in lines if line.startswith(mark)])


def kinds(lines):
    return [record["type"] for record in records(lines)]


def wait_kind(lrie, kind, count=1):
    """All records, as soon as so many of this type have come."""
    lrie.stdout.wait(lambda lines: kinds(lines).count(kind) >= count, "%d %s" % (count, kind))
    return records(lrie.stdout.lines())


def replies(lrie, count, name="agent"):
    """What the first 'count' requests to subscribe were answered."""
    form = re.escape(name) + r" subscribe (\d+) ?(.*)"
    lrie.stdout.wait_line(form, count)
    found = [re.fullmatch(form, line) for line in lrie.stdout.lines()]
    return [(int(match[1]), match[2]) for match in found if match][:count]


def test_a_life_in_order(t):
    port = free_port()
    lrie = t.serve("line:hello,echo", "--freeze=off",
                   *extended(t, "register,listen:%d,telemetry:%d" % (port, port)))
    id = lrie.invoke().request_id
    heard = wait_kind(lrie, "platform.report")
    types = [record["type"] for record in heard]
    t.equal(replies(lrie, 1), [(200, '"OK"')])
    t.equal(types[0], "platform.initStart", "what came before the subscription is replayed")
    wanted = ["platform.initStart", "platform.telemetrySubscription", "platform.extension",
              "platform.initRuntimeDone", "platform.initReport", "platform.start", "function",
              "platform.runtimeDone", "platform.report"]
    t.equal(sorted(types), sorted(wanted))
    for first, second in zip(wanted[5:], wanted[6:]):
        t.true(types.index(first) < types.index(second), "%s before %s" % (first, second))
    times = [record["time"] for record in heard]
    t.equal(times, sorted(times), "time goes on")
    line = heard[types.index("function")]
    t.equal(line["record"], "hello\n")
    report = heard[types.index("platform.report")]["record"]
    t.equal(report["requestId"], id)
    t.match("%.2f" % report["metrics"]["durationMs"],
            re.escape("%.2f" % float(lrie.report(id).duration)) + "|.*",
            "the figures of the log")
    t.equal(report["metrics"]["billedDurationMs"], lrie.report(id).billed)
    t.equal([line for line in lrie.stdout.lines() if line.startswith("TELEMETRY")],
            ["TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform, Function]"])


def test_logs_api(t):
    port = free_port()
    lrie = t.serve("line:hello,echo", "--freeze=off",
                   *extended(t, "register,listen:%d,logs:%d" % (port, port)))
    lrie.invoke()
    types = [record["type"] for record in wait_kind(lrie, "platform.report")]
    t.equal(replies(lrie, 1), [(200, '"OK"')])
    t.true("platform.initStart" not in types and "platform.end" in types and
           "platform.runtimeDone" in types and "platform.logsSubscription" in types,
           "the events of the Logs API: %s" % types)
    t.equal([line for line in lrie.stdout.lines() if line.startswith("LOGS\t")],
            ["LOGS\tName: agent\tState: Subscribed\tTypes: [Platform, Function]"])


def test_lines_over_tcp(t):
    port = free_port()
    lrie = t.serve("line:hello,echo", "--freeze=off", *extended(
        t, "register,listen-tcp:%d,telemetry-body:%s" % (port, body(tcp=port))))
    lrie.invoke()
    heard = wait_kind(lrie, "platform.report")
    t.equal([record["record"] for record in heard if record["type"] == "function"], ["hello\n"])


def test_lines_of_JSON_are_objects_where_the_log_is_JSON(t):
    line = '{"level":"DEBUG"\\,"message":[1]}'
    for schema, expected in (("2022-12-13", {"level": "DEBUG", "message": [1]}),
                             ("2022-07-01", '{"level":"DEBUG","message":[1]}\n')):
        port = free_port()
        lrie = t.serve("line:" + line + ",echo", "--freeze=off", "--log-format=json", *extended(
            t, "register,listen:%d,telemetry-body:%s" % (port, body(port, schema=schema))))
        id = lrie.invoke().request_id
        heard = wait_kind(lrie, "platform.report")
        t.equal([record["record"] for record in heard if record["type"] == "function"],
                [expected], "a level is about the log, not about subscribers")
        t.true(line.replace("\\", "") not in lrie.stdout.lines(), "DEBUG is in the log")
        t.equal([record["record"]["requestId"] for record in heard
                 if record["type"] == "platform.report"], [id])


def test_runtimeDone_comes_while_the_extension_works(t):
    port = free_port()
    lrie = t.serve("echo", *extended(
        t, "register,listen:%d,telemetry:%d,invoke-sleep:1000" % (port, port)))
    began = time.monotonic()
    lrie.invoke()
    wait_kind(lrie, "platform.runtimeDone")
    t.true(time.monotonic() - began < 1.0 or harness.SLOW > 1,
           "not before the extension is done")
    t.true("platform.report" not in kinds(lrie.stdout.lines()), "the report comes after that")


def test_nothing_is_sent_to_the_frozen(t):
    t.need_walls("freeze")
    port = free_port()
    lrie = t.serve("echo", *extended(
        t, "register,listen:%d,telemetry-body:%s" % (port, body(port, timeout=300))))
    first = lrie.invoke().request_id
    lrie.report(first)
    # Not a pause to be safe: the claim is that nothing comes in this time.
    time.sleep(0.6)
    t.true("platform.report" not in kinds(lrie.stdout.lines()), "sent to a frozen extension")
    harness.wait_for(lambda: lrie.invoke() and first in [
        record["record"]["requestId"] for record in records(lrie.stdout.lines())
        if record["type"] == "platform.report"], "the report, with a later invocation")


def test_what_is_left_comes_before_SHUTDOWN(t):
    port = free_port()
    lrie = t.serve("line:hello,echo", *extended(
        t, "register,listen:%d,telemetry-body:%s" % (port, body(port, timeout=30000))))
    id = lrie.invoke().request_id
    lrie.report(id)
    t.equal(kinds(lrie.stdout.lines()), [])
    began = time.monotonic()
    lrie.stop()
    t.true(time.monotonic() - began < 2.0 * harness.SLOW, "it takes too long")
    lines = lrie.stdout.lines()
    t.true("platform.report" in kinds(lines), "the report was not sent")
    shutdown = [i for i, line in enumerate(lines) if "SHUTDOWN" in line and " next " in line]
    report = [i for i, line in enumerate(lines)
              if line.startswith("agent batch") and "platform.report" in line]
    t.equal(len(shutdown), 1)
    t.true(report[0] < shutdown[0], "SHUTDOWN was first")


def test_after_init_it_is_too_late(t):
    lrie = t.serve("echo", *extended(t, "register,next,telemetry:8080,logs:8080"))
    lrie.invoke()
    t.equal(replies(lrie, 2), [
        (403, '{"errorMessage":"Telemetry API subscription is closed already",'
              '"errorType":"Telemetry.SubscriptionClosed"}'),
        (403, '{"errorMessage":"Logs API subscription is closed already",'
              '"errorType":"Logs.SubscriptionClosed"}')])


def test_requests_that_are_wrong(t):
    wrong = '{"types":[]\\,"destination":{"protocol":"HTTP"\\,"URI":"http://sandbox"}}'
    lrie = t.serve("echo", *extended(
        t, "telemetry:8080,register,telemetry-body:%s,logs-body:%s,telemetry-body:hello,"
        "id:x,telemetry:8080,sleep:100000" % (wrong, wrong)))
    reasons = "URI port is not provided; types should not be empty"
    found = [(status, json.loads(text)) for status, text in replies(lrie, 5)]
    t.match(found[3][1]["errorMessage"], "the body should be a JSON object: .*")
    t.equal(found[:3] + found[4:], [
        (403, {"errorType": "Extension.MissingExtensionIdentifier",
               "errorMessage": "Missing Lambda-Extension-Identifier header"}),
        (400, {"errorType": "ValidationError",
               "errorMessage": reasons + "; schemaVersion is not provided"}),
        (400, {"errorType": "Logs.ValidationError", "errorMessage": reasons}),
        (403, {"errorType": "Extension.InvalidExtensionIdentifier",
               "errorMessage": "Invalid Lambda-Extension-Identifier"}),
    ])


def test_one_api_for_an_environment(t):
    port = free_port()
    lrie = t.serve("echo", *extended(t, "register,listen:%d,telemetry:%d,logs:%d"
                                     % (port, port, port)))
    lrie.invoke()
    (first, _), (second, text) = replies(lrie, 2)
    t.equal((first, second, json.loads(text)["errorType"]), (200, 400, "Logs.ValidationError"))


def test_several_invocations_at_once_take_the_newest_schema(t):
    port = free_port()
    # Init is over with the first /next there: the runtime leaves the extension time for its two.
    lrie = t.serve("init-sleep:%d,echo" % (1000 * harness.SLOW), "--max-concurrency=2", *extended(
        t, "register-none,listen:%d,telemetry:%d,telemetry-body:%s"
        % (port, port, body(port, schema="2025-01-29"))))
    (first, text), (second, _) = replies(lrie, 2)
    t.equal((first, second), (400, 200))
    t.match(json.loads(text)["errorMessage"], "schemaVersion should be 2025-01-29 .*")


def test_the_last_request_counts(t):
    port = free_port()
    lrie = t.serve("line:hello,echo", "--freeze=off", *extended(
        t, "register,listen:%d,telemetry:1,telemetry-body:%s"
        % (port, body(port, types=("function",)))))
    lrie.invoke()
    t.equal({record["type"] for record in wait_kind(lrie, "function")}, {"function"})


def test_the_stub(t):
    lrie = t.serve("echo", "--telemetry=stub",
                   *extended(t, "register,telemetry:8080,logs:8080"))
    t.equal(lrie.invoke().status, 200)
    t.equal(replies(lrie, 2), [
        (202, '{"errorMessage":"Telemetry API is not supported",'
              '"errorType":"Telemetry.NotSupported"}'),
        (202, '{"errorMessage":"Logs API is not supported",'
              '"errorType":"Logs.NotSupported"}')])


def test_a_closed_port_disturbs_nobody(t):
    port = free_port()
    lrie = t.serve("line:hello,echo", "--freeze=off",
                   *extended(t, "register,telemetry:%d" % port))
    for _ in range(5):
        t.equal(lrie.invoke().status, 200)
    lrie.stderr.wait_line(r".*the extension 'agent' does not take its telemetry at port %d: "
                          r"connect: Connection refused; lrie goes on trying" % port)
    began = time.monotonic()
    lrie.stop()
    t.true(time.monotonic() - began < 1.9 * harness.SLOW, "the end waits for it")


def test_a_silent_port_disturbs_nobody(t):
    port = free_port()
    lrie = t.serve("line:hello,echo", "--freeze=off", *extended(
        t, "register,listen-silent:%d,telemetry:%d" % (port, port)))
    for _ in range(5):
        t.equal(lrie.invoke().status, 200)
    began = time.monotonic()
    lrie.stop()
    t.true(time.monotonic() - began < 1.9 * harness.SLOW, "the end waits for it")
    t.true(any("SHUTDOWN" in line for line in lrie.stdout.lines()), "SHUTDOWN never came")


def test_who_answers_500_gets_it_again(t):
    port = free_port()
    lrie = t.serve("line:hello,echo", "--freeze=off", *extended(
        t, "register,listen:%d,listen-status:500,telemetry:%d" % (port, port)))
    t.equal(lrie.invoke().status, 200)
    lrie.stdout.wait(lambda lines: len(batches(lines)) >= 3, "three attempts")
    first, second = batches(lrie.stdout.lines())[:2]
    t.equal(first, second)
    lrie.stderr.wait_line(r".*does not take its telemetry at port \d+: it answers 500; .*")


def test_a_slow_subscriber_stalls_nobody(t):
    port = free_port()
    lrie = t.serve("echo", "--freeze=off", "--timeout", "60", "--memory", "1769",
                   *extended(t, "register,listen:%d,listen-slow:1000,listen-quiet,telemetry:%d"
                             % (port, port)))
    reply = lrie.invoke(b'{"do":"print:12000000,echo"}')
    t.equal(reply.status, 200)
    t.equal(sum(len(line) + 1 for line in lrie.log(reply.request_id)[1:-2]
                if not line.startswith("agent ")), 12000000, "the log has all")
    lrie.stderr.wait_line(r".*the extension 'agent' is slower than the logs: telemetry for it is "
                          "dropped")
    t.equal(lrie.invoke().status, 200)


class Subscriber:
    """The test as the server that an extension has subscribed for: where its network is ours."""

    def __init__(self, pause):
        self.records, subscriber = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(pause)
                subscriber.records += json.loads(text)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self, kind):
        return sum(record["type"] == kind for record in self.records)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_all_records_come_or_are_counted(t):
    subscriber = t.closing(Subscriber(pause=0.1))
    lrie = t.serve("echo", "--freeze=off", "--timeout", "60", "--memory", "1769",
                   *extended(t, "register,telemetry:%d" % subscriber.port))
    lines = 120000  # of 80 bytes: more than is kept for a slow subscriber
    lrie.invoke(json.dumps({"do": "print:%d" % (80 * lines)}).encode())
    harness.wait_for(lambda: subscriber.count("platform.report"), "the report")
    dropped = sum(record["record"]["droppedRecords"] for record in subscriber.records
                  if record["type"] == "platform.logsDropped")
    t.true(dropped > 0, "nothing was dropped")
    t.equal(subscriber.count("function") + dropped, lines,
            "records that came, or were counted")


def test_in_a_network_of_its_own(t):
    finished = t.run("invoke", "--bootstrap", harness.BOOTSTRAP, "--handler", "echo",
                     "--network=none")
    if finished.code == 3 and "no network of its own" in finished.stderr:
        t.skip(finished.stderr.strip())
    for listen, destination in (("listen", "telemetry:8080"),
                                ("listen-tcp", "telemetry-body:" + body(tcp=8080))):
        lrie = t.serve("line:hello,echo", "--freeze=off", "--network=none",
                       *extended(t, "register,%s:8080,%s" % (listen, destination)))
        lrie.invoke()
        wait_kind(lrie, "platform.report")


def test_without_a_root_of_its_own(t):
    port = free_port()
    lrie = t.serve("line:hello,echo", "--freeze=off", "--sandbox=off",
                   *extended(t, "register,listen:%d,telemetry:%d" % (port, port)))
    lrie.invoke()
    wait_kind(lrie, "platform.report")
    with open("/etc/hosts", encoding="utf-8") as file:
        if "sandbox.localdomain" not in file.read():
            lrie.stderr.wait_line(r".*those that listen by the name 'sandbox.localdomain' do not "
                                  r"find it: .*add \"127.0.0.1 sandbox.localdomain sandbox\" .*")


def test_after_a_reset_it_subscribes_anew(t):
    port = free_port()
    lrie = t.serve("echo", "--freeze=off",
                   *extended(t, "register,listen:%d,telemetry:%d" % (port, port)))
    lrie.invoke(b'{"do":"exit:3"}')
    lrie.invoke()
    heard = wait_kind(lrie, "platform.initStart", 2)
    phases = [record["record"]["phase"] for record in heard
              if record["type"] == "platform.initStart"]
    t.equal(phases, ["init", "invoke"])
    t.equal(len([line for line in lrie.stdout.lines() if line.startswith("TELEMETRY")]), 2)


if __name__ == "__main__":
    harness.main()
