/*---
id          = "aws-lambda-function-outside-vpc"
title       = "Lambda functions stay out of VPCs that they do not need"
severity    = "low"
category    = "governance"
asset_type  = "aws_lambda_function"
description = "A function in a VPC takes addresses of its subnets, reaches the internet and AWS only through gateways or endpoints, and starts with network interfaces to wait for."
remediation = "`aws lambda update-function-configuration --function-name NAME --vpc-config SubnetIds=[],SecurityGroupIds=[]`; add VPCs that functions do need to `expected_vpc_ids`."
how         = { cli = "aws lambda update-function-configuration --function-name NAME --vpc-config SubnetIds=[],SecurityGroupIds=[]", terraform = "aws_lambda_function: vpc_config", console = "Lambda > Functions > Configuration > VPC > Edit" }
references  = ["https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"]

[params.expected_vpc_ids]
type    = "list<string>"
default = []
doc     = "VPCs whose databases or services functions have to reach."
---*/
-- A function that has left its VPC may keep an empty id.
select
    asset_id,
    account_id,
    region,
    'attached to ' || vpc_id as reason,
    vpc_id
from aws_lambda_function
where
    vpc_id <> ''
    and not coalesce(array_has($expected_vpc_ids, vpc_id), false)
