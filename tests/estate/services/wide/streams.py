"""Kinesis streams, Firehose streams, and subscriptions of topics that are confirmed or wait for it."""
from ..cloud import pairs
from ..storage import log_bucket


def build(scope):
    _kinesis(scope)
    _firehose(scope)
    _subscriptions(scope)


def _kinesis(scope):
    kinesis, good = scope.client("kinesis"), scope.within("prod")
    for name in ("clicks", "orders"):
        kinesis.create_stream(StreamName=name, ShardCount=2, Tags=scope.tags(name))
    if good:
        kinesis.start_stream_encryption(StreamName="clicks", EncryptionType="KMS", KeyId=scope.made["key"])
    scope.flag("clicks", {"aws-kinesis-stream-encrypted": not good})
    scope.flag("orders", {"aws-kinesis-stream-encrypted": True})


def _firehose(scope):
    firehose, good = scope.client("firehose"), scope.within("prod")
    role = f"arn:aws:iam::{scope.account.id}:role/firehose"
    firehose.create_delivery_stream(
        DeliveryStreamName="clicks-to-bucket", DeliveryStreamType="DirectPut", Tags=pairs(scope.tags("clicks")),
        ExtendedS3DestinationConfiguration={"RoleARN": role, "BucketARN": f"arn:aws:s3:::{log_bucket(scope)}"})
    if good:
        firehose.start_delivery_stream_encryption(
            DeliveryStreamName="clicks-to-bucket", DeliveryStreamEncryptionConfigurationInput={
                "KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": scope.made["key"]})
    scope.flag("clicks-to-bucket", {"aws-firehose-stream-encrypted": not good})


def _subscriptions(scope):
    """Beside the e-mail subscription that each topic has already."""
    sns, account = scope.client("sns"), scope.account.id
    topic = f"arn:aws:sns:{scope.region}:{account}:receipts"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{scope.region}:{account}:orders")
    sns.subscribe(TopicArn=topic, Protocol="lambda",
                  Endpoint=f"arn:aws:lambda:{scope.region}:{account}:function:send-receipts")
