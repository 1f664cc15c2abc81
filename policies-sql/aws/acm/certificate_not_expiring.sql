/*---
id          = "aws-acm-certificate-not-expiring"
title       = "Certificates are renewed in time"
severity    = "high"
category    = "security"
asset_type  = "aws_acm_certificate"
description = "A certificate that expired takes down what it serves."
remediation = "Validate the renewal, or import a new one."
how         = { cli = "aws acm renew-certificate --certificate-arn ARN", terraform = "aws_acm_certificate", console = "Certificate Manager > Certificates > Renew" }

[params.min_days]
type    = "int"
default = 30
doc     = "Days that a certificate must still be valid."
---*/
select
    asset_id,
    account_id,
    region,
    'expires on ' || cast(cast(not_after as date) as varchar) as reason
from aws_acm_certificate
where
    date_part('day', not_after - now()) < $min_days
    and status in ('ISSUED', 'EXPIRED')
