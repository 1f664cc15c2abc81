/*---
id          = "aws-kms-key-not-pending-deletion"
title       = "No key is about to be deleted"
severity    = "high"
category    = "governance"
asset_type  = "aws_kms_key"
description = "What was encrypted with a deleted key is lost. The days before its deletion are the last to find out who still needs it, or who scheduled it in bad faith."
remediation = "`aws kms cancel-key-deletion --key-id ID` and disable the key instead; grant an exception once it is sure that nothing needs it."
how         = { cli = "aws kms cancel-key-deletion --key-id ID", terraform = "aws_kms_key: is_enabled = false", console = "KMS > Customer managed keys > Key actions > Cancel key deletion" }
references  = ["https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html"]
---*/
-- A multi-region primary has no date before its replicas are gone.
select
    asset_id,
    account_id,
    region,
    case
        when deletion_date is not null then 'the key will be deleted on ' || to_char(deletion_date, '%Y-%m-%d')
        when key_state = 'PendingReplicaDeletion' then 'the key will be deleted some days after its replicas'
        else 'the key will be deleted'
    end as reason,
    deletion_date,
    description
from aws_kms_key
where
    key_manager = 'CUSTOMER'
    and key_state in ('PendingDeletion', 'PendingReplicaDeletion')
