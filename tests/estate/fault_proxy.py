#!/usr/bin/env python3
"""A reverse proxy in front of an AWS emulator that misbehaves where it is told to.

    python fault_proxy.py --upstream http://127.0.0.1:5000 [--port 0] [--rules rules.json]

Prints `listening on PORT`. `PUT /_faults` replaces the rules and clears the counts; its body is a JSON
list of rules, or one rule a line. `GET /_faults` answers `{"calls": …, "rules": [{…, "matched": n,
"injected": n}]}`. The first rule that is due wins. A rule is an object:

    match        what it is about; a missing key matches everything
      service    signing name: ec2, iam, s3, elasticloadbalancing, …
      action     operation name, or for REST services a regular expression on `METHOD /path?query`
      account    whose call it is, or for AssumeRole the account of the role that is assumed
      region     from the signature
    fault        throttle, error500, html, denied, expired, close, truncate, endless-page or slow
    after        leave the first n matching calls alone
    every        of the others, only each n-th
    times        at most n times
    status       another status than the fault's own (html: 502)
    retry_after  a Retry-After header, in seconds or as a date
    seconds      how long `slow` waits (5)

The account is the `x-moto-account-id` header, or the one whose AssumeRole answer held the access key, or
moto's default. Content goes through unchanged; moto checks no signatures.
"""
import argparse
import collections
import dataclasses
import http.client
import http.server
import json
import re
import socket
import sys
import threading
import time
import urllib.parse

from fault_answers import Call, endless_page, error, without_page_token

CONTROL = "/_faults"
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
              "content-length"}
FAULTS = {"throttle", "error500", "html", "denied", "expired", "close", "truncate", "endless-page", "slow"}
MATCHES = {"service", "action", "account", "region"}
DEFAULT_ACCOUNT = "123456789012"


@dataclasses.dataclass
class Rule:
    fault: str
    match: dict = dataclasses.field(default_factory=dict)
    after: int = 0
    every: int = 1
    times: int | None = None
    status: int | None = None
    retry_after: str | int | None = None
    seconds: float = 5
    matched: int = 0
    injected: int = 0

    def __post_init__(self):
        if self.fault not in FAULTS or not set(self.match) <= MATCHES or self.every < 1:
            raise ValueError(f"no such rule: {self}")

    def due(self, call):
        """Counts the call if it matches; says whether it gets the fault."""
        for key, wanted in self.match.items():
            if key == "action":
                rest = re.match(wanted, call.rest) if " " in wanted else None
                if wanted != call.operation and not rest:
                    return False
            elif getattr(call, key) != str(wanted):
                return False
        self.matched += 1
        place = self.matched - self.after
        if place < 1 or place % self.every or self.times is not None and self.injected >= self.times:
            return False
        self.injected += 1
        return True


class Proxy(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port, upstream, rules):
        super().__init__(("127.0.0.1", port), Handler)
        self.upstream, self.rules = urllib.parse.urlsplit(upstream).netloc, rules
        self.lock, self.calls, self.accounts = threading.Lock(), collections.Counter(), {}

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def rule_for(self, call):
        with self.lock:
            self.calls[f"{call.service}:{call.operation}"] += 1
            return next((rule for rule in self.rules if rule.due(call)), None)

    def report(self):
        with self.lock:
            return {"calls": dict(sorted(self.calls.items())), "rules": [dataclasses.asdict(r) for r in self.rules]}

    def replace(self, rules):
        with self.lock:
            self.rules = rules
            self.calls.clear()

    def learn(self, body):
        """Notes whose keys an AssumeRole answer holds."""
        key = re.search(rb"<AccessKeyId>([^<]+)<", body)
        role = re.search(rb"<Arn>arn:[^:]+:sts::(\d{12}):assumed-role/", body)
        if key and role:
            with self.lock:
                self.accounts[key[1].decode()] = role[1].decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_any(self):
        body = self._body()
        if self.path.split("?")[0] == CONTROL:
            return self._control(body)
        call = Call.of(self.command, self.path, self.headers, body)
        call.account = call.account or self.server.accounts.get(call.access_key, DEFAULT_ACCOUNT)
        rule = self.server.rule_for(call)
        if not rule:
            return self._answer(*self._forward(call, body))
        if rule.fault == "close":
            return self._hang_up()
        if rule.fault == "slow":
            time.sleep(rule.seconds)
            return self._answer(*self._forward(call, body))
        if rule.fault == "truncate":
            return self._answer(*self._forward(call, body), cut=True)
        if rule.fault == "endless-page":
            self.path, body = without_page_token(call, self.path, body)
            status, headers, content = self._forward(call, body)
            return self._answer(status, headers, endless_page(call, content) if status == 200 else content)
        status, headers, content = error(call, rule.fault)
        if rule.retry_after is not None:
            headers.append(("Retry-After", str(rule.retry_after)))
        return self._answer(rule.status or status, headers, content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = handle_any

    def _body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _control(self, body):
        if self.command == "PUT":
            try:
                self.server.replace(parse(body.decode()))
            except (ValueError, TypeError) as problem:
                return self._answer(400, [("Content-Type", "text/plain")], f"{problem}\n".encode())
        content = json.dumps(self.server.report(), indent=1).encode() + b"\n"
        return self._answer(200, [("Content-Type", "application/json")], content)

    def _forward(self, call, body):
        """Sends the call on, Host and all; returns status, headers and body of the answer."""
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=120)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    upstream.putheader(name, value)
            if body or self.command in ("POST", "PUT", "PATCH"):
                upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        if call.operation.startswith("AssumeRole"):
            self.server.learn(content)
        kept = HOP_BY_HOP - {"content-length"} if self.command == "HEAD" else HOP_BY_HOP
        return answer.status, [(n, v) for n, v in answer.getheaders() if n.lower() not in kept], content

    def _answer(self, status, headers, content, cut=False):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        elif not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:len(content) // 2] if cut else content)
        if cut:
            self._hang_up()

    def _hang_up(self):
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def parse(text):
    """Reads rules from a JSON list, or from one JSON object a line."""
    listed = text.lstrip().startswith("[")
    rules = json.loads(text) if listed else [json.loads(line) for line in text.splitlines() if line.strip()]
    return [Rule(**rule) for rule in rules]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upstream", required=True, help="URL of the emulator")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rules", help="file with the first rules")
    arguments = parser.parse_args()
    rules = []
    if arguments.rules:
        with open(arguments.rules, encoding="utf-8") as file:
            rules = parse(file.read())
    proxy = Proxy(arguments.port, arguments.upstream, rules)
    print(f"listening on {proxy.server_port}", flush=True)
    try:
        proxy.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
