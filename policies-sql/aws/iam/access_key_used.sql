/*---
id          = "aws-iam-access-key-used"
title       = "Access keys that nobody uses are off"
severity    = "medium"
category    = "security"
asset_type  = "aws_iam_access_key"
description = "Nobody misses a key that nobody uses, except the one who found it."
remediation = "`aws iam update-access-key --status Inactive`, and delete the key once nothing broke."
fix         = "aws-iam-deactivate-key"
how         = { cli = "aws iam update-access-key --user-name NAME --access-key-id ID --status Inactive", terraform = "aws_iam_access_key: status = \"Inactive\"", console = "IAM > Users > Security credentials > Actions > Deactivate" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_finding-unused.html"]

[params.max_unused_days]
type    = "int"
default = 45
doc     = "After so many whole days without use an active key is a violation; a key that was never used counts from the day it was made."
---*/
-- A null date of last use means never: AWS answers it so.
select
    asset_id,
    account_id,
    region,
    case
        when access_key_last_used_date is null
            then 'key of ' || user_name || ' was never used in the ' || date_part('day', now() - create_date) || ' days since it was made'
        else 'key of ' || user_name || ' was last used ' || date_part('day', now() - access_key_last_used_date) || ' days ago'
    end as reason,
    user_name,
    access_key_last_used_date
from aws_iam_access_key
where
    status = 'Active'
    and date_part('day', now() - coalesce(access_key_last_used_date, create_date)) >= $max_unused_days
