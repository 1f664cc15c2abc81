"""Classic, network and gateway load balancers with their target groups and listeners."""
from ..cloud import pairs
from ..storage import log_bucket


def build(scope):
    _classic(scope)
    _network(scope)
    _gateway(scope)


def _classic(scope):
    elb, subnets, groups, good = scope.client("elb"), scope.made["subnets"], scope.made["groups"], scope.within("prod")
    for name, used in (("legacy-web", True), ("legacy-idle", False)):
        elb.create_load_balancer(
            LoadBalancerName=name, Subnets=[subnets["public-a"], subnets["private-b"]],
            SecurityGroups=[groups["web"] if used else groups["app"]], Tags=pairs(scope.tags(name)),
            Scheme="internet-facing" if used else "internal", Listeners=[
                {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstanceProtocol": "HTTP", "InstancePort": 8080}])
        elb.configure_health_check(LoadBalancerName=name, HealthCheck={
            "Target": "HTTP:8080/health", "Interval": 30, "Timeout": 5, "UnhealthyThreshold": 3, "HealthyThreshold": 2})
        if used:
            elb.register_instances_with_load_balancer(LoadBalancerName=name,
                                                      Instances=[{"InstanceId": scope.made["server"]}])
        logs = {"Enabled": True, "S3BucketName": log_bucket(scope), "EmitInterval": 60} if good else {"Enabled": False}
        elb.modify_load_balancer_attributes(LoadBalancerName=name, LoadBalancerAttributes={
            "AccessLog": logs, "CrossZoneLoadBalancing": {"Enabled": good},
            "ConnectionDraining": {"Enabled": True, "Timeout": 60}, "ConnectionSettings": {"IdleTimeout": 90}})
        scope.flag(name, {"aws-elb-classic-load-balancer-access-logs": not good,
                          "aws-elb-classic-load-balancer-cross-zone": not good,
                          "aws-elb-classic-load-balancer-in-use": not used})


def _network(scope):
    elb, subnets, good = scope.client("elbv2"), scope.made["subnets"], scope.within("prod")
    balancer = elb.create_load_balancer(
        Name="shop-tcp", Type="network", Scheme="internet-facing", Subnets=[subnets["public-a"], subnets["private-b"]],
        Tags=pairs(scope.tags("shop-tcp")))["LoadBalancers"][0]["LoadBalancerArn"]
    targets = elb.create_target_group(
        Name="shop-tcp-servers", Protocol="TCP", Port=5432, VpcId=scope.made["vpc"], TargetType="instance",
        Tags=pairs(scope.tags("shop-tcp-servers")))["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=targets, Targets=[{"Id": scope.made["server"]}])
    elb.create_listener(LoadBalancerArn=balancer, Protocol="TCP", Port=5432,
                        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}])
    # AWS always lists it, moto only once it was set.
    elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[
        {"Key": "deletion_protection.enabled", "Value": str(good).lower()}])
    scope.flag(balancer, {"aws-elb-network-load-balancer-deletion-protection": not good})
    scope.made["network-targets"] = targets


def _gateway(scope):
    elb = scope.client("elbv2")
    balancer = elb.create_load_balancer(Name="inspection", Type="gateway", Subnets=[scope.made["subnets"]["private-a"]],
                                        Tags=pairs(scope.tags("inspection")))["LoadBalancers"][0]["LoadBalancerArn"]
    targets = elb.create_target_group(Name="inspectors", Protocol="GENEVE", Port=6081, VpcId=scope.made["vpc"],
                                      TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(LoadBalancerArn=balancer, DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}])
    unused = elb.create_target_group(Name="nobody-asks", Protocol="TCP", Port=9000, VpcId=scope.made["vpc"],
                                     TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
    scope.flag(unused, {"aws-elb-target-group-in-use": True})
