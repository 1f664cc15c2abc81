"""What boto3's own paginators list of every asset type: the truth that collected tables must equal.

Ids are what AWS itself calls each thing: the column that is the key of the table. A trail is listed
in its home region only, snapshots only where the account owns them. Buckets are one list for each
account; the regions that they lie in are told apart by `bucket_regions`.
"""
from .cloud import GLOBAL

REGIONAL = {  # table: (service, operation, arguments, ids in one page)
    "aws_ec2_instance": ("ec2", "describe_instances", {}, lambda p: [
        i["InstanceId"] for r in p["Reservations"] for i in r["Instances"]]),
    "aws_ebs_volume": ("ec2", "describe_volumes", {}, lambda p: [v["VolumeId"] for v in p["Volumes"]]),
    "aws_ebs_snapshot": ("ec2", "describe_snapshots", {"OwnerIds": ["self"]}, lambda p: [
        s["SnapshotId"] for s in p["Snapshots"]]),
    "aws_vpc": ("ec2", "describe_vpcs", {}, lambda p: [v["VpcId"] for v in p["Vpcs"]]),
    "aws_vpc_subnet": ("ec2", "describe_subnets", {}, lambda p: [s["SubnetId"] for s in p["Subnets"]]),
    "aws_vpc_security_group": ("ec2", "describe_security_groups", {}, lambda p: [
        g["GroupId"] for g in p["SecurityGroups"]]),
    "aws_vpc_security_group_rule": ("ec2", "describe_security_group_rules", {}, lambda p: [
        r["SecurityGroupRuleId"] for r in p["SecurityGroupRules"]]),
    "aws_vpc_flow_log": ("ec2", "describe_flow_logs", {}, lambda p: [f["FlowLogId"] for f in p["FlowLogs"]]),
    "aws_vpc_eip": ("ec2", "describe_addresses", {}, lambda p: [a["AllocationId"] for a in p["Addresses"]]),
    "aws_ec2_network_interface": ("ec2", "describe_network_interfaces", {}, lambda p: [
        n["NetworkInterfaceId"] for n in p["NetworkInterfaces"]]),
    "aws_rds_db_instance": ("rds", "describe_db_instances", {}, lambda p: [
        d["DBInstanceIdentifier"] for d in p["DBInstances"]]),
    "aws_lambda_function": ("lambda", "list_functions", {}, lambda p: [f["FunctionName"] for f in p["Functions"]]),
    "aws_kms_key": ("kms", "list_keys", {}, lambda p: [k["KeyId"] for k in p["Keys"]]),
    "aws_cloudtrail_trail": ("cloudtrail", "describe_trails", {"includeShadowTrails": False}, lambda p: [
        t["Name"] for t in p["trailList"]]),
    "aws_ec2_application_load_balancer": ("elbv2", "describe_load_balancers", {}, lambda p: [
        b["LoadBalancerArn"] for b in p["LoadBalancers"] if b["Type"] == "application"]),
    "aws_dynamodb_table": ("dynamodb", "list_tables", {}, lambda p: p["TableNames"]),
    "aws_sqs_queue": ("sqs", "list_queues", {}, lambda p: [u.rsplit("/", 1)[1] for u in p.get("QueueUrls", [])]),
    "aws_sns_topic": ("sns", "list_topics", {}, lambda p: [t["TopicArn"] for t in p["Topics"]]),
    "aws_guardduty_detector": ("guardduty", "list_detectors", {}, lambda p: p["DetectorIds"]),
}


def observed(cloud, accounts, regions):
    """Returns {table: {account: {region: [ids]}}}, each list sorted."""
    tables = {}

    def put(table, account, region, ids):
        tables.setdefault(table, {}).setdefault(account, {})[region] = sorted(ids)

    for account in accounts:
        for region in regions:
            for table, (service, operation, arguments, ids) in REGIONAL.items():
                client = cloud.client(service, account.id, region)
                put(table, account.id, region, ids_of(client, operation, arguments, ids))
        for table, ids in _global(cloud, account).items():
            put(table, account.id, GLOBAL, ids)
    return dict(sorted(tables.items()))


def bucket_regions(cloud, accounts):
    """Returns {account: {bucket: region}}."""
    regions = {}
    for account in accounts:
        s3 = cloud.client("s3", account.id, "us-east-1")
        names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
        regions[account.id] = {
            n: s3.get_bucket_location(Bucket=n)["LocationConstraint"] or "us-east-1" for n in sorted(names)}
    return regions


def ids_of(client, operation, arguments, ids):
    """The ids in all pages of an operation."""
    if client.can_paginate(operation):
        pages = client.get_paginator(operation).paginate(**arguments)
    else:
        pages = [getattr(client, operation)(**arguments)]
    return [i for page in pages for i in ids(page)]


def _global(cloud, account):
    iam = cloud.client("iam", account.id, "us-east-1")
    ec2 = cloud.client("ec2", account.id, "us-east-1")
    s3 = cloud.client("s3", account.id, "us-east-1")
    users = ids_of(iam, "list_users", {}, lambda p: [u["UserName"] for u in p["Users"]])
    keys = [k for user in users for k in ids_of(iam, "list_access_keys", {"UserName": user}, lambda p: [
        k["AccessKeyId"] for k in p["AccessKeyMetadata"]])]
    return {
        "aws_account": [account.id],
        "aws_region": [r["RegionName"] for r in ec2.describe_regions()["Regions"]],
        "aws_s3_bucket": [b["Name"] for b in s3.list_buckets()["Buckets"]],
        "aws_iam_user": users,
        "aws_iam_access_key": keys,
        "aws_iam_role": ids_of(iam, "list_roles", {}, lambda p: [r["RoleName"] for r in p["Roles"]]),
        "aws_iam_group": ids_of(iam, "list_groups", {}, lambda p: [g["GroupName"] for g in p["Groups"]]),
        "aws_iam_policy": ids_of(iam, "list_policies", {"OnlyAttached": True}, lambda p: [
            d["Arn"] for d in p["Policies"]]),
        # Both have one row for each account, the second one even where there is no password policy.
        "aws_iam_account_summary": [account.id],
        "aws_iam_account_password_policy": [account.id],
    }
