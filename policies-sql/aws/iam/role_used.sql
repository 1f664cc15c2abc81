/*---
id          = "aws-iam-role-used"
title       = "IAM roles are in use"
severity    = "low"
category    = "security"
asset_type  = "aws_iam_role"
description = "A forgotten role keeps its rights and its trust in others, while nobody looks at either."
remediation = "Look at `aws iam get-role` for its last use, then detach its policies and `aws iam delete-role`."
how         = { cli = "aws iam delete-role --role-name NAME", terraform = "remove aws_iam_role", console = "IAM > Roles > Delete" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_finding-unused.html"]

[params.max_unused_days]
type    = "int"
default = 90
doc     = "After so many whole days without use a role is a violation; one without any use on record counts from the day it was made."

[params.exempt_role_names]
type    = "list<string>"
default = []
doc     = "Names of roles that may rest, such as those for emergencies; `*` stands for any text."
---*/
-- AWS remembers 400 days of use; null means none in that time. Roles below /aws-service-role/ belong to AWS, those below
-- /aws-reserved/ to IAM Identity Center, which makes and removes them itself.
select
    asset_id,
    account_id,
    region,
    case
        when role_last_used_date is null then 'no use is on record in the ' || date_part('day', now() - create_date) || ' days since the role was made'
        else 'last used ' || date_part('day', now() - role_last_used_date) || ' days ago'
    end as reason,
    role_last_used_date
from aws_iam_role
where
    path not like '/aws-service-role/%'
    and path not like '/aws-reserved/%'
    and date_part('day', now() - coalesce(role_last_used_date, create_date)) >= $max_unused_days
    and role_name !~* ('^(' || replace(array_to_string($exempt_role_names, '|'), '*', '.*') || ')$')
