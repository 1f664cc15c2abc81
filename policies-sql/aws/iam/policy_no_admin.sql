/*---
id          = "aws-iam-policy-no-admin"
title       = "No customer managed policy in use allows everything"
severity    = "high"
category    = "security"
asset_type  = "aws_iam_policy"
description = "A policy of one's own that allows every action on every resource hides what AdministratorAccess says in its name."
remediation = "Replace the policy by one that names the actions and resources that are needed: `aws iam create-policy-version --set-as-default`."
how         = { cli = "aws iam create-policy-version --policy-arn ARN --policy-document file://policy.json --set-as-default", terraform = "aws_iam_policy: policy", console = "IAM > Policies > Permissions > Edit" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"]
---*/
-- Policies of AWS cannot be changed: who uses AdministratorAccess is asked elsewhere. The table holds attached policies only.
with statements as (
    select
        asset_id,
        account_id,
        region,
        attachment_count,
        unnest(policy_std['statement']) as statement
    from aws_iam_policy
    where arn not like 'arn:%:iam::aws:policy/%'
)

select distinct
    asset_id,
    account_id,
    region,
    'every action on every resource is allowed, for ' || attachment_count || ' users, groups and roles' as reason
from statements
where
    statement['effect'] = 'Allow'
    and array_has_any(statement['action'], make_array('*', '*:*'))
    and array_has(statement['resource'], '*')
    and statement['condition'] is null
