/*---
id          = "aws-vpc-flow-logs-enabled"
title       = "VPCs have a flow log"
severity    = "high"
category    = "security"
asset_type  = "aws_vpc"
description = "Without flow logs nobody can tell afterwards who talked to whom, or where the data went."
remediation = "`aws ec2 create-flow-logs --resource-type VPC --resource-ids ID --traffic-type ALL --log-destination-type s3 --log-destination BUCKET_ARN`."
fix         = "aws-vpc-log-flows"
how         = { cli = "aws ec2 create-flow-logs --resource-type VPC --resource-ids ID --traffic-type ALL --log-destination-type s3 --log-destination BUCKET_ARN", terraform = "aws_flow_log", console = "VPC > Your VPCs > Flow logs > Create flow log" }
references  = ["https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html"]
---*/
-- Logs of single subnets or interfaces do not cover the VPC. A log whose delivery fails keeps nothing; one without a
-- status has not delivered yet.
with logs as (
    select
        account_id,
        region,
        resource_id,
        bool_or(coalesce(deliver_logs_status, 'SUCCESS') = 'SUCCESS') as delivers,
        min(deliver_logs_error_message) as error_message
    from aws_vpc_flow_log
    where coalesce(flow_log_status, 'ACTIVE') = 'ACTIVE'
    group by
        account_id,
        region,
        resource_id
)

-- Only the owner of a VPC that is shared can make flow logs for it.
select
    vpc.asset_id,
    vpc.account_id,
    vpc.region,
    case
        when logs.resource_id is null then 'no active flow log covers the VPC'
        else 'the flow log of the VPC cannot deliver: ' || coalesce(logs.error_message, 'AWS does not say why')
    end as reason,
    vpc.cidr_block,
    vpc.is_default
from aws_vpc as vpc
left join logs
    on vpc.account_id = logs.account_id
    and vpc.region = logs.region
    and vpc.vpc_id = logs.resource_id
where
    not coalesce(logs.delivers, false)
    and coalesce(vpc.owner_id, vpc.account_id) = vpc.account_id
