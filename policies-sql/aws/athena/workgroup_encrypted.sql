/*---
id          = "aws-athena-workgroup-encrypted"
title       = "Athena encrypts results"
severity    = "medium"
category    = "security"
asset_type  = "aws_athena_workgroup"
description = "Results are copies of the data."
remediation = "Choose encryption for the workgroup and enforce it."
how         = { cli = "aws athena update-work-group --work-group NAME --configuration-updates EnforceWorkGroupConfiguration=true,ResultConfigurationUpdates={EncryptionConfiguration={EncryptionOption=SSE_S3}}", terraform = "aws_athena_workgroup: configuration", console = "Athena > Workgroups > Edit > Query result configuration" }
---*/
select
    asset_id,
    account_id,
    region,
    'results are not encrypted' as reason
from aws_athena_workgroup
where
    encryption_option is null
    and state = 'ENABLED'
    and output_location is not null
