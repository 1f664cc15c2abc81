/*---
id          = "aws-route53-zone-in-approved-account"
title       = "Hosted zones are in approved accounts"
severity    = "low"
category    = "governance"
asset_type  = "aws_route53_zone"
description = "Names in one place can be reviewed; names everywhere are forgotten."
remediation = "Move its records to the account for DNS."
how         = { cli = "aws route53 list-resource-record-sets --hosted-zone-id ID", terraform = "aws_route53_zone", console = "Route 53 > Hosted zones" }
enabled     = false

[params.approved_accounts]
type    = "list<string>"
default = []
doc     = "Accounts that may hold zones."
---*/
select
    asset_id,
    account_id,
    region,
    'zones do not belong into this account' as reason
from aws_route53_zone
where not array_has($approved_accounts, account_id)
