#!/usr/bin/env python3
"""Fills a running moto_server with the shop's estate and writes down what is in it.

    python seed.py --endpoint http://127.0.0.1:5000 --seed 42 --out truth.json

Empties the emulator first. The same seed gives the same ids and names, on a fresh emulator or a used
one. The truth has five parts: `accounts`, `regions`, `observed` (what boto3 lists afterwards),
`bucket_regions`, and `flags` (for each policy, what was made to violate it on purpose). With --wide
there are further services; what the plain estate is made of stays the same.
"""
import argparse
import json
import sys
import time

from services import (compute, databases, functions, guards, identity, load_balancers, messages, network, observe,
                      organization, storage, wide)
from services.cloud import LISTS, Cloud, Scope

EVERYWHERE = (storage, guards, network, compute, load_balancers, databases, functions, messages)


def nested(flags):
    """Turns {policy: {(account, region, asset)}} into {policy: {account: {region: [asset]}}}, sorted."""
    tree = {}
    for policy in sorted(flags):
        for account, region, asset in sorted(flags[policy]):
            tree.setdefault(policy, {}).setdefault(account, {}).setdefault(region, []).append(asset)
    return tree


def truth(cloud, accounts, regions, flags):
    return {
        "seed": cloud.seed,
        "accounts": [{"id": a.id, "name": a.name} for a in accounts],
        "regions": regions,
        "observed": observe.observed(cloud, accounts, regions),
        "bucket_regions": observe.bucket_regions(cloud, accounts),
        "flags": flags,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="URL of the emulator, on loopback")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--regions", default="us-east-1,eu-west-1", help="two or more; the first is the home region")
    parser.add_argument("--wide", action="store_true", help="add a few assets of each further service")
    parser.add_argument("--out", default="truth.json")
    arguments = parser.parse_args()
    started, regions = time.monotonic(), arguments.regions.split(",")
    if len(regions) < 2:
        parser.error("--regions: the estate needs two")
    cloud = Cloud(arguments.endpoint, arguments.seed)
    cloud.reset(LISTS | wide.LISTS if arguments.wide else LISTS)
    accounts, built = organization.build(cloud), []
    for account in accounts:
        scopes = [Scope(cloud, account, region, regions) for region in regions]
        identity.build(scopes[0])
        for scope in scopes:
            for module in EVERYWHERE:
                module.build(scope)
        built += scopes
    if arguments.wide:
        wide.build(built)
    document = truth(cloud, accounts, regions, nested(cloud.flags))
    if arguments.wide:
        document["observed"] |= wide.observe.observed(cloud, accounts, regions)
    with open(arguments.out, "w", encoding="utf-8") as out:
        json.dump(document, out, indent=1, ensure_ascii=False)
        out.write("\n")
    assets = sum(len(ids) for table in document["observed"].values() for places in table.values()
                 for ids in places.values())
    flagged = sum(len(entries) for entries in cloud.flags.values())
    print(f"{len(accounts)} accounts, {len(regions)} regions, {assets} assets, {flagged} flags on "
          f"{len(document['flags'])} policies in {time.monotonic() - started:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
