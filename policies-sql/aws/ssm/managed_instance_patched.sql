/*---
id          = "aws-ssm-managed-instance-patched"
title       = "Managed instances have no missing patches"
severity    = "high"
category    = "security"
asset_type  = "aws_ssm_managed_instance_patch_state"
description = "Known holes are used within days."
remediation = "Run the patch baseline."
how         = { cli = "aws ssm send-command --document-name AWS-RunPatchBaseline --parameters Operation=Install --instance-ids ID", terraform = "aws_ssm_maintenance_window_task", console = "Systems Manager > Patch Manager > Patch now" }
---*/
select
    asset_id,
    account_id,
    region,
    missing_count || ' patches are missing, ' || failed_count || ' failed' as reason
from aws_ssm_managed_instance_patch_state
where missing_count + failed_count > 0
