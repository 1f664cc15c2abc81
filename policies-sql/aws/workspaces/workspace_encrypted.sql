/*---
id          = "aws-workspaces-workspace-encrypted"
title       = "WorkSpaces are encrypted"
severity    = "medium"
category    = "security"
asset_type  = "aws_workspaces_workspace"
description = "Disks of desktops hold mail and downloads."
remediation = "Encryption is chosen when a WorkSpace is made: make another."
how         = { cli = "aws workspaces create-workspaces --cli-input-json file://workspace.json", terraform = "aws_workspaces_workspace: root_volume_encryption_enabled = true", console = "WorkSpaces > Create WorkSpaces > Encryption" }
---*/
-- The API leaves the settings out where a volume is not encrypted.
select
    asset_id,
    account_id,
    region,
    'a volume is not encrypted' as reason
from aws_workspaces_workspace
where (not coalesce(root_volume_encryption_enabled, false) or not coalesce(user_volume_encryption_enabled, false))
