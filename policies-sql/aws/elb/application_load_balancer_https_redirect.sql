/*---
id          = "aws-elb-application-load-balancer-https-redirect"
title       = "Application load balancers redirect HTTP to HTTPS"
severity    = "medium"
category    = "security"
asset_type  = "aws_ec2_application_load_balancer"
description = "What travels over plain HTTP, sessions and passwords among it, can be read and changed on the way."
remediation = "`aws elbv2 modify-listener --listener-arn ARN --default-actions Type=redirect,RedirectConfig={Protocol=HTTPS,Port=443,StatusCode=HTTP_301}`"
how         = { cli = "aws elbv2 modify-listener --listener-arn ARN --default-actions Type=redirect,RedirectConfig={Protocol=HTTPS,Port=443,StatusCode=HTTP_301}", terraform = "aws_lb_listener: default_action { type = \"redirect\" }", console = "EC2 > Load Balancers > Listeners > Edit > Redirect to URL" }
references  = ["https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html#redirect-actions"]
---*/
-- Judged is what a listener does when none of its rules matches.
with listeners as (
    select
        asset_id,
        account_id,
        region,
        unnest(listeners) as listener
    from aws_ec2_application_load_balancer
),

actions as (
    select
        account_id,
        listener['listener_arn'] as listener_arn,
        unnest(listener['default_actions']) as action
    from listeners
    where listener['protocol'] = 'HTTP'
),

redirects as (
    select
        account_id,
        listener_arn
    from actions
    where
        action['type'] = 'redirect'
        and upper(action['redirect_config']['protocol']) = 'HTTPS'
)

select
    listeners.asset_id,
    listeners.account_id,
    listeners.region,
    'port ' || listeners.listener['port'] || ' serves plain HTTP' as reason,
    listeners.listener['listener_arn'] as key
from listeners
left anti join redirects
    on listeners.account_id = redirects.account_id
    and listeners.listener['listener_arn'] = redirects.listener_arn
where listeners.listener['protocol'] = 'HTTP'
