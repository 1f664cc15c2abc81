/*---
id          = "aws-kms-key-rotation-enabled"
title       = "Customer-managed keys rotate their material"
severity    = "medium"
category    = "security"
asset_type  = "aws_kms_key"
description = "With rotation on, material that leaks opens only what was encrypted in its period. Old material stays for decryption, so nothing has to be encrypted again."
remediation = "`aws kms enable-key-rotation --key-id ID`"
fix         = "aws-kms-rotate-key"
how         = { cli = "aws kms enable-key-rotation --key-id ID", terraform = "aws_kms_key: enable_key_rotation = true", console = "KMS > Customer managed keys > Key material and rotations > Edit" }
references  = ["https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html"]
---*/
-- Only symmetric encryption keys with material that KMS made can rotate by themselves, and only while they are enabled
-- does it matter. AWS rotates its own keys. A replica follows its multi-region primary. A null status is KMS saying
-- that the key cannot rotate.
select
    asset_id,
    account_id,
    region,
    'automatic rotation is off' as reason,
    description,
    creation_date
from aws_kms_key
where
    key_manager = 'CUSTOMER'
    and key_state = 'Enabled'
    and coalesce(key_spec, customer_master_key_spec) = 'SYMMETRIC_DEFAULT'
    and origin = 'AWS_KMS'
    and coalesce(multi_region_configuration['multi_region_key_type'], 'PRIMARY') = 'PRIMARY'
    and not key_rotation_enabled
