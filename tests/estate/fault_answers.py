"""How AWS calls and answers look in each protocol: what a call is, what a failure and a further page look like."""
import dataclasses
import json
import re
import urllib.parse
import xml.sax.saxutils

REST_XML = {"s3", "cloudfront", "route53"}
REQUEST_ID = "00000000-0000-4000-8000-000000000000"

# fault: {protocol: (status, code)}
ERRORS = {
    "throttle": {"ec2": (503, "RequestLimitExceeded"), "query": (400, "Throttling"), "rest-xml": (503, "SlowDown"),
                 "json": (400, "ThrottlingException"), "rest-json": (429, "TooManyRequestsException")},
    "error500": {"ec2": (500, "InternalError"), "query": (500, "InternalFailure"), "rest-xml": (500, "InternalError"),
                 "json": (500, "InternalServerError"), "rest-json": (500, "InternalServerErrorException")},
    "denied": {"ec2": (403, "UnauthorizedOperation"), "query": (403, "AccessDenied"),
               "rest-xml": (403, "AccessDenied"), "json": (400, "AccessDeniedException"),
               "rest-json": (403, "AccessDeniedException")},
    "expired": {"ec2": (400, "RequestExpired"), "query": (403, "ExpiredToken"), "rest-xml": (400, "ExpiredToken"),
                "json": (400, "ExpiredTokenException"), "rest-json": (403, "ExpiredTokenException")},
}
MESSAGES = {"throttle": "Rate exceeded", "error500": "An internal error occurred",
            "expired": "The security token included in the request is expired"}

# service: (page token in the call, in the answer, what says that there is more). Others: NextToken, or
# nextToken in the EC2 and REST JSON protocols.
PAGE_TOKENS = {
    "iam": ("Marker", "Marker", "IsTruncated"), "rds": ("Marker", "Marker", None),
    "elasticloadbalancing": ("Marker", "NextMarker", None), "kms": ("Marker", "NextMarker", "Truncated"),
    "lambda": ("Marker", "NextMarker", None), "s3": ("continuation-token", "ContinuationToken", None),
    "dynamodb": ("ExclusiveStartTableName", "LastEvaluatedTableName", None),
}
ENDLESS = "and-so-on"


@dataclasses.dataclass
class Call:
    service: str
    region: str
    access_key: str
    account: str  # empty: whoever owns the access key
    protocol: str  # ec2, query, rest-xml, json or rest-json
    operation: str  # for REST services the same as `rest`
    rest: str  # METHOD /path?query

    @classmethod
    def of(cls, method, path, headers, body):
        url = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(url.query))
        signed = re.search(r"Credential=([^,\s]+)", headers.get("Authorization", ""))
        scope = (signed[1] if signed else query.get("X-Amz-Credential", "")).split("/")
        access_key, _, region, service = (scope + [""] * 4)[:4]
        rest, target, form = f"{method} {path}", headers.get("X-Amz-Target"), {}
        if "x-www-form-urlencoded" in headers.get("Content-Type", ""):
            form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace")))
        action = form.get("Action") or query.get("Action")
        if target:
            protocol, operation = "json", target.rsplit(".", 1)[-1]
        elif action:
            protocol, operation = "ec2" if service == "ec2" else "query", action
        else:
            protocol, operation = "rest-xml" if service in REST_XML else "rest-json", rest
        account = headers.get("x-moto-account-id", "")
        if operation.startswith("AssumeRole"):
            role = re.match(r"arn:[^:]+:iam::(\d{12}):", form.get("RoleArn") or query.get("RoleArn") or "")
            account = role[1] if role else account
        return cls(service, region, access_key, account, protocol, operation, rest)

    def page_tokens(self):
        plain = "nextToken" if self.protocol in ("ec2", "rest-json") else "NextToken"
        sent = "NextToken" if self.protocol == "ec2" else plain
        return PAGE_TOKENS.get(self.service, (sent, plain, None))


def error(call, fault):
    """Returns status, headers and body of a failure as the call's service would word it."""
    if fault == "html":
        page = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>Bad gateway</body></html>\n"
        return 502, [("Content-Type", "text/html; charset=utf-8")], page.encode()
    status, code = ERRORS[fault][call.protocol]
    refused = f"{call.service}: {call.rest}" if call.protocol.startswith("rest-") else f"{call.service}:{call.operation}"
    message = MESSAGES.get(fault) or f"User is not authorized to perform {refused}"
    headers = [("Content-Type", "text/xml;charset=UTF-8"), ("x-amzn-requestid", REQUEST_ID)]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    inner = f"<Code>{code}</Code><Message>{xml.sax.saxutils.escape(message)}</Message>"
    if call.protocol == "ec2":
        body = f"{head}<Response><Errors><Error>{inner}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    elif call.protocol == "query":
        kind = "Receiver" if status >= 500 else "Sender"
        body = (f"{head}<ErrorResponse><Error><Type>{kind}</Type>{inner}</Error>"
                f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>")
    elif call.protocol == "rest-xml":
        body = f"{head}<Error>{inner}<RequestId>{REQUEST_ID}</RequestId></Error>"
    elif call.protocol == "json":
        headers[0] = ("Content-Type", "application/x-amz-json-1.1")
        body = json.dumps({"__type": f"com.amazonaws.{call.service}#{code}", "message": message})
    else:
        headers[0] = ("Content-Type", "application/json")
        headers.append(("x-amzn-errortype", f"{code}:http://internal.amazon.com/coral/{call.service}/"))
        body = json.dumps({"message": message})
    return status, headers, body.encode()


def without_page_token(call, path, body):
    """Takes the page token out of a call, so that the emulator answers its first page for ever."""
    sent, _, _ = call.page_tokens()
    if call.protocol == "json":
        content = json.loads(body or b"{}")
        content.pop(sent, None)
        return path, json.dumps(content).encode()
    if call.protocol in ("ec2", "query") and body:
        return path, urllib.parse.urlencode([p for p in urllib.parse.parse_qsl(body.decode()) if p[0] != sent]).encode()
    url = urllib.parse.urlsplit(path)
    query = [p for p in urllib.parse.parse_qsl(url.query, keep_blank_values=True) if p[0] != sent]
    return urllib.parse.urlunsplit(url._replace(query=urllib.parse.urlencode(query))), body


def endless_page(call, content):
    """Adds to an answer that there is one more page, always the same."""
    _, token, more = call.page_tokens()
    if call.protocol in ("json", "rest-json"):
        return json.dumps(json.loads(content) | {token: ENDLESS} | ({more: True} if more else {})).encode()
    text = content.decode()
    added = {token: ENDLESS} | ({more: "true"} if more else {})
    for name in added:
        text = re.sub(rf"<{name}\s*/>|<{name}>[^<]*</{name}>", "", text)
    marks = "".join(f"<{name}>{value}</{name}>" for name, value in added.items())
    result = "Result>" if call.protocol == "query" else ">"
    end = text.rindex("</", 0, text.rindex(result))
    return (text[:end] + marks + text[end:]).encode()
