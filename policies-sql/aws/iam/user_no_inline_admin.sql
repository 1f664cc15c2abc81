/*---
id          = "aws-iam-user-no-inline-admin"
title       = "No inline policy of an IAM user allows everything"
severity    = "high"
category    = "security"
asset_type  = "aws_iam_user"
description = "An inline policy is seen only by who opens the user; one that allows everything makes a leaked access key the end of the account."
remediation = "`aws iam delete-user-policy`, and attach a managed policy that names the actions and resources that are needed."
how         = { cli = "aws iam delete-user-policy --user-name NAME --policy-name POLICY", terraform = "remove aws_iam_user_policy", console = "IAM > Users > Permissions > Remove" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html"]
---*/
-- Null means that there is no inline policy. The two lists have the same order.
with documents as (
    select
        asset_id,
        account_id,
        region,
        unnest(inline_policies) as inline_policy,
        unnest(inline_policies_std) as document
    from aws_iam_user
),

statements as (
    select
        asset_id,
        account_id,
        region,
        inline_policy['policy_name'] as policy_name,
        unnest(document['statement']) as statement
    from documents
)

select
    asset_id,
    account_id,
    region,
    'every action on every resource is allowed by inline policy ' || string_agg(distinct policy_name, ', ' order by policy_name) as reason
from statements
where
    statement['effect'] = 'Allow'
    and array_has_any(statement['action'], make_array('*', '*:*'))
    and array_has(statement['resource'], '*')
    and statement['condition'] is null
group by
    asset_id,
    account_id,
    region
