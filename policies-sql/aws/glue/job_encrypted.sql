/*---
id          = "aws-glue-job-encrypted"
title       = "Glue jobs have a security configuration"
severity    = "medium"
category    = "security"
asset_type  = "aws_glue_job"
description = "It says how results, bookmarks and logs are encrypted."
remediation = "Give the job a security configuration."
how         = { cli = "aws glue update-job --job-name NAME --job-update SecurityConfiguration=CONFIGURATION", terraform = "aws_glue_job: security_configuration", console = "Glue > ETL jobs > Job details > Advanced > Security configuration" }
---*/
-- Null: the list says that there is none.
select
    asset_id,
    account_id,
    region,
    'there is no security configuration' as reason
from aws_glue_job
where security_configuration is null
