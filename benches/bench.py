"""Runs PacBot and its peers in turn on one estate, and prints ratios, medians and spreads.

Every round runs each contestant once, as a process of its own, so that all of them meet the same machine. Wall time,
CPU time and peak memory are those that the kernel counted for the process. What a contestant answers is compared.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
FIRST = datetime.datetime(2026, 3, 1, 6, tzinfo=datetime.timezone.utc)


def after(hours: int) -> str:
    """A time, so many hours after the first collection."""
    return (FIRST + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Ran:
    """One process: seconds, CPU seconds, peak memory in MiB, and what it said."""

    def __init__(self, command: list[str]):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            started = time.perf_counter()
            process = subprocess.Popen(command, stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.wall = time.perf_counter() - started
            out.seek(0)
            err.seek(0)
            self.out, self.err = out.read().decode(), err.read().decode()
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss / 1024
        self.code = process.returncode
        if self.code not in (0, 2):
            sys.exit(f"{' '.join(command)} ended with {self.code}:\n{self.err}")


def estate(folder: pathlib.Path, arguments, hours: int = 0, *more: str) -> None:
    said = Ran(
        ["pacbot-bench", "--lake", str(folder), "--assets", str(arguments.assets), "--accounts", str(arguments.accounts)]
        + ["--at", after(hours), *more]
    )
    print(f"made {arguments.assets} assets: {said.wall:.1f} s, {said.peak:.0f} MiB", file=sys.stderr)


def made(arguments) -> pathlib.Path:
    """The estate, made when it is not there from before."""
    folder = arguments.folder / f"{arguments.assets}-{arguments.accounts}"
    if not (folder / "runs").exists():
        shutil.rmtree(folder, ignore_errors=True)
        estate(folder, arguments)
    return folder


def pacbot(lake: pathlib.Path, *command: str) -> Ran:
    return Ran(["pacbot", "--lake", str(lake), *command])


def peer(name: str, lake: pathlib.Path, out: pathlib.Path) -> Ran:
    """The policies in one of the peers; what it said of each is in `out`, as JSON."""
    script = HERE / "peers" / f"{name}_policies.py"
    policies = HERE.parent / "policies-sql"
    return Ran(
        [sys.executable, str(script), "--lake", str(lake), "--policies", str(policies), "--out", str(out)]
        + ["--now", after(0)]
    )


STAGES = """
    select stage, date_part('epoch', finished_at) - date_part('epoch', started_at) as seconds
    from runs where stage <> 'collect' order by started_at desc limit 2
"""


def stages(lake: pathlib.Path) -> dict[str, float]:
    """The seconds of the last run's stages."""
    rows = [json.loads(line) for line in pacbot(lake, "sql", "--format", "json", STAGES).out.splitlines()]
    return {row["stage"]: row["seconds"] for row in rows}


def told(name: str, runs: list[Ran], base: float | None = None) -> None:
    """One line; the ratio is to the `base` seconds, so more than 1 is slower than that."""
    walls = [run.wall for run in runs]
    median = statistics.median(walls)
    ratio = f"{median / base:6.2f} ×" if base else "        "
    cpu = statistics.median(run.cpu for run in runs)
    peak = max(run.peak for run in runs)
    print(f"{name:28} {ratio} {median:8.2f} s  ({min(walls):.2f}–{max(walls):.2f})  {cpu:7.2f} CPU s  {peak:6.0f} MiB")


def fresh(lake: pathlib.Path) -> None:
    """Takes back what evaluations left, so that every round begins alike."""
    tables = ["violations", "policy_runs", "issues", "issue_events", "asset_group_members", "compliance_daily"]
    for table in (*tables, "judged_accounts", "account_assets"):
        shutil.rmtree(lake / table, ignore_errors=True)


def evaluate(arguments) -> None:
    """Full evaluation of all policies, beside DuckDB with one query a policy."""
    lake = made(arguments)
    ours, theirs, stage_seconds = [], [], []
    out = pathlib.Path(tempfile.mkdtemp(prefix="pacbot-bench-"))
    for _ in range(arguments.rounds):
        fresh(lake)
        ours.append(pacbot(lake, "evaluate", "--fresh"))
        stage_seconds.append(stages(lake))
        if arguments.peers:
            theirs.append(peer("duckdb", lake, out))
    base = statistics.median(run.wall for run in ours)
    told("pacbot evaluate", ours)
    for stage in ("evaluate", "diff"):
        seconds = [run[stage] for run in stage_seconds]
        print(f"  the stage {stage:17} {'':8} {statistics.median(seconds):8.2f} s  ({min(seconds):.2f}–{max(seconds):.2f})")
    if theirs:
        told("DuckDB, policies one by one", theirs, base)
        said = json.loads(theirs[-1].out)
        print(f"DuckDB {said['version']}: {len(said['ran'])} policies in {said['seconds']:.2f} s, {said['prepared']:.2f} s to prepare")
        for line in refused(said) + compare(lake, out, said):
            print(line)
    shutil.rmtree(out)


# What the seconds of each are of.
PEERS = {"custodian": "Cloud Custodian, filters", "duckdb": "DuckDB, queries", "polars": "Polars, queries"}


def peers(arguments) -> None:
    """Each peer beside PacBot with the policies that the peer can run, and no others."""
    lake = made(arguments)
    out = pathlib.Path(tempfile.mkdtemp(prefix="pacbot-bench-"))
    names = arguments.peer or sorted(PEERS)
    # A first run, which does not count, says which policies those are.
    can_run = {name: sorted(json.loads(peer(name, lake, out / name).out)["ran"]) for name in names}
    ours, theirs, stage_seconds, said, checks = ({name: [] for name in names} for _ in range(5))
    for _ in range(arguments.rounds):
        for name in names:
            fresh(lake)
            ours[name].append(pacbot(lake, "evaluate", "--fresh", *(f"--policy={policy}" for policy in can_run[name])))
            stage_seconds[name].append(stages(lake)["evaluate"])
            theirs[name].append(peer(name, lake, out / name))
            said[name].append(json.loads(theirs[name][-1].out))
            checks[name] = [judged(lake, said[name][-1]), *compare(lake, out / name, said[name][-1])]
    for name in names:
        last, (pairs, *lines) = said[name][-1], checks[name]
        print(f"{PEERS[name]}, {last['version']}: {len(last['ran'])} policies, {pairs:,} times an asset judged by one")
        seconds = [run["seconds"] for run in said[name]]
        base = statistics.median(stage_seconds[name])
        for what, of in (("PacBot, the stage evaluate", stage_seconds[name]), (PEERS[name], seconds)):
            median = statistics.median(of)
            print(f"{what:28} {median / base:6.2f} × {median:8.2f} s  ({min(of):.2f}–{max(of):.2f})  {pairs / median:12,.0f} a second")
        told("  pacbot evaluate, all of it", ours[name])
        told("  the peer, all of it", theirs[name])
        for line in refused(last) + lines:
            print(line)
    shutil.rmtree(out)


def judged(lake: pathlib.Path, said: dict) -> int:
    """How many assets all policies together looked at; ends the program if the peer had others."""
    rows = pacbot(lake, "sql", "--format", "json", "select policy_id, assets from policy_runs").out.splitlines()
    ours = {row["policy_id"]: row["assets"] for row in map(json.loads, rows)}
    others = [policy for policy, ran in said["ran"].items() if ran.get("assets", ours[policy]) != ours[policy]]
    if others:
        sys.exit(f"the peer had other assets for {', '.join(others)}")
    return sum(ours[policy] for policy in said["ran"])


def refused(said: dict) -> list[str]:
    """What a peer cannot run, by reason."""
    reasons: dict[str, list[str]] = {}
    for policy, why in said["refused"].items():
        reasons.setdefault(why[:100], []).append(policy)
    most_first = sorted(reasons.items(), key=lambda reason: (-len(reason[1]), reason[0]))
    return [f"  cannot run {len(policies)} ({why}): {', '.join(sorted(policies))}" for why, policies in most_first]


def compare(lake: pathlib.Path, out: pathlib.Path, said: dict) -> list[str]:
    """Whether both found the same violations, policy by policy: the reasons too, if the peer gives any."""
    import duckdb
    from deltalake import DeltaTable

    connection = duckdb.connect()
    files = DeltaTable(lake / "violations").file_uris()
    connection.execute(f"create view ours as select * from read_parquet({files!r})")
    differ, rows, each = [], 0, ""
    for policy in sorted(said["ran"]):
        connection.execute(f"create or replace view theirs as select * from read_parquet('{out / policy}.parquet')")
        columns = [row[0] for row in connection.execute("describe theirs").fetchall()]
        row, each = ("asset_id, reason", "row by row") if "reason" in columns else ("asset_id", "asset by asset")
        own = f"select {row} from ours where policy_id = '{policy}'"
        here, only_here, there, only_there = connection.execute(
            f"""
            select
                (select count(*) from ({own})), (select count(*) from ({own} except all select {row} from theirs)),
                (select count(*) from theirs), (select count(*) from (select {row} from theirs except all {own}))
            """
        ).fetchone()
        rows += here
        if only_here or only_there:
            differ.append(f"  {policy}: {here} here, {only_here} of them only here; {there} there, {only_there} only there")
    same = f"violations differ for {len(differ)} of {len(said['ran'])} policies" if differ else "the violations are the same"
    return [f"{same}, {each}: {rows} here", *differ]


def again(arguments) -> None:
    """Evaluation after nothing, and after one percent of the assets has changed, beside judging everything anew."""
    for how in ((), ("--clustered",)):
        lake = arguments.folder / "again"
        shutil.rmtree(lake, ignore_errors=True)
        shutil.copytree(made(arguments), lake)
        fresh(lake)
        pacbot(lake, "evaluate", "--fresh")
        nothing = [pacbot(lake, "evaluate") for _ in range(arguments.rounds)] if not how else []
        some, all_anew = [], []
        for day in range(1, 1 + arguments.rounds):
            estate(lake, arguments, 24 * day, "--changed", "1", "--generation", str(day), *how)
            some.append(pacbot(lake, "evaluate"))
            all_anew.append(pacbot(lake, "evaluate", "--fresh"))
            same(lake)
        base = statistics.median(run.wall for run in all_anew)
        told("everything anew", all_anew, base)
        if nothing:
            told("nothing changed", nothing, base)
        told("1 % changed" + (", in few accounts" if how else ", everywhere"), some, base)
        shutil.rmtree(lake)


SCAN = "select asset_type, count(*), count(distinct name), max(first_seen_at), count(tags) from assets group by asset_type"


def hours(arguments, lake: pathlib.Path) -> None:
    """A lake after many runs, an hour apart."""
    shutil.rmtree(lake, ignore_errors=True)
    shutil.copytree(made(arguments), lake)
    fresh(lake)
    pacbot(lake, "evaluate")
    told("report after one run", [pacbot(lake, "report")])
    runs = []
    for hour in range(1, 1 + arguments.runs):
        estate(lake, arguments, hour, "--changed", "1", "--generation", str(hour), *(["--clustered"] if hour % 2 else []))
        runs.append(pacbot(lake, "evaluate"))
    told("first ten evaluations", runs[:10])
    told("last ten evaluations", runs[-10:], statistics.median(run.wall for run in runs[:10]))


def hourly(arguments) -> None:
    """What many runs leave behind: reads of that lake beside reads of the same, optimized."""
    lake, optimized = arguments.folder / "hourly", arguments.folder / "optimized"
    if arguments.runs:
        hours(arguments, lake)
    shutil.rmtree(optimized, ignore_errors=True)
    shutil.copytree(lake, optimized)
    pacbot(optimized, "lake", "optimize")
    for name, command in (
        ("a scan of all assets", ["sql", SCAN]),
        ("report", ["report"]),
        ("everything judged anew", ["evaluate", "--fresh"]),
    ):
        pairs = [(pacbot(optimized, *command), pacbot(lake, *command)) for _ in range(arguments.rounds)]
        told(f"{name}, optimized", [one for one, _ in pairs])
        told(f"{name}, as it is", [other for _, other in pairs], statistics.median(one.wall for one, _ in pairs))
    for folder in (lake, optimized):
        tables = [table for table in folder.iterdir() if (table / "_delta_log").exists()]
        files = {table.name: live_files(table) for table in tables}
        most = ", ".join(f"{name} {count}" for name, count in sorted(files.items(), key=lambda item: -item[1])[:6])
        print(f"{folder.name}: {sum(files.values())} files, most of {most}")


def requests(arguments) -> None:
    """What each command asks an object store for: SeaweedFS counts."""
    import requests_of

    with requests_of.store() as counts:
        lake = "s3://lake/bench"
        base = ["pacbot-bench", "--lake", lake, "--assets", str(arguments.assets), "--accounts", str(arguments.accounts)]
        changed = ["--changed", "1", "--generation", "1", "--clustered"]
        for what, command in (
            ("a first collection lands", [*base, "--at", after(0)]),
            ("evaluate, all new", ["pacbot", "--lake", lake, "evaluate"]),
            ("evaluate, nothing changed", ["pacbot", "--lake", lake, "evaluate"]),
            ("a collection with 1 % changed lands", [*base, "--at", after(1), *changed]),
            ("evaluate, 1 % changed", ["pacbot", "--lake", lake, "evaluate"]),
            ("report", ["pacbot", "--lake", lake, "report"]),
        ):
            before = requests_of.counted(counts)
            ran = Ran(command)
            asked = requests_of.counted(counts) - before
            print(f"{what:36} {ran.wall:7.2f} s  " + ", ".join(f"{count} {kind}" for kind, count in sorted(asked.items())))


def live_files(table: pathlib.Path) -> int:
    from deltalake import DeltaTable

    return len(DeltaTable(table).file_uris())


def landing(arguments) -> None:
    """Recorded answers to a Delta table, beside `dlt` where the answers are JSON."""
    import recordings

    for name, make, items in (("EC2 XML", recordings.ec2_xml, None), ("JSON", recordings.findings_json, "Findings")):
        with tempfile.TemporaryDirectory(prefix="pacbot-bench-") as folder:
            folder = pathlib.Path(folder)
            recording = folder / "recording"
            asset_type = make(recording, arguments.assets)
            ours, theirs = [], []
            for turn in range(arguments.rounds):
                lake = folder / f"lake-{turn}"
                ours.append(pacbot(lake, "collect", "--replay", str(recording), "--type", asset_type))
                if items and arguments.peers:
                    theirs.append(dlt(recording, items, folder / f"dlt-{turn}"))
            base = statistics.median(run.cpu for run in ours)
            told(f"pacbot collect, {name}", ours)
            print(f"  {arguments.assets / base:,.0f} assets per second of one core")
            if theirs:
                cpu = statistics.median(run.cpu for run in theirs)
                told(f"dlt, {name}", theirs, statistics.median(run.wall for run in ours))
                print(f"  {arguments.assets / cpu:,.0f} assets per second of one core: {cpu / base:.1f} × the work")


def dlt(recording: pathlib.Path, items: str, out: pathlib.Path) -> Ran:
    script = HERE / "peers" / "dlt_landing.py"
    return Ran([sys.executable, str(script), "--recording", str(recording), "--items", items, "--out", str(out)])


RESULTS = """
    with run as (
        select * from {policy_runs} where run_id = ?
    ),
    part as (
        select policy_id, part.run_id as run_id, part.number as number from (select policy_id, unnest(parts) as part from run)
    ),
    again as (
        select policy_id, account_id, max(number) as number
        from part join {judged_accounts} using (policy_id, run_id) group by all
    ),
    found as (
        select violation.*
        from {violations} as violation
        join part using (policy_id, run_id)
        left join again on violation.policy_id = again.policy_id and violation.account_id = again.account_id
        where part.number = coalesce(again.number, 0)
    )
    select run.policy_id, max(violations), max(violating), max(assets), max(unknown), count(found.asset_id),
        bit_xor(hash(found.asset_id, found.reason, found.evidence, found.issue_id))
    from run left join found on run.policy_id = found.policy_id
    group by 1 order by 1
"""


def same(lake: pathlib.Path) -> None:
    """Whether the last two evaluations found the same; ends the program if not."""
    import duckdb
    from deltalake import DeltaTable

    connection = duckdb.connect()
    nothing = "(select null::varchar as run_id, null::varchar as policy_id, null::varchar as account_id where false)"
    tables = {}
    for name in ("runs", "policy_runs", "violations", "judged_accounts"):
        tables[name] = f"read_parquet({DeltaTable(lake / name).file_uris()!r})" if (lake / name).exists() else nothing
    runs = connection.execute(
        f"select run_id from {tables.pop('runs')} where stage = 'evaluate' order by started_at desc limit 2"
    ).fetchall()
    sql = RESULTS.format(**tables)
    one, other = (connection.execute(sql, run).fetchall() for run in runs)
    if one != other:
        sys.exit("\n".join(["what is found differs:", *(f"{a} {b}" for a, b in zip(one, other) if a != b)]))


COMMANDS = {"again": again, "evaluate": evaluate, "hourly": hourly, "landing": landing, "peers": peers, "requests": requests}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=sorted(COMMANDS))
    parser.add_argument("--assets", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=400, help="of `hourly`; 0 reads what the last ones left")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "pacbot-bench")
    parser.add_argument("--peer", action="append", choices=sorted(PEERS), help="of the command `peers`; can be given again")
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    COMMANDS[arguments.what](arguments)


main()
