/*---
id          = "aws-iam-role-no-iam-full-access"
title       = "Only administrators' roles have full IAM rights"
severity    = "high"
category    = "security"
asset_type  = "aws_iam_role"
description = "Who may do everything in IAM may do everything: one more policy on the own role is enough."
remediation = "Detach the policy and grant the few IAM actions that the role needs, for named resources; add roles of administrators to `exempt_role_names`."
how         = { cli = "aws iam detach-role-policy --role-name NAME --policy-arn arn:aws:iam::aws:policy/IAMFullAccess", terraform = "remove aws_iam_role_policy_attachment", console = "IAM > Roles > Permissions > Remove" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"]

[params.exempt_role_names]
type    = "list<string>"
default = ["Admin", "AWSReservedSSO_AdministratorAccess_*"]
doc     = "Names of administrators' roles, in any letter case; `*` stands for any text."

[params.policy_names]
type    = "list<string>"
default = ["AdministratorAccess", "IAMFullAccess"]
doc     = "Managed policies that give full IAM rights, in any letter case, whether or not their document could be read."
---*/
-- Documents that could not be read grant nothing that is known. Service-linked roles belong to AWS.
with roles as (
    select
        asset_id,
        account_id,
        region,
        attached_policy_arns,
        inline_policies,
        inline_policies_std
    from aws_iam_role
    where
        path not like '/aws-service-role/%'
        and role_name !~* ('^(' || replace(array_to_string($exempt_role_names, '|'), '*', '.*') || ')$')
),

attachments as (
    select
        asset_id,
        account_id,
        region,
        unnest(attached_policy_arns) as policy_arn
    from roles
),

inline_documents as (
    select
        asset_id,
        account_id,
        region,
        unnest(inline_policies) as inline_policy,
        unnest(inline_policies_std) as document
    from roles
),

documents as (
    select
        asset_id,
        account_id,
        region,
        'inline policy ' || inline_policy['policy_name'] as source,
        document
    from inline_documents

    union all

    select
        attachments.asset_id,
        attachments.account_id,
        attachments.region,
        'policy ' || regexp_replace(attachments.policy_arn, '^.*/', '') as source,
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
        source,
        unnest(document['statement']) as statement
    from documents
),

-- `iam:*` or something wider, on everything or on everything of an account.
grants as (
    select
        asset_id,
        account_id,
        region,
        source
    from statements
    where
        statement['effect'] = 'Allow'
        and array_has_any(statement['action'], make_array('*', '*:*', 'iam:*', 'iam*'))
        and (' ' || array_to_string(statement['resource'], ' ') || ' ') ~ ' (\*|arn:[^ ]*:\*) '

    union all

    select
        asset_id,
        account_id,
        region,
        'policy ' || regexp_replace(policy_arn, '^.*/', '') as source
    from attachments
    where regexp_replace(policy_arn, '^.*/', '') ~* ('^(' || array_to_string($policy_names, '|') || ')$')
)

select
    asset_id,
    account_id,
    region,
    'full IAM rights by ' || string_agg(distinct source, ', ' order by source) as reason
from grants
group by
    asset_id,
    account_id,
    region
