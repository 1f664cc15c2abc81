"""Recordings of one account with many assets, made of answers in the project: one item again and again, with new ids.

`pacbot collect --replay` reads them as it reads those of a real account.
"""

import json
import pathlib
import re
import tomllib

HERE = pathlib.Path(__file__).parent
ACCOUNT, REGION = "111122223333", "eu-west-1"


class Recording:
    """A folder of exchanges that answers for one asset type."""

    def __init__(self, folder: pathlib.Path, asset_type: str, service: str):
        self.folder, self.asset_type = folder, asset_type
        self.file = folder / ACCOUNT / REGION / f"{service}.jsonl"
        self.file.parent.mkdir(parents=True)

    def write(self, exchanges) -> None:
        with self.file.open("w") as out:
            for exchange in exchanges:
                out.write(json.dumps(exchange) + "\n")
        aws = {"partition": "aws", "regions": [REGION], "accounts": [{"id": ACCOUNT}]}
        info = {"recorded_at": "2026-03-01T06:00:00Z", "pacbot": "0.1.0", "details": {"aws": aws, "types": [self.asset_type]}}
        (self.folder / "recording.json").write_text(json.dumps(info))
        identity = {
            "operation": "GetCallerIdentity",
            "request": {"method": "POST", "path": "/", "body": "Action=GetCallerIdentity&Version=2011-06-15"},
            "response": {
                "status": 200,
                "headers": {"content-type": "text/xml"},
                "body": "<GetCallerIdentityResponse><GetCallerIdentityResult>"
                f"<Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><Account>{ACCOUNT}</Account><UserId>AID</UserId>"
                "</GetCallerIdentityResult></GetCallerIdentityResponse>",
            },
        }
        base = self.folder / "base" / "global"
        base.mkdir(parents=True)
        (base / "sts.jsonl").write_text(json.dumps(identity) + "\n")


def exchange(operation: str, path: str, request: str, kind: str, answer: str) -> dict:
    return {
        "operation": operation,
        "request": {"method": "POST", "path": path, "body": request},
        "response": {"status": 200, "headers": {"content-type": kind}, "body": answer},
    }


def pages(assets: int, size: int):
    """The first asset of each page, how many it has, and the token of the next one."""
    for first in range(0, assets, size):
        is_last = first + size >= assets
        yield first, min(size, assets - first), None if is_last else f"page-{first + size}"


def ec2_xml(folder: pathlib.Path, assets: int) -> str:
    """Network interfaces, as EC2 answers them."""
    lines = (HERE.parent / "pipeline/cli/demo/day1").glob("*/*/ec2.jsonl")
    bodies = (json.loads(line) for file in sorted(lines) for line in file.open())
    body = next(
        answer["response"]["body"]
        for answer in bodies
        if answer["operation"] == "DescribeNetworkInterfaces" and "<networkInterfaceId>" in answer["response"]["body"]
    )
    start, rest = body.split("<networkInterfaceSet>", 1)
    ends = rest.split("</networkInterfaceSet>", 1)[1]
    item = re.split(r"(?<=</item>)(?=<item><)", rest.split("</networkInterfaceSet>", 1)[0])
    item = min((part for part in item if part.count("<networkInterfaceId>") == 1), key=len)
    known = re.search("<networkInterfaceId>(.*?)<", item).group(1)

    def exchanges():
        token = None
        for first, count, following in pages(assets, 1000):
            items = "".join(item.replace(known, f"eni-{number:017x}") for number in range(first, first + count))
            more = f"<nextToken>{following}</nextToken>" if following else ""
            request = f"Action=DescribeNetworkInterfaces&MaxResults=1000{f'&NextToken={token}' if token else ''}&Version=2016-11-15"
            answer = f"{start}<networkInterfaceSet>{items}</networkInterfaceSet>{more}{ends}"
            yield exchange("DescribeNetworkInterfaces", "/", request, "text/xml", answer)
            token = following

    recording = Recording(folder, "aws_ec2_network_interface", "ec2")
    recording.write(exchanges())
    return recording.asset_type


def findings_json(folder: pathlib.Path, assets: int) -> str:
    """Findings, as Security Hub answers them."""
    answers = tomllib.loads((HERE.parent / "schemas/aws/answers/securityhub_finding.toml").read_text())["answer"]
    finding = max((item for answer in answers for item in json.loads(answer["body"])["Findings"]), key=lambda item: len(str(item)))

    def exchanges():
        token = None
        for first, count, following in pages(assets, 100):
            items = [finding | {"Id": f"{finding['Id']}-{number}"} for number in range(first, first + count)]
            filters = {"RecordState": [{"Comparison": "EQUALS", "Value": "ACTIVE"}]}
            request = {"Filters": filters, "MaxResults": 100} | ({"NextToken": token} if token else {})
            answer = {"Findings": items} | ({"NextToken": following} if following else {})
            request = json.dumps(request, separators=(",", ":"))
            yield exchange("GetFindings", "/findings", request, "application/json", json.dumps(answer))
            token = following

    recording = Recording(folder, "aws_securityhub_finding", "securityhub")
    recording.write(exchanges())
    return recording.asset_type
