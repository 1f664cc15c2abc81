/*---
id          = "aws-ssm-document-not-public"
title       = "SSM documents are not public"
severity    = "high"
category    = "security"
asset_type  = "aws_ssm_document"
description = "Documents tell names, addresses and commands of the inside."
remediation = "Take the share away."
how         = { cli = "aws ssm modify-document-permission --name NAME --permission-type Share --account-ids-to-remove all", terraform = "aws_ssm_document: permissions", console = "Systems Manager > Documents > Details > Permissions" }
---*/
select
    asset_id,
    account_id,
    region,
    'the document is shared with everybody' as reason
from aws_ssm_document
where array_has(account_ids, 'all')
