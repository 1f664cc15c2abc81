/*---
id          = "aws-rds-db-cluster-iam-authentication"
title       = "Database clusters accept IAM users"
severity    = "low"
category    = "security"
asset_type  = "aws_rds_db_cluster"
description = "IAM hands out tokens of 15 minutes in place of passwords that live for years."
remediation = "Turn IAM authentication on and grant rds-db:connect."
how         = { cli = "aws rds modify-db-cluster --db-cluster-identifier ID --enable-iam-database-authentication", terraform = "aws_rds_cluster: iam_database_authentication_enabled = true", console = "RDS > Databases > cluster > Modify > Database authentication" }
---*/
select
    asset_id,
    account_id,
    region,
    'IAM users cannot log in' as reason
from aws_rds_db_cluster
where
    not iam_database_authentication_enabled
    and engine in ('aurora-mysql', 'aurora-postgresql', 'mysql', 'postgres')
