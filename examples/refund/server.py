#!/usr/bin/env python3
"""The bank that the refund agent calls: POST /refunds pays once for each Idempotency-Key.

Needs nothing but Python 3. The port is 8098, or the first argument.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAID = {}


class Bank(BaseHTTPRequestHandler):
    def do_POST(self):
        size = min(int(self.headers.get("content-length", 0)), 65536)
        body = json.loads(self.rfile.read(size) or b"{}")
        key = self.headers.get("idempotency-key", "")
        if self.path != "/refunds" or not key:
            self.answer(404, {"error": "POST /refunds with an Idempotency-Key"})
            return
        refund = PAID.setdefault(key, {"refund": f"r_{len(PAID) + 1}", **body})
        self.answer(200, refund)

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8098
    print(f"the bank is on http://127.0.0.1:{port}/refunds", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Bank).serve_forever()
