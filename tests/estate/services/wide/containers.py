"""ECR repositories, ECS clusters and services, EKS node groups."""
import json

from ..cloud import pairs


def build(scope):
    _repositories(scope)
    _ecs(scope)
    _eks(scope)


def _repositories(scope):
    ecr = scope.client("ecr")
    for name, good in (("shop/storefront", scope.within("prod")), ("shop/tools", False)):
        ecr.create_repository(
            repositoryName=name, imageTagMutability="IMMUTABLE" if good else "MUTABLE",
            imageScanningConfiguration={"scanOnPush": good}, tags=pairs(scope.tags(name)))
        if good:
            untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days",
                        "countNumber": 14}
            ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps({"rules": [
                {"rulePriority": 1, "action": {"type": "expire"}, "selection": untagged}]}))
        public = scope.within("dev") and name == "shop/tools"
        who = {"AWS": "*"} if public else {"AWS": f"arn:aws:iam::{scope.account.id}:root"}
        if good or public:
            statement = {"Sid": "Pull", "Effect": "Allow", "Principal": who, "Action": ["ecr:BatchGetImage"]}
            ecr.set_repository_policy(repositoryName=name, policyText=json.dumps({
                "Version": "2012-10-17", "Statement": [statement]}))
        scope.flag(f"arn:aws:ecr:{scope.region}:{scope.account.id}:repository/{name}", {
            "aws-ecr-repository-tags-immutable": not good, "aws-ecr-repository-scans-images": not good,
            "aws-ecr-repository-lifecycle-configured": not good, "aws-ecr-repository-not-public": public})


def _ecs(scope):
    ecs, good = scope.client("ecs"), scope.within("prod")
    tags = pairs(scope.tags("shop-tasks"), "key", "value")
    cluster = ecs.create_cluster(
        clusterName="shop", settings=[{"name": "containerInsights", "value": "enabled" if good else "disabled"}],
        configuration={"executeCommandConfiguration": {"kmsKeyId": scope.made["key"], "logging": "DEFAULT"}},
        capacityProviders=["FARGATE"], tags=tags)["cluster"]["clusterArn"]
    scope.flag(cluster, {"aws-ecs-cluster-container-insights": not good})
    ecs.create_cluster(clusterName="idle")
    ecs.register_task_definition(family="web", networkMode="awsvpc", containerDefinitions=[
        {"name": "web", "image": "shop/storefront:1", "memory": 256}])
    service = ecs.create_service(
        cluster="shop", serviceName="web", taskDefinition="web", desiredCount=2, launchType="FARGATE",
        platformVersion="LATEST" if good else "1.3.0", tags=tags, networkConfiguration={"awsvpcConfiguration": {
            "subnets": [scope.made["subnets"]["private-a"]], "securityGroups": [scope.made["groups"]["app"]],
            "assignPublicIp": "DISABLED" if good else "ENABLED"}})["service"]["serviceArn"]
    ecs.create_service(cluster="shop", serviceName="jobs", taskDefinition="web", desiredCount=0, launchType="EC2")
    scope.flag(service, {"aws-ecs-service-no-public-address": not good, "aws-ecs-service-latest-platform": not good})


def _eks(scope):
    eks, subnets = scope.client("eks"), scope.made["subnets"]
    role, members = f"arn:aws:iam::{scope.account.id}:role/kubernetes", [subnets["private-a"], subnets["private-b"]]
    eks.create_cluster(name="platform", version="1.33", roleArn=role, resourcesVpcConfig={"subnetIds": members})
    for name, capacity in (("steady", "ON_DEMAND"), ("cheap", "SPOT")):
        eks.create_nodegroup(
            clusterName="platform", nodegroupName=name, subnets=members, nodeRole=role, capacityType=capacity,
            instanceTypes=["m7g.large"], scalingConfig={"minSize": 1, "maxSize": 3, "desiredSize": 1},
            remoteAccess={"ec2SshKey": "operators"}, tags=scope.tags(name))
