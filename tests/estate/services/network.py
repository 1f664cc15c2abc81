"""VPCs, subnets, security groups, flow logs, elastic IPs and spare network interfaces."""
from .cloud import pairs, tagged

ANYWHERE, ANYWHERE_V6, CORPORATE = "0.0.0.0/0", "::/0", "10.0.0.0/8"


def tcp(first, last=None, v4=(), v6=(), groups=()):
    rule = {"IpProtocol": "tcp", "FromPort": first, "ToPort": last or first}
    if v4:
        rule["IpRanges"] = [{"CidrIp": c} for c in v4]
    if v6:
        rule["Ipv6Ranges"] = [{"CidrIpv6": c} for c in v6]
    if groups:
        rule["UserIdGroupPairs"] = [{"GroupId": g} for g in groups]
    return rule


def build(scope):
    _vpc(scope)
    _default_vpc(scope)
    _security_groups(scope)
    _addresses(scope)


def _default_vpc(scope):
    """Removes the default VPC, as careful organizations do; dev's second region still has its own.

    Our VPC comes first: moto takes the first subnet of a zone for the default one and makes it public.
    """
    ec2 = scope.client("ec2")
    default = [{"Name": "is-default", "Values": ["true"]}]
    vpc = ec2.describe_vpcs(Filters=default)["Vpcs"][0]["VpcId"]
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = [s["SubnetId"] for s in ec2.describe_subnets(Filters=inside)["Subnets"]]
    if scope.within("dev") and not scope.home:
        scope.flag(vpc, {"aws-vpc-flow-logs-enabled": True})
        for subnet in subnets:
            scope.flag(subnet, {"aws-vpc-subnet-no-auto-public-ip": True})
        groups = ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
        _judge_default_group(scope, groups[0]["GroupId"], closed=False)
        return
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def _vpc(scope):
    ec2 = scope.client("ec2")
    net = {"root": 10, "prod": 20, "dev": 30}[scope.account.profile] + scope.regions.index(scope.region)
    vpc = ec2.create_vpc(CidrBlock=f"10.{net}.0.0/16",
                         TagSpecifications=tagged("vpc", scope.tags("shop-vpc")))["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    routes = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=routes, DestinationCidrBlock=ANYWHERE, GatewayId=gateway)
    subnets = {}
    for number, (name, zone) in enumerate([("public-a", "a"), ("private-a", "a"), ("private-b", "b")]):
        subnets[name] = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.{net}.{number}.0/24", AvailabilityZone=scope.region + zone,
            TagSpecifications=tagged("subnet", scope.tags(name)))["Subnet"]["SubnetId"]
    ec2.associate_route_table(RouteTableId=routes, SubnetId=subnets["public-a"])
    auto = scope.within("dev")
    if auto:
        ec2.modify_subnet_attribute(SubnetId=subnets["public-a"], MapPublicIpOnLaunch={"Value": True})
    scope.flag(subnets["public-a"], {"aws-vpc-subnet-no-auto-public-ip": auto})
    logged = scope.within("root") or scope.within("prod") and scope.home
    if logged:
        ec2.create_flow_logs(
            ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogGroupName="/shop/flow",
            DeliverLogsPermissionArn=f"arn:aws:iam::{scope.account.id}:role/flow-logs")
    scope.flag(vpc, {"aws-vpc-flow-logs-enabled": not logged})
    scope.made.update(vpc=vpc, subnets=subnets)


def _security_groups(scope):
    ec2, made = scope.client("ec2"), {}

    def group(name, description, *rules):
        made[name] = ec2.create_security_group(
            GroupName=name, Description=description, VpcId=scope.made["vpc"],
            TagSpecifications=tagged("security-group", scope.tags(name)))["GroupId"]
        if rules:
            ec2.authorize_security_group_ingress(GroupId=made[name], IpPermissions=list(rules))
        return made[name]

    default = ec2.describe_security_groups(Filters=[
        {"Name": "vpc-id", "Values": [scope.made["vpc"]]},
        {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"][0]
    closed = scope.within("root", "prod")
    if closed:
        ec2.revoke_security_group_egress(GroupId=default["GroupId"], IpPermissions=default["IpPermissionsEgress"])
    else:
        # AWS makes this rule itself, moto does not.
        itself = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": default["GroupId"]}]}
        ec2.authorize_security_group_ingress(GroupId=default["GroupId"], IpPermissions=[itself])
    _judge_default_group(scope, default["GroupId"], closed)

    app = group("app", "Application servers", tcp(8080, v4=[CORPORATE]))
    scope.flag(app, {"aws-vpc-security-group-in-use": scope.within("root") and not scope.home})
    if scope.within("prod", "dev"):
        web = group("web", "Load balancers", tcp(443, v4=[ANYWHERE], v6=[ANYWHERE_V6]), tcp(80, v4=[ANYWHERE]))
        scope.flag(web, {"aws-vpc-security-group-no-internet-access": True})
        ec2.authorize_security_group_ingress(GroupId=app, IpPermissions=[tcp(8443, groups=[web])])
        group("db", "Databases", tcp(5432, groups=[app]))
        left = group("leftover", "Nothing uses it", tcp(22, v4=["10.1.2.0/24", "192.168.7.0/24"]))
        scope.flag(left, {"aws-vpc-security-group-in-use": True})
        bastion = group("bastion", "Way in", tcp(22, v4=[ANYWHERE if scope.within("dev") else "198.51.100.0/24"]))
        scope.flag(bastion, {"aws-vpc-security-group-no-internet-ssh": scope.within("dev"),
                             "aws-vpc-security-group-no-internet-access": scope.within("dev")})
    if scope.within("dev"):
        mysql = group("mysql", "Shared database", tcp(3306, v4=[ANYWHERE]))
        scope.flag(mysql, {"aws-vpc-security-group-no-internet-mysql": True,
                           "aws-vpc-security-group-no-internet-access": True})
        desktop = group("remote-desktop", "Over IPv6 only", tcp(3389, v6=[ANYWHERE_V6]))
        scope.flag(desktop, {"aws-vpc-security-group-no-internet-rdp": True, "aws-vpc-security-group-in-use": True,
                             "aws-vpc-security-group-no-internet-access": True})
        span = group("span", "A range that holds port 22", tcp(20, 25, v4=[ANYWHERE]))
        scope.flag(span, {"aws-vpc-security-group-no-internet-ssh": True, "aws-vpc-security-group-in-use": True,
                          "aws-vpc-security-group-no-internet-access": True})
    if scope.within("dev") and scope.home:
        wide = group("wide-open", "All protocols", {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]})
        scope.flag(wide, {f"aws-vpc-security-group-no-internet-{what}": True
                          for what in ("access", "ssh", "rdp", "mysql")})
        scope.flag(wide, {"aws-vpc-security-group-in-use": True})
    scope.made["groups"] = made


def _judge_default_group(scope, group, closed):
    scope.flag(group, {"aws-vpc-default-security-group-closed": not closed})


def _addresses(scope):
    ec2 = scope.client("ec2")
    if scope.within("prod", "dev"):
        scope.made["address"] = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.create_tags(Resources=[scope.made["address"]], Tags=pairs(scope.tags("bastion-address")))
        interface = ec2.create_network_interface(
            SubnetId=scope.made["subnets"]["private-b"], Groups=[scope.made["groups"]["app"]],
            Description="spare")["NetworkInterface"]["NetworkInterfaceId"]
        ec2.create_tags(Resources=[interface], Tags=pairs(scope.tags("spare-interface")))
        scope.flag(interface, {"aws-ec2-network-interface-in-use": True})
    if scope.within("dev") or scope.home:
        unused = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.create_tags(Resources=[unused], Tags=pairs(scope.tags("unused-address")))
        scope.flag(unused, {"aws-vpc-eip-in-use": True})
