"""What watches and protects an account: KMS keys, CloudTrail trails and GuardDuty detectors."""
import json

from .cloud import GLOBAL, pairs
from .storage import log_bucket


def build(scope):
    _keys(scope)
    _trails(scope)
    _detectors(scope)


def make_key(scope, name, *, rotated, public=False, deleted=False):
    """Makes a key with an alias; returns its id."""
    kms = scope.client("kms")
    key = kms.create_key(Description=name, Tags=pairs(scope.tags(name), "TagKey", "TagValue"))["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
    if rotated:
        kms.enable_key_rotation(KeyId=key)
    if public:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({
            "Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}]}))
    if deleted:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    scope.flag(key, {"aws-kms-key-rotation-enabled": not rotated and not deleted, "aws-kms-key-policy-not-public": public,
                     "aws-kms-key-not-pending-deletion": deleted})
    return key


def _keys(scope):
    scope.made["key"] = make_key(scope, "shop-data", rotated=scope.within("root", "prod"))
    if scope.within("dev"):
        make_key(scope, "shop-demo", rotated=True, public=True)
    if scope.within("dev") and scope.home:
        make_key(scope, "shop-retired", rotated=False, deleted=True)


def _trails(scope):
    """One good multi-region trail in root; in prod one for each region, weak; in dev one, switched off."""
    trails = {("root", True): ("organization", True, True), ("prod", True): ("audit", False, True),
              ("prod", False): ("audit-second", False, True), ("dev", True): ("forgotten", True, False)}
    planned = trails.get((scope.account.profile, scope.home))
    if planned:
        name, everywhere, logging = planned
        good = scope.within("root")
        cloudtrail = scope.client("cloudtrail")
        cloudtrail.create_trail(
            Name=name, S3BucketName=log_bucket(scope), IsMultiRegionTrail=everywhere, EnableLogFileValidation=good,
            IncludeGlobalServiceEvents=everywhere, TagsList=pairs(scope.tags(name)))
        if logging:
            cloudtrail.start_logging(Name=name)
        scope.flag(name, {"aws-cloudtrail-trail-log-file-validation": not good})
    if scope.home:
        scope.flag(scope.account.id, {"aws-cloudtrail-account-multi-region-trail": not scope.within("root")}, GLOBAL)


def _detectors(scope):
    """On in most scopes; dev has none at home and a suspended one elsewhere."""
    if scope.within("dev") and scope.home:
        scope.flag(scope.account.id, {"aws-guardduty-region-detector-enabled": True})
        return
    on = not scope.within("dev")
    scope.client("guardduty").create_detector(Enable=on, FindingPublishingFrequency="ONE_HOUR",
                                              Tags=scope.tags("detector"))
    scope.flag(scope.account.id, {"aws-guardduty-region-detector-enabled": not on})
