/*---
id          = "aws-iam-user-no-direct-policies"
title       = "Users get their rights from groups only"
severity    = "low"
category    = "governance"
asset_type  = "aws_iam_user"
description = "Rights that hang on a person are forgotten when the person changes the job. A group says what they are for."
remediation = "Attach the policies to a group, add the user to it, then `aws iam detach-user-policy` and `aws iam delete-user-policy`."
how         = { cli = "aws iam detach-user-policy --user-name NAME --policy-arn ARN", terraform = "aws_iam_group_policy_attachment", console = "IAM > Users > Permissions > Remove" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage-attach-detach.html"]
---*/
-- A null list means that there are none or that they could not be read: no violation.
select
    asset_id,
    account_id,
    region,
    'the user itself has ' || coalesce(cardinality(attached_policy_arns), 0) || ' attached and '
    || coalesce(cardinality(inline_policies), 0) || ' inline policies' as reason,
    array_to_string(attached_policy_arns, ', ') as attached_policies
from aws_iam_user
where
    cardinality(attached_policy_arns) > 0
    or cardinality(inline_policies) > 0
