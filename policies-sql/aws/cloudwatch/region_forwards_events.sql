/*---
id          = "aws-cloudwatch-region-forwards-events"
title       = "Every region forwards its events to the central bus"
severity    = "high"
category    = "governance"
asset_type  = "aws_region"
description = "Rules are regional: what happens in a region that forwards nothing is seen by nobody."
remediation = "`aws events put-rule --name NAME --event-pattern PATTERN --region REGION`, then `aws events put-targets` with the central bus as the target. A StackSet keeps the rule in all regions."
how         = { cli = "aws events put-targets --rule NAME --targets Id=central,Arn=BUS,RoleArn=ROLE", terraform = "aws_cloudwatch_event_rule and aws_cloudwatch_event_target: arn of the central bus", console = "Amazon EventBridge > Rules > Edit > Targets" }
references  = ["https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html"]
enabled     = false

[params.rule_prefix]
type    = "string"
default = "pacbot-"
doc     = "How the names of the rules that forward begin."

[params.bus_arn]
type    = "string"
default = ""
doc     = "The ARN of the central bus; empty: any event bus."

[params.exempt_regions]
type    = "list<string>"
default = []
doc     = "Regions that need no rule, for example because a service control policy forbids to use them."
---*/
-- A rule that sends events elsewhere does not forward them. One whose state is unknown is taken to be enabled.
with targets as (
    select
        account_id,
        region,
        coalesce(state, 'ENABLED') <> 'DISABLED' as enabled,
        unnest(targets) as target
    from aws_cloudwatch_event_rule
    where starts_with(rule_name, $rule_prefix)
),

forwarding as (
    select
        account_id,
        region,
        bool_and(enabled) as enabled
    from targets
    where
        ($bus_arn <> '' and target['arn'] = $bus_arn)
        or ($bus_arn = '' and target['arn'] like '%:event-bus/%')
    group by
        account_id,
        region
)

-- A region that the account did not opt in to can hold nothing.
select
    aws_region.asset_id,
    aws_region.account_id,
    aws_region.region,
    case
        when forwarding.account_id is null then 'no rule ' || $rule_prefix || '… of ' || aws_region.name || ' sends to the bus'
        else 'a rule ' || $rule_prefix || '… of ' || aws_region.name || ' is disabled'
    end as reason
from aws_region
left join forwarding
    on aws_region.account_id = forwarding.account_id
    and aws_region.name = forwarding.region
where
    aws_region.opt_in_status in ('opt-in-not-required', 'opted-in')
    and not coalesce(forwarding.enabled, false)
    and not coalesce(array_has($exempt_regions, aws_region.name), false)
