"""What channels talk to, as small as it can be: chats and webhooks that record, and two ticket trackers.

    stub.py SCHEMA SECRET

Prints `listening on PORT`. `GET /_requests` yields every request: path, headers, body, when it came, whether a webhook's
signature is right and what is wrong with its body by SCHEMA. `GET /_tickets` yields the tickets. `PUT /_answers` sets
what paths answer, each answer once: {"/hook": [{"status": 429, "headers": {"Retry-After": "1"}, "after": 0.5}]}. A
request is worked off before the answer waits, so that whoever is killed meanwhile has done it and does not know.
"""
import base64
import hashlib
import hmac
import json
import pathlib
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import jsonschema

SCHEMA = jsonschema.Draft202012Validator(json.loads(pathlib.Path(sys.argv[1]).read_text()))
SECRET = sys.argv[2].encode()
BASIC = "Basic " + base64.b64encode(b"robot:" + SECRET).decode()
lock = threading.Lock()
requests, answers, jira, servicenow = [], {}, [], []


def signed(headers, body):
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers.get("PacBot-Signature", ""))
    if not found or abs(time.time() - int(found[1])) > 300:
        return False
    right = hmac.new(SECRET, found[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(right, found[2])


def jira_call(method, path, body):
    if path == "/rest/api/3/search/jql":
        project, label = re.fullmatch(
            r'project = "(\w+)" AND labels = "(pacbot-\w+)" ORDER BY created ASC', body["jql"]
        ).groups()
        found = [t for t in jira if project == t["fields"]["project"]["key"] and label in t["fields"]["labels"]]
        status = lambda t: {"status": {"statusCategory": {"key": t["status"]}}}
        return 200, {"issues": [{"id": t["id"], "key": t["key"], "fields": status(t)} for t in found[:1]]}
    if path == "/rest/api/2/issue":
        number = str(len(jira) + 1)
        jira.append({"id": number, "key": f"SEC-{number}", "status": "new", "comments": [], **body})
        return 201, {"id": number, "key": f"SEC-{number}"}
    number, what = re.fullmatch(r"/rest/api/2/issue/(\d+)/(\w+)", path).groups()
    ticket = jira[int(number) - 1]
    if what == "comment":
        ticket["comments"].append(body["body"])
        return 201, {}
    if method == "GET":
        return 200, {"transitions": [{"id": "31", "name": "Done"}, {"id": "11", "name": "To Do"}]}
    ticket["status"] = {"31": "done", "11": "new"}[body["transition"]["id"]]
    return 204, None


def servicenow_call(method, path, query, body):
    if method == "GET":
        wanted = re.fullmatch(r"correlation_id=(pacbot-\w+)\^ORDERBYsys_created_on", query["sysparm_query"][0])[1]
        return 200, {"result": [t for t in servicenow if t["correlation_id"] == wanted][:1]}
    if method == "POST":
        number = len(servicenow) + 1
        servicenow.append({"sys_id": f"id{number}", "number": f"INC{number}", "state": "1", **body})
        return 201, {"result": servicenow[-1]}
    ticket = next(t for t in servicenow if t["sys_id"] == path.rsplit("/", 1)[1])
    ticket.update(body)
    return 200, {"result": ticket}


class Stub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers={}):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_one(self):
        url = urlparse(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw) if raw else None
        with lock:
            if url.path == "/_requests":
                return self.answer(200, requests)
            if url.path == "/_tickets":
                return self.answer(200, {"jira": jira, "servicenow": servicenow})
            if url.path == "/_answers":
                answers.clear()
                answers.update(body)
                return self.answer(200, None)
            is_hook = url.path.startswith("/hook")
            requests.append(
                {
                    "method": self.command,
                    "path": url.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": body,
                    "at": time.time(),
                    "signed": is_hook and signed(self.headers, raw),
                    "mistakes": [e.message for e in SCHEMA.iter_errors(body)] if is_hook else [],
                }
            )
            told = answers.get(url.path, [])
            told = told.pop(0) if told else {}
            status, answer = told.get("status", 200), {"ok": True, "channel": "C1", "ts": "1.2"}
            is_tracker = url.path.startswith(("/rest/", "/api/now/"))
            if is_tracker and self.headers.get("Authorization") != BASIC:
                status, answer = 401, {"error": "who are you?"}
            elif is_tracker and status == 200:
                if url.path.startswith("/rest/"):
                    status, answer = jira_call(self.command, url.path, body)
                else:
                    status, answer = servicenow_call(self.command, url.path, parse_qs(url.query), body)
        time.sleep(told.get("after", 0))
        self.answer(status, answer, told.get("headers", {}))

    do_GET = do_POST = do_PUT = do_PATCH = handle_one


server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
server.daemon_threads = True
print(f"listening on {server.server_address[1]}", flush=True)
server.serve_forever()
