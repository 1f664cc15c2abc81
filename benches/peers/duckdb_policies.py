"""The policies in DuckDB: each one's SQL as one query over the files of the lake, its result as Parquet."""

import re
import time

import duckdb
import policies


def literal(value) -> str:
    return policies.literal(value, "::VARCHAR[]")


def spelled(sql: str) -> str:
    return re.sub(r"\bleft (anti|semi) join\b", r"\1 join", sql)


def main() -> None:
    arguments = policies.arguments(__doc__)
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
    for name, files, table in policies.tables(arguments.lake):
        if files:
            connection.execute(f"create view {name} as select * from read_parquet({files!r})")
            columns = ", ".join(policies.FRONT + ["collected_in", "unread"])
            union.append(f"select '{name}' as asset_type, {columns} from {name}")
        else:
            connection.register(name, policies.empty(table))
    connection.execute("create view assets as " + " union all ".join(union))
    prepared = time.perf_counter() - started

    ran, refused = {}, {}
    for policy, sql in policies.enabled(arguments.policies, literal):
        out = arguments.out / f"{policy}.parquet"
        began = time.perf_counter()
        try:
            rows = connection.execute(f"copy ({spelled(sql)}) to '{out}' (format parquet)").fetchone()[0]
        except duckdb.Error as error:
            refused[policy] = str(error).splitlines()[0]
            continue
        ran[policy] = {"seconds": time.perf_counter() - began, "rows": rows}
    policies.say(duckdb.__version__, prepared, ran, refused)


main()
