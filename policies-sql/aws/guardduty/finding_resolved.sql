/*---
id          = "aws-guardduty-finding-resolved"
title       = "GuardDuty finds nothing serious"
severity    = "high"
category    = "security"
asset_type  = "aws_guardduty_finding"
description = "It has seen something that looks like an attack."
remediation = "Look at the resource, then archive the finding."
how         = { cli = "aws guardduty archive-findings --detector-id DETECTOR --finding-ids ID", terraform = "aws_guardduty_detector", console = "GuardDuty > Findings" }

[params.min_severity]
type    = "float"
default = 4.0
doc     = "Severity, 1 to 10, from which a finding counts."
---*/
select
    asset_id,
    account_id,
    region,
    type || ' (' || cast(severity as varchar) || ')' as reason
from aws_guardduty_finding
where severity >= $min_severity
