/*---
id          = "aws-dynamodb-table-point-in-time-recovery"
title       = "DynamoDB tables can return to any second"
severity    = "medium"
category    = "governance"
asset_type  = "aws_dynamodb_table"
description = "Point-in-time recovery undoes a wrong write or delete of the last days without anybody having thought of a backup."
remediation = "`aws dynamodb update-continuous-backups --table-name NAME --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`"
how         = { cli = "aws dynamodb update-continuous-backups --table-name NAME --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true", terraform = "aws_dynamodb_table: point_in_time_recovery { enabled = true }", console = "DynamoDB > Tables > Backups > Edit point-in-time recovery" }
references  = ["https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html"]

[params.min_days]
type    = "int"
default = 1
doc     = "How many days recovery has to reach back, 1 to 35."
---*/
-- A period that AWS does not say is its default, 35 days.
select
    asset_id,
    account_id,
    region,
    case
        when point_in_time_recovery_description['point_in_time_recovery_status'] = 'DISABLED' then 'point-in-time recovery is off'
        else 'point-in-time recovery reaches back '
            || point_in_time_recovery_description['recovery_period_in_days'] || ' days, not ' || $min_days
    end as reason
from aws_dynamodb_table
where
    point_in_time_recovery_description['point_in_time_recovery_status'] = 'DISABLED'
    or point_in_time_recovery_description['recovery_period_in_days'] < $min_days
