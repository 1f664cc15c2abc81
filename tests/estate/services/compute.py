"""Instances, volumes and snapshots."""
from .cloud import tagged

LINUX_ARM, LINUX_X86, WINDOWS = "ami-0a11aaaaaaaaaaaa1", "ami-0a22bbbbbbbbbbbb2", "ami-0a33cccccccccccc3"
ROOT_DEVICES = {WINDOWS: "/dev/sda1"}
OLD_GENERATIONS = ("t1.", "m1.", "m2.", "m3.", "c1.", "c3.")


def build(scope):
    _instances(scope)
    _volumes(scope)
    _forget_image_snapshots(scope)


def run_instance(scope, name, image, kind, subnet, group, *, imdsv2=True, encrypted=True, stopped=False):
    """Starts one instance, and stops it if `stopped`; flags what is wrong with it and with its root volume, and returns its id."""
    ec2 = scope.client("ec2")
    instance = ec2.run_instances(
        ImageId=image, InstanceType=kind, MinCount=1, MaxCount=1,
        MetadataOptions={"HttpTokens": "required" if imdsv2 else "optional", "HttpEndpoint": "enabled"},
        SubnetId=subnet, SecurityGroupIds=[group],
        BlockDeviceMappings=[{"DeviceName": ROOT_DEVICES.get(image, "/dev/xvda"), "Ebs": {
            "VolumeSize": scope.random.choice([8, 20, 50]), "VolumeType": "gp3",
            "DeleteOnTermination": True} | _encryption(scope, encrypted)}],
        TagSpecifications=tagged("instance", scope.tags(name)))["Instances"][0]["InstanceId"]
    # What a stopped instance runs on is of no concern before it is started.
    scope.flag(instance, {"aws-ec2-instance-imdsv2-required": not imdsv2,
                          "aws-ec2-instance-current-generation": kind.startswith(OLD_GENERATIONS) and not stopped})
    attached = [{"Name": "attachment.instance-id", "Values": [instance]}]
    for volume in ec2.describe_volumes(Filters=attached)["Volumes"]:
        scope.flag(volume["VolumeId"], {"aws-ebs-volume-encrypted": not encrypted})
    if stopped:
        ec2.stop_instances(InstanceIds=[instance])
    return instance


def _instances(scope):
    ec2, subnets, groups = scope.client("ec2"), scope.made["subnets"], scope.made["groups"]
    private = subnets["private-a"]
    if scope.within("root"):
        if scope.home:
            run_instance(scope, "directory", LINUX_ARM, "t4g.small", private, groups["app"])
        return
    size = scope.random.choice(["m7g.large", "m7g.xlarge"])
    scope.made["server"] = run_instance(scope, "storefront", LINUX_ARM, size, private, groups["app"])
    bastion = run_instance(scope, "bastion", LINUX_X86, "t3.micro", subnets["public-a"], groups["bastion"],
                           imdsv2=scope.within("prod"))
    open_to_all = scope.within("dev")
    scope.flag(bastion, {"aws-ec2-instance-not-public": open_to_all,
                         "aws-ec2-instance-no-internet-ssh": open_to_all})
    ec2.associate_address(AllocationId=scope.made["address"], InstanceId=bastion)
    if scope.within("dev"):
        run_instance(scope, "build", LINUX_X86, "m1.small", private, groups["app"],
                     imdsv2=False, encrypted=False, stopped=True)
        run_instance(scope, "legacy", WINDOWS, "m3.medium", subnets["private-b"], groups["app"], imdsv2=False)
    if scope.within("dev") and scope.home:
        gone = run_instance(scope, "experiment", LINUX_ARM, "t4g.nano", private, groups["app"])
        ec2.terminate_instances(InstanceIds=[gone])


def make_volume(scope, name, size, *, encrypted, instance=None):
    """Makes a volume in the first zone, attached to `instance` if given; returns its id."""
    ec2 = scope.client("ec2")
    volume = ec2.create_volume(
        AvailabilityZone=scope.region + "a", Size=size, VolumeType="gp3",
        TagSpecifications=tagged("volume", scope.tags(name)), **_encryption(scope, encrypted))["VolumeId"]
    if instance:
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    scope.flag(volume, {"aws-ebs-volume-encrypted": not encrypted, "aws-ebs-volume-attached": not instance})
    return volume


def make_snapshot(scope, volume, name, *, encrypted, public=False):
    """Makes a snapshot of `volume`, shared with everybody if `public`; returns its id."""
    ec2 = scope.client("ec2")
    snapshot = ec2.create_snapshot(VolumeId=volume, Description=name,
                                   TagSpecifications=tagged("snapshot", scope.tags(name)))["SnapshotId"]
    if public:
        ec2.modify_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission",
                                      OperationType="add", GroupNames=["all"])
    scope.flag(snapshot, {"aws-ebs-snapshot-encrypted": not encrypted, "aws-ebs-snapshot-not-public": public})
    return snapshot


def _encryption(scope, encrypted):
    # The key is named, as moto's own default key would look like one that the account forgot to rotate.
    return {"Encrypted": True, "KmsKeyId": scope.made["key"]} if encrypted else {"Encrypted": False}


def _volumes(scope):
    sizes = scope.random.sample([10, 40, 100, 250, 500], 3)
    if scope.within("root"):
        return
    data = make_volume(scope, "orders-data", sizes[0], encrypted=True, instance=scope.made["server"])
    make_snapshot(scope, data, "nightly-orders", encrypted=True)
    if scope.within("prod"):
        make_volume(scope, "orders-old", sizes[1], encrypted=True)
        return
    dump = make_volume(scope, "dump", sizes[1], encrypted=False)
    make_snapshot(scope, dump, "demo-data", encrypted=False, public=True)
    make_snapshot(scope, dump, "before-upgrade", encrypted=False)
    if scope.home:
        make_volume(scope, "scratch", sizes[2], encrypted=True)


def _forget_image_snapshots(scope):
    """Removes the stock images: moto counts their snapshots as the account's own, which AWS does not."""
    ec2 = scope.client("ec2")
    for image in ec2.describe_images()["Images"]:
        ec2.deregister_image(ImageId=image["ImageId"])
        for mapping in image["BlockDeviceMappings"]:
            ec2.delete_snapshot(SnapshotId=mapping["Ebs"]["SnapshotId"])
