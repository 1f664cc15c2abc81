/*---
id          = "aws-ec2-instance-not-stopped-for-long"
title       = "Instances are not left stopped for long"
severity    = "low"
category    = "governance"
asset_type  = "aws_ec2_instance"
description = "A stopped instance still pays for its volumes and addresses, gets no patches, and comes back as old as it was."
remediation = "Make an image if it may be needed again (`aws ec2 create-image --instance-id ID --name NAME`), then `aws ec2 terminate-instances --instance-ids ID`."
how         = { cli = "aws ec2 terminate-instances --instance-ids ID", terraform = "remove aws_instance", console = "EC2 > Instances > Instance state > Terminate instance" }
references  = ["https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html"]

[params.max_days]
type    = "int"
default = 90
doc     = "Whole days that an instance may stay stopped."
---*/
-- AWS says when only in the text `User initiated (2025-10-01 09:00:00 GMT)`; without a date the time is unknown.
with stopped as (
    select
        asset_id,
        account_id,
        region,
        state_transition_reason,
        try_cast(
            regexp_match(state_transition_reason, '.*(\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?)')[1] as timestamp
        ) as stopped_at
    from aws_ec2_instance
    where instance_state = 'stopped'
)

select
    asset_id,
    account_id,
    region,
    'has been stopped for ' || date_part('day', now() - stopped_at) || ' days' as reason,
    stopped_at,
    state_transition_reason
from stopped
where date_part('day', now() - stopped_at) > $max_days
