/*---
id          = "aws-iam-user-no-access-keys"
title       = "Only service accounts hold access keys"
severity    = "high"
category    = "security"
asset_type  = "aws_iam_user"
description = "People can log in and get keys that end by themselves. A permanent key of a person works from anywhere, for whoever has it."
remediation = "Let people log in through IAM Identity Center (`aws sso login`), then `aws iam delete-access-key`."
how         = { cli = "aws iam delete-access-key --user-name NAME --access-key-id ID", terraform = "remove aws_iam_access_key", console = "IAM > Users > Security credentials > Actions > Delete" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#bp-users-federation-idp"]

[params.service_account_prefix]
type    = "string"
default = "svc_"
doc     = "What the names of service accounts begin with, in any letter case."
---*/
-- An inactive key counts: one call switches it on again.
with keys as (
    select
        account_id,
        user_name,
        string_agg(access_key_id || ' (' || coalesce(lower(status), 'status unknown') || ')', ', ' order by access_key_id) as access_keys
    from aws_iam_access_key
    group by
        account_id,
        user_name
)

select
    aws_iam_user.asset_id,
    aws_iam_user.account_id,
    aws_iam_user.region,
    'the user is no service account and has access key ' || keys.access_keys as reason
from aws_iam_user
inner join keys
    on aws_iam_user.account_id = keys.account_id
    and aws_iam_user.user_name = keys.user_name
where not starts_with(lower(aws_iam_user.user_name), lower($service_account_prefix))
