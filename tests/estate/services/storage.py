"""S3 buckets: one of each way in which a bucket is public, hidden, guarded or forgotten."""
import json

from .cloud import pairs

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
BLOCKED = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}

# What a bucket has; everything that is not named is left as AWS makes it.
GOOD = ("blocked", "encrypted", "versioned", "logged", "lifecycle", "tls")
BUCKETS = {  # name: (profiles, in the home region or else the second, what it has)
    "orders": ("root prod dev", True, GOOD),
    "backups": ("prod", False, GOOD),
    "website": ("prod", True, ("website", "public-policy", "versioned", "logged")),
    "partners": ("prod", True, ("conditional-policy", "encrypted", "versioned", "logged")),
    "uploads": ("prod dev", True, ("public-acl", "blocked", "logged")),
    "scratch": ("dev", True, ()),
    "exports": ("dev", False, ("public-acl", "encrypted")),
    "dropbox": ("dev", True, ("writable-acl", "versioned")),
    "shared": ("dev", False, ("authenticated-acl",)),
    "reports": ("dev", True, ("public-policy",)),
}


def bucket_name(scope, purpose):
    return f"shop-{purpose}-{scope.account.profile}-{scope.cloud.seed}"


def log_bucket(scope):
    return bucket_name(scope, f"logs-{scope.region}")


def build(scope):
    """Makes the buckets that lie in the scope's region."""
    here = {purpose: has for purpose, (profiles, home, has) in BUCKETS.items()
            if scope.within(*profiles.split()) and (scope.home if home else scope.second)}
    make_bucket(scope, log_bucket(scope), ("blocked", "encrypted", "log-target", "lifecycle", "versioned", "tls"))
    # A bucket that takes no other's logs has no excuse for keeping none of its own.
    scope.flag(log_bucket(scope), {
        "aws-s3-bucket-access-logging-enabled": not any("logged" in has for has in here.values())})
    for purpose, has in here.items():
        make_bucket(scope, bucket_name(scope, purpose), has)


def make_bucket(scope, name, has):
    """Makes a bucket with the named properties and flags the ones that it lacks."""
    s3 = scope.client("s3")
    where = {} if scope.region == "us-east-1" else {
        "CreateBucketConfiguration": {"LocationConstraint": scope.region}}
    s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerPreferred", **where)
    tags = scope.tags(name.removeprefix("shop-"))
    if "scratch" not in name:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": pairs(tags)})
    settings = {
        "encrypted": lambda: s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}]}),
        "versioned": lambda: s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"}),
        "lifecycle": lambda: s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [
            {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 400},
             "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}]}),
        "log-target": lambda: _grant(s3, name, LOG_DELIVERY, "WRITE", "READ_ACP"),
        "logged": lambda: s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": {
            "TargetBucket": log_bucket(scope), "TargetPrefix": f"{name}/"}}),
        "website": lambda: s3.put_bucket_website(Bucket=name, WebsiteConfiguration={
            "IndexDocument": {"Suffix": "index.html"}}),
        "public-acl": lambda: _grant(s3, name, ALL_USERS, "READ"),
        "writable-acl": lambda: _grant(s3, name, ALL_USERS, "READ", "WRITE"),
        "authenticated-acl": lambda: _grant(s3, name, AUTHENTICATED, "READ"),
        "public-policy": lambda: s3.put_bucket_policy(Bucket=name, Policy=_policy(name, _anybody(name))),
        "conditional-policy": lambda: s3.put_bucket_policy(Bucket=name, Policy=_policy(
            name, _anybody(name) | {"Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}})),
        "tls": lambda: s3.put_bucket_policy(Bucket=name, Policy=_policy(name, {
            # Not "*" alone: moto fails on logging into a bucket with such a policy.
            "Sid": "TlsOnly", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}})),
        # Last: a block refuses the public ACL or policy that it would otherwise only hide.
        "blocked": lambda: s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=BLOCKED),
    }
    for setting, apply in settings.items():
        if setting in has:
            apply()
    # What AWS calls public is hidden, but not gone, behind a public access block.
    opened = set() if "blocked" in has else {"public-acl", "writable-acl", "authenticated-acl", "public-policy"} & set(has)
    scope.flag(name, {
        "aws-s3-bucket-not-public": bool(opened),
        "aws-s3-bucket-no-public-list": bool(opened - {"public-policy"}),
        "aws-s3-bucket-no-public-object-read": "public-policy" in opened,
        "aws-s3-bucket-no-public-write": "writable-acl" in opened,
        "aws-s3-bucket-public-access-block": "blocked" not in has,
        "aws-s3-bucket-encryption-enabled": "encrypted" not in has,
        "aws-s3-bucket-versioning-enabled": "versioned" not in has,
        "aws-s3-bucket-access-logging-enabled": "logged" not in has and "log-target" not in has,
        "aws-s3-bucket-lifecycle-configured": "lifecycle" not in has,
        "aws-s3-bucket-tls-only": "tls" not in has,
        "aws-s3-bucket-no-website": "website" in has,
    })


def _anybody(name):
    return {"Sid": "Anybody", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{name}/*"}


def _policy(name, statement):
    return json.dumps({"Version": "2012-10-17", "Id": name, "Statement": [statement]})


def _grant(s3, name, group, *permissions):
    acl = s3.get_bucket_acl(Bucket=name)
    grants = acl["Grants"] + [{"Grantee": {"Type": "Group", "URI": group}, "Permission": p} for p in permissions]
    s3.put_bucket_acl(Bucket=name, AccessControlPolicy={"Owner": acl["Owner"], "Grants": grants})
