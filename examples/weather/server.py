#!/usr/bin/env python3
"""The endpoint that the weather agent calls: GET /weather/<city> answers with made-up weather as JSON.

Needs nothing but Python 3. The port is 8099, or the first argument.
"""

import json
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SKIES = ["sunny", "cloudy", "rainy", "windy", "foggy"]


class Weather(BaseHTTPRequestHandler):
    def do_GET(self):
        prefix, _, city = self.path.partition("/weather/")
        city = urllib.parse.unquote(city.split("?")[0])
        if prefix or not city:
            self.answer(404, {"error": "try /weather/Lisbon"})
            return
        # the same city always has the same weather
        number = sum(city.lower().encode())
        self.answer(200, {"city": city, "sky": SKIES[number % len(SKIES)], "celsius": number % 35})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8099
    print(f"the weather is on http://127.0.0.1:{port}/weather/Lisbon", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Weather).serve_forever()
