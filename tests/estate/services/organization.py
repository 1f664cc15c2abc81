"""The organization, its three accounts, and the read-only role that each of them has."""
import json

from .cloud import MANAGEMENT_ACCOUNT, ROLE, Account

MEMBERS = (("shop-prod", "prod"), ("shop-dev", "dev"))

def build(cloud):
    """Makes the organization and returns its accounts, the management account first."""
    organizations = cloud.client("organizations", MANAGEMENT_ACCOUNT, "us-east-1")
    organizations.create_organization(FeatureSet="ALL")
    for name, profile in MEMBERS:
        organizations.create_account(AccountName=name, Email=f"{name}@example.org",
                                     Tags=[{"Key": "stage", "Value": profile}])
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="Workloads")
    accounts = listed(organizations)
    for account in accounts[1:]:
        organizations.move_account(AccountId=account.id, SourceParentId=root,
                                   DestinationParentId=unit["OrganizationalUnit"]["Id"])
    for account in accounts:
        iam = cloud.client("iam", account.id, "us-east-1")
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:root"}}]}
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
        reading = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Resource": "*", "Action": [
                "cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "dynamodb:Describe*", "dynamodb:List*",
                "ec2:Describe*", "elasticloadbalancing:Describe*", "guardduty:Get*", "guardduty:List*", "iam:Get*",
                "iam:List*", "kms:Describe*", "kms:Get*", "kms:List*", "lambda:Get*", "lambda:List*", "rds:Describe*",
                "s3:Get*", "s3:List*", "sns:Get*", "sns:List*", "sqs:Get*", "sqs:List*"]}]}
        iam.put_role_policy(RoleName=ROLE, PolicyName="read", PolicyDocument=json.dumps(reading))
    return accounts


def listed(organizations):
    """The organization's accounts as the API lists them, with the profile that their name stands for."""
    profiles = dict(MEMBERS)
    pages = organizations.get_paginator("list_accounts").paginate()
    accounts = [Account(a["Id"], a["Name"], profiles.get(a["Name"], "root"))
                for page in pages for a in page["Accounts"]]
    return sorted(accounts, key=lambda a: a.id != MANAGEMENT_ACCOUNT)
