/*---
id          = "aws-route53-domain-renews"
title       = "Domains are renewed by themselves"
severity    = "medium"
category    = "governance"
asset_type  = "aws_route53_domain"
description = "A domain that expires is somebody else's the next day."
remediation = "Turn renewal on."
how         = { cli = "aws route53domains enable-domain-auto-renew --domain-name NAME", terraform = "aws_route53domains_registered_domain: auto_renew = true", console = "Route 53 > Registered domains > Actions > Turn on auto-renew" }
---*/
select
    asset_id,
    account_id,
    region,
    'the domain is not renewed by itself' as reason
from aws_route53_domain
where not auto_renew
