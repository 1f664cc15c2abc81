/*---
id          = "aws-lambda-function-role-no-iam-full-access"
title       = "Lambda functions run with roles that lack full IAM rights"
severity    = "high"
category    = "security"
asset_type  = "aws_lambda_function"
description = "Whoever may change such a function's code, or trick it by its input, has an administrator's rights."
remediation = "Give the function a role of its own with the few actions and resources that its code uses: `aws lambda update-function-configuration --function-name NAME --role ARN`."
how         = { cli = "aws lambda update-function-configuration --function-name NAME --role ARN", terraform = "aws_lambda_function: role", console = "Lambda > Functions > Configuration > Permissions > Edit" }
references  = ["https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"]

[params.policy_names]
type    = "list<string>"
default = ["AdministratorAccess", "IAMFullAccess"]
doc     = "Managed policies that give full IAM rights, in any letter case, whether or not their document could be read."
---*/
-- Documents that could not be read grant nothing that is known.
with roles as (
    select
        aws_iam_role.account_id,
        aws_iam_role.arn,
        aws_iam_role.attached_policy_arns,
        aws_iam_role.inline_policies,
        aws_iam_role.inline_policies_std
    from aws_iam_role
    left semi join aws_lambda_function
        on aws_iam_role.account_id = aws_lambda_function.account_id
        and aws_iam_role.arn = aws_lambda_function.role
),

attachments as (
    select
        account_id,
        arn,
        unnest(attached_policy_arns) as policy_arn
    from roles
),

inline_documents as (
    select
        account_id,
        arn,
        unnest(inline_policies) as inline_policy,
        unnest(inline_policies_std) as document
    from roles
),

documents as (
    select
        account_id,
        arn,
        'inline policy ' || inline_policy['policy_name'] as source,
        document
    from inline_documents

    union all

    select
        attachments.account_id,
        attachments.arn,
        'policy ' || regexp_replace(attachments.policy_arn, '^.*/', '') as source,
        aws_iam_policy.policy_std as document
    from attachments
    inner join aws_iam_policy
        on attachments.account_id = aws_iam_policy.account_id
        and attachments.policy_arn = aws_iam_policy.arn
),

statements as (
    select
        account_id,
        arn,
        source,
        unnest(document['statement']) as statement
    from documents
),

-- `iam:*` or something wider, on everything or on everything of an account.
grants as (
    select
        account_id,
        arn,
        source
    from statements
    where
        statement['effect'] = 'Allow'
        and array_has_any(statement['action'], make_array('*', '*:*', 'iam:*', 'iam*'))
        and (' ' || array_to_string(statement['resource'], ' ') || ' ') ~ ' (\*|arn:[^ ]*:\*) '

    union all

    select
        account_id,
        arn,
        'policy ' || regexp_replace(policy_arn, '^.*/', '') as source
    from attachments
    where regexp_replace(policy_arn, '^.*/', '') ~* ('^(' || array_to_string($policy_names, '|') || ')$')
)

select
    aws_lambda_function.asset_id,
    aws_lambda_function.account_id,
    aws_lambda_function.region,
    'role ' || regexp_replace(aws_lambda_function.role, '^.*/', '') || ' has full IAM rights by '
    || string_agg(distinct grants.source, ', ' order by grants.source) as reason,
    aws_lambda_function.role
from aws_lambda_function
inner join grants
    on aws_lambda_function.account_id = grants.account_id
    and aws_lambda_function.role = grants.arn
group by
    aws_lambda_function.asset_id,
    aws_lambda_function.account_id,
    aws_lambda_function.region,
    aws_lambda_function.role
