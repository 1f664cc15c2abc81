"""SQS queues and SNS topics, private and public."""
import json

from .cloud import pairs


def build(scope):
    if scope.within("prod", "dev"):
        make_queue(scope, "orders", encrypted=True, public=None)
        make_topic(scope, "receipts", encrypted=scope.within("prod"), public=None)
    if scope.within("dev"):
        make_queue(scope, "webhooks", encrypted=False, public="everyone")
        make_topic(scope, "announcements", encrypted=False, public="everyone")
    if scope.within("dev") and scope.home:
        # Anybody, but only on behalf of the account's own buckets: not public.
        make_queue(scope, "uploads", encrypted=False, public="own-buckets")


def make_queue(scope, name, *, encrypted, public):
    """Makes a queue; `public` is None, "everyone" or "own-buckets". Returns its URL."""
    sqs = scope.client("sqs")
    arn = f"arn:aws:sqs:{scope.region}:{scope.account.id}:{name}"
    attributes = {"KmsMasterKeyId": scope.made["key"]} if encrypted else {"SqsManagedSseEnabled": "false"}
    if public:
        attributes["Policy"] = policy(scope, "SQS:SendMessage", arn, public)
    url = sqs.create_queue(QueueName=name, Attributes=attributes, tags=scope.tags(name))["QueueUrl"]
    scope.flag(name, {"aws-sqs-queue-not-public": public == "everyone", "aws-sqs-queue-encrypted": not encrypted})
    return url


def make_topic(scope, name, *, encrypted, public):
    """Makes a topic with one subscription; `public` as for a queue. Returns its ARN."""
    sns = scope.client("sns")
    arn = sns.create_topic(Name=name, Tags=pairs(scope.tags(name)),
                           Attributes={"KmsMasterKeyId": scope.made["key"]} if encrypted else {})["TopicArn"]
    if public:
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy",
                                 AttributeValue=policy(scope, "SNS:Publish", arn, public))
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="operators@example.org")
    scope.flag(arn, {"aws-sns-topic-not-public": public == "everyone", "aws-sns-topic-encrypted": not encrypted})
    return arn


def policy(scope, action, arn, public):
    """A resource policy that lets anybody in, or with "own-buckets" only on behalf of the account itself."""
    statement = {"Sid": "Anybody", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": action, "Resource": arn}
    if public == "own-buckets":
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": scope.account.id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
