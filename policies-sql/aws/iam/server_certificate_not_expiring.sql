/*---
id          = "aws-iam-server-certificate-not-expiring"
title       = "Server certificates in IAM are replaced in time"
severity    = "high"
category    = "governance"
asset_type  = "aws_iam_server_certificate"
description = "An expired certificate ends the service that shows it, and IAM neither renews it nor warns."
remediation = "Move to a certificate of Certificate Manager, which renews itself; delete the old one with `aws iam delete-server-certificate`."
how         = { cli = "aws iam delete-server-certificate --server-certificate-name NAME", terraform = "aws_acm_certificate", console = "Certificate Manager > Request certificate" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html"]

[params.min_days_left]
type    = "int"
default = 90
doc     = "A certificate with so many whole days left, or fewer, is a violation."
---*/
select
    asset_id,
    account_id,
    region,
    case
        when expiration <= now() then 'expired ' || date_part('day', now() - expiration) || ' days ago'
        else 'expires in ' || date_part('day', expiration - now()) || ' days'
    end as reason,
    expiration
from aws_iam_server_certificate
where date_part('day', expiration - now()) <= $min_days_left
