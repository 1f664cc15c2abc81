#!/usr/bin/env python3
"""Makes assets that fixes repair, in a running moto_server, and tells their live state through boto3.

    python fixes.py --endpoint http://127.0.0.1:PORT make GROUP      # prints what violates which policy
    python fixes.py --endpoint http://127.0.0.1:PORT observe         # prints what fixes change, field by field

Everything is in one account and us-east-1. Ids that come anew when an asset is made again are left out of what is
observed.
"""
import argparse
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"
ALL = "http://acs.amazonaws.com/groups/global/AllUsers"


class Estate:
    def __init__(self, endpoint):
        self.endpoint, self.clients, self.violations = endpoint, {}, []

    def __getattr__(self, service):
        name = {"lambda_": "lambda"}.get(service, service)
        if name not in self.clients:
            self.clients[name] = boto3.client(
                name, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
                aws_secret_access_key="loopback", config=Config(retries={"max_attempts": 1}, inject_host_prefix=False))
        return self.clients[name]

    def violates(self, policy, asset):
        self.violations.append({"policy": policy, "asset": asset})


def make_storage(estate):
    s3 = estate.s3
    s3.create_bucket(Bucket="fix-logs")
    s3.put_bucket_policy(Bucket="fix-logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
         "Resource": "arn:aws:s3:::fix-logs/*"}]}))
    s3.create_bucket(Bucket="fix-open")
    s3.put_bucket_acl(Bucket="fix-open", ACL="public-read")
    s3.put_bucket_policy(Bucket="fix-open", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "All", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::fix-open/*"}]}))
    s3.create_bucket(Bucket="fix-half")
    s3.put_bucket_acl(Bucket="fix-half", ACL="public-read")
    s3.put_public_access_block(Bucket="fix-half", PublicAccessBlockConfiguration={
        "BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False})
    s3.create_bucket(Bucket="fix-shared")
    s3.put_bucket_policy(Bucket="fix-shared", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "All", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::fix-shared/*"},
        {"Sid": "Partner", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222233334444:root"},
         "Action": "s3:PutObject", "Resource": "arn:aws:s3:::fix-shared/*"}]}))
    for bucket in ("fix-open", "fix-half", "fix-shared"):
        estate.violates("aws-s3-bucket-not-public", bucket)
    for policy in ("aws-s3-bucket-versioning-enabled", "aws-s3-bucket-access-logging-enabled"):
        estate.violates(policy, "fix-open")
    estate.violates("aws-s3-bucket-encryption-enabled", "fix-open")
    volume = estate.ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    snapshot = estate.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    estate.ec2.modify_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add",
                                         GroupNames=["all"])
    estate.violates("aws-ebs-snapshot-not-public", snapshot)
    key = estate.kms.create_key(Description="orders")["KeyMetadata"]["KeyId"]
    estate.violates("aws-kms-key-rotation-enabled", key)
    estate.cloudtrail.create_trail(Name="trail", S3BucketName="fix-logs", IncludeGlobalServiceEvents=True)
    estate.violates("aws-cloudtrail-trail-log-file-validation", "trail/trail")
    estate.violates("aws-cloudtrail-account-multi-region-trail", "")
    estate.iam.create_user(UserName="robot")
    access_key = estate.iam.create_access_key(UserName="robot")["AccessKey"]["AccessKeyId"]
    estate.violates("aws-iam-access-key-rotated", access_key)


def opened(estate, name, vpc, port):
    group = estate.ec2.create_security_group(GroupName=name, Description=name + " of the shop", VpcId=vpc)["GroupId"]
    estate.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "inside"}]}])
    return group


def make_network(estate):
    ec2 = estate.ec2
    estate.s3.create_bucket(Bucket="fix-flows")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    subnets = [s["SubnetId"] for s in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    estate.violates("aws-vpc-flow-logs-enabled", vpc)
    default = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}])
    estate.violates("aws-vpc-default-security-group-closed", default["SecurityGroups"][0]["GroupId"])
    address = ec2.allocate_address(Domain="vpc")
    ec2.create_tags(Resources=[address["AllocationId"]], Tags=[{"Key": "Name", "Value": "spare"}])
    estate.violates("aws-vpc-eip-in-use", address["AllocationId"])
    unused = opened(estate, "unused", vpc, 8080)
    ec2.create_tags(Resources=[unused], Tags=[{"Key": "Name", "Value": "left over"}])
    estate.violates("aws-vpc-security-group-in-use", unused)
    admin = opened(estate, "admin", vpc, 22)
    ec2.create_network_interface(SubnetId=subnets[0], Groups=[admin])
    estate.violates("aws-vpc-security-group-no-internet-ssh", admin)
    desktop = opened(estate, "desktop", vpc, 3389)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", NetworkInterfaces=[
        {"DeviceIndex": 0, "SubnetId": subnets[0], "Groups": [desktop], "AssociatePublicIpAddress": True}])["Instances"][0]
    estate.violates("aws-ec2-instance-no-internet-rdp", instance["InstanceId"])
    web = opened(estate, "web", vpc, 80)
    balancer = estate.elbv2.create_load_balancer(Name="web", Subnets=subnets[:2], SecurityGroups=[web], Scheme="internet-facing")
    arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    target = estate.elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    estate.elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": target}])
    estate.violates("aws-elb-application-load-balancer-not-open-to-world", arn)
    old = opened(estate, "old", vpc, 81)
    estate.elb.create_load_balancer(LoadBalancerName="old", Subnets=subnets[:1], SecurityGroups=[old], Scheme="internet-facing",
                                    Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 81, "InstancePort": 81}])
    estate.violates("aws-elb-classic-load-balancer-not-open-to-world", "loadbalancer/old")
    database = opened(estate, "database", vpc, 3306)
    estate.rds.create_db_instance(DBInstanceIdentifier="orders", Engine="mysql", DBInstanceClass="db.t3.micro", AllocatedStorage=20,
                                  MasterUsername="admin", MasterUserPassword="loopback1", PubliclyAccessible=True,
                                  VpcSecurityGroupIds=[database], Port=3306)
    estate.violates("aws-rds-db-instance-not-open-to-world", "db:orders")


def make_data(estate):
    estate.rds.create_db_instance(DBInstanceIdentifier="mail", Engine="mysql", DBInstanceClass="db.t3.micro", AllocatedStorage=20,
                                  MasterUsername="admin", MasterUserPassword="loopback1", PubliclyAccessible=True,
                                  Tags=[{"Key": "Stack", "Value": "shop"}])
    estate.violates("aws-rds-db-instance-not-publicly-accessible", "db:mail")
    estate.redshift.create_cluster(ClusterIdentifier="facts", NodeType="ra3.large", MasterUsername="admin",
                                   MasterUserPassword="Loopback1", PubliclyAccessible=True)
    estate.violates("aws-redshift-cluster-not-publicly-accessible", "cluster:facts")
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "es:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "es:*", "Resource": "*"}]}
    estate.opensearch.create_domain(DomainName="search", EngineVersion="OpenSearch_2.11", AccessPolicies=json.dumps(policy))
    estate.violates("aws-opensearch-domain-not-public", "domain/search")
    # The tagging API of the emulator knows few services.
    estate.violates("aws-assets-mandatory-tags", "db:mail")


def make_snapshots(estate):
    volume = estate.ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    for _ in range(5):
        snapshot = estate.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        estate.ec2.modify_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add",
                                             GroupNames=["all"])
        estate.violates("aws-ebs-snapshot-not-public", snapshot)


def answered(call, *codes, **arguments):
    try:
        found = call(**arguments)
        found.pop("ResponseMetadata", None)
        return found
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise


def rules(permissions):
    return sorted((json.dumps(permission, sort_keys=True) for permission in permissions))


def observe(estate):
    s3, ec2 = estate.s3, estate.ec2
    seen = {}
    for bucket in (b["Name"] for b in s3.list_buckets()["Buckets"]):
        versioning = answered(s3.get_bucket_versioning, Bucket=bucket).get("Status", "Suspended")
        acl = answered(s3.get_bucket_acl, Bucket=bucket)
        seen["bucket " + bucket] = {
            "block": answered(s3.get_public_access_block, "NoSuchPublicAccessBlockConfiguration", Bucket=bucket),
            "policy": answered(s3.get_bucket_policy, "NoSuchBucketPolicy", Bucket=bucket),
            "encryption": answered(s3.get_bucket_encryption, "ServerSideEncryptionConfigurationNotFoundError", Bucket=bucket),
            "logging": answered(s3.get_bucket_logging, Bucket=bucket), "versioning": versioning, "acl": acl["Grants"]}
    for snapshot in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]:
        id = snapshot["SnapshotId"]
        seen["snapshot " + id] = ec2.describe_snapshot_attribute(SnapshotId=id, Attribute="createVolumePermission")["CreateVolumePermissions"]
    for key in estate.kms.list_keys()["Keys"]:
        seen["key " + key["KeyId"]] = estate.kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    for trail in estate.cloudtrail.describe_trails()["trailList"]:
        status = estate.cloudtrail.get_trail_status(Name=trail["TrailARN"])
        seen["trail " + trail["Name"]] = {**trail, "logging": status["IsLogging"]}
    for user in estate.iam.list_users()["Users"]:
        for key in estate.iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]:
            seen["access key " + key["AccessKeyId"]] = key["Status"]
    names = {}
    for group in ec2.describe_security_groups()["SecurityGroups"]:
        names[group["GroupId"]] = f"{group['VpcId']}/{group['GroupName']}"
    for group in ec2.describe_security_groups()["SecurityGroups"]:
        seen["group " + names[group["GroupId"]]] = {
            "description": group["Description"], "tags": group.get("Tags", []), "in": rules(group["IpPermissions"]),
            "out": rules(group["IpPermissionsEgress"])}
    for address in ec2.describe_addresses()["Addresses"]:
        seen["address " + address["PublicIp"]] = {"tags": address.get("Tags", []), "used": address.get("AssociationId")}
    for log in ec2.describe_flow_logs()["FlowLogs"]:
        seen["flow log of " + log["ResourceId"]] = {k: log[k] for k in ("TrafficType", "LogDestinationType")}
    for interface in ec2.describe_network_interfaces()["NetworkInterfaces"]:
        seen["interface " + interface["NetworkInterfaceId"]] = sorted(names[g["GroupId"]] for g in interface["Groups"])
    for balancer in estate.elbv2.describe_load_balancers()["LoadBalancers"]:
        seen["load balancer " + balancer["LoadBalancerName"]] = [names[g] for g in balancer.get("SecurityGroups", [])]
    for balancer in estate.elb.describe_load_balancers()["LoadBalancerDescriptions"]:
        seen["classic " + balancer["LoadBalancerName"]] = [names[g] for g in balancer["SecurityGroups"]]
    for instance in estate.rds.describe_db_instances()["DBInstances"]:
        groups = [g["VpcSecurityGroupId"] for g in instance["VpcSecurityGroups"]]
        seen["database " + instance["DBInstanceIdentifier"]] = {
            "public": instance["PubliclyAccessible"], "groups": groups, "tags": instance.get("TagList", [])}
    for cluster in estate.redshift.describe_clusters()["Clusters"]:
        seen["cluster " + cluster["ClusterIdentifier"]] = cluster["PubliclyAccessible"]
    for domain in estate.opensearch.list_domain_names()["DomainNames"]:
        status = estate.opensearch.describe_domain(DomainName=domain["DomainName"])["DomainStatus"]
        seen["domain " + domain["DomainName"]] = json.loads(status.get("AccessPolicies") or "null")
    return seen


GROUPS = {"storage": make_storage, "network": make_network, "data": make_data, "snapshots": make_snapshots}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="URL of the emulator, on loopback")
    parser.add_argument("what", choices=("make", "observe"))
    parser.add_argument("group", nargs="?", choices=sorted(GROUPS))
    arguments = parser.parse_args()
    estate = Estate(arguments.endpoint)
    if arguments.what == "make":
        GROUPS[arguments.group](estate)
        json.dump(estate.violations, sys.stdout)
    else:
        json.dump(observe(estate), sys.stdout, default=str, indent=1, sort_keys=True)


if __name__ == "__main__":
    main()
