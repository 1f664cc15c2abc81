/*---
id          = "aws-acm-certificate-used"
title       = "Certificates that nothing uses are deleted"
severity    = "low"
category    = "governance"
asset_type  = "aws_acm_certificate"
description = "A key that nobody needs can only leak."
remediation = "Delete it."
how         = { cli = "aws acm delete-certificate --certificate-arn ARN", terraform = "remove aws_acm_certificate", console = "Certificate Manager > Certificates > Delete" }
---*/
-- Only the service that manages a certificate can delete it.
select
    asset_id,
    account_id,
    region,
    'nothing uses the certificate' as reason
from aws_acm_certificate
where
    cardinality(in_use_by) = 0
    and status = 'ISSUED'
    and managed_by is null
