/*---
id          = "aws-dms-replication-instance-not-public"
title       = "DMS instances have no public address"
severity    = "critical"
category    = "security"
asset_type  = "aws_dms_replication_instance"
description = "It holds the passwords of the databases that it copies."
remediation = "Make it again without."
how         = { cli = "aws dms create-replication-instance --replication-instance-identifier NEW --replication-instance-class CLASS --no-publicly-accessible", terraform = "aws_dms_replication_instance: publicly_accessible = false", console = "DMS > Replication instances > Create > Publicly accessible" }
---*/
select
    asset_id,
    account_id,
    region,
    'the instance has a public address' as reason
from aws_dms_replication_instance
where publicly_accessible
