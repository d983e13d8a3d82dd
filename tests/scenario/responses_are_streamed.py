#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""InvokeWithResponseStream: to the byte, at once, with bounded memory, and whatever goes wrong."""
import base64
import json
import threading

import harness
from disturbance import disturbance_ms
from event_stream import STREAM_PATH, EventStream, stream
from harness import RESPONSE_LIMIT, RUNTIME_PATH, UUID, Connection

STREAM_LIMIT = 200 << 20
STREAMING = ("Lambda-Runtime-Function-Response-Mode", "streaming")

# botocore has read these.
HELLO = bytes.fromhex(
    "0000006f0000005af5fe871f0d3a6d6573736167652d747970650700056576656e740b3a6576656e742d747970650"
    "7000c5061796c6f61644368756e6b0d3a636f6e74656e742d747970650700186170706c69636174696f6e2f6f6374"
    "65742d73747265616d68656c6c6f4fe061f2")
COMPLETE = bytes.fromhex(
    "00000066000000541f56c8690d3a6d6573736167652d747970650700056576656e740b3a6576656e742d747970650"
    "7000e496e766f6b65436f6d706c6574650d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a"
    "736f6e7b7dface259a")


class Upload:
    """The response of a runtime, which the test writes bit by bit."""

    def __init__(self, runtime, event, headers=(), framing="Transfer-Encoding: chunked"):
        self.connection = Connection(runtime.port)
        lines = ["POST %s/invocation/%s/response HTTP/1.1" % (RUNTIME_PATH, event.id), "Host: x",
                 "%s: %s" % STREAMING, framing]
        lines += ["%s: %s" % header for header in headers]
        self.connection.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def write(self, data):
        self.connection.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self, trailers=()):
        lines = "".join("%s: %s\r\n" % trailer for trailer in trailers)
        self.connection.send(b"0\r\n" + lines.encode() + b"\r\n")
        return self.connection.reply()

    def fail(self, body, error_type="Function.Broken"):
        return self.end([("Lambda-Runtime-Function-Error-Type", error_type),
                         ("Lambda-Runtime-Function-Error-Body",
                          base64.b64encode(body).decode())])


def begin(t, *options, headers=()):
    """A streaming invocation that has reached the test's runtime, and its upload."""
    lrie = t.bare(*options)
    caller = lrie.begin_invoke(b"{}", headers, STREAM_PATH)
    runtime = lrie.runtime()
    event = runtime.next()
    upload = Upload(runtime, event)
    t.closing(upload.connection)
    return lrie, caller, runtime, event, upload


def check_error(t, end, error_type, message=None):
    t.equal(end["ErrorCode"], "Unhandled")
    details = json.loads(end["ErrorDetails"])
    t.equal(details["errorType"], error_type)
    if message:
        t.match(details["errorMessage"], message)


# ---- what is on the wire


def test_every_byte_of_it(t):
    lrie = t.serve("answer:hello")
    with lrie.begin_invoke(path=STREAM_PATH) as caller:
        reply = caller.reply()
    t.equal(reply.body, HELLO + COMPLETE)
    t.equal((reply.status, reply.header("Content-Type")),
            (200, "application/vnd.amazon.eventstream"))
    t.equal(reply.header("Transfer-Encoding"), "chunked")
    t.equal(reply.header("X-Amz-Executed-Version"), "$LATEST")
    t.match(reply.request_id, UUID)
    t.true(reply.header("X-Amz-Function-Error") is None, "a header tells of errors")


def test_the_path_with_the_date_of_the_others(t):
    lrie = t.serve("answer:hello")
    caller = lrie.begin_invoke(path=STREAM_PATH.replace("2021-11-15", "2015-03-31"))
    t.equal(caller.reply().body, HELLO + COMPLETE)


def test_each_chunk_is_sent_while_the_function_still_writes(t):
    _, caller, runtime, event, upload = begin(t)
    upload.write(b"first")
    answer = EventStream(caller)
    t.equal((answer.status, answer.request_id), (200, event.id))
    t.equal(answer.chunk(), b"first")
    for number in range(20):
        upload.write(b"%d" % number)
        t.equal(answer.chunk(), b"%d" % number)
    t.true(not caller.has_input(), "something came that nobody wrote")
    reply = upload.end()
    t.equal((reply.status, reply.body), (202, b'{"status":"OK"}\n'))
    t.equal(answer.finish(), {})
    runtime.begin_next()


def test_the_smallest_chunks(t):
    lrie, caller, _, _, upload = begin(t, "--timeout", "60")
    before = peak(lrie)
    writer = threading.Thread(target=upload.connection.send, args=(b"1\r\nx\r\n" * 200000,))
    writer.start()
    answer = EventStream(caller)
    data = answer.read(200000)
    writer.join()
    t.equal(data, b"x" * 200000)
    upload.end()
    t.equal(answer.finish(), {})
    check_memory(t, lrie, before)


def test_a_stream_with_a_known_length(t):
    lrie = t.bare()
    caller = lrie.begin_invoke(path=STREAM_PATH)
    runtime = lrie.runtime()
    upload = Upload(runtime, runtime.next(), framing="Content-Length: 8")
    upload.connection.send(b"half")
    answer = EventStream(caller)
    t.equal(answer.chunk(), b"half")
    upload.connection.send(b"full")
    t.equal(answer.rest(), (b"full", {}))
    t.equal(upload.connection.reply().status, 202)


def test_an_empty_stream(t):
    lrie = t.serve("pour:0:0")
    t.equal(EventStream(lrie.begin_invoke(path=STREAM_PATH)).rest(), (b"", {}))


def test_one_connection_carries_many(t):
    lrie = t.serve("echo")
    with lrie.connect() as caller:
        for number in range(5):
            caller.request("POST", STREAM_PATH, b'{"do":"pour:3:%d"}' % number)
            answer = EventStream(caller)
            t.equal(answer.rest(), (bytes(range(number)) * 3, {}))
            t.equal(caller.ask("POST", harness.INVOKE_PATH, b"1").body, b"1")


def test_a_caller_of_old(t):
    lrie = t.serve("stream:3")
    with lrie.connect() as caller:
        caller.send(b"POST %s HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}" % STREAM_PATH.encode())
        t.equal(EventStream(caller).rest(), (b"chunk 0\nchunk 1\nchunk 2\n", {}))


def test_the_prelude_of_a_web_response_is_payload(t):
    _, caller, _, _, upload = begin(t)
    prelude = b'{"statusCode":201,"headers":{}}' + bytes(8)
    upload.write(prelude + b"body")
    upload.end()
    t.equal(EventStream(caller).rest(), (prelude + b"body", {}))


# ---- who streams, and who does not


def test_a_whole_answer_comes_in_chunks(t):
    lrie = t.serve("bytes:%d" % RESPONSE_LIMIT)
    data, end = EventStream(lrie.begin_invoke(path=STREAM_PATH)).rest()
    t.equal(end, {})
    t.true(data == (bytes(range(256)) * 24600)[:RESPONSE_LIMIT], "the bytes are others")


def test_a_stream_for_who_wants_it_whole(t):
    lrie = t.serve("stream:3:20")
    reply = lrie.invoke()
    t.equal((reply.status, reply.body), (200, b"chunk 0\nchunk 1\nchunk 2\n"))
    reply = lrie.do("pour:97:65536")
    t.equal(reply.header("X-Amz-Function-Error"), "Unhandled")
    t.equal(reply.json()["errorType"], "Function.ResponseSizeTooLarge")
    t.equal(lrie.do("echo").header("X-Amz-Function-Error"), None)


# ---- what is refused before it begins


def test_errors_of_the_api(t):
    lrie = t.serve("echo", "--concurrency", "1")
    for path, payload, headers, status, name in (
            (STREAM_PATH, b"{", (), 400, "InvalidRequestContentException"),
            (STREAM_PATH, b"[" + b" " * 6291455 + b"]", (), 413,
             "RequestEntityTooLargeException"),
            (STREAM_PATH.replace("function/", "fun!/"), b"{}", (), 400, "ValidationException"),
            (STREAM_PATH + "?Qualifier=+", b"{}", (), 400, "ValidationException"),
            (STREAM_PATH, b"{}", [("X-Amz-Log-Type", "All")], 400, "ValidationException"),
            (STREAM_PATH, b"{}", [("X-Amz-Invocation-Type", "Sync")], 400,
             "ValidationException"),
            (STREAM_PATH, b"{}", [("X-Amz-Client-Context", "!")], 400,
             "InvalidRequestContentException")):
        reply = lrie.invoke(payload, headers, path)
        t.equal((reply.status, reply.header("x-amzn-ErrorType")), (status, name))
    reply = lrie.invoke(b"{}", [("X-Amz-Invocation-Type", "Event")], STREAM_PATH)
    t.equal(reply.json(), {"message": "1 validation error detected: Value 'Event' at "
                           "'invocationType' failed to satisfy constraint: Member must satisfy "
                           "enum value set: [RequestResponse, DryRun]"})
    t.equal(lrie.connect().ask("GET", STREAM_PATH).status, 405)


def test_a_dry_run_runs_nothing(t):
    lrie = t.serve("count")
    reply = lrie.invoke(b"{}", [("X-Amz-Invocation-Type", "DryRun")], STREAM_PATH)
    t.equal((reply.status, reply.body), (204, b""))
    t.equal(EventStream(lrie.begin_invoke(path=STREAM_PATH)).rest(), (b"1", {}))


def test_no_room_is_an_error_of_the_api(t):
    lrie, _, runtime, event, upload = begin(t, "--concurrency", "1")
    reply = lrie.invoke(path=STREAM_PATH)
    t.equal((reply.status, reply.header("x-amzn-ErrorType")), (429, "TooManyRequestsException"))
    upload.end()


# ---- the log


def test_the_log_comes_with_the_end(t):
    lrie = t.serve("line:words,stream:2")
    answer = EventStream(lrie.begin_invoke(b"{}", [("X-Amz-Log-Type", "Tail")], STREAM_PATH))
    data, end = answer.rest()
    t.equal(data, b"chunk 0\nchunk 1\n")
    t.equal(list(end), ["LogResult"])
    log = base64.b64decode(end["LogResult"], validate=True).decode()
    t.equal(log.splitlines(), lrie.log(answer.request_id))
    t.true("\nwords\n" in log, log)
    _, end = stream(lrie, "stream-error", [("X-Amz-Log-Type", "Tail")]).rest()
    t.equal(list(end), ["ErrorCode", "ErrorDetails", "LogResult"])
    _, end = stream(lrie, "stream:1", [("X-Amz-Log-Type", "None")]).rest()
    t.equal(end, {})


# ---- errors of the function


def test_an_error_is_payload_when_nothing_came_before(t):
    lrie = t.serve("error:Function.Bad")
    answer = EventStream(lrie.begin_invoke(path=STREAM_PATH))
    t.equal(answer.status, 200)
    body = answer.chunk()
    t.equal(json.loads(body)["errorType"], "Function.Bad")
    t.equal(answer.finish(), {"ErrorCode": "Unhandled", "ErrorDetails": body.decode()})


def test_an_error_that_is_no_text(t):
    lrie = t.serve('error-body:"x\\')
    answer = EventStream(lrie.begin_invoke(path=STREAM_PATH))
    t.equal(answer.rest(), (b'"x\\', {"ErrorCode": "Unhandled", "ErrorDetails": '"x\\'}))
    lrie = t.bare()
    caller = lrie.begin_invoke(path=STREAM_PATH)
    runtime = lrie.runtime()
    runtime.error(runtime.next(), b"\xff\x00\x01")
    t.equal(EventStream(caller).rest(),
            (b"\xff\x00\x01", {"ErrorCode": "Unhandled", "ErrorDetails": "\ufffd\x00\x01"}))


def test_trailers_tell_of_an_error_in_midstream(t):
    lrie, caller, runtime, event, upload = begin(t)
    error = b'{"errorMessage":"broken","errorType":"Function.Broken"}'
    upload.write(b"half")
    t.equal(upload.fail(error).status, 202)
    answer = EventStream(caller)
    t.equal(answer.chunk(), b"half")
    t.equal(answer.finish(), {"ErrorCode": "Unhandled", "ErrorDetails": error.decode()})
    runtime.begin_next()
    lrie.report(event.id)
    caller = lrie.begin_invoke(path=STREAM_PATH)
    event = runtime.end_next()
    t.equal(Upload(runtime, event).fail(error).status, 202)  # Node, before the first byte
    t.equal(EventStream(caller).rest(),
            (error, {"ErrorCode": "Unhandled", "ErrorDetails": error.decode()}))
    t.equal(lrie.lives(), 1)


def test_trailers_that_tell_nothing(t):
    lrie, caller, runtime, event, upload = begin(t)
    for trailers, end in (
            ([], {}),
            ([("Lambda-Runtime-Function-Error-Type", ""),
              ("Lambda-Runtime-Function-Error-Body", "")], {}),
            ([("X-Other", "1")], {}),
            ([("Lambda-Runtime-Function-Error-Type", "E"),
              ("Lambda-Runtime-Function-Error-Body", "no base64!")],
             {"ErrorCode": "Unhandled", "ErrorDetails": ""})):
        upload.write(b"data")
        t.equal(upload.end(trailers).status, 202)
        t.equal(EventStream(caller).rest(), (b"data", end))
        runtime.begin_next()
        caller = lrie.begin_invoke(path=STREAM_PATH)
        upload = Upload(runtime, runtime.next())
    upload.end()


def test_what_looks_like_trailers_in_the_body_is_body(t):
    _, caller, _, _, upload = begin(t)
    words = b"Lambda-Runtime-Function-Error-Type: Error\r\n\r\n"
    upload.write(words)
    upload.end()
    t.equal(EventStream(caller).rest(), (words, {}))


def test_the_time_is_up(t):
    lrie, caller, _, event, upload = begin(t, "--timeout", "1")
    upload.write(b"half")
    answer = EventStream(caller)
    t.equal(answer.chunk(), b"half")
    check_error(t, answer.finish(), "Sandbox.Timedout",
                "RequestId: %s Error: Task timed out after 1.00 seconds" % event.id)
    t.equal(lrie.report(event.id).status, "timeout")
    _, caller, _, event, upload = begin(t, "--timeout", "1")
    answer = EventStream(caller)  # before the first byte
    body, end = answer.rest()
    t.equal(json.loads(body)["errorType"], "Sandbox.Timedout")
    check_error(t, end, "Sandbox.Timedout")


def test_a_crash_in_midstream_is_told_as_one(t):
    lrie = t.serve("stream-exit:3")
    for _ in range(10):
        answer = EventStream(lrie.begin_invoke(path=STREAM_PATH))
        t.equal(answer.chunk(), b"chunk 0\n")
        check_error(t, answer.finish(), "Runtime.ExitError",
                    "RequestId: .* Error: Runtime exited with error: exit status 3")
        t.equal(lrie.report(answer.request_id).error, "Runtime.ExitError")


def test_a_stream_that_breaks_off(t):
    lrie = t.bare()
    runtime = lrie.runtime()
    for rest in (b"", b"5\r\nwor", b"5\r\nworld\r\n", b"0\r\nX-Tra", b"zz\r\n"):
        runtime.begin_next()
        caller = lrie.begin_invoke(path=STREAM_PATH)
        upload = Upload(runtime, runtime.next())
        upload.write(b"hello")
        answer = EventStream(caller)
        t.equal(answer.chunk(), b"hello")
        upload.connection.send(rest)
        upload.connection.close()
        data, end = answer.rest()
        t.true(b"world".startswith(data), repr(data))
        check_error(t, end, "Runtime.TruncatedResponse")
    t.equal(lrie.lives(), 1)


def test_a_second_answer_is_refused_meanwhile(t):
    _, caller, runtime, event, upload = begin(t)
    upload.write(b"first")
    answer = EventStream(caller)
    t.equal(answer.chunk(), b"first")
    t.equal(runtime.answer(event).json()["errorType"], "InvalidStateTransition")
    upload.end()
    t.equal(answer.finish(), {})


def test_lrie_ends_in_midstream(t):
    lrie, caller, _, _, upload = begin(t)
    upload.write(b"half")
    answer = EventStream(caller)
    t.equal(answer.chunk(), b"half")
    lrie.stop()
    end = answer.finish()
    t.equal((end["ErrorCode"], "shutting down" in end["ErrorDetails"]), ("Unhandled", True))


# ---- who leaves, and who is slow


def test_the_function_goes_on_when_its_caller_leaves(t):
    for leave in (Connection.reset, Connection.close):
        lrie, caller, runtime, event, upload = begin(t, "--timeout", "60")
        upload.write(b"hello")
        t.equal(EventStream(caller).chunk(), b"hello")
        leave(caller)
        for _ in range(1000):
            upload.write(bytes(1 << 16))
        t.equal(upload.end().status, 202)
        runtime.begin_next()
        report = lrie.report(event.id)
        t.equal((report.status, report.error), (None, None))


def test_a_caller_leaves_while_it_holds_the_function_up(t):
    lrie, caller, runtime, event, upload = begin(t, "--timeout", "60")
    writer = harness.Writer(upload, 64 << 20)
    EventStream(caller).chunk()
    writer.wait_until_it_stands_still()
    caller.close()
    writer.join()
    t.equal(upload.end().status, 202)
    runtime.begin_next()
    lrie.report(event.id)


def peak(lrie):
    """What lrie has had in memory at most, in KiB."""
    return harness.memory_kilobytes(lrie.pid, "VmHWM")


def check_memory(t, lrie, before):
    """Twice 64 KiB and a piece are what lrie may keep; the rest is what an allocator takes."""
    if harness.SLOW == 1:  # a sanitizer keeps freed memory
        t.between(0, peak(lrie) - before, 1024, "KiB more than before")


def test_a_slow_caller_holds_the_function_up(t):
    lrie, caller, runtime, event, upload = begin(t, "--timeout", "60")
    total = 64 << 20
    writer = harness.Writer(upload, total)
    answer = EventStream(caller)
    first = answer.chunk()
    before = peak(lrie)
    writer.wait_until_it_stands_still()
    t.equal(lrie.invoke(b"{}", [("X-Amz-Invocation-Type", "DryRun")]).status, 204)
    data = [first]
    while sum(map(len, data)) < total:
        data.append(answer.chunk())
    writer.join()
    t.true(b"".join(data) == writer.piece * (total // len(writer.piece)), "other bytes")
    t.equal(upload.end().status, 202)
    t.equal(answer.finish(), {})
    check_memory(t, lrie, before)


def test_200_megabytes_pass_and_not_a_byte_more(t):
    lrie = t.serve("echo", "--memory", "3008", "--timeout", "300")
    t.equal(stream(lrie, "pour:2:65536").rest()[1], {})
    before = peak(lrie)
    expected = bytes(range(256)) * 256
    for chunks, end in ((3200, {}), (3201, None)):
        answer, total = stream(lrie, "pour:%d:65536" % chunks), 0
        while True:
            message = answer.message()
            if message.type != "PayloadChunk":
                break
            at = total % 65536
            t.true(message.payload == (expected + expected)[at:at + len(message.payload)],
                   "other bytes at %d" % total)
            total += len(message.payload)
        answer.data = message.frame + answer.data
        told = answer.finish()
        t.equal(total <= STREAM_LIMIT, True, "%d bytes" % total)
        if end is not None:
            t.equal((total, told), (STREAM_LIMIT, end))
        else:
            check_error(t, told, "Function.ResponseSizeTooLarge",
                        r"Response payload size exceeded maximum allowed payload size "
                        r"\(209715200 bytes\)\.")
    check_memory(t, lrie, before)
    lrie.rest()
    reply = lrie.do("last")
    t.equal(reply.json()["status"], 413)
    t.equal(json.loads(reply.json()["body"])["errorMessage"],
            "Exceeded maximum allowed payload size (209715200 bytes).")


# ---- how fast, and how long it took


def test_bandwidth_of_lambda(t):
    lrie = t.serve("pour:112:65536", "--memory", "3008", "--stream-bandwidth", "aws")
    before = disturbance_ms(lrie)
    answer = EventStream(lrie.begin_invoke(path=STREAM_PATH))
    data, end = answer.rest()
    t.equal((len(data), end), (7 << 20, {}))
    report = lrie.report(answer.request_id)
    t.between(470, report.duration, 1500 * harness.SLOW + disturbance_ms(lrie) - before,
              "ms for the MiB beyond six, at 2 MiB a second")
    t.equal(len(stream(lrie, "pour:96:65536").rest()[0]), 6 << 20)


def test_telemetry_tells_of_a_stream(t):
    lrie = t.serve("sleep:60,pour:3:10:50", "--log-format", "json", "--system-log-level", "debug",
                   "--memory", "1769")
    before = disturbance_ms(lrie)
    answer = EventStream(lrie.begin_invoke(path=STREAM_PATH))
    t.equal(len(answer.rest()[0]), 30)

    def find(lines):
        records = [json.loads(line) for line in lines if "platform.runtimeDone" in line]
        return next((record["record"] for record in records
                     if record["record"]["requestId"] == answer.request_id), None)

    done = lrie.stdout.wait(find, "runtimeDone")
    spans = {span["name"]: span["durationMs"] for span in done["spans"]}
    t.equal(done["metrics"]["producedBytes"], 30)
    room = 10 * harness.SLOW + disturbance_ms(lrie) - before
    t.between(60, spans["responseLatency"], 60 + room, "ms to the first byte")
    t.between(100 - room, spans["responseDuration"], 100 + room, "ms from first to last byte")


def test_several_streams_at_once(t):
    lrie = t.serve("echo", "--memory", "3008")
    answers = [stream(lrie, "pour:20:%d:5" % size) for size in (1, 1000, 60000, 3)]
    for answer, size in zip(answers, (1, 1000, 60000, 3)):
        data, end = answer.rest()
        t.equal((len(data), end), (20 * size, {}))


if __name__ == "__main__":
    harness.main()
