"""Further services, a few assets of each: what `seed.py --wide` adds to the shop's estate.

Only the accounts `prod` and `dev` have them; `prod` does them well and `dev` does not.
"""
from . import (analytics, apis, containers, database_clusters, gateways, observe, other_balancers, scaling, streams,
               upkeep)

EVERYWHERE = (gateways, other_balancers, scaling, database_clusters, containers, streams, analytics, apis, upkeep)
LISTS = {  # an operation without arguments of every further service
    "apigateway": "get_rest_apis", "apigatewayv2": "get_apis", "athena": "list_work_groups",
    "autoscaling": "describe_auto_scaling_groups", "backup": "list_backup_vaults",
    "cloudformation": "list_stacks", "dax": "describe_clusters", "dms": "describe_replication_instances",
    "ecr": "describe_repositories", "ecs": "list_clusters", "eks": "list_clusters",
    "elasticache": "describe_cache_clusters", "elb": "describe_load_balancers", "emr": "list_clusters",
    "firehose": "list_delivery_streams", "glue": "get_jobs", "kinesis": "list_streams", "logs": "describe_log_groups",
    "route53": "list_hosted_zones", "sagemaker": "list_notebook_instances", "stepfunctions": "list_state_machines",
}


def build(scopes):
    """Adds to the scopes that the default estate has been built in."""
    wide = [scope for scope in scopes if scope.within("prod", "dev")]
    for scope in wide:
        for module in EVERYWHERE:
            module.build(scope)
    # One between two accounts, which is an asset of both, for each region.
    for scope in wide:
        for other in scopes:
            if scope.within("prod") and other.within("root") and scope.region == other.region:
                gateways.peer(scope, other, other.made["vpc"], resolve_names=False)
