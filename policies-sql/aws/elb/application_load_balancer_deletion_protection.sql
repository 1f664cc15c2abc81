/*---
id          = "aws-elb-application-load-balancer-deletion-protection"
title       = "Application load balancers are protected from deletion"
severity    = "low"
category    = "governance"
asset_type  = "aws_ec2_application_load_balancer"
description = "A deleted load balancer takes its name with it: what points there finds nothing until every record is changed."
remediation = "`aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes Key=deletion_protection.enabled,Value=true`"
how         = { cli = "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes Key=deletion_protection.enabled,Value=true", terraform = "aws_lb: enable_deletion_protection = true", console = "EC2 > Load Balancers > Attributes > Edit > Deletion protection" }
references  = ["https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"]
---*/
-- The default is false and may be left out of the answer; a null map was not read.
select
    asset_id,
    account_id,
    region,
    'deletion protection is off' as reason
from aws_ec2_application_load_balancer
where
    load_balancer_attributes is not null
    and coalesce(load_balancer_attributes['deletion_protection.enabled'], 'false') <> 'true'
