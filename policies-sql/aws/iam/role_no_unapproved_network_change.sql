/*---
id          = "aws-iam-role-no-unapproved-network-change"
title       = "Only approved roles may change core networking"
severity    = "critical"
category    = "security"
asset_type  = "aws_iam_role"
description = "A new gateway, peering or endpoint opens a way into or out of the network that nobody watches."
remediation = "Name the actions that the role needs instead of wildcards, or add the role to the exempt ones when it is approved."
how         = { cli = "aws iam create-policy-version --policy-arn ARN --policy-document file://policy.json --set-as-default", terraform = "aws_iam_role_policy: policy", console = "IAM > Roles > Permissions > Edit" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"]

[params.operations]
type    = "list<string>"
default = ["ec2:AttachInternetGateway", "ec2:AttachVpnGateway", "ec2:CreateDefaultSubnet", "ec2:CreateDefaultVpc", "ec2:CreateEgressOnlyInternetGateway", "ec2:CreateInternetGateway", "ec2:CreateSubnet", "ec2:CreateVpc", "ec2:CreateVpcEndpoint", "ec2:CreateVpcEndpointConnectionNotification", "ec2:CreateVpcEndpointServiceConfiguration", "ec2:CreateVpcPeeringConnection", "ec2:CreateVpnConnection", "ec2:CreateVpnConnectionRoute", "ec2:CreateVpnGateway", "ec2:ModifySubnetAttribute", "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint", "ec2:ModifyVpcEndpointConnectionNotification", "ec2:ModifyVpcEndpointServiceConfiguration", "ec2:ModifyVpcEndpointServicePermissions", "ec2:ModifyVpcPeeringConnectionOptions", "ec2:ModifyVpcTenancy", "ec2:MoveAddressToVpc"]
doc     = "Operations that only approved roles may call."

[params.exempt_role_names]
type    = "list<string>"
default = []
doc     = "Names of the roles that are approved for it."
---*/
-- Documents that could not be read grant nothing that is known. Permissions boundaries and service control policies
-- are not weighed. Service-linked roles belong to AWS and cannot be changed.
with roles as (
    select
        asset_id,
        account_id,
        region,
        attached_policy_arns,
        inline_policies_std
    from aws_iam_role
    where
        path not like '/aws-service-role/%'
        and not array_has($exempt_role_names, role_name)
),

attachments as (
    select
        asset_id,
        account_id,
        region,
        unnest(attached_policy_arns) as policy_arn
    from roles
),

documents as (
    select
        asset_id,
        account_id,
        region,
        unnest(inline_policies_std) as document
    from roles

    union all

    select
        attachments.asset_id,
        attachments.account_id,
        attachments.region,
        aws_iam_policy.policy_std as document
    from attachments
    inner join aws_iam_policy
        on attachments.account_id = aws_iam_policy.account_id
        and attachments.policy_arn = aws_iam_policy.arn
),

statements as (
    select
        asset_id,
        account_id,
        region,
        unnest(document['statement']) as statement
    from documents
),

-- Wildcards become regular expressions. A Deny counts when it holds for every resource and under every condition;
-- an Allow counts for any resource and under any condition.
patterns as (
    select
        asset_id,
        account_id,
        region,
        statement['effect'] as effect,
        '^(' || replace(replace(regexp_replace(nullif(array_to_string(statement['action'], '|'), ''), '[^a-z0-9:*?|-]', '', 'g'), '*', '.*'), '?', '.') || ')$' as actions,
        '^(' || replace(replace(regexp_replace(nullif(array_to_string(statement['not_action'], '|'), ''), '[^a-z0-9:*?|-]', '', 'g'), '*', '.*'), '?', '.') || ')$' as not_actions
    from statements
    where
        statement['effect'] = 'Allow'
        or (statement['condition'] is null and array_has(statement['resource'], '*'))
),

operations as (
    select unnest(cast($operations as varchar[])) as operation
),

effective as (
    select
        patterns.asset_id,
        patterns.account_id,
        patterns.region,
        operations.operation
    from patterns
    cross join operations
    where
        lower(operations.operation) ~ patterns.actions
        or lower(operations.operation) !~ patterns.not_actions
    group by
        patterns.asset_id,
        patterns.account_id,
        patterns.region,
        operations.operation
    having bool_and(patterns.effect = 'Allow')
)

select
    asset_id,
    account_id,
    region,
    'the role may ' || string_agg(operation, ', ' order by operation) as reason
from effective
group by
    asset_id,
    account_id,
    region
