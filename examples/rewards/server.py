#!/usr/bin/env python3
"""A grader for `kind: http` on this machine: POST {"objective", "items"} in, {"results": [...]} out. Standard library only.

    GRADER_TOKEN=secret examples/rewards/server.py 8900
"""
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = os.environ.get("GRADER_TOKEN")


def result(item):
    """1 if the ground truth stands in the response; an error for what cannot be judged."""
    if not item["ground_truth"]:
        return {"id": item["id"], "error": "no ground truth"}
    return {"id": item["id"], "score": float(item["ground_truth"] in item["response"])}


class Grader(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if TOKEN and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.reply(401, {"error": "wrong or missing token"})
        request = json.loads(body)
        self.reply(200, {"results": [result(item) for item in request["items"]]})

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Grader)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", file=sys.stderr, flush=True)
    server.serve_forever()
