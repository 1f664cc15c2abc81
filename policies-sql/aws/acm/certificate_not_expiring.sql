/*---
id          = "aws-acm-certificate-not-expiring"
title       = "Certificates are renewed in time"
severity    = "high"
category    = "governance"
asset_type  = "aws_acm_certificate"
description = "A certificate that expired takes down what it serves."
remediation = "Validate the renewal, or import a new one."
how         = { cli = "aws acm renew-certificate --certificate-arn ARN", terraform = "aws_acm_certificate", console = "Certificate Manager > Certificates > Renew" }

[params.min_days_left]
type    = "int"
default = 90
doc     = "A certificate with so many whole days left, or fewer, is a violation."
---*/
-- Only the service that manages a certificate can renew it.
select
    asset_id,
    account_id,
    region,
    case
        when not_after <= now() then 'expired ' || date_part('day', now() - not_after) || ' days ago'
        else 'expires in ' || date_part('day', not_after - now()) || ' days'
    end as reason,
    not_after,
    domain_name
from aws_acm_certificate
where
    date_part('day', not_after - now()) <= $min_days_left
    and status in ('ISSUED', 'EXPIRED')
    and managed_by is null
