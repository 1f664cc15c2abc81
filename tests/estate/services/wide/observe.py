"""What boto3's own paginators list of the further asset types, in the shape of `services.observe`.

An id is the table's asset id where that begins with `arn:` and its last part alone is not unique; else it
is that last part.
"""
import csv
import io

from ..cloud import GLOBAL
from ..observe import ids_of


def _names(member, key):
    return lambda page: [item[key] for item in page.get(member, [])]


def _balancers(kind):
    return lambda page: [b["LoadBalancerArn"] for b in page["LoadBalancers"] if b["Type"] == kind]


def _clusters(*engines):
    return lambda page: [c["DBClusterIdentifier"] for c in page["DBClusters"] if c["Engine"] in engines]


AURORA = ("aurora-mysql", "aurora-postgresql", "mysql", "postgres")
ALIVE = {"ClusterStates": ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]}
REGIONAL = {  # table: (service, operation, arguments, ids in one page)
    "aws_api_gateway_rest_api": ("apigateway", "get_rest_apis", {}, _names("items", "id")),
    "aws_api_gatewayv2_api": ("apigatewayv2", "get_apis", {}, _names("Items", "ApiId")),
    "aws_athena_workgroup": ("athena", "list_work_groups", {}, _names("WorkGroups", "Name")),
    "aws_backup_plan": ("backup", "list_backup_plans", {}, _names("BackupPlansList", "BackupPlanId")),
    "aws_cloudformation_stack": ("cloudformation", "describe_stacks", {}, _names("Stacks", "StackId")),
    "aws_dax_cluster": ("dax", "describe_clusters", {}, _names("Clusters", "ClusterName")),
    "aws_dms_replication_instance": ("dms", "describe_replication_instances", {}, _names(
        "ReplicationInstances", "ReplicationInstanceArn")),
    "aws_ec2_ami": ("ec2", "describe_images", {"Owners": ["self"]}, _names("Images", "ImageId")),
    "aws_ec2_autoscaling_group": ("autoscaling", "describe_auto_scaling_groups", {}, _names(
        "AutoScalingGroups", "AutoScalingGroupName")),
    "aws_ec2_autoscaling_policy": ("autoscaling", "describe_policies", {}, _names("ScalingPolicies", "PolicyARN")),
    "aws_ec2_classic_load_balancer": ("elb", "describe_load_balancers", {}, _names(
        "LoadBalancerDescriptions", "LoadBalancerName")),
    "aws_ec2_gateway_load_balancer": ("elbv2", "describe_load_balancers", {}, _balancers("gateway")),
    "aws_ec2_key_pair": ("ec2", "describe_key_pairs", {}, _names("KeyPairs", "KeyPairId")),
    "aws_ec2_launch_configuration": ("autoscaling", "describe_launch_configurations", {}, _names(
        "LaunchConfigurations", "LaunchConfigurationName")),
    "aws_ec2_network_load_balancer": ("elbv2", "describe_load_balancers", {}, _balancers("network")),
    "aws_ec2_target_group": ("elbv2", "describe_target_groups", {}, _names("TargetGroups", "TargetGroupArn")),
    "aws_ec2_transit_gateway": ("ec2", "describe_transit_gateways", {}, _names("TransitGateways", "TransitGatewayId")),
    "aws_ecr_repository": ("ecr", "describe_repositories", {}, _names("repositories", "repositoryArn")),
    "aws_ecs_cluster": ("ecs", "list_clusters", {}, lambda p: p["clusterArns"]),
    "aws_elasticache_cluster": ("elasticache", "describe_cache_clusters", {}, _names(
        "CacheClusters", "CacheClusterId")),
    "aws_elasticache_replication_group": ("elasticache", "describe_replication_groups", {}, _names(
        "ReplicationGroups", "ReplicationGroupId")),
    "aws_emr_cluster": ("emr", "list_clusters", ALIVE, _names("Clusters", "Id")),
    # One for each region, with no id of its own.
    "aws_glue_data_catalog_encryption_settings": ("glue", "get_data_catalog_encryption_settings", {}, lambda p: [
        "catalog"] if p["DataCatalogEncryptionSettings"] else []),
    "aws_glue_job": ("glue", "get_jobs", {}, _names("Jobs", "Name")),
    "aws_kinesis_firehose_delivery_stream": ("firehose", "list_delivery_streams", {}, lambda p: p[
        "DeliveryStreamNames"]),
    "aws_kinesis_stream": ("kinesis", "list_streams", {}, lambda p: p["StreamNames"]),
    "aws_neptune_db_cluster": ("rds", "describe_db_clusters", {}, _clusters("neptune")),
    "aws_rds_db_cluster": ("rds", "describe_db_clusters", {}, _clusters(*AURORA)),
    "aws_rds_db_cluster_snapshot": ("rds", "describe_db_cluster_snapshots", {}, _names(
        "DBClusterSnapshots", "DBClusterSnapshotArn")),
    "aws_rds_db_snapshot": ("rds", "describe_db_snapshots", {}, _names("DBSnapshots", "DBSnapshotArn")),
    "aws_sagemaker_notebook_instance": ("sagemaker", "list_notebook_instances", {}, _names(
        "NotebookInstances", "NotebookInstanceName")),
    "aws_sfn_state_machine": ("stepfunctions", "list_state_machines", {}, _names("stateMachines", "stateMachineArn")),
    "aws_sns_topic_subscription": ("sns", "list_subscriptions", {}, lambda p: [
        f"{s['TopicArn']}:{s['Protocol']}:{s['Endpoint']}" for s in p["Subscriptions"]]),
    "aws_vpc_customer_gateway": ("ec2", "describe_customer_gateways", {}, _names(
        "CustomerGateways", "CustomerGatewayId")),
    "aws_vpc_dhcp_options": ("ec2", "describe_dhcp_options", {}, _names("DhcpOptions", "DhcpOptionsId")),
    "aws_vpc_egress_only_internet_gateway": ("ec2", "describe_egress_only_internet_gateways", {}, _names(
        "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId")),
    "aws_vpc_endpoint": ("ec2", "describe_vpc_endpoints", {}, _names("VpcEndpoints", "VpcEndpointId")),
    "aws_vpc_internet_gateway": ("ec2", "describe_internet_gateways", {}, _names(
        "InternetGateways", "InternetGatewayId")),
    "aws_vpc_nat_gateway": ("ec2", "describe_nat_gateways", {}, _names("NatGateways", "NatGatewayId")),
    "aws_vpc_network_acl": ("ec2", "describe_network_acls", {}, _names("NetworkAcls", "NetworkAclId")),
    "aws_vpc_peering_connection": ("ec2", "describe_vpc_peering_connections", {}, _names(
        "VpcPeeringConnections", "VpcPeeringConnectionId")),
    "aws_vpc_route_table": ("ec2", "describe_route_tables", {}, _names("RouteTables", "RouteTableId")),
    "aws_vpc_vpn_gateway": ("ec2", "describe_vpn_gateways", {}, _names("VpnGateways", "VpnGatewayId")),
}
WITHIN = {  # table: (service, operation and ids of the parents, operation and ids for a parent, its argument)
    "aws_api_gateway_resource": ("apigateway", "get_rest_apis", _names("items", "id"),
                                 "get_resources", _names("items", "id"), "restApiId"),
    "aws_ec2_load_balancer_listener": ("elbv2", "describe_load_balancers", _names("LoadBalancers", "LoadBalancerArn"),
                                       "describe_listeners", _names("Listeners", "ListenerArn"), "LoadBalancerArn"),
    "aws_ecs_service": ("ecs", "list_clusters", lambda p: p["clusterArns"],
                        "list_services", lambda p: p["serviceArns"], "cluster"),
    "aws_eks_node_group": ("eks", "list_clusters", lambda p: p["clusters"],
                           "list_nodegroups", lambda p: p["nodegroups"], "clusterName"),
}


def _reported(iam):
    """The ARNs in the credential report, whose making ends the second time that it is asked for."""
    while iam.generate_credential_report()["State"] != "COMPLETE":
        pass
    report = iam.get_credential_report()["Content"].decode()
    return [line["arn"] for line in csv.DictReader(io.StringIO(report))]


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
            for table, (service, parents, parent_ids, operation, ids, argument) in WITHIN.items():
                client = cloud.client(service, account.id, region)
                put(table, account.id, region, [
                    i for parent in ids_of(client, parents, {}, parent_ids)
                    for i in ids_of(client, operation, {argument: parent}, ids)])
        zones = ids_of(cloud.client("route53", account.id, "us-east-1"), "list_hosted_zones", {}, _names(
            "HostedZones", "Id"))
        put("aws_iam_credential_report", account.id, GLOBAL, _reported(cloud.client("iam", account.id, "us-east-1")))
        put("aws_route53_zone", account.id, GLOBAL, [zone.rsplit("/", 1)[1] for zone in zones])
    return tables
