/*---
id          = "aws-acm-certificate-strong-key"
title       = "Certificates have strong keys"
severity    = "medium"
category    = "security"
asset_type  = "aws_acm_certificate"
description = "Short RSA keys can be computed."
remediation = "Ask for a new one."
how         = { cli = "aws acm request-certificate --domain-name NAME --key-algorithm EC_prime256v1 --validation-method DNS", terraform = "aws_acm_certificate: key_algorithm", console = "Certificate Manager > Request certificate > Key algorithm" }
---*/
-- Only the service that manages a certificate chose its key.
select
    asset_id,
    account_id,
    region,
    'the key is ' || key_algorithm as reason
from aws_acm_certificate
where
    key_algorithm in ('RSA_1024', 'RSA-1024')
    and managed_by is null
