"""What all peers read: our policies with their parameters put in, and the files of the lake's asset tables."""

import argparse
import json
import pathlib
import re
import tomllib
from collections.abc import Callable, Iterator

import pyarrow
from deltalake import DeltaTable

FRONT = ["asset_id", "name", "account_id", "account_name", "region", "tags", "first_seen_at", "collected_at"]


def arguments(about: str | None) -> argparse.Namespace:
    """What every peer is told. Each policy's result goes to `OUT/POLICY.parquet`."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--lake", type=pathlib.Path, required=True)
    parser.add_argument("--policies", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--now", required=True)
    parser.add_argument("--threads", type=int, default=2)
    told = parser.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    return told


def literal(value, of_list: str = "") -> str:
    """A parameter's value in SQL; `of_list` is what a peer wants behind a list."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(literal(item, of_list) for item in value) + "]" + of_list
    return "'" + str(value).replace("'", "''") + "'"


def enabled(folder: pathlib.Path, literal: Callable[[object], str]) -> Iterator[tuple[str, str]]:
    """The id and the SQL of each policy that is on; a parameter's default is written as `literal` says."""
    for file in sorted(folder.rglob("*.sql")):
        content = file.read_text()
        if not content.startswith("/*---"):
            continue
        front, sql = content.removeprefix("/*---").split("---*/", 1)
        front = tomllib.loads(front)
        for name, parameter in front.get("params", {}).items():
            sql = re.sub(rf"\${name}\b", lambda _: literal(parameter["default"]), sql)
        if front.get("enabled", True):
            yield front["id"], sql


def tables(lake: pathlib.Path) -> Iterator[tuple[str, list[str], DeltaTable]]:
    """The asset tables and their files."""
    for log in sorted(lake.glob("aws_*/_delta_log")):
        table = DeltaTable(log.parent)
        yield log.parent.name, table.file_uris(), table


def empty(table: DeltaTable) -> pyarrow.Table:
    """No rows, for a table without files."""
    return pyarrow.schema(table.schema().to_arrow()).empty_table()


def say(version: str, prepared: float, ran: dict[str, dict], refused: dict[str, str]) -> None:
    """One JSON object: the seconds and rows of each policy, and why a policy could not be run."""
    seconds = sum(policy["seconds"] for policy in ran.values())
    print(json.dumps({"version": version, "prepared": prepared, "seconds": seconds, "ran": ran, "refused": refused}))
