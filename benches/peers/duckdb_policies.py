"""The policies in DuckDB: each one's SQL as one query over the files of the lake, its result as Parquet.

Prints one JSON object: the seconds and rows of each policy, and why a policy could not be run.
"""

import argparse
import json
import pathlib
import re
import time
import tomllib

import duckdb
from deltalake import DeltaTable

FRONT = ["asset_id", "name", "account_id", "account_name", "region", "tags", "first_seen_at", "collected_at"]


def literal(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]::VARCHAR[]"
    return "'" + str(value).replace("'", "''") + "'"


def policies(folder: pathlib.Path):
    for file in sorted(folder.rglob("*.sql")):
        text = file.read_text()
        if not text.startswith("/*---"):
            continue
        front, sql = text.removeprefix("/*---").split("---*/", 1)
        front = tomllib.loads(front)
        sql = re.sub(r"\bleft (anti|semi) join\b", r"\1 join", sql)
        for name, parameter in front.get("params", {}).items():
            sql = re.sub(rf"\${name}\b", lambda _: literal(parameter["default"]), sql)
        if front.get("enabled", True):
            yield front["id"], sql


def tables(lake: pathlib.Path):
    """The asset tables and their files."""
    for log in sorted(lake.glob("*/_delta_log")):
        table = DeltaTable(log.parent)
        files = table.file_uris()
        if log.parent.name.startswith("aws_"):
            yield log.parent.name, files, table


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--lake", type=pathlib.Path, required=True)
    arguments.add_argument("--policies", type=pathlib.Path, required=True)
    arguments.add_argument("--out", type=pathlib.Path, required=True)
    arguments.add_argument("--now", required=True)
    arguments.add_argument("--threads", type=int, default=2)
    arguments = arguments.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    started = time.perf_counter()
    connection = duckdb.connect()
    connection.execute(f"set threads = {arguments.threads}")
    connection.execute("set enable_progress_bar = false")
    connection.execute("set timezone = 'UTC'")
    # What our dialect calls otherwise. The run's time is not the clock's.
    for macro in [
        f"now() as timestamptz '{arguments.now}'",
        f"current_timestamp() as timestamptz '{arguments.now}'",
        "array_has_any(one, other) as list_has_any(one, other)",
        "cardinality(list) as len(list)",
    ]:
        try:
            connection.execute(f"create macro {macro}")
        except duckdb.Error:
            pass
    union = []
    for name, files, table in tables(arguments.lake):
        if files:
            connection.execute(f"create view {name} as select * from read_parquet({files!r})")
            columns = ", ".join(FRONT + ["collected_in", "unread"])
            union.append(f"select '{name}' as asset_type, {columns} from {name}")
        else:
            connection.register(f"{name}_empty", table.schema().to_arrow().empty_table() if hasattr(table.schema(), "to_arrow") else None)
            connection.execute(f"create view {name} as select * from {name}_empty")
    connection.execute("create view assets as " + " union all ".join(union))
    prepared = time.perf_counter() - started

    ran, refused = {}, {}
    for policy, sql in policies(arguments.policies):
        out = arguments.out / f"{policy}.parquet"
        began = time.perf_counter()
        try:
            rows = connection.execute(f"copy ({sql}) to '{out}' (format parquet)").fetchone()[0]
        except duckdb.Error as error:
            refused[policy] = str(error).splitlines()[0]
            continue
        ran[policy] = {"seconds": time.perf_counter() - began, "rows": rows}
    total = sum(policy["seconds"] for policy in ran.values())
    print(json.dumps({"version": duckdb.__version__, "prepared": prepared, "seconds": total, "ran": ran, "refused": refused}))


main()
