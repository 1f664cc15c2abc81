"""The policies that Cloud Custodian has too, as its filters over the same assets, with no call of an API.

Timed is what its policies do with the resources that an account and region answered (`filter_resources`), one policy
after the other. Not timed: to read the assets, to make them the records that AWS would answer, to read the policies,
and to write the ids of what was found.
"""

import copy
import datetime
import gc
import importlib.metadata
import logging
import pathlib
import time
import tomllib
import types
from unittest import mock

import c7n.filters.core
import duckdb
import policies
import pyarrow
import pyarrow.parquet
from c7n.config import Config
from c7n.loader import PolicyLoader
from c7n.policy import Policy
from c7n.resources import load_resources

HERE = pathlib.Path(__file__).parent


def answer(value):
    """The value without what is null, as AWS leaves it out."""
    if isinstance(value, dict):
        return {key: answer(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [answer(item) for item in value]
    return value


def records(connection: duckdb.DuckDBPyConnection, shape: dict[str, str]) -> dict[tuple[str, str], list[dict]]:
    """The records of a resource by account and region; `asset` is our id."""
    shape = dict(shape)
    table = shape.pop("table")
    members = ", ".join(f'{sql} as "{name}"' for name, sql in shape.items())
    found: dict[tuple[str, str], list[dict]] = {}
    rows = connection.sql(f"select account_id, region, asset_id as asset, {members} from {table}")
    for batch in rows.to_arrow_reader(10_000):
        for row in batch.to_pylist():
            found.setdefault((row.pop("account_id"), row.pop("region")), []).append(answer(row))
    return found


def clock(at: datetime.datetime):
    """What Custodian's filters take for the time; it reads the clock for each record."""

    class Stopped(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return at

    return mock.patch.object(c7n.filters.core, "datetime", types.SimpleNamespace(datetime=Stopped))


def options(account: str) -> Config:
    return Config.empty(region="us-east-1", account_id=account, output_dir="null://", log_group="null://")


def of_account(policy: Policy, account: str) -> Policy:
    """The policy as Custodian runs it in an account."""
    own = Policy(copy.deepcopy(policy.data), options(account))
    own.expand_variables(own.get_variables())
    own.validate()
    return own


def main() -> None:
    arguments = policies.arguments(__doc__)
    logging.disable(logging.INFO)
    started = time.perf_counter()
    connection = duckdb.connect()
    connection.execute(f"set threads = {arguments.threads}")
    connection.execute("set timezone = 'UTC'")
    for name, files, _ in policies.tables(arguments.lake):
        if files:
            connection.execute(f"create view {name} as select * from read_parquet({files!r})")
    shapes = tomllib.loads((HERE / "custodian_records.toml").read_text())
    load_resources(list(shapes))
    loaded = PolicyLoader(options("")).load_file(str(HERE / "custodian.yml"))
    ran, refused = {}, {}
    with clock(datetime.datetime.fromisoformat(arguments.now)):
        for resource, shape in shapes.items():
            of_resource = [policy for policy in loaded if policy.resource_type == resource]
            try:
                scopes = records(connection, shape)
            except duckdb.Error as error:
                refused |= {policy.name: str(error).splitlines()[0] for policy in of_resource}
                continue
            # A collection of garbage would go through all records; Custodian itself has those of one scope at a time.
            gc.collect()
            gc.freeze()
            for policy in of_resource:
                ran[policy.name] = filtered(policy, scopes, arguments.out)
            gc.unfreeze()
    seconds = sum(policy["seconds"] for policy in ran.values())
    policies.say(importlib.metadata.version("c7n"), time.perf_counter() - started - seconds, ran, refused)


def filtered(policy: Policy, scopes: dict[tuple[str, str], list[dict]], out: pathlib.Path) -> dict[str, float]:
    """Filters the records of each scope, and writes the ids of the assets that were found."""
    managers = {account: of_account(policy, account).resource_manager for account in {account for account, _ in scopes}}
    found, seconds = [], 0.0
    for (account, _), resources in scopes.items():
        began = time.perf_counter()
        matched = managers[account].filter_resources(resources)
        seconds += time.perf_counter() - began
        for record in matched:
            found.append(record["asset"])
        # Each policy marks what it found; the next one gets the resources as they were answered.
        for record in resources:
            for mark in [key for key in record if key.startswith(("c7n:", "Matched"))]:
                del record[mark]
    pyarrow.parquet.write_table(pyarrow.table({"asset_id": pyarrow.array(found, pyarrow.string())}), out / f"{policy.name}.parquet")
    return {"seconds": seconds, "rows": len(found), "assets": sum(map(len, scopes.values()))}


main()
