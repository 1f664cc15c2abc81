/*---
id          = "aws-iam-user-active"
title       = "IAM users are in use"
severity    = "high"
category    = "security"
asset_type  = "aws_iam_user"
description = "A user whom nobody uses, by password or by key, is a way in that nobody watches: often somebody who has left."
remediation = "Remove the user's password, keys and memberships, then the user: `aws iam delete-user`."
how         = { cli = "aws iam delete-user --user-name NAME", terraform = "remove aws_iam_user", console = "IAM > Users > Delete" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_finding-unused.html"]

[params.max_inactive_days]
type    = "int"
default = 90
doc     = "After so many whole days without a sign of life a user is a violation; one that never gave any counts from the day it was made."
---*/
-- The latest use of the password or of any key counts; null means never used.
with key_use as (
    select
        account_id,
        user_name,
        max(access_key_last_used_date) as last_used
    from aws_iam_access_key
    group by
        account_id,
        user_name
),

activity as (
    select
        aws_iam_user.asset_id,
        aws_iam_user.account_id,
        aws_iam_user.region,
        aws_iam_user.create_date,
        greatest(aws_iam_user.password_last_used, key_use.last_used) as last_active
    from aws_iam_user
    left join key_use
        on aws_iam_user.account_id = key_use.account_id
        and aws_iam_user.user_name = key_use.user_name
)

select
    asset_id,
    account_id,
    region,
    case
        when last_active is null then 'never active in the ' || date_part('day', now() - create_date) || ' days since the user was made'
        else 'last active ' || date_part('day', now() - last_active) || ' days ago'
    end as reason,
    last_active
from activity
where date_part('day', now() - coalesce(last_active, create_date)) >= $max_inactive_days
