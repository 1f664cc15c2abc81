/*---
id          = "aws-iam-service-account-no-dangerous-rights"
title       = "Service accounts hold no dangerous rights"
severity    = "critical"
category    = "security"
asset_type  = "aws_iam_user"
description = "A service account has long-lived keys in some configuration file. It should do its one job, not end instances, delete data or switch the audit trail off."
remediation = "Name the actions that the user needs instead of wildcards, or add the user to the exempt ones when it is approved."
how         = { cli = "aws iam create-policy-version --policy-arn ARN --policy-document file://policy.json --set-as-default", terraform = "aws_iam_user_policy_attachment", console = "IAM > Users > Permissions" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"]

[params.operations]
type    = "list<string>"
default = ["cloudtrail:DeleteTrail", "cloudtrail:StopLogging", "config:DeleteConfigRule", "config:StopConfigurationRecorder", "ec2:ModifyInstanceAttribute", "ec2:RunInstances", "ec2:TerminateInstances", "s3:DeleteBucket", "s3:DeleteObject", "s3:PutBucketPolicy"]
doc     = "Operations that no service account may call."

[params.service_account_prefix]
type    = "string"
default = "svc_"
doc     = "What the names of service accounts begin with, in any letter case."

[params.exempt_user_names]
type    = "list<string>"
default = []
doc     = "Names of the users who are approved for it."
---*/
-- Documents that could not be read grant nothing that is known. Permissions boundaries and service control policies
-- are not weighed. What a user may do comes from itself and from its groups.
with users as (
    select
        asset_id,
        account_id,
        region,
        groups,
        attached_policy_arns,
        inline_policies_std
    from aws_iam_user
    where
        starts_with(lower(user_name), lower($service_account_prefix))
        and not array_has($exempt_user_names, user_name)
),

memberships as (
    select
        asset_id,
        account_id,
        region,
        unnest(groups) as group_name
    from users
),

holders as (
    select
        asset_id,
        account_id,
        region,
        attached_policy_arns,
        inline_policies_std
    from users

    union all

    select
        memberships.asset_id,
        memberships.account_id,
        memberships.region,
        aws_iam_group.attached_policy_arns,
        aws_iam_group.inline_policies_std
    from memberships
    inner join aws_iam_group
        on memberships.account_id = aws_iam_group.account_id
        and memberships.group_name = aws_iam_group.group_name
),

attachments as (
    select
        asset_id,
        account_id,
        region,
        unnest(attached_policy_arns) as policy_arn
    from holders
),

documents as (
    select
        asset_id,
        account_id,
        region,
        unnest(inline_policies_std) as document
    from holders

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
    'the service account may ' || string_agg(operation, ', ' order by operation) as reason
from effective
group by
    asset_id,
    account_id,
    region
