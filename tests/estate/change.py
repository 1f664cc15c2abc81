#!/usr/bin/env python3
"""Lives a later day in the estate that seed.py made and writes down what it changed.

    python change.py --endpoint http://127.0.0.1:5000 --day 2 --truth truth.json --out change.json

`fixed`, `gone` and `opened` say what a collection and evaluation of the changed estate must close and
open: one entry for each policy and asset. The other parts are a new truth, of the same shape as
seed.py's, so that the next day can start from this file.
"""
import argparse
import json
import sys

from seed import nested, truth
from services import changes, organization
from services.cloud import MANAGEMENT_ACCOUNT, Cloud, Scope

DAYS = {2: changes.day_2, 3: changes.day_3}


class Change:
    """The scopes of the estate, and the ledger of what the day changed in them."""

    def __init__(self, cloud, accounts, before):
        self.cloud, self.accounts, self.regions = cloud, accounts, before["regions"]
        self.flags = {(policy, account, region, asset)
                      for policy, places in before["flags"].items() for account, regions in places.items()
                      for region, assets in regions.items() for asset in assets}
        self.closed = {"fixed": set(), "gone": set()}

    def scopes(self, profile):
        account = next(a for a in self.accounts if a.profile == profile)
        return [Scope(self.cloud, account, region, self.regions) for region in self.regions]

    def fixed(self, scope, asset, *policies, region=None):
        """Notes that the asset, which stays, no longer violates these policies."""
        entries = {(policy, scope.account.id, region or scope.region, asset) for policy in policies}
        if not entries <= self.flags:
            raise ValueError(f"was no violation: {sorted(entries - self.flags)}")
        self.closed["fixed"] |= entries

    def gone(self, scope, asset, region=None):
        """Notes that the asset no longer exists, and with it its violations."""
        place = (scope.account.id, region or scope.region, asset)
        self.closed["gone"] |= {flag for flag in self.flags if flag[1:] == place}

    def opened(self):
        new = {(policy, *place) for policy, places in self.cloud.flags.items() for place in places}
        if new & self.flags:
            raise ValueError(f"was a violation already: {sorted(new & self.flags)}")
        return new

    def flags_after(self):
        after = {}
        for policy, *place in (self.flags - self.closed["fixed"] - self.closed["gone"]) | self.opened():
            after.setdefault(policy, set()).add(tuple(place))
        return nested(after)


def entries(flags):
    return [dict(zip(("policy", "account", "region", "asset"), flag)) for flag in sorted(flags)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="URL of the emulator, on loopback")
    parser.add_argument("--day", type=int, choices=sorted(DAYS), default=2)
    parser.add_argument("--truth", default="truth.json", help="what seed.py, or the day before, wrote")
    parser.add_argument("--out", default="change.json")
    arguments = parser.parse_args()
    with open(arguments.truth, encoding="utf-8") as file:
        before = json.load(file)
    cloud = Cloud(arguments.endpoint, before["seed"])
    # Collections have drawn from the emulator's generator in the meantime, nobody knows how often.
    cloud.emulator(f"seed?a={before['seed'] * 1000 + arguments.day}")
    accounts = organization.listed(cloud.client("organizations", MANAGEMENT_ACCOUNT, "us-east-1"))
    change = Change(cloud, accounts, before)
    DAYS[arguments.day](change)
    document = {"day": arguments.day, "fixed": entries(change.closed["fixed"]), "gone": entries(change.closed["gone"]),
                "opened": entries(change.opened()), **truth(cloud, accounts, before["regions"], change.flags_after())}
    with open(arguments.out, "w", encoding="utf-8") as out:
        json.dump(document, out, indent=1, ensure_ascii=False)
        out.write("\n")
    print(f"day {arguments.day}: " + ", ".join(f"{len(document[k])} {k}" for k in ("fixed", "gone", "opened")),
          file=sys.stderr)


if __name__ == "__main__":
    main()
