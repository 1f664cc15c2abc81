/*---
id          = "aws-cloudwatch-account-forwards-events"
title       = "Accounts forward events to the central bus"
severity    = "low"
category    = "governance"
asset_type  = "aws_account"
description = "What happens in an account that forwards nothing is seen by nobody."
remediation = "Make the rule, or enable it."
how         = { cli = "aws events put-rule --name NAME --state ENABLED --event-pattern PATTERN", terraform = "aws_cloudwatch_event_rule", console = "EventBridge > Rules > Create rule" }
enabled     = false

[params.rule_prefix]
type    = "string"
default = "pacbot-"
doc     = "How the names of the rules that forward begin."
---*/
with forwarding as (
    select
        account_id,
        bool_and(state <> 'DISABLED') as enabled
    from aws_cloudwatch_event_rule
    where
        starts_with(rule_name, $rule_prefix)
        and array_length(targets) > 0
    group by account_id
)

select
    aws_account.asset_id,
    aws_account.account_id,
    aws_account.region,
    case
        when forwarding.account_id is null then 'there is no rule ' || $rule_prefix || '…'
        else 'a rule ' || $rule_prefix || '… is disabled'
    end as reason
from aws_account
left join forwarding
    on aws_account.account_id = forwarding.account_id
where not coalesce(forwarding.enabled, false)
