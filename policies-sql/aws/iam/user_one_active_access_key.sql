/*---
id          = "aws-iam-user-one-active-access-key"
title       = "Users have one active access key at most"
severity    = "low"
category    = "security"
asset_type  = "aws_iam_user"
description = "Two keys are for the hour in which one replaces the other. Afterwards the second is a spare that nobody rotates."
remediation = "Find out by their last use which key is needed, and `aws iam update-access-key --status Inactive` the other."
how         = { cli = "aws iam update-access-key --user-name NAME --access-key-id ID --status Inactive", terraform = "aws_iam_access_key: status = \"Inactive\"", console = "IAM > Users > Security credentials > Actions > Deactivate" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html"]
---*/
with active_keys as (
    select
        account_id,
        user_name,
        count(access_key_id) as number,
        string_agg(access_key_id, ', ' order by access_key_id) as access_key_ids
    from aws_iam_access_key
    where status = 'Active'
    group by
        account_id,
        user_name
)

select
    aws_iam_user.asset_id,
    aws_iam_user.account_id,
    aws_iam_user.region,
    active_keys.number || ' access keys are active: ' || active_keys.access_key_ids as reason
from aws_iam_user
inner join active_keys
    on aws_iam_user.account_id = active_keys.account_id
    and aws_iam_user.user_name = active_keys.user_name
where active_keys.number > 1
