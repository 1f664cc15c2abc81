/*---
id          = "aws-route53-domain-locked"
title       = "Domains cannot be transferred by others"
severity    = "medium"
category    = "security"
asset_type  = "aws_route53_domain"
description = "Without the lock a stolen code is enough to take the domain away."
remediation = "Turn the lock on."
how         = { cli = "aws route53domains enable-domain-transfer-lock --domain-name NAME", terraform = "aws_route53domains_registered_domain: transfer_lock = true", console = "Route 53 > Registered domains > Actions > Turn on transfer lock" }
---*/
select
    asset_id,
    account_id,
    region,
    'the domain can be transferred' as reason
from aws_route53_domain
where not transfer_lock
