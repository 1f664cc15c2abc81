/*---
id          = "aws-iam-account-support-role"
title       = "Somebody may talk to AWS Support"
severity    = "low"
category    = "governance"
asset_type  = "aws_account"
description = "In an emergency somebody has to open a case."
remediation = "Make a role with the policy AWSSupportAccess."
how         = { cli = "aws iam attach-role-policy --role-name support --policy-arn arn:aws:iam::aws:policy/AWSSupportAccess", terraform = "aws_iam_role_policy_attachment", console = "IAM > Roles > Create role" }
---*/
with roles as (
    select
        account_id,
        unnest(attached_policy_arns) as policy_arn
    from aws_iam_role
),

supported as (
    select account_id
    from roles
    where policy_arn like '%:policy/AWSSupportAccess'
    group by account_id
)

select
    aws_account.asset_id,
    aws_account.account_id,
    aws_account.region,
    'no role has AWSSupportAccess' as reason
from aws_account
left anti join supported
    on aws_account.account_id = supported.account_id
