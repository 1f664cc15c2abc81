"""The policies in Polars: each one's SQL as one lazy query over the files of the lake, its result as Parquet.

The queries run in a process of their own. One that takes longer or more memory than it may is ended with that process,
named, and followed by the next one in a new process.
"""

import multiprocessing
import os
import pathlib
import re
import time
from multiprocessing.connection import Connection

import policies

SECONDS = 60.0
BYTES = 12 << 30


def spelled(sql: str, now: str) -> str:
    """The SQL with the names that Polars has for what it can do. The run's time is not the clock's."""
    sql = re.sub(r"--.*", "", sql)
    sql = re.sub(r"\bnow\(\)", f"'{now}'::timestamptz", sql)
    sql = re.sub(r"\barray_has\(", "array_contains(", sql)
    sql = re.sub(r"\bcardinality\(", "array_length(", sql)
    sql = re.sub(r"\bbool_or\(", "max(", sql)
    # A member, and not a list of one text.
    return re.sub(r"(?<=[\w\])])\['(\w+)'\]", r".\1", sql)


def work(lake: pathlib.Path, asked: Connection) -> None:
    """Answers each query with its seconds and rows, or with why it cannot be run; first how long it took to prepare."""
    began = time.perf_counter()
    import polars

    context = polars.SQLContext()
    union = []
    for name, files, table in policies.tables(lake):
        scan = polars.scan_parquet(files) if files else polars.from_arrow(policies.empty(table)).lazy()
        context.register(name, scan)
        if files:
            front = policies.FRONT + ["collected_in", "unread"]
            union.append(scan.select(polars.lit(name).alias("asset_type"), *front))
    context.register("assets", polars.concat(union))
    asked.send(time.perf_counter() - began)
    while asked_for := asked.recv():
        sql, out = asked_for
        began = time.perf_counter()
        try:
            context.execute(sql).sink_parquet(out)
            seconds = time.perf_counter() - began
            asked.send({"seconds": seconds, "rows": polars.scan_parquet(out).select(polars.len()).collect().item()})
        except BaseException as error:  # A panic is no `Exception`.
            asked.send((str(error).splitlines() or [type(error).__name__])[0])


class Worker:
    """The process that runs the queries."""

    def __init__(self, lake: pathlib.Path):
        self.connection, other = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(target=work, args=(lake, other))
        self.process.start()
        other.close()
        self.prepared = self.connection.recv()

    def run(self, sql: str, out: pathlib.Path) -> dict | str:
        self.connection.send((sql, out))
        ends = time.monotonic() + SECONDS
        while not self.connection.poll(0.05):
            if time.monotonic() > ends:
                return self.ended(f"not done after {SECONDS:.0f} s")
            if self.resident() > BYTES:
                return self.ended(f"takes more than {BYTES >> 30} GiB")
        try:
            return self.connection.recv()
        except EOFError:
            return self.ended("the process died")

    def resident(self) -> int:
        try:
            pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def ended(self, why: str) -> str:
        self.process.kill()
        self.process.join()
        return why


def main() -> None:
    arguments = policies.arguments(__doc__)
    os.environ["POLARS_MAX_THREADS"] = str(arguments.threads)
    worker = Worker(arguments.lake)
    prepared = worker.prepared
    ran, refused = {}, {}
    for policy, sql in policies.enabled(arguments.policies, policies.literal):
        if not worker.process.is_alive():
            worker = Worker(arguments.lake)
        said = worker.run(spelled(sql, arguments.now), arguments.out / f"{policy}.parquet")
        if isinstance(said, str):
            refused[policy] = said
        else:
            ran[policy] = said
    worker.connection.send(None)
    worker.process.join()
    import polars

    policies.say(polars.__version__, prepared, ran, refused)


if __name__ == "__main__":
    main()
