/*---
id          = "aws-route53-domain-not-expiring"
title       = "Domains do not expire soon"
severity    = "high"
category    = "security"
asset_type  = "aws_route53_domain"
description = "Mail and web sites end with the domain."
remediation = "Renew it."
how         = { cli = "aws route53domains renew-domain --domain-name NAME --current-expiry-year YEAR --duration-in-years 1", terraform = "aws_route53domains_registered_domain", console = "Route 53 > Registered domains > Actions > Renew" }

[params.min_days]
type    = "int"
default = 30
doc     = "Days that a registration must still last."
---*/
select
    asset_id,
    account_id,
    region,
    'expires on ' || cast(cast(expiration_date as date) as varchar) as reason
from aws_route53_domain
where date_part('day', expiration_date - now()) < $min_days
