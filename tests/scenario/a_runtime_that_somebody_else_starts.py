#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lrie --only-apis: an IDE or a debugger starts the runtime, when it likes and as often as it likes."""
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import harness

# A runtime as a process of its own. Its event is a program: what it prints is the answer.
RUNTIME = """
import http.client, json, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def ask(method, path, body=None):
    api.request(method, "/2018-06-01/runtime" + path, body)
    reply = api.getresponse()
    return reply, reply.read()
while True:
    reply, event = ask("GET", "/invocation/next")
    scope = {"os": os, "deadline": reply.getheader("Lambda-Runtime-Deadline-Ms")}
    exec(json.loads(event), scope)
    ask("POST", "/invocation/%s/response" % reply.getheader("Lambda-Runtime-Aws-Request-Id"),
        str(scope.get("answer")))
"""

# One process for each call, as a shell script has with curl(1). "next" prints the id.
CALL = """
import http.client, os, sys
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
if sys.argv[1] == "next":
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    print(api.getresponse().getheader("Lambda-Runtime-Aws-Request-Id"), flush=True)
    os._exit(0)
else:
    api.request("POST", "/2018-06-01/runtime/invocation/%s/response" % sys.argv[1], '"shell"')
    api.getresponse().read()
"""


def serve(t, *options, **more):
    option = () if "--only-apis=all" in options else ("--only-apis",)
    lrie = t.start(*option, "--listen", "127.0.0.1:0", "--runtime-api-address", "127.0.0.1:0",
                   *options, **more)
    lrie.wait_until_it_listens()
    lrie.stdout.wait_line(r"export AWS_LAMBDA_RUNTIME_API=.*")
    return lrie


def variables(lrie):
    """What a shell makes of the lines that were printed."""
    lines = [line for line in lrie.stdout.lines() if line.startswith("export ")]
    return dict(shlex.split(line)[1].split("=", 1) for line in lines)


def start(t, lrie, program=RUNTIME, *arguments, **more):
    runtime = subprocess.Popen([sys.executable, "-c", program, *arguments],
                               env=dict(os.environ, **variables(lrie)),
                               stderr=subprocess.DEVNULL, **more)
    t.closing(Ending(runtime))
    return runtime


def event(program):
    return json.dumps(program).encode()


class Ending:
    def __init__(self, process):
        self.process = process

    def close(self):
        self.process.kill()
        self.process.wait()


def test_it_waits_for_a_runtime(t):
    lrie = serve(t, "--handler", "index.handler", "--timeout", "1", "--init-timeout", "1")
    t.equal(sorted(variables(lrie)), ["AWS_LAMBDA_RUNTIME_API", "_HANDLER"])
    t.equal(variables(lrie)["_HANDLER"], "index.handler")
    t.true("nothing that the runtime does is limited (--only-apis)" in lrie.stderr.text(),
           lrie.stderr.text())
    calling = lrie.begin_invoke(event("answer = 6 * 7"))
    start(t, lrie)
    reply = calling.reply()
    t.equal(reply.body, b"42")
    line = lrie.stdout.wait_line(r"REPORT RequestId: .*\tMemory Size: 128 MB\t$")[0]
    t.true("Init Duration" not in line and "Max Memory" not in line, line)
    deadline = int(lrie.invoke(event("answer = deadline")).body)
    t.true(deadline / 1000 > time.time() + 7 * 24 * 3600, "a deadline that nobody will see")
    t.true(deadline / 1000 - time.time() < 2 ** 31 / 1000, "setTimeout() can wait for it")
    lrie.stop()


def test_one_at_a_time(t):
    lrie = serve(t)
    first = lrie.begin_invoke(event("import time; time.sleep(0.1); answer = 1"))
    others = [lrie.begin_invoke(event("answer = %d" % i)) for i in range(2, 5)]
    start(t, lrie)
    t.equal([caller.reply().body for caller in [first, *others]], [b"1", b"2", b"3", b"4"])
    lrie.stop()


def test_it_goes_and_another_comes(t):
    lrie = serve(t)
    runtime = start(t, lrie)
    t.equal(lrie.invoke(event("answer = 1")).body, b"1")
    calling = lrie.begin_invoke(event("import time; time.sleep(1000)"))
    lrie.stdout.wait_line(r"START .*", 2)
    time.sleep(0.15)  # what ends sooner could be a helper
    runtime.kill()
    t.equal(calling.reply().json()["errorType"], "Runtime.ExitError")
    lrie.stderr.wait_line("lrie: the runtime has ended; waiting for another")
    calling = lrie.begin_invoke(event("answer = 2"))
    runtime = start(t, lrie)
    t.equal(calling.reply().body, b"2")

    # ... also while it has nothing to do
    runtime.terminate()
    lrie.stderr.wait_line("lrie: the runtime has ended; waiting for another", 2)
    runtime = start(t, lrie)
    t.equal(lrie.invoke(event("answer = 3")).body, b"3")

    # ... or by itself, at the end of an invocation
    lrie.invoke(event("import threading; threading.Timer(0.2, os._exit, [0]).start()"))
    lrie.stderr.wait_line("lrie: the runtime has ended; waiting for another", 3)
    start(t, lrie)
    t.equal(lrie.invoke(event("answer = 4")).body, b"4")
    t.equal(len(lrie.function_processes()), 1, "what stands in for it")
    lrie.stop()


def test_a_second_one_is_refused(t):
    """Whether the first has an event or waits for one; and not when it is gone."""
    lrie = serve(t)
    first = start(t, lrie, stdin=subprocess.PIPE)
    t.equal(lrie.invoke(event("answer = os.getpid()")).body, b"%d" % first.pid)
    second = start(t, lrie)
    t.true(second.wait() != 0, "it has got no event")
    lrie.stderr.wait_line(r"lrie: warning: a second runtime asks for events, process %d, and is refused: "
                          r"end the first one, process %d, or this" % (second.pid, first.pid))
    calling = lrie.begin_invoke(event("import sys; sys.stdin.readline(); answer = os.getpid()"))
    lrie.stdout.wait_line(r"START .*", 2)
    second = start(t, lrie)
    t.true(second.wait() != 0, "it has got no event")
    first.stdin.close()  # it goes on
    t.equal(calling.reply().body, b"%d" % first.pid)
    first.kill()
    lrie.stderr.wait_line("lrie: the runtime has ended; waiting for another")
    third = start(t, lrie)
    t.equal(lrie.invoke(event("answer = os.getpid()")).body, b"%d" % third.pid)
    lrie.stop()


def test_one_that_stands_still_is_waited_for(t):
    lrie = serve(t, "--timeout", "1")
    runtime = start(t, lrie)
    t.equal(lrie.invoke(event("answer = 1")).body, b"1")
    runtime.send_signal(signal.SIGSTOP)  # a breakpoint
    calling = lrie.begin_invoke(event("answer = 2"))
    time.sleep(1.2)
    t.true(not calling.has_input(), "no time-out")
    runtime.send_signal(signal.SIGCONT)
    t.equal(calling.reply().body, b"2")
    lrie.stop()


def test_one_that_asks_by_a_process_for_each_call(t):
    lrie = serve(t)
    for _ in range(2):
        calling = lrie.begin_invoke(b"{}")
        asking = start(t, lrie, CALL, "next", stdout=subprocess.PIPE)
        id = asking.stdout.read().decode().strip()
        asking.wait()
        time.sleep(0.1)
        t.true(not calling.has_input(), "its work goes on")
        start(t, lrie, CALL, id).wait()
        t.equal(calling.reply().body, b'"shell"')
    t.equal(lrie.stderr.text().count("has ended"), 1)
    lrie.stop()


def test_one_that_reports_a_failed_init(t):
    lrie = serve(t)
    calling = lrie.begin_invoke(event("answer = 1"))
    port = int(variables(lrie)["AWS_LAMBDA_RUNTIME_API"].split(":")[1])
    failing = harness.Runtime(port)
    failing.init_error(b'{"errorType":"Mine"}')
    t.equal(calling.reply().body, b'{"errorType":"Mine"}')
    failing.close()
    start(t, lrie)
    t.equal(lrie.invoke(event("answer = 1")).body, b"1")
    t.true("INIT_REPORT" not in lrie.stdout.text(), lrie.stdout.text())
    lrie.stop()


def test_all_variables(t):
    folder = t.folder()
    lrie = serve(t, "--only-apis=all", "--env", "MINE=it's $me", "--function-name", "mine",
                 cwd=folder, env={"AWS_SECRET_ACCESS_KEY": "secret", "AWS_ACCESS_KEY_ID": "id"})
    told = variables(lrie)
    t.equal(told["MINE"], "it's $me")
    t.equal(told["AWS_LAMBDA_FUNCTION_NAME"], "mine")
    t.equal(told["AWS_LAMBDA_FUNCTION_VERSION"], "$LATEST")
    t.equal(told["LAMBDA_TASK_ROOT"], os.path.realpath(folder))
    for name in ("PATH", "LD_LIBRARY_PATH", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        t.true(name not in told, name)
    lrie.stop()


def test_at_the_address_that_is_known(t):
    lrie = t.start("--only-apis", "--listen", "127.0.0.1:0")
    # Another program of this machine may have it.
    line = lrie.stderr.wait_line(r"lrie: (listening on .*|error: listen on '127\.0\.0\.1:9001'.*)")[1]
    if line.startswith("error"):
        t.equal(lrie.wait(), 2)
        lrie.stopped = True
        t.skip("port 9001 is taken")
    lrie.stdout.wait_line(r"export AWS_LAMBDA_RUNTIME_API=127\.0\.0\.1:9001")
    lrie.stop()


def test_what_makes_no_sense_with_it(t):
    for option in ("--watch", "--require-sandbox", "--sandbox=full", "--network=none",
                   "--log-descriptor", "--initialization-type=snap-start"):
        done = t.run("--only-apis", option, expect=2)
        t.true("--only-apis and %s exclude each other" % option.partition("=snap")[0] in done.stderr,
               done.stderr)
    done = t.run("--only-apis=some", expect=2)
    t.true("it is without a value, or all" in done.stderr, done.stderr)


def test_several_functions_have_no_one_debugger(t):
    path = harness.write_file(os.path.join(t.folder(), "lrie.json"),
                              '{"only-apis": "all", "functions": [{"name": "a"}, {"name": "b"}]}')
    done = t.run("--config", path, expect=2)
    t.true("--only-apis is for one function" in done.stderr, done.stderr)


if __name__ == "__main__":
    harness.main()
