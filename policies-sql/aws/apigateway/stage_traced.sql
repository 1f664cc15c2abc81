/*---
id          = "aws-apigateway-stage-traced"
title       = "Stages of REST APIs are traced"
severity    = "low"
category    = "governance"
asset_type  = "aws_api_gateway_stage"
description = "Traces show where requests fail and wait."
remediation = "Turn tracing on."
how         = { cli = "aws apigateway update-stage --rest-api-id API --stage-name STAGE --patch-operations op=replace,path=/tracingEnabled,value=true", terraform = "aws_api_gateway_stage: xray_tracing_enabled = true", console = "API Gateway > APIs > Stages > Logs and tracing > Edit" }
---*/
-- The API leaves the setting out where it was never set, which is off.
select
    asset_id,
    account_id,
    region,
    'X-Ray is off' as reason
from aws_api_gateway_stage
where not coalesce(tracing_enabled, false)
