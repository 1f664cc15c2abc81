"""Images, key pairs, launch configurations, Auto Scaling groups and their policies."""
from ..cloud import pairs, tagged


def build(scope):
    _image(scope)
    scope.client("ec2").create_key_pair(KeyName="operators", KeyType="ed25519", TagSpecifications=tagged(
        "key-pair", scope.tags("operators")))
    _launch_configuration(scope)
    _groups(scope)


def _image(scope):
    """An image of the storefront's server, which a sloppy account shares with everybody."""
    ec2, public = scope.client("ec2"), scope.within("dev")
    image = ec2.create_image(InstanceId=scope.made["server"], Name="storefront-golden", Description="monthly",
                             TagSpecifications=tagged("image", scope.tags("golden")))["ImageId"]
    if public:
        ec2.modify_image_attribute(ImageId=image, Attribute="launchPermission",
                                   LaunchPermission={"Add": [{"Group": "all"}]})
    scope.flag(image, {"aws-ec2-ami-not-public": public})
    scope.made["image"] = image


def _launch_configuration(scope):
    good = scope.within("prod")
    scope.client("autoscaling").create_launch_configuration(
        LaunchConfigurationName="workers", ImageId=scope.made["image"], InstanceType="t3.small", KeyName="operators",
        SecurityGroups=[scope.made["groups"]["app"]], AssociatePublicIpAddress=not good,
        InstanceMonitoring={"Enabled": good}, UserData="#!/bin/sh\necho not-a-secret\n",
        MetadataOptions={"HttpTokens": "required" if good else "optional", "HttpEndpoint": "enabled"},
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3"}}])
    scope.flag("workers", {"aws-ec2-launch-configuration-no-public-address": not good})


def _groups(scope):
    scaling, subnets, good = scope.client("autoscaling"), scope.made["subnets"], scope.within("prod")
    zones = [subnets["private-a"], subnets["private-b"]] if good else [subnets["private-a"]]
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="workers", LaunchConfigurationName="workers", MinSize=0, MaxSize=3, DesiredCapacity=0,
        VPCZoneIdentifier=",".join(zones), TargetGroupARNs=[scope.made["network-targets"]],
        HealthCheckType="ELB" if good else "EC2", HealthCheckGracePeriod=120,
        NewInstancesProtectedFromScaleIn=good, Tags=[
            {"ResourceId": "workers", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True} | pair
            for pair in pairs(scope.tags("workers"))])
    scope.flag("workers", {"aws-autoscaling-group-multiple-zones": not good,
                           "aws-autoscaling-group-checks-load-balancer": not good})
    scaling.put_scaling_policy(AutoScalingGroupName="workers", PolicyName="up", PolicyType="SimpleScaling",
                               AdjustmentType="ChangeInCapacity", ScalingAdjustment=1, Cooldown=300)
    scaling.put_scaling_policy(
        AutoScalingGroupName="workers", PolicyName="busy", PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={"TargetValue": 60.0, "PredefinedMetricSpecification": {
            "PredefinedMetricType": "ASGAverageCPUUtilization"}})
