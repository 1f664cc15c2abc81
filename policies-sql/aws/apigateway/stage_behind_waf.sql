/*---
id          = "aws-apigateway-stage-behind-waf"
title       = "Stages of REST APIs are behind a web ACL"
severity    = "low"
category    = "security"
asset_type  = "aws_api_gateway_stage"
description = "A web ACL stops known attacks before they reach the API."
remediation = "Put a web ACL in front."
how         = { cli = "aws wafv2 associate-web-acl --web-acl-arn ARN --resource-arn STAGE", terraform = "aws_wafv2_web_acl_association", console = "API Gateway > APIs > Stages > Edit > Web application firewall" }
---*/
-- Null: the list says that there is none.
select
    asset_id,
    account_id,
    region,
    'there is no web ACL' as reason
from aws_api_gateway_stage
where web_acl_arn is null
