"""What happens in the estate on the days after the first: repairs, mistakes, farewells and newcomers."""
from . import compute, identity, messages, storage
from .cloud import GLOBAL
from .network import ANYWHERE, tcp

SSH_GROUP = ("aws-vpc-security-group-no-internet-ssh", "aws-vpc-security-group-no-internet-access")
SSH_INSTANCE = ("aws-ec2-instance-not-public", "aws-ec2-instance-no-internet-ssh")


def day_2(change):
    prod, dev, root = change.scopes("prod"), change.scopes("dev"), change.scopes("root")
    _repairs(change, dev[0], dev[1])
    _farewells(change, dev[0], dev[1])
    _mistakes(root[0], prod[0], prod[1])
    _newcomers(prod[0], dev[0])


def day_3(change):
    """A repair does not hold, a mistake is mended, and another one is made."""
    prod, dev = change.scopes("prod"), change.scopes("dev")
    group, instance = _bastion(dev[0])
    _open_ssh(dev[0], group, instance)
    group, instance = _bastion(prod[0])
    _close_ssh(change, prod[0], group, instance)
    bucket = storage.bucket_name(prod[0], "orders")
    prod[0].client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    change.fixed(prod[0], bucket, "aws-s3-bucket-versioning-enabled")
    table = prod[1].client("dynamodb")
    table.update_continuous_backups(TableName="carts", PointInTimeRecoverySpecification={
        "PointInTimeRecoveryEnabled": False})
    prod[1].flag("carts", {"aws-dynamodb-table-point-in-time-recovery": True})


def _repairs(change, home, second):
    exports, scratch = storage.bucket_name(second, "exports"), storage.bucket_name(home, "scratch")
    second.client("s3").put_public_access_block(Bucket=exports, PublicAccessBlockConfiguration=storage.BLOCKED)
    change.fixed(second, exports, "aws-s3-bucket-not-public", "aws-s3-bucket-no-public-list",
                 "aws-s3-bucket-public-access-block")
    home.client("s3").put_bucket_versioning(Bucket=scratch, VersioningConfiguration={"Status": "Enabled"})
    change.fixed(home, scratch, "aws-s3-bucket-versioning-enabled")

    group, instance = _bastion(home)
    _close_ssh(change, home, group, instance)
    home.client("ec2").modify_instance_metadata_options(InstanceId=instance, HttpTokens="required",
                                                        HttpEndpoint="enabled")
    change.fixed(home, instance, "aws-ec2-instance-imdsv2-required")
    public = _snapshot(home, "demo-data")
    home.client("ec2").modify_snapshot_attribute(SnapshotId=public, Attribute="createVolumePermission",
                                                 OperationType="remove", GroupNames=["all"])
    change.fixed(home, public, "aws-ebs-snapshot-not-public")

    key = _key(home, "shop-data")
    home.client("kms").enable_key_rotation(KeyId=key)
    change.fixed(home, key, "aws-kms-key-rotation-enabled")
    home.client("rds").modify_db_instance(DBInstanceIdentifier="wordpress", PubliclyAccessible=False,
                                          BackupRetentionPeriod=7, ApplyImmediately=True)
    change.fixed(home, "wordpress", "aws-rds-db-instance-not-publicly-accessible", "aws-rds-db-instance-backups-kept")
    second.client("dynamodb").update_continuous_backups(TableName="carts", PointInTimeRecoverySpecification={
        "PointInTimeRecoveryEnabled": True})
    change.fixed(second, "carts", "aws-dynamodb-table-point-in-time-recovery")
    second.client("lambda").remove_permission(FunctionName="webhook", StatementId="anybody")
    change.fixed(second, "webhook", "aws-lambda-function-not-public")
    sqs = home.client("sqs")
    sqs.set_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName="webhooks")["QueueUrl"], Attributes={"Policy": ""})
    change.fixed(home, "webhooks", "aws-sqs-queue-not-public")

    home.client("cloudtrail").start_logging(Name="forgotten")
    change.fixed(home, home.account.id, "aws-cloudtrail-account-multi-region-trail", region=GLOBAL)
    detectors = second.client("guardduty")
    detectors.update_detector(DetectorId=detectors.list_detectors()["DetectorIds"][0], Enable=True)
    change.fixed(second, second.account.id, "aws-guardduty-region-detector-enabled")
    identity.give_mfa(home, "bob")
    change.fixed(home, "bob", "aws-iam-user-console-mfa", region=GLOBAL)
    identity.set_password_policy(home, strict=True)
    change.fixed(home, home.account.id, "aws-iam-account-password-policy", region=GLOBAL)


def _farewells(change, home, second):
    ec2, iam = home.client("ec2"), home.client("iam")
    reports = storage.bucket_name(home, "reports")
    home.client("s3").delete_bucket(Bucket=reports)
    change.gone(home, reports)
    for address in ec2.describe_addresses()["Addresses"]:
        if not address.get("AssociationId"):
            ec2.release_address(AllocationId=address["AllocationId"])
            change.gone(home, address["AllocationId"])
    span = _group(second, "span")
    second.client("ec2").delete_security_group(GroupId=span)
    change.gone(second, span)
    upgrade = _snapshot(home, "before-upgrade")
    ec2.delete_snapshot(SnapshotId=upgrade)
    change.gone(home, upgrade)
    home.client("lambda").delete_function(FunctionName="webhook")
    change.gone(home, "webhook")

    # A volume cannot be encrypted in place: an encrypted one takes its place.
    home.made["key"] = _key(home, "shop-data")
    plain = _tagged(ec2, "volume", "dump")
    compute.make_volume(home, "dump-encrypted", 40, encrypted=True)
    ec2.delete_volume(VolumeId=plain)
    change.gone(home, plain)

    for key in iam.list_access_keys(UserName="dave")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="dave", AccessKeyId=key["AccessKeyId"])
        change.gone(home, key["AccessKeyId"], region=GLOBAL)
    iam.delete_user_policy(UserName="dave", PolicyName="wide")
    iam.delete_user(UserName="dave")
    change.gone(home, "dave", region=GLOBAL)

    # AWS goes on listing a terminated instance for an hour: it is no violation, but it is not gone.
    legacy = _tagged(second.client("ec2"), "instance", "legacy")
    second.client("ec2").terminate_instances(InstanceIds=[legacy])
    change.fixed(second, legacy, "aws-ec2-instance-imdsv2-required", "aws-ec2-instance-current-generation")


def _mistakes(root, home, second):
    group, instance = _bastion(home)
    _open_ssh(home, group, instance)
    orders = storage.bucket_name(home, "orders")
    home.client("s3").put_bucket_versioning(Bucket=orders, VersioningConfiguration={"Status": "Suspended"})
    home.flag(orders, {"aws-s3-bucket-versioning-enabled": True})
    home.client("rds").modify_db_instance(DBInstanceIdentifier="orders", DeletionProtection=False,
                                          ApplyImmediately=True)
    home.flag("orders", {"aws-rds-db-instance-deletion-protection": True})
    topic = f"arn:aws:sns:{home.region}:{home.account.id}:receipts"
    home.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=messages.policy(
        home, "SNS:Publish", topic, "everyone"))
    home.flag(topic, {"aws-sns-topic-not-public": True})

    key = _key(second, "shop-data")
    second.client("kms").disable_key_rotation(KeyId=key)
    second.flag(key, {"aws-kms-key-rotation-enabled": True})
    elb = second.client("elbv2")
    balancer = elb.describe_load_balancers(Names=["shop-web"])["LoadBalancers"][0]["LoadBalancerArn"]
    elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[
        {"Key": "access_logs.s3.enabled", "Value": "false"}])
    second.flag(balancer, {"aws-elb-application-load-balancer-access-logs": True})

    iam = root.client("iam")
    device = iam.list_mfa_devices(UserName="break-glass")["MFADevices"][0]["SerialNumber"]
    iam.deactivate_mfa_device(UserName="break-glass", SerialNumber=device)
    root.flag("break-glass", {"aws-iam-user-console-mfa": True}, GLOBAL)


def _newcomers(prod, dev):
    storage.make_bucket(dev, storage.bucket_name(dev, "hackathon"), ("public-acl", "encrypted"))
    compute.make_volume(prod, "migration", 80, encrypted=False)
    identity.make_user(prod, "frank", ["console", "group"])
    messages.make_queue(dev, "imports", encrypted=False, public="everyone")
    storage.make_bucket(prod, storage.bucket_name(prod, "invoices"), storage.GOOD)


def _bastion(scope):
    return _group(scope, "bastion"), _tagged(scope.client("ec2"), "instance", "bastion")


def _open_ssh(scope, group, instance):
    scope.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(22, v4=[ANYWHERE])])
    scope.flag(group, dict.fromkeys(SSH_GROUP, True))
    scope.flag(instance, dict.fromkeys(SSH_INSTANCE, True))


def _close_ssh(change, scope, group, instance):
    scope.client("ec2").revoke_security_group_ingress(GroupId=group, IpPermissions=[tcp(22, v4=[ANYWHERE])])
    change.fixed(scope, group, *SSH_GROUP)
    change.fixed(scope, instance, *SSH_INSTANCE)


def _group(scope, name):
    named = [{"Name": "group-name", "Values": [name]}]
    return scope.client("ec2").describe_security_groups(Filters=named)["SecurityGroups"][0]["GroupId"]


def _snapshot(scope, description):
    named = [{"Name": "description", "Values": [description]}]
    return scope.client("ec2").describe_snapshots(OwnerIds=["self"], Filters=named)["Snapshots"][0]["SnapshotId"]


def _tagged(ec2, resource_type, name):
    named = [{"Name": "resource-type", "Values": [resource_type]}, {"Name": "key", "Values": ["Name"]},
             {"Name": "value", "Values": [name]}]
    return ec2.describe_tags(Filters=named)["Tags"][0]["ResourceId"]


def _key(scope, alias):
    return scope.client("kms").describe_key(KeyId=f"alias/{alias}")["KeyMetadata"]["KeyId"]
