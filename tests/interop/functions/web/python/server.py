# SPDX-License-Identifier: Apache-2.0
"""server - an ordinary web server, which knows nothing of Lambda

    /told      what it was asked, as JSON
    /picture   all bytes there are, as an image
    /stream    three events, each in a chunk of its own
"""
import hashlib
import http.server
import json
import os


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path.startswith("/stream"):
            self.stream()
        elif self.path.startswith("/picture"):
            self.send("image/png", bytes(range(256)) * 100)
        else:
            self.send("application/json", json.dumps(self.told(body)).encode())

    def told(self, body):
        headers = [(name.lower(), value) for name, value in self.headers.items()]
        return {"method": self.command, "target": self.path, "headers": headers,
                "length": len(body), "digest": hashlib.sha256(body).hexdigest()}

    def send_head(self, status, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Set-Cookie", "a=1; Path=/")
        self.send_header("Set-Cookie", "b=2")

    def send(self, kind, body):
        self.send_head(200, kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        self.send_head(201, "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(3):
            event = b"data: %d\n\n" % number
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass

    do_GET = do_POST = do_PUT = answer


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
