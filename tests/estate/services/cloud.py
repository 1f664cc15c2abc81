"""The emulator, its accounts and scopes, and the ledger of what was made wrong on purpose.

A scope is one account in one region. What is built in it depends on the account's profile (`root` is
small and tidy, `prod` mostly tidy, `dev` sloppy), on whether the region is the first one ("home") or the
second, and for details on a generator that is seeded for each scope. Calls are made one after the
other: the emulator draws ids from one generator, so their order decides them.
"""
import collections
import dataclasses
import random
import urllib.parse
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MANAGEMENT_ACCOUNT = "123456789012"  # the account that moto takes unknown access keys for
GLOBAL = "global"
ROLE = "pacbot_ro"
LISTS = {  # an operation without arguments of every service that the estate uses
    "organizations": "list_roots", "sts": "get_caller_identity", "iam": "list_users", "ec2": "describe_vpcs",
    "s3": "list_buckets", "kms": "list_keys", "cloudtrail": "list_trails", "guardduty": "list_detectors",
    "elbv2": "describe_load_balancers", "acm": "list_certificates", "rds": "describe_db_instances",
    "dynamodb": "list_tables", "lambda": "list_functions", "sqs": "list_queues", "sns": "list_topics",
}
MANDATORY_TAGS = ("Application", "Environment", "Stack", "Role")


@dataclasses.dataclass(frozen=True)
class Account:
    id: str
    name: str
    profile: str  # root, prod or dev


class Cloud:
    """A connection to the emulator; hands out clients for any account."""

    def __init__(self, endpoint, seed):
        if urllib.parse.urlparse(endpoint).hostname not in ("127.0.0.1", "localhost", "::1"):
            raise SystemExit(f"refused: `{endpoint}` is not on the loopback interface")
        self.endpoint, self.seed = endpoint.rstrip("/"), seed
        # One session for all accounts: it parses each service model once.
        self.session = boto3.session.Session()
        self.config = Config(retries={"max_attempts": 1}, read_timeout=60, inject_host_prefix=False)
        self.credentials = {}
        self.clients = {}
        self.flags = collections.defaultdict(set)

    def emulator(self, path):
        request = urllib.request.Request(f"{self.endpoint}/moto-api/{path}", data=b"", method="POST")
        urllib.request.urlopen(request, timeout=60).close()

    def reset(self, lists=LISTS):
        """Empties the emulator and brings its generator of ids to the same state, used or fresh.

        `lists` names an operation without arguments of every service that will be used.
        """
        # While it empties one service, moto may make another anew that it then forgets to empty, and the
        # first call of a service draws ids to set it up. So: empty, call every service, empty again.
        self.emulator("reset")
        for service, operation in lists.items():
            try:
                getattr(self.client(service, MANAGEMENT_ACCOUNT, "us-east-1"), operation)()
            except ClientError as error:
                if error.response["Error"]["Code"] != "AWSOrganizationsNotInUseException":
                    raise
        self.emulator("reset")
        self.emulator(f"seed?a={self.seed}")

    def client(self, service, account, region):
        """A client with the credentials of the account's read-only role, which moto lets write."""
        key = (service, account, region)
        if key not in self.clients:
            self.clients[key] = self.session.client(
                service, region_name=region, endpoint_url=self.endpoint, config=self.config,
                **self._credentials(account))
        return self.clients[key]

    def _credentials(self, account):
        if account not in self.credentials:
            base = dict(aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="loopback")
            sts = self.session.client("sts", region_name="us-east-1", endpoint_url=self.endpoint,
                                      config=self.config, **base)
            role = f"arn:aws:iam::{account}:role/{ROLE}"
            keys = sts.assume_role(RoleArn=role, RoleSessionName="estate")["Credentials"]
            self.credentials[account] = dict(
                aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"])
        return self.credentials[account]


class Scope:
    """One account in one region, and the ids that its builders leave for one another."""

    def __init__(self, cloud, account, region, regions):
        self.cloud, self.account, self.region, self.regions = cloud, account, region, regions
        self.home, self.second = region == regions[0], region == regions[1]
        self.random = random.Random(f"{cloud.seed}/{account.name}/{region}")
        self.made = {}

    def client(self, service):
        return self.cloud.client(service, self.account.id, self.region)

    def within(self, *profiles):
        return self.account.profile in profiles

    def flag(self, asset, verdicts, region=None):
        """Notes, for each policy, whether `asset` was made to violate it."""
        for policy, violates in verdicts.items():
            if violates:
                self.cloud.flags[policy].add((self.account.id, region or self.region, asset))

    def tags(self, name):
        """The mandatory tags; a sloppy account drops some, or spells one in lower case."""
        tags = {"Name": name, "Application": self.random.choice(["Storefront", "Checkout", "Catalog"]),
                "Environment": {"dev": "Development"}.get(self.account.profile, "Production"),
                "Stack": self.random.choice(["web", "api", "data"]), "Role": name.split("-")[0]}
        habit = self.random.random()
        if self.within("dev"):
            if habit < 0.3:
                tags.pop(self.random.choice(MANDATORY_TAGS))
            elif habit < 0.4:
                tags["application"] = tags.pop("Application")
            elif habit < 0.5:
                tags["Owner"] = "Zoë Größe \u2615"
        return tags


def pairs(tags, key="Key", value="Value"):
    """Tags as the list of pairs that most services want."""
    return [{key: k, value: v} for k, v in tags.items()]


def tagged(resource_type, tags):
    """Tags as the TagSpecifications of the EC2 API."""
    return [{"ResourceType": resource_type, "Tags": pairs(tags)}]
