/*---
id          = "aws-iam-server-certificate-not-expired"
title       = "Expired server certificates are deleted"
severity    = "medium"
category    = "governance"
asset_type  = "aws_iam_server_certificate"
description = "An expired certificate is of no use, and a load balancer that is given it by mistake serves errors that teach users to click warnings away."
remediation = "`aws iam delete-server-certificate --server-certificate-name NAME`, after nothing uses it any more."
how         = { cli = "aws iam delete-server-certificate --server-certificate-name NAME", terraform = "remove aws_iam_server_certificate", console = "none: the console does not show these certificates" }
references  = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html"]
---*/
select
    asset_id,
    account_id,
    region,
    'expired ' || date_part('day', now() - expiration) || ' days ago' as reason,
    expiration
from aws_iam_server_certificate
where expiration <= now()
