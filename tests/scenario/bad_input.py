#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in gets a clear answer or a closed door, and hurts nobody else."""
import os
import socket

import harness
from harness import INVOKE_PATH, RUNTIME_PATH, Connection

POST = "POST %s HTTP/1.1\r\nHost: localhost\r\n" % INVOKE_PATH

GARBAGE = (
    b"\r\n\r\n\r\n\r\n", b"\0" * 2000, b"\xff\xfe\xfd\r\n\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n : empty name\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA : blank before the colon\r\n\r\n",
    b"GET /%zz%0 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET " + b"/x" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"A" * 70000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
)

BAD_FRAMING = (
    "Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: 2, 3\r\n",
    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
    "Transfer-Encoding: chunked, chunked\r\n", "Transfer-Encoding: xchunked\r\n",
    "Content-Length: -1\r\n", "Content-Length: +2\r\n", "Content-Length: 0x2\r\n",
    "Content-Length: 2 2\r\n", "Content-Length: 99999999999999999999999\r\n",
    "Content-Length:\r\n",
)

BAD_CHUNKS = (b"zz\r\n{}\r\n0\r\n\r\n", b"-1\r\n{}\r\n", b"ffffffffffffffffff\r\n{}",
              b"2\r\n{}XX0\r\n\r\n", b"\r\n\r\n", b"2 \x00\r\n{}\r\n0\r\n\r\n", b"2\n{}")


def both_ports(t, *options):
    """A lrie with an idle function, and its two ports."""
    lrie = t.bare("--timeout", "60", *options)
    runtime = lrie.runtime()
    return lrie, (lrie.port, runtime.port)


def check_works(t, lrie, runtime=None):
    """One good invocation."""
    runtime = runtime or lrie.runtime()
    caller = lrie.begin_invoke(b'"good"')
    event = runtime.next()
    t.equal(event.body, b'"good"')
    t.equal(runtime.answer(event, b'"day"').status, 202)
    t.equal(caller.reply().body, b'"day"')
    runtime.close()


def outcome(connection):
    """The status of the reply, or None when the connection was closed without one."""
    try:
        reply = connection.try_reply()
    except harness.Failure:
        return None  # it was closed in the middle of a refusal
    return reply.status if reply else None


def check_refused(t, port, data, statuses=(400, 411, 413, 414, 431, 501, 505)):
    """Sent whole; what cannot be answered is closed when the sender has nothing more to say."""
    with Connection(port) as connection:
        connection.send(data)
        connection.half_close()
        status = outcome(connection)
        t.true(status is None or status in statuses, "%r: status %s" % (data[:80], status))


# ---- both ports


def test_garbage(t):
    lrie, ports = both_ports(t)
    for port in ports:
        for data in GARBAGE:
            check_refused(t, port, data, (400, 403, 404, 405, 411, 413, 414, 431, 501, 505))
    check_works(t, lrie)


def test_bodies_of_unclear_length_are_refused(t):
    lrie, ports = both_ports(t)
    for port, path in zip(ports, (INVOKE_PATH, RUNTIME_PATH + "/init/error")):
        for framing in BAD_FRAMING:
            check_refused(t, port, ("POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n{}" % (path, framing))
                          .encode())
    check_works(t, lrie)
    lrie.stdout.wait_line(r"START .*")
    t.equal(lrie.stdout.text().count("START"), 1)


def test_bad_chunks_are_refused(t):
    lrie, ports = both_ports(t)
    for port, path in zip(ports, (INVOKE_PATH, RUNTIME_PATH + "/init/error")):
        for chunks in BAD_CHUNKS:
            check_refused(t, port, ("POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
                                    "\r\n\r\n" % path).encode() + chunks)
    check_works(t, lrie)


def test_slow_and_half_requests_stall_nobody(t):
    lrie, ports = both_ports(t)
    halves = []
    request = (POST + "Content-Length: 100\r\n\r\n{\"half\":").encode()
    for port in ports:
        for end in (1, 10, 60, len(POST), len(POST) + 10, len(request)):
            halves.append(t.closing(Connection(port)))
            halves[-1].send(request[:end])
    check_works(t, lrie)
    t.equal([half for half in halves[:6] if half.has_input()], [])


def test_a_request_that_comes_byte_by_byte_is_served(t):
    lrie = t.serve("echo")
    connection = lrie.connect()
    for byte in (POST + "Content-Length: 3\r\n\r\n123").encode():
        connection.send(bytes([byte]))
    t.equal(connection.reply().body, b"123")


def test_http_1_0_is_served_and_closed(t):
    lrie = t.serve("echo")
    connection = lrie.connect()
    connection.send(("POST %s HTTP/1.0\r\nContent-Length: 1\r\n\r\n7" % INVOKE_PATH).encode())
    t.equal(connection.reply().body, b"7")
    t.true(connection.is_closed(), "it stays open")


def test_pipelined_requests_are_answered_in_order(t):
    lrie = t.serve("echo")
    connection = lrie.connect()
    connection.send(b"".join((POST + "Content-Length: 2\r\n\r\n%02d" % number).encode()
                             for number in range(10, 40)))
    t.equal([connection.reply().body for _ in range(10, 40)],
            [b"%02d" % number for number in range(10, 40)])
    connection.close()
    lrie, _ = both_ports(t)
    runtime = lrie.runtime().connection
    runtime.send(b"GET /2018-06-01/ping HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    t.equal([runtime.reply().body for _ in range(50)], [b"pong"] * 50)


def test_head_has_no_body_and_runs_nothing(t):
    lrie, ports = both_ports(t)
    for port, path in zip(ports, (INVOKE_PATH, RUNTIME_PATH + "/invocation/next")):
        with Connection(port) as connection:
            connection.request("HEAD", path)
            t.true(connection.reply("HEAD").status in (404, 405), path)
            connection.request("GET", "/nothing")
            t.equal(connection.reply().status, 404)
    check_works(t, lrie)


def test_expect_is_answered_or_refused(t):
    lrie = t.serve("echo")
    connection = lrie.connect()
    connection.send((POST + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n").encode())
    t.equal(connection.read_head()[0], 100)
    connection.send(b"1")
    t.equal(connection.reply().body, b"1")
    # what would be refused anyway need not be sent
    connection = lrie.connect()
    connection.send((POST + "Expect: 100-continue\r\nContent-Length: 9000000\r\n\r\n").encode())
    status = connection.read_head()[0]
    t.true(status in (413, 417, 100), "status %d" % status)


def test_heads_of_a_mebibyte(t):
    lrie, ports = both_ports(t)
    head = ("GET /2018-06-01/ping HTTP/1.1\r\nHost: x\r\nX-Large: %s\r\n\r\n" % ("x" * (1 << 20)))
    with Connection(ports[1]) as connection:
        connection.send(head.encode())
        t.equal(connection.reply().body, b"pong")
    with Connection(ports[0]) as connection:
        connection.send(head.encode())
        t.true(outcome(connection) in (None, 404, 431), "neither refused nor answered")
    for port in ports:
        with Connection(port) as connection:
            connection.send(head.replace("x" * 1000, "x" * 3000).encode())
            t.true(outcome(connection) in (None, 431), "three mebibytes of head were taken")
    check_works(t, lrie)


def test_five_hundred_idle_connections(t):
    lrie, ports = both_ports(t)
    idle = [t.closing(Connection(port)) for port in ports for _ in range(500)]
    check_works(t, lrie)
    for connection in idle[::50]:
        t.true(not connection.has_input(), "an idle connection was closed")
    before = len(os.listdir("/proc/%d/fd" % lrie.pid))
    for connection in idle:
        connection.close()
    harness.wait_for(lambda: len(os.listdir("/proc/%d/fd" % lrie.pid)) <= before - 950,
                     "the end of the closed connections")


def test_a_body_that_is_announced_too_large_costs_no_memory(t):
    lrie, ports = both_ports(t)
    for port, path in zip(ports, (INVOKE_PATH, RUNTIME_PATH + "/init/error")):
        for length in (1 << 30, 1 << 40, (1 << 63) - 1):
            with Connection(port) as connection:
                connection.send(("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n{}"
                                 % (path, length)).encode())
    if harness.SLOW == 1:
        peak = harness.memory_kilobytes(lrie.pid, "VmHWM")
        t.between(0, peak / 1024, 60, "peak memory of lrie in MB")
    check_works(t, lrie)


# ---- clients that leave


def connections(lrie):
    """How many connections its Invoke endpoint has, half-closed ones included."""
    count = 0
    with open("/proc/net/tcp") as file:
        for line in file.readlines()[1:]:
            _, local, _, state = line.split()[:4]
            # ESTABLISHED, CLOSE_WAIT
            count += int(local.split(":")[1], 16) == lrie.port and state in ("01", "08")
    return count


def test_callers_that_leave_at_every_point(t):
    lrie = t.serve("echo", "--memory", "1769")
    t.equal(lrie.invoke(b"1").body, b"1")
    framings = ("Content-Length: 3\r\n\r\n123",
                "Transfer-Encoding: chunked\r\n\r\n3\r\n123\r\n0\r\n\r\n")
    for leave in ("close", "reset", "half_close"):
        for framing in framings:
            request = (POST + framing).encode()
            for end in range(len(request)):
                connection = Connection(lrie.port)
                connection.send(request[:end])
                getattr(connection, leave)()
                connection.close()
    harness.wait_for(lambda: connections(lrie) == 0, "the end of their connections")
    t.equal(lrie.invoke(b"1").body, b"1")
    lrie.stop()
    t.equal(lrie.stdout.text().count("START"), 2, "half requests have started invocations")


def test_callers_that_leave_after_their_request(t):
    lrie = t.serve("sleep:5,echo", "--memory", "1769")
    for leave in ("close", "reset") * 20:
        getattr(lrie.begin_invoke(b"1"), leave)()
    t.equal(lrie.invoke(b"2").body, b"2")
    harness.wait_for(lambda: connections(lrie) == 0, "the end of their connections")
    lrie.stop()
    # those that had left before their turn came need not have run
    t.between(11, lrie.stdout.text().count("REPORT"), 41, "invocations")


def test_a_caller_that_only_half_closes_gets_its_answer(t):
    lrie = t.serve("sleep:50,echo")
    connection = lrie.begin_invoke(b'"patient"')
    connection.half_close()
    t.equal(connection.reply().body, b'"patient"')


def test_an_invocation_runs_to_its_end_without_its_caller(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    caller = lrie.begin_invoke(b'"left alone"')
    event = runtime.next()
    caller.reset()
    t.equal(runtime.answer(event).status, 202)
    runtime.begin_next()
    t.equal(lrie.report(event.id).status, None)


def test_a_caller_that_reads_slowly_does_not_hold_up_the_function(t):
    lrie = t.serve("big:6000000", "--timeout", "60", "--memory", "1769", "--concurrency", "1")
    slow = lrie.connect(receive_buffer=4096)
    slow.request("POST", INVOKE_PATH, b"{}")
    head = slow.read_head()
    t.equal(head[0], 200)
    t.equal(len(lrie.invoke().body), 6000000)
    t.equal(len(slow.read_body(head[0], head[2], "POST")), 6000000)


def test_runtimes_that_leave_at_every_point(t):
    lrie, _ = both_ports(t)
    request = "POST %s/invocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"
    runtime = lrie.runtime()
    for end in (0, 1, 20, 80, -30, -6, -5, -1):
        caller = lrie.begin_invoke()
        event = runtime.next()
        with Connection(runtime.port) as broken:
            broken.send((request % (RUNTIME_PATH, event.id)).encode()[:end])
        if end in (-5, -1):  # its head was whole: that was the answer
            t.equal(caller.reply().json()["errorType"], "Runtime.TruncatedResponse")
        else:
            t.equal(runtime.answer(event, b"1").status, 202, "end %d" % end)
            t.equal(caller.reply().body, b"1")
        runtime.begin_next()


def test_a_runtime_that_never_reads_the_event(t):
    lrie, ports = both_ports(t)
    deaf = t.closing(Connection(ports[1], receive_buffer=4096))
    deaf.request("GET", RUNTIME_PATH + "/invocation/next")
    payload = b'"' + b"x" * 6000000 + b'"'
    caller = lrie.begin_invoke(payload)
    t.equal(deaf.read_head()[0], 200)
    runtime = lrie.runtime()
    event = runtime.next()  # the same event, for another connection of the runtime
    t.true(event.body == payload, "not the event")
    runtime.answer(event, b"1")
    t.equal(caller.reply().body, b"1")


# ---- other sites


def test_pages_of_other_sites_are_refused(t):
    lrie = t.serve("echo")
    for headers in ([("Origin", "https://evil.example")], [("Origin", "null")],
                    [("Origin", "http://localhost.evil.example")],
                    [("Origin", "http://127.0.0.1.evil.example")],
                    [("Sec-Fetch-Site", "cross-site")],
                    [("Host", "rebound.example"), ("Origin", "http://rebound.example")],
                    [("Host", "rebound.example"), ("Sec-Fetch-Site", "same-origin")]):
        for method, path in (("POST", INVOKE_PATH), ("GET", "/_lrie/health")):
            with lrie.connect() as connection:
                reply = connection.ask(method, path, b"1" if method == "POST" else None, headers)
                t.equal(reply.status, 403, "%s %r" % (method, headers))
                t.true(reply.header("Access-Control-Allow-Origin") is None, repr(reply))
    t.equal(lrie.stdout.text(), "")


def test_a_preflight_is_not_granted(t):
    lrie = t.serve("echo")
    with lrie.connect() as connection:
        reply = connection.ask("OPTIONS", INVOKE_PATH, headers=[
            ("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")])
        t.true(reply.status >= 400, repr(reply))
        t.true(reply.header("Access-Control-Allow-Origin") is None, repr(reply))


def test_plain_clients_and_local_pages_are_let_through(t):
    lrie = t.serve("echo")
    for headers in ([], [("Origin", "http://localhost:3000")], [("Origin", "http://127.0.0.1")],
                    [("Origin", "http://[::1]:8080")], [("Sec-Fetch-Site", "none")],
                    [("Host", "lambda.local")], [("Host", "host.docker.internal:9000")]):
        t.equal(lrie.invoke(b"1", headers).status, 200, repr(headers))


def test_a_page_cannot_speak_to_the_runtime_api(t):
    lrie, ports = both_ports(t)
    with Connection(ports[1]) as connection:
        reply = connection.ask("POST", RUNTIME_PATH + "/init/error", b"{}",
                               [("Origin", "https://evil.example")])
        t.equal(reply.status, 403)
    check_works(t, lrie)


# ---- the command line


def check_mistake(t, words, *expected, code=2):
    """One clear line on stderr that names what is wrong, and nothing started."""
    finished = t.run(*words, env={"LRIE_LISTEN": "127.0.0.1:0"})
    t.equal(finished.code, code, repr(finished))
    t.equal(finished.stdout, b"")
    for word in expected:
        t.true(word in finished.stderr, "%r is not in %r" % (word, finished.stderr))
    t.between(1, finished.stderr.count("\n"), 12, "lines on stderr")


def test_wrong_options_and_values_are_named(t):
    for option, values in (
            ("--memory", ("0", "127", "x", "-1", "1e3", "99999999999999999999", "")),
            ("--timeout", ("0", "901", "-1", "three")), ("--concurrency", ("1001", "-1", "many")),
            ("--ephemeral-storage", ("1", "10241", "x")), ("--sandbox", ("on", "")),
            ("--listen", ("nowhere", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":")),
            ("--log-level", ("loud",)), ("--color", ("blue",)), ("--account-id", ("12",)),
            ("--env-file", ("/no/such/file",)), ("--layer", ("/no/such/layer",)),
            ("--task-root", ("/no/such/folder",)), ("--bind", ("/no/such/folder",))):
        for value in values:
            check_mistake(t, ("--bootstrap", harness.BOOTSTRAP, option, value), option.strip("-")
                          if not option.startswith(("--layer", "--task-root", "--listen"))
                          else value or "listen")


def test_unknown_options_and_commands_are_named(t):
    check_mistake(t, ("--bootstrap", harness.BOOTSTRAP, "--no-such-option"), "no-such-option")
    check_mistake(t, ("serve", "--bootstrap"), "bootstrap")
    check_mistake(t, ("serve", "--event", "{}", "--bootstrap", harness.BOOTSTRAP), "event")


def test_a_port_in_use_is_named(t):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        for option in ("--listen", "--runtime-api-address"):
            check_mistake(t, ("--bootstrap", harness.BOOTSTRAP, "--listen", "127.0.0.1:0",
                              option, address), address, "Address already in use")


def test_a_task_root_that_is_a_file_a_link_or_missing(t):
    folder = t.folder()
    file = harness.write_file(os.path.join(folder, "file"), "")
    check_mistake(t, ("--task-root", file), file, "Not a directory")
    check_mistake(t, ("--task-root", os.path.join(folder, "missing")), "missing",
                  "No such file or directory")
    os.symlink(os.path.join(folder, "gone"), os.path.join(folder, "dangling"))
    check_mistake(t, ("--task-root", os.path.join(folder, "dangling")), "dangling")
    os.symlink(os.path.join(folder, "loop"), os.path.join(folder, "loop"))
    check_mistake(t, ("--task-root", os.path.join(folder, "loop")), "loop")
    os.symlink(harness.FIXTURES, os.path.join(folder, "link"))
    lrie = t.start("--listen", "127.0.0.1:0", "--task-root", os.path.join(folder, "link"),
                   "--handler", "echo")
    lrie.wait_until_it_listens()
    t.equal(lrie.invoke(b'"through the link"').body, b'"through the link"')


def test_a_bootstrap_behind_a_link(t):
    link = os.path.join(t.folder(), "bootstrap")
    os.symlink("../" * 20 + "no/such/file", link)
    lrie = t.serve_bootstrap(link)
    t.equal(lrie.invoke().json()["errorType"], "Runtime.InvalidEntrypoint")


def test_standard_streams_may_be_closed(t):
    command = "exec \"$@\" <&- >&-"
    folder = t.folder()
    wrapper = harness.write_file(os.path.join(folder, "lrie"), "#!/bin/sh\nexec </dev/null\n"
                                 + command + "\n", 0o755)
    lrie = t.start(harness.LRIE, "--listen", "127.0.0.1:0", "--bootstrap", harness.BOOTSTRAP,
                   "--handler", "echo", program=wrapper)
    lrie.wait_until_it_listens()
    t.equal(lrie.invoke(b"1").body, b"1")


if __name__ == "__main__":
    harness.main()
