/*---
id          = "aws-dynamodb-table-encrypted-with-kms"
title       = "DynamoDB tables are encrypted with a KMS key"
severity    = "low"
category    = "security"
asset_type  = "aws_dynamodb_table"
description = "Every table is encrypted, by default with a key that DynamoDB owns. With a KMS key in the account its use shows in CloudTrail, and a key of your own can be taken away."
remediation = "`aws dynamodb update-table --table-name NAME --sse-specification Enabled=true,SSEType=KMS,KMSMasterKeyId=KEY`"
how         = { cli = "aws dynamodb update-table --table-name NAME --sse-specification Enabled=true,SSEType=KMS,KMSMasterKeyId=KEY", terraform = "aws_dynamodb_table: server_side_encryption { enabled = true }", console = "DynamoDB > Tables > Additional settings > Manage encryption" }
references  = ["https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/EncryptionAtRest.html"]
---*/
-- A table with a state was described: then no encryption in its description means the key that DynamoDB owns.
select
    asset_id,
    account_id,
    region,
    'a key that DynamoDB owns encrypts the table' as reason
from aws_dynamodb_table
where
    table_status <> 'DELETING'
    and coalesce(sse_description['status'], 'DISABLED') in ('DISABLED', 'DISABLING')
