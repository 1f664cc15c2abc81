/*---
id          = "aws-wafv2-web-acl-logged"
title       = "Web ACLs log what they stop"
severity    = "low"
category    = "security"
asset_type  = "aws_wafv2_web_acl"
description = "Without logs nobody can tell who was stopped, and who was not."
remediation = "Turn logging on."
how         = { cli = "aws wafv2 put-logging-configuration --logging-configuration ResourceArn=ARN,LogDestinationConfigs=LOGS", terraform = "aws_wafv2_web_acl_logging_configuration", console = "WAF & Shield > Web ACLs > Logging and metrics > Enable" }
---*/
-- Null: AWS says that there is none.
select
    asset_id,
    account_id,
    region,
    'logging is off' as reason
from aws_wafv2_web_acl
where logging_configuration is null
