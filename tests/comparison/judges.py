"""Asks Prowler and Cloud Custodian about the accounts of an emulator, and reads what they answer.

Both run as their users run them, once for each account, with that account's credentials and `AWS_ENDPOINT_URL`. What
they wrote is kept, so that it can be read again without asking. A check that fails, or of which nothing is heard in any
account, is an error: a judge's silence is not agreement.
"""
import collections
import json
import os
import subprocess


class Unanswered(Exception):
    """A judge did not answer what it was asked."""


# `id` is an ARN, or what comes last in one.
Violation = collections.namedtuple("Violation", "account region id")

# What of a resource names it in Custodian's output, by its type.
CUSTODIAN_IDS = {
    "aws.account": "account_id", "aws.app-elb": "LoadBalancerArn", "aws.asg": "AutoScalingGroupName",
    "aws.cloudtrail": "TrailARN", "aws.dms-instance": "ReplicationInstanceArn", "aws.dynamodb-table": "TableName",
    "aws.ebs": "VolumeId", "aws.ebs-snapshot": "SnapshotId", "aws.ec2": "InstanceId", "aws.ecr": "repositoryArn",
    "aws.elasticache-group": "ReplicationGroupId", "aws.elb": "LoadBalancerName", "aws.eni": "NetworkInterfaceId",
    "aws.iam-policy": "PolicyName", "aws.iam-role": "RoleName", "aws.iam-user": "UserName", "aws.kinesis": "StreamName",
    "aws.kms-key": "KeyId", "aws.lambda": "FunctionName", "aws.network-addr": "AllocationId",
    "aws.rds": "DBInstanceIdentifier", "aws.rds-cluster": "DBClusterIdentifier",
    "aws.rds-cluster-snapshot": "DBClusterSnapshotIdentifier", "aws.rds-snapshot": "DBSnapshotIdentifier",
    "aws.s3": "Name", "aws.security-group": "GroupId", "aws.sns": "TopicArn", "aws.subnet": "SubnetId",
    "aws.vpc": "VpcId"}


def environment(endpoint, keys):
    """The environment of a judge: nothing of this machine's user but the path."""
    return {
        "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"]}


def ask_prowler(program, checks, regions, out, account, env):
    """Writes OUT/ACCOUNT.ocsf.json."""
    log = out / f"{account}.log"
    with open(log, "w", encoding="utf-8") as stream:
        code = subprocess.run(
            [program, "aws", "--region", *regions, "--checks", *checks, "--scan-unused-services",
             "--ignore-exit-code-3", "--no-banner", "--no-color", "--output-formats", "json-ocsf",
             "--output-directory", out, "--output-filename", account],
            env=env, stdout=stream, stderr=stream, check=False).returncode
    if code:
        raise Unanswered(f"prowler ended with {code} in {account}; see {log}")


def read_prowler(out, checks):
    """{check: violations}"""
    found, heard = {check: set() for check in checks}, set()
    for file in sorted(out.glob("*.ocsf.json")):
        for finding in json.loads(file.read_text(encoding="utf-8")):
            check = finding["metadata"]["event_code"]
            heard.add(check)
            if finding["status_code"] == "FAIL" and check in found:
                account = finding["cloud"]["account"]["uid"]
                for resource in finding["resources"]:
                    found[check].add(Violation(account, resource["region"], resource["uid"]))
    if silent := sorted(set(checks) - heard):
        raise Unanswered(f"prowler says nothing of {', '.join(silent)}")
    return found


def ask_custodian(program, policies, regions, out, account, env):
    """Writes OUT/ACCOUNT/REGION/POLICY/resources.json."""
    # Of several regions it would ask the first alone for what it takes to be an account's, as default encryption.
    for region in regions:
        log = out / f"{account}.{region}.log"
        with open(log, "w", encoding="utf-8") as stream:
            code = subprocess.run(
                [program, "run", "--cache-period", "0", "--region", region, "--output-dir", out / account / region,
                 policies], env=env, stdout=stream, stderr=stream, check=False).returncode
        if code:
            raise Unanswered(f"custodian ended with {code} in {account}; see {log}")


def read_custodian(out, names):
    """{policy's name: violations}"""
    found, heard = {name: set() for name in names}, set()
    for file in sorted(out.glob("*/*/*/resources.json")):
        account, region, name = file.relative_to(out).parts[:3]
        heard.add(name)
        if name not in found:
            continue
        metadata = json.loads(file.with_name("metadata.json").read_text(encoding="utf-8"))
        key = CUSTODIAN_IDS[metadata["policy"]["resource"]]
        for resource in json.loads(file.read_text(encoding="utf-8")):
            # All buckets are listed in each region.
            where = resource["Location"].get("LocationConstraint") or "us-east-1" if "Location" in resource else region
            found[name].add(Violation(account, where, resource[key]))
    if silent := sorted(set(names) - heard):
        raise Unanswered(f"custodian says nothing of {', '.join(silent)}")
    return found
