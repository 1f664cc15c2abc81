"""Aurora and Neptune clusters, snapshots, DAX, ElastiCache and DMS. moto makes no DocumentDB cluster."""
from ..cloud import pairs


def build(scope):
    _clusters(scope)
    _snapshots(scope)
    _caches(scope)
    _replication_instance(scope)


def _clusters(scope):
    rds, good = scope.client("rds"), scope.within("prod")
    encryption = {"StorageEncrypted": True, "KmsKeyId": scope.made["key"]} if good else {"StorageEncrypted": False}
    for name, engine, prefix in (("ledger", "aurora-postgresql", "aws-rds-db-cluster-storage"),
                                 ("relations", "neptune", "aws-neptune-cluster")):
        rds.create_db_cluster(
            DBClusterIdentifier=name, Engine=engine, MasterUsername="shop", MasterUserPassword="not-a-secret",
            DBSubnetGroupName="private", VpcSecurityGroupIds=[scope.made["groups"]["db" if good else "mysql"]],
            BackupRetentionPeriod=14 if good else 1, DeletionProtection=good,
            EnableIAMDatabaseAuthentication=good and engine != "neptune",  # which moto refuses
            Tags=pairs(scope.tags(name)), **encryption)
        scope.flag(name, {f"{prefix}-encrypted": not good,
                          f"{prefix.removesuffix('-storage')}-deletion-protection": not good})
    scope.flag("ledger", {"aws-rds-db-cluster-iam-authentication": not good})


def _snapshots(scope):
    """Two of each kind; a sloppy account shares one with everybody."""
    rds, good = scope.client("rds"), scope.within("prod")
    instance = "orders" if good else "orders-test"
    for name, shared in (("before-upgrade", False), ("for-partners", True)):
        rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier=instance, Tags=pairs(scope.tags(name)))
        cluster = f"ledger-{name}"
        rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier=cluster, DBClusterIdentifier="ledger",
                                       Tags=pairs(scope.tags(cluster)))
        if shared:
            who = [scope.account.id] if good else ["all"]
            rds.modify_db_snapshot_attribute(DBSnapshotIdentifier=name, AttributeName="restore", ValuesToAdd=who)
            rds.modify_db_cluster_snapshot_attribute(DBClusterSnapshotIdentifier=cluster, AttributeName="restore",
                                                     ValuesToAdd=who)
        public = shared and not good
        scope.flag(name, {"aws-rds-db-snapshot-encrypted": not good, "aws-rds-db-snapshot-not-public": public})
        scope.flag(cluster, {"aws-rds-db-cluster-snapshot-encrypted": not good,
                             "aws-rds-db-cluster-snapshot-not-public": public})


def _caches(scope):
    cache, dax, good = scope.client("elasticache"), scope.client("dax"), scope.within("prod")
    cache.create_cache_cluster(CacheClusterId="sessions", Engine="memcached", CacheNodeType="cache.t4g.micro",
                               NumCacheNodes=2, Tags=pairs(scope.tags("sessions")))
    cache.create_replication_group(
        ReplicationGroupId="baskets", ReplicationGroupDescription="baskets", Engine="redis",
        CacheNodeType="cache.t4g.small", NumCacheClusters=2, AutomaticFailoverEnabled=True,
        AtRestEncryptionEnabled=good, TransitEncryptionEnabled=good, SnapshotRetentionLimit=7 if good else 0,
        Tags=pairs(scope.tags("baskets")), **({"AuthToken": "not-a-secret-but-long"} if good else {}))
    scope.flag("baskets", {"aws-elasticache-replication-group-encrypted-at-rest": not good,
                           "aws-elasticache-replication-group-encrypted-in-transit": not good,
                           "aws-elasticache-replication-group-authenticated": not good,
                           "aws-elasticache-replication-group-backups-kept": not good})
    dax.create_cluster(
        ClusterName="carts", NodeType="dax.t3.small", ReplicationFactor=1, Description="carts",
        IamRoleArn=f"arn:aws:iam::{scope.account.id}:role/dax", Tags=pairs(scope.tags("carts-cache")),
        SSESpecification={"Enabled": good}, ClusterEndpointEncryptionType="TLS" if good else "NONE")
    scope.flag("carts", {"aws-dax-cluster-encrypted": not good, "aws-dax-cluster-endpoint-encrypted": not good})


def _replication_instance(scope):
    public = scope.within("dev")
    scope.client("dms").create_replication_instance(
        ReplicationInstanceIdentifier="migration", ReplicationInstanceClass="dms.t3.medium", AllocatedStorage=50,
        PubliclyAccessible=public, MultiAZ=not public, AutoMinorVersionUpgrade=True,
        Tags=pairs(scope.tags("migration")))
    scope.flag("migration", {"aws-dms-replication-instance-not-public": public})
