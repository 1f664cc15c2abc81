"""RDS instances and DynamoDB tables."""
from .cloud import pairs


def build(scope):
    if scope.within("prod", "dev"):
        _instances(scope)
        _tables(scope)


def _instances(scope):
    rds, groups, subnets = scope.client("rds"), scope.made["groups"], scope.made["subnets"]
    for name, members in (("private", ["private-a", "private-b"]), ("public", ["public-a", "private-b"])):
        rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription=name,
                                   SubnetIds=[subnets[m] for m in members])
    if scope.within("prod"):
        make_instance(scope, "orders", "postgres", groups["db"], good=True)
    else:
        make_instance(scope, "orders-test", "postgres", groups["db"], good=False)
        make_instance(scope, "wordpress", "mysql", groups["mysql"], good=False, public=True)


def make_instance(scope, name, engine, group, *, good, public=False):
    """Makes a database that is encrypted, backed up and doubled if `good`."""
    encryption = {"StorageEncrypted": True, "KmsKeyId": scope.made["key"]} if good else {"StorageEncrypted": False}
    scope.client("rds").create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.t4g.medium", Engine=engine,
        AllocatedStorage=scope.random.choice([20, 50, 100]), MasterUsername="shop", MasterUserPassword="not-a-secret",
        DBSubnetGroupName="public" if public else "private", VpcSecurityGroupIds=[group], PubliclyAccessible=public,
        MultiAZ=good, BackupRetentionPeriod=14 if good else 0, DeletionProtection=good,
        AutoMinorVersionUpgrade=good, Tags=pairs(scope.tags(name)), **encryption)
    scope.flag(name, {
        "aws-rds-db-instance-not-publicly-accessible": public,
        "aws-rds-db-instance-storage-encrypted": not good,
        "aws-rds-db-instance-backups-kept": not good,
        "aws-rds-db-instance-multi-az": not good,
        "aws-rds-db-instance-deletion-protection": not good,
        "aws-rds-db-instance-auto-minor-version-upgrade": not good,
    })


def _tables(scope):
    make_table(scope, "carts", kms=scope.within("prod"), recovery=scope.within("prod"))
    if scope.home:
        make_table(scope, "visits", kms=False, recovery=False)


def make_table(scope, name, *, kms, recovery):
    """Makes a table, encrypted with the account's own key if `kms`."""
    dynamodb = scope.client("dynamodb")
    encryption = {"SSESpecification": {"Enabled": True, "SSEType": "KMS",
                                       "KMSMasterKeyId": scope.made["key"]}} if kms else {}
    dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], DeletionProtectionEnabled=recovery,
        Tags=pairs(scope.tags(name)), **encryption)
    if recovery:
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    scope.flag(name, {"aws-dynamodb-table-encrypted-with-kms": not kms,
                      "aws-dynamodb-table-point-in-time-recovery": not recovery})
