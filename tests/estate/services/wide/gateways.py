"""The ways out of a VPC and into it: gateways, endpoints, peerings, route tables, network ACLs, DHCP options."""
import json

from ..cloud import tagged

ANYWHERE = "0.0.0.0/0"


def build(scope):
    _gateways(scope)
    _nat_and_routes(scope)
    _endpoints(scope)
    _network_acl(scope)
    _far_ends(scope)
    # Inside the account, so that names may be resolved.
    peer(scope, scope, scope.made["analytics-vpc"], resolve_names=True)


def _gateways(scope):
    ec2 = scope.client("ec2")
    scope.made["analytics-vpc"] = ec2.create_vpc(
        CidrBlock="172.20.0.0/16", AmazonProvidedIpv6CidrBlock=True,
        TagSpecifications=tagged("vpc", scope.tags("analytics-vpc")))["Vpc"]["VpcId"]
    unused = ec2.create_internet_gateway(
        TagSpecifications=tagged("internet-gateway", scope.tags("old-gateway")))["InternetGateway"]["InternetGatewayId"]
    scope.flag(unused, {"aws-vpc-internet-gateway-attached": True})
    scope.made["egress"] = ec2.create_egress_only_internet_gateway(
        VpcId=scope.made["analytics-vpc"],
        TagSpecifications=tagged("egress-only-internet-gateway", scope.tags("egress")),
    )["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    options = ec2.create_dhcp_options(
        DhcpConfigurations=[{"Key": "domain-name", "Values": ["shop.example.org"]},
                            {"Key": "domain-name-servers", "Values": ["172.20.0.10", "172.20.1.10"]}],
        TagSpecifications=tagged("dhcp-options", scope.tags("dhcp")))["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=scope.made["analytics-vpc"])


def _nat_and_routes(scope):
    """A NAT gateway for the private subnets, and the IPv6 way out of the second VPC."""
    ec2, subnets = scope.client("ec2"), scope.made["subnets"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(
        SubnetId=subnets["public-a"], AllocationId=address,
        TagSpecifications=tagged("natgateway", scope.tags("way-out")))["NatGateway"]["NatGatewayId"]
    if scope.home:
        ec2.create_nat_gateway(SubnetId=subnets["private-b"], ConnectivityType="private")
    table = _route_table(ec2, scope.made["vpc"], scope.tags("private-routes"))
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, NatGatewayId=nat)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnets["private-a"])
    scope.made["private-routes"] = table
    second = _route_table(ec2, scope.made["analytics-vpc"], scope.tags("analytics-routes"))
    ec2.create_route(RouteTableId=second, DestinationIpv6CidrBlock="::/0",
                     EgressOnlyInternetGatewayId=scope.made["egress"])


def _route_table(ec2, vpc, tags):
    made = ec2.create_route_table(VpcId=vpc, TagSpecifications=tagged("route-table", tags))
    return made["RouteTable"]["RouteTableId"]


def _endpoints(scope):
    ec2 = scope.client("ec2")
    reading = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}]}
    ec2.create_vpc_endpoint(
        VpcId=scope.made["vpc"], ServiceName=f"com.amazonaws.{scope.region}.s3", VpcEndpointType="Gateway",
        RouteTableIds=[scope.made["private-routes"]], PolicyDocument=json.dumps(reading),
        TagSpecifications=tagged("vpc-endpoint", scope.tags("to-s3")))
    ec2.create_vpc_endpoint(
        VpcId=scope.made["vpc"], ServiceName=f"com.amazonaws.{scope.region}.sqs", VpcEndpointType="Interface",
        SubnetIds=[scope.made["subnets"]["private-a"]], SecurityGroupIds=[scope.made["groups"]["app"]],
        PrivateDnsEnabled=True)


def _network_acl(scope):
    """A list for the public subnet, which lets the internet's SSH in if the account is sloppy."""
    ec2, subnet = scope.client("ec2"), scope.made["subnets"]["public-a"]
    acl = ec2.create_network_acl(VpcId=scope.made["vpc"], TagSpecifications=tagged(
        "network-acl", scope.tags("edge-acl")))["NetworkAcl"]["NetworkAclId"]
    sloppy = scope.within("dev")
    entries = [(100, "6", ANYWHERE if sloppy else "198.51.100.0/24", {"From": 22, "To": 22}),
               (110, "6", ANYWHERE, {"From": 443, "To": 443})]
    for number, protocol, cidr, ports in entries:
        ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=number, Protocol=protocol, RuleAction="allow",
                                     Egress=False, CidrBlock=cidr, PortRange=ports)
    guarding = [{"Name": "association.subnet-id", "Values": [subnet]}]
    former = ec2.describe_network_acls(Filters=guarding)["NetworkAcls"][0]["Associations"]
    association = next(a for a in former if a["SubnetId"] == subnet)["NetworkAclAssociationId"]
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)
    scope.flag(acl, {"aws-vpc-network-acl-no-internet-admin": sloppy})


def _far_ends(scope):
    """What a company's own network is connected with."""
    ec2 = scope.client("ec2")
    ec2.create_customer_gateway(Type="ipsec.1", PublicIp="203.0.113.9", BgpAsn=65010, TagSpecifications=tagged(
        "customer-gateway", scope.tags("office")))
    gateway = ec2.create_vpn_gateway(Type="ipsec.1", AmazonSideAsn=65020, TagSpecifications=tagged(
        "vpn-gateway", scope.tags("office-vpn")))["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpnGatewayId=gateway, VpcId=scope.made["vpc"])
    auto = scope.within("dev")
    hub = ec2.create_transit_gateway(
        Description="hub", Options={"AutoAcceptSharedAttachments": "enable" if auto else "disable"},
        TagSpecifications=tagged("transit-gateway", scope.tags("hub")))["TransitGateway"]["TransitGatewayId"]
    scope.flag(hub, {"aws-vpc-transit-gateway-no-auto-accept": auto})


def peer(scope, other, vpc, *, resolve_names):
    """Peers the scope's VPC with another one, which may be another account's; returns the id."""
    ec2 = scope.client("ec2")
    peering = ec2.create_vpc_peering_connection(
        VpcId=scope.made["vpc"], PeerVpcId=vpc, PeerOwnerId=other.account.id, PeerRegion=other.region,
        TagSpecifications=tagged("vpc-peering-connection", scope.tags("peering")),
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    other.client("ec2").accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    if resolve_names:
        ec2.modify_vpc_peering_connection_options(
            VpcPeeringConnectionId=peering, RequesterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True})
    return peering
