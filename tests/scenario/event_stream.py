# SPDX-License-Identifier: Apache-2.0
"""event_stream - reads what InvokeWithResponseStream answers, message by message, as it comes."""
import json
import struct
import zlib

from harness import Failure

STREAM_PATH = "/2021-11-15/functions/function/response-streaming-invocations"


class Message:
    def __init__(self, headers, payload, frame):
        self.headers, self.payload, self.frame = headers, payload, frame

    @property
    def type(self):
        return self.headers[":event-type"]

    def __repr__(self):
        return "<%s %r>" % (self.headers, self.payload[:300])


class EventStream:
    """The reply to a streaming invocation on 'connection', whose head is read here."""

    def __init__(self, connection):
        self.connection = connection
        head = connection.read_head()
        if not head:
            raise Failure("the connection was closed without a reply")
        self.status, self.reason, self.headers = head
        self.data, self.ended = b"", False
        self.chunked = self.header("transfer-encoding") == "chunked"

    def header(self, name, default=None):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return default

    @property
    def request_id(self):
        return self.header("X-Amzn-RequestId")

    def read_more(self):
        """Reads another piece of the body; notes its end, and fails where it breaks off."""
        reader = self.connection.reader
        if not self.chunked:
            block = reader.read1(1 << 16)
            self.ended = not block
            self.data += block
            return
        line = reader.readline()
        if not line:
            raise Failure("the reply broke off")
        size = int(line, 16)
        block = reader.read(size)
        if len(block) != size or reader.readline() != b"\r\n":
            raise Failure("the reply broke off in a chunk")
        self.ended = size == 0
        self.data += block

    def take(self, count):
        while len(self.data) < count:
            if self.ended:
                raise Failure("the stream ended after %d of %d bytes" % (len(self.data), count))
            self.read_more()
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def message(self):
        """The next message, whose checksums must be right."""
        prelude = self.take(12)
        total, headers_length, checksum = struct.unpack(">III", prelude)
        if zlib.crc32(prelude[:8]) != checksum:
            raise Failure("checksum of a prelude: %r" % prelude)
        rest = self.take(total - 12)
        if zlib.crc32(prelude + rest[:-4]) != struct.unpack(">I", rest[-4:])[0]:
            raise Failure("checksum of a message: %r" % (prelude + rest)[:200])
        return Message(parse_headers(rest[:headers_length]), rest[headers_length:-4],
                       prelude + rest)

    def chunk(self):
        """The payload of the next message, a PayloadChunk."""
        message = self.message()
        if message.headers != {":message-type": "event", ":event-type": "PayloadChunk",
                               ":content-type": "application/octet-stream"}:
            raise Failure("no PayloadChunk: %r" % message)
        return message.payload

    def read(self, count):
        """The payload of chunks, 'count' bytes, where a chunk ends."""
        data = b""
        while len(data) < count:
            data += self.chunk()
        if len(data) != count:
            raise Failure("%d bytes instead of %d" % (len(data), count))
        return data

    def finish(self):
        """What the InvokeComplete says, which comes next and is the last."""
        message = self.message()
        if message.headers != {":message-type": "event", ":event-type": "InvokeComplete",
                               ":content-type": "application/json"}:
            raise Failure("no InvokeComplete: %r" % message)
        while not self.ended:
            self.read_more()
        if self.data:
            raise Failure("something follows: %r" % self.data[:200])
        return json.loads(message.payload)

    def rest(self):
        """The payload of all chunks that are left, and what the InvokeComplete says."""
        data = []
        while True:
            message = self.message()
            if message.type != "PayloadChunk":
                break
            data.append(message.payload)
        self.data = message.frame + self.data
        return b"".join(data), self.finish()


def parse_headers(block):
    headers, at = {}, 0
    while at < len(block):
        end = at + 1 + block[at]
        if block[end] != 7:
            raise Failure("type of a header: %r" % block)
        length = struct.unpack(">H", block[end + 1:end + 3])[0]
        headers[block[at + 1:end].decode()] = block[end + 3:end + 3 + length].decode()
        at = end + 3 + length
    return headers


def stream(lrie, words, headers=(), path=STREAM_PATH):
    """Lets the fixture bootstrap obey 'words'; returns its stream."""
    payload = json.dumps({"do": words}).encode()
    return EventStream(lrie.begin_invoke(payload, headers, path))
