/*---
id          = "aws-route53-zone-in-approved-account"
title       = "Hosted zones are in approved accounts"
severity    = "high"
category    = "security"
asset_type  = "aws_route53_zone"
description = "Names in one place can be reviewed; names everywhere are forgotten."
remediation = "Move its records to the account for DNS."
how         = { cli = "aws route53 list-resource-record-sets --hosted-zone-id ID", terraform = "aws_route53_zone", console = "Route 53 > Hosted zones" }
enabled     = false

[params.approved_accounts]
type    = "list<string>"
default = []
doc     = "Accounts that may hold zones: their ids, or their names in any letter case."
---*/
select
    asset_id,
    account_id,
    region,
    'zones do not belong into this account' as reason
from aws_route53_zone
where
    not array_has($approved_accounts, account_id)
    and not coalesce(array_has(string_to_array(lower(array_to_string($approved_accounts, chr(10))), chr(10)), lower(account_name)), false)
