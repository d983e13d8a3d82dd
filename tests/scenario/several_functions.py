#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--config FILE: several functions behind one address, each by its name."""
import contextlib
import json
import os
import shutil
import signal
import zipfile

import harness
from harness import path_of

ARN = "arn:aws:lambda:us-east-1:012345678912:function:"


class File:
    """A file of functions in a folder of its own, with the fixture beside it."""

    def __init__(self, t, functions, **common):
        self.folder = t.folder()
        self.path = os.path.join(self.folder, "lrie.json")
        shutil.copy(harness.BOOTSTRAP, os.path.join(self.folder, "boot"))
        self.write(functions, **common)

    def write(self, functions, **common):
        harness.write_file(self.path, json.dumps(dict(
            {"listen": "127.0.0.1:0", "bootstrap": "boot", "handler": "echo"}, **common,
            functions=[dict({"name": name}, **members) for name, members in functions.items()])))


def serve(t, functions, *options, **common):
    lrie = t.start("--config", File(t, functions, **common).path, *options)
    lrie.wait_until_it_listens()
    return lrie


def ask(lrie, name, payload=b"{}", headers=()):
    return lrie.invoke(payload, headers, path_of(name))


def report(lrie, name, request_id):
    """Its REPORT, which bears its name."""
    return harness.Report(lrie.stdout.wait_line(
        r"\[%s\] (REPORT RequestId: %s\t.*)" % (name, request_id))[1])


def wait_for_record(path):
    """The first record in a file, once it is whole."""
    def first_line():
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
            line = file.readline()
            return line if line.endswith("\n") else None
        return None

    return json.loads(harness.wait_for(first_line, "a record in " + path))


def not_found(name, qualifier="$LATEST", account="012345678912"):
    return ('{"Type":"User","Message":"Function not found: '
            'arn:aws:lambda:us-east-1:%s:function:%s:%s"}' % (account, name, qualifier)).encode()


def test_each_is_what_its_name_says(t):
    lrie = serve(t, {"first": {"handler": "answer:1", "env": {"MODE": "fast"}},
                     "second": {"handler": "answer:2", "memory": 256}}, memory=192)
    for name, body in (("first", b"1"), ("second", b"2"), ("first", b"1")):
        t.equal(ask(lrie, name).body, body)
    t.equal([report(lrie, name, ask(lrie, name).request_id).memory for name in ("first", "second")],
            [192, 256])
    lrie.stop()


def test_all_forms_of_a_name(t):
    lrie = serve(t, {"one": {"handler": "answer:1"}, "two": {"handler": "answer:2"}})
    for name in ("two", "two:prod", "two:$LATEST", "two%3A7", "012345678912:function:two",
                 "012345678912:function:two:7", ARN + "two", ARN + "two:prod",
                 (ARN + "two").replace(":", "%3A"), "two?Qualifier=prod"):
        path = path_of(name) if "?" not in name else path_of("two") + name[3:]
        reply = lrie.invoke(b"{}", path=path)
        t.equal((reply.status, reply.body), (200, b"2"), name)
    lrie.stop()


def test_lines_tell_whose_they_are(t):
    """Those of the log by its name, messages as well; a caller's part of the log is one function's."""
    lrie = serve(t, {"talks": {"handler": "line:hello,echo"}, "dies": {"handler": "crash:init"}})
    lrie.stderr.wait_line(r"lrie: functions of '.*/lrie\.json': dies, talks")
    reply = ask(lrie, "talks", b"{}", {"X-Amz-Log-Type": "Tail"}.items())
    t.match(reply.log_tail.decode(), r"START [^\n]*\nhello\nEND [^\n]*\nREPORT [^\n]*\n")
    ask(lrie, "dies")
    lrie.stderr.wait_line(r"lrie: warning: environment 1 of dies could not initialise: .*")
    for line in lrie.stdout.lines():
        t.match(line, r"\[(talks|dies)\] .*")
    with lrie.connect() as connection:
        page = connection.ask("GET", "/_lrie/metrics").body.decode()
    for name, count in (("talks", 1), ("dies", 1)):
        t.true('\nlrie_invocations_total{function="%s"} %d\n' % (name, count) in page, page)
    t.equal(page.count("# TYPE lrie_invocations_total counter\n"), 1)
    lrie.stop()


def test_one_alone_is_as_without_a_file(t):
    lrie = serve(t, {"only": {"handler": "echo"}})
    lrie.report(ask(lrie, "only").request_id)
    lrie.stop()


def test_others_do_not_exist(t):
    lrie = serve(t, {"one": {}, "two": {}})
    for name, body in (
            ("three", not_found("three")),
            ("function", not_found("function")),
            ("On%65", not_found("One")),
            ("three:prod", not_found("three", "prod")),
            (ARN + "three:7", not_found("three", "7")),
            ("999999999999:function:one", not_found("one", account="999999999999")),
            ("arn:aws:lambda:eu-west-1:012345678912:function:one",
             b'{"Type":"User","Message":"Functions from \'eu-west-1\' are not reachable in this '
             b'region (\'us-east-1\')"}')):
        for headers in ((), {"X-Amz-Invocation-Type": "Event"}.items(),
                        {"X-Amz-Invocation-Type": "DryRun"}.items()):
            reply = ask(lrie, name, b"{}", headers)
            t.equal((reply.status, reply.header("x-amzn-ErrorType"), reply.body),
                    (404, "ResourceNotFoundException", body), name)
    # Its name comes before its event, as on Lambda.
    t.equal(ask(lrie, "three", b"no JSON").status, 404)
    lrie.stop()


def test_of_several_mistakes_the_first_is_told(t):
    """What the model of the API does not allow, then a function that is none, then its event."""
    lrie = serve(t, {"one": {}})
    given = {"X-Amzn-RequestId": "x", "name": "on%20e?Qualifier=%20", "X-Amz-Invocation-Type": "x",
             "X-Amz-Log-Type": "x", "X-Amz-Client-Context": "x", "X-Amz-Tenant-Id": "!",
             "body": b" " * (harness.REQUEST_LIMIT + 1)}
    for member, right, told in (
            ("X-Amzn-RequestId", "6f1b0b62-3f0c-4a5e-9d3b-0123456789ab", "UUID"),
            ("name", "two:a?Qualifier=%20", "at 'functionName'"),
            ("name", "two:a?Qualifier=b", "at 'qualifier'"),
            ("name", "two", "does not match the specified qualifier"),
            ("X-Amz-Invocation-Type", "RequestResponse", "at 'invocationType'"),
            ("X-Amz-Log-Type", "None", "at 'logType'"),
            ("X-Amz-Client-Context", "e30=", "Client context"),
            ("X-Amz-Tenant-Id", "t", "at 'tenantId'"),
            ("name", "one", "Function not found"),
            ("body", b"{", "Request must be smaller"),
            ("body", b"{}", "Could not parse request body into json")):
        name, _, query = given["name"].partition("?")
        headers = [item for item in given.items() if item[0] not in ("name", "body")]
        reply = lrie.invoke(given["body"], headers, path_of(name) + ("?" + query) * bool(query))
        t.true(reply.status >= 400 and told in reply.body.decode(), "%s: %r" % (told, reply))
        given[member] = right
    t.equal(lrie.invoke(given["body"], headers, path_of("one")).status, 200)
    lrie.stop()


def test_one_function_of_a_file_has_its_name_only(t):
    lrie = serve(t, {"only": {}})
    t.equal(ask(lrie, "only").status, 200)
    t.equal(ask(lrie, "function").status, 404)
    lrie.stop()


def test_each_has_its_own_limits(t):
    lrie = serve(t, {"quick": {"handler": "silent", "timeout": 0.1},
                     "slow": {"handler": "sleep:300,answer:1"},
                     "single": {"concurrency": 1}})
    t.true(b"Task timed out after 0.10 seconds" in ask(lrie, "quick").body, "time-out")
    t.equal(ask(lrie, "slow").body, b"1")
    ask(lrie, "single")
    busy = lrie.begin_invoke(b'{"do":"silent"}', path=path_of("single"))
    lrie.stdout.wait_line(r"\[single\] START .*", 2)
    t.equal(ask(lrie, "single").status, 429, "reserved concurrency")
    t.equal(ask(lrie, "slow").status, 200)
    t.equal(busy.reply().json()["errorType"], "Sandbox.Timedout")
    lrie.stop()


def test_environments_begin_when_they_are_asked(t):
    """With several functions; those that are provisioned stand ready."""
    lrie = serve(t, {"ready": {"provisioned": 2}, "other": {}})
    lrie.stdout.wait_line(r"\[ready\] INIT_REPORT .*", 2)
    t.equal(len(lrie.function_processes("boot")), 2)
    t.equal(ask(lrie, "other").status, 200)
    t.equal(len(lrie.function_processes("boot")), 3)
    lrie.stop()


def test_events_have_destinations_of_their_own(t):
    """Paths are relative to the file, and so is the program."""
    file = File(t, {"good": {"on-success": "good.success"},
                    "bad": {"handler": "crash:invoke", "retries": 0, "on-failure": "bad.failure"}})
    lrie = t.start("--config", file.path)
    lrie.wait_until_it_listens()
    for name in ("good", "bad"):
        t.equal(ask(lrie, name, b"1", {"X-Amz-Invocation-Type": "Event"}.items()).status, 202)
    for name, condition in (("good.success", "Success"), ("bad.failure", "RetriesExhausted")):
        record = wait_for_record(os.path.join(file.folder, name))
        t.equal(record["requestContext"]["condition"], condition)
        t.equal(record["requestContext"]["functionArn"], ARN + name.split(".")[0] + ":$LATEST")
    lrie.stop()


def test_layers_are_unpacked_once(t):
    """A zip file that several functions have; also after a reload, as long as it is the same."""
    def unpacked(lrie):
        return sorted(os.listdir(lrie.temporary))

    with zipfile.ZipFile(os.path.join(t.folder(), "layer.zip"), "w") as archive:
        archive.writestr("file", "x" * 100)
    layers = {"layer": archive.filename}
    file = File(t, {"f%d" % i: layers for i in range(5)})
    lrie = t.start("--config", file.path)
    lrie.wait_until_it_listens()
    at_first = unpacked(lrie)
    t.equal(len(at_first), 1)
    t.equal(ask(lrie, "f3").status, 200)
    file.write(dict({"f%d" % i: dict(layers, memory=256) for i in range(5)}, more=layers))
    os.kill(lrie.pid, signal.SIGHUP)
    lrie.stderr.wait_line(r"lrie: '.*' is read again: changed f0, f1, f2, f3, f4; added more")
    t.equal(ask(lrie, "more").status, 200)
    t.equal(unpacked(lrie), at_first)
    lrie.stop()


def test_a_hundred_functions(t):
    lrie = serve(t, {"f%d" % i: {"handler": "answer:%d" % i} for i in range(100)})
    for i in (0, 9, 10, 99):
        t.equal(ask(lrie, "f%d" % i).body, b"%d" % i)
    t.equal(len(lrie.function_processes("boot")), 4)
    lrie.stop()


def test_one_of_them_is_invoked(t):
    file = File(t, {"one": {"handler": "answer:1"}, "two": {"handler": "answer:2", "provisioned": 5}})
    t.equal(t.run("invoke", "two", "--config", file.path, expect=0).stdout, b"2\n")
    finished = t.run("invoke", "--config", file.path, expect=2)
    t.true("has several functions: tell which, as in 'lrie invoke one'" in finished.stderr, finished)
    finished = t.run("invoke", "tow", env={"LRIE_CONFIG": file.path}, expect=2)
    t.true("has no function 'tow': did you mean 'two'?" in finished.stderr, finished)
    file.write({"one": {"handler": "answer:1"}})
    t.equal(t.run("invoke", "--config", file.path, expect=0).stdout, b"1\n")


def test_the_doctor_looks_at_each(t):
    file = File(t, {"fine": {}, "ill": {"bootstrap": "nothing"}})
    report = json.loads(t.run("doctor", "--json", "--config", file.path, expect=1).stdout)
    t.equal(report["preflight"], None)
    t.equal([(function["name"], [finding["severity"] for finding in function["preflight"]["findings"]])
             for function in report["functions"]], [("fine", []), ("ill", ["error"])])
    report = json.loads(t.run("doctor", "fine", "--json", "--config", file.path, expect=0).stdout)
    t.equal([function["name"] for function in report["functions"]], ["fine"])
    t.equal(report["preflight"]["findings"], [])


def test_a_shell_in_the_box_of_one(t):
    file = File(t, {"one": {"env": {"MODE": "1"}}, "two": {"env": {"MODE": "2"}}})
    finished = t.run("shell", "two", "--config", file.path, "--", "sh", "-c",
                     "echo $MODE $AWS_LAMBDA_FUNCTION_NAME", expect=0)
    t.equal(finished.stdout, b"2 two\n")


def test_those_that_are_named_are_measured(t):
    file = File(t, {"one": {}, "two": {"concurrency": 3}, "three": {}})
    finished = t.run("bench", "three", "two", "--config", file.path, "--cold", "2", "--warm", "0",
                     "--json", expect=0)
    t.equal([function["name"] for function in json.loads(finished.stdout)["functions"]],
            ["three", "two"])


def test_files_that_cannot_be(t):
    file = File(t, {"one": {}})
    for text, words in (
            ('{"functions": [\n{"name": "one", "memry": 1}]}', "line 2: unknown member 'memry'"),
            ('{"functions": [{"name": "one",\n"listen": "x"}]}',
             "line 2: 'listen' is not about one function: it goes beside 'functions'"),
            ('{"functions": [{"name": "one",\n"concurrency": "x"}]}', "line 2, concurrency: "),
            ('{"bootstrap": "boot", "functions": [{"name": "one", "layer": "none"}]}',
             "error: one: layer '"),
            ('{"listen": "x", "functions": [{"name": "one"}]}', "line 1, listen: "),
            ('{"functions": [{"name": "one"}, {"name": "o e"}]}', "line 1, name: "),
            ('{"functions": [{"name": "a", "http-path": "/x"}, {"name": "b", "http-path": "/x/"}]}',
             "'a' and 'b' have the same http-path"),
            ('{"functions": [{"name": "a"}, {"name": "b", "http-path": "/a"}]}',
             "'a' and 'b' have the same http-path"),
            ('{"http-path": "/", "functions": [{"name": "a"}, {"name": "b"}]}',
             "'a' and 'b' have the same http-path"),
            ('{"bootstrap": "boot", "functions": [{"name": "one", "on-failure": "no/folder"}]}',
             "error: one: --on-failure: open "),
            ('{"functions": [{"name": "one", "provisioned": 9, "concurrency": 5}]}',
             "lrie.json', one: --provisioned 9 is more than --concurrency 5"),
            ("", "No content")):
        harness.write_file(file.path, text)
        finished = t.run("--config", file.path, env={"LRIE_LISTEN": "127.0.0.1:0"}, expect=2)
        t.true(words in finished.stderr, "%r says %r" % (text, finished.stderr))
    for options, words in ((("--bootstrap", "x"), "and --bootstrap exclude each other"),
                           (("--function-name", "x"), "and --function-name exclude each other"),
                           (("--", "x"), "and -- exclude each other"),
                           (("one",), "unexpected 'one'")):
        finished = t.run("serve", "--config", file.path, *options, expect=2)
        t.true(words in finished.stderr, "%r says %r" % (options, finished.stderr))


if __name__ == "__main__":
    harness.main()
