"""Backup plans, CloudFormation stacks, and Route 53 zones."""
import json

from ..cloud import pairs


def build(scope):
    _backups(scope)
    _stacks(scope)
    if scope.home:
        _zones(scope)


def _backups(scope):
    backup = scope.client("backup")
    backup.create_backup_vault(
        BackupVaultName="daily", BackupVaultTags=scope.tags("daily"),
        EncryptionKeyArn=f"arn:aws:kms:{scope.region}:{scope.account.id}:key/{scope.made['key']}")
    backup.create_backup_plan(BackupPlan={"BackupPlanName": "daily", "Rules": [
        {"RuleName": "nightly", "TargetBackupVaultName": "daily", "ScheduleExpression": "cron(0 3 * * ? *)",
         "StartWindowMinutes": 60, "CompletionWindowMinutes": 180, "Lifecycle": {"DeleteAfterDays": 35}}]})


def _stacks(scope):
    cloudformation, good = scope.client("cloudformation"), scope.within("prod")
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Description": "a queue", "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "from-a-stack"}}}}
    stack = cloudformation.create_stack(
        StackName="base", TemplateBody=json.dumps(template), EnableTerminationProtection=good,
        Tags=pairs(scope.tags("base")))["StackId"]
    scope.flag(stack, {"aws-cloudformation-stack-termination-protection": not good})


def _zones(scope):
    """One that everybody sees, with its queries logged, and one for the VPC."""
    route53, stage = scope.client("route53"), scope.account.profile
    zone = route53.create_hosted_zone(
        Name=f"{stage}.shop.example.org", CallerReference=f"{stage}-public",
        HostedZoneConfig={"Comment": "the shop", "PrivateZone": False})["HostedZone"]["Id"]
    group = f"/aws/route53/{stage}.shop.example.org"
    scope.cloud.client("logs", scope.account.id, "us-east-1").create_log_group(logGroupName=group)
    route53.create_query_logging_config(
        HostedZoneId=zone, CloudWatchLogsLogGroupArn=f"arn:aws:logs:us-east-1:{scope.account.id}:log-group:{group}:*")
    route53.create_hosted_zone(
        Name="shop.internal", CallerReference=f"{stage}-private",
        VPC={"VPCRegion": scope.region, "VPCId": scope.made["vpc"]},
        HostedZoneConfig={"Comment": "inside", "PrivateZone": True})
