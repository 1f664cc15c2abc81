/*---
id          = "aws-apigateway-stage-access-logs"
title       = "Stages of REST APIs write access logs"
severity    = "medium"
category    = "security"
asset_type  = "aws_api_gateway_stage"
description = "Without access logs nobody can tell who called what."
remediation = "Send access logs to a log group."
how         = { cli = "aws apigateway update-stage --rest-api-id API --stage-name STAGE --patch-operations op=replace,path=/accessLogSettings/destinationArn,value=ARN", terraform = "aws_api_gateway_stage: access_log_settings", console = "API Gateway > APIs > Stages > Logs and tracing > Edit" }
---*/
-- Null: the list says that there is none.
select
    asset_id,
    account_id,
    region,
    'access logs are off' as reason
from aws_api_gateway_stage
where access_log_destination_arn is null
