/*---
id          = "aws-ec2-instance-no-guardduty-findings"
title       = "GuardDuty sees no attack on instances"
severity    = "high"
category    = "security"
asset_type  = "aws_ec2_instance"
description = "It has seen traffic or calls that look like an attack on this instance, or from it."
remediation = "Cut the instance off, keep its disks for the inquiry, then archive the finding."
how         = { cli = "aws guardduty list-findings --detector-id DETECTOR", terraform = "aws_guardduty_detector", console = "GuardDuty > Findings" }

[params.min_severity]
type    = "float"
default = 1.0
doc     = "Severity, 1 to 10, from which a finding counts; 4 leaves out what GuardDuty calls low."
---*/
select
    instance.asset_id,
    instance.account_id,
    instance.region,
    string_agg(distinct finding.type, ', ' order by finding.type) as reason
from aws_ec2_instance as instance
inner join aws_guardduty_finding as finding
    on instance.account_id = finding.account_id
    and instance.region = finding.region
    and instance.instance_id = finding.instance_id
where
    finding.severity >= $min_severity
    and not coalesce(finding.archived, false)
group by
    instance.asset_id,
    instance.account_id,
    instance.region
