/*---
id          = "aws-sagemaker-notebook-encrypted"
title       = "Notebooks are encrypted with a key of ours"
severity    = "low"
category    = "security"
asset_type  = "aws_sagemaker_notebook_instance"
description = "A key policy decides who reads the disk."
remediation = "Make it again with a key."
how         = { cli = "aws sagemaker create-notebook-instance --notebook-instance-name NEW --kms-key-id KEY --instance-type TYPE --role-arn ROLE", terraform = "aws_sagemaker_notebook_instance: kms_key_id", console = "SageMaker > Notebook instances > Create > Encryption key" }
---*/
select
    asset_id,
    account_id,
    region,
    'there is no KMS key' as reason
from aws_sagemaker_notebook_instance
where
    kms_key_id is null
    and instance_type is not null
