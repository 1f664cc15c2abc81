/*---
id          = "aws-apigateway-http-stage-access-logs"
title       = "Stages of HTTP APIs write access logs"
severity    = "medium"
category    = "security"
asset_type  = "aws_api_gatewayv2_stage"
description = "Without access logs nobody can tell who called what."
remediation = "Send access logs to a log group."
how         = { cli = "aws apigatewayv2 update-stage --api-id API --stage-name STAGE --access-log-settings DestinationArn=ARN", terraform = "aws_apigatewayv2_stage: access_log_settings", console = "API Gateway > APIs > Monitor > Logging" }
---*/
-- Null: the list says that there is none.
select
    asset_id,
    account_id,
    region,
    'access logs are off' as reason
from aws_api_gatewayv2_stage
where access_log_destination_arn is null
