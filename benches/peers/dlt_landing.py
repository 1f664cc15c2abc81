"""Lands the answers of a recording as a Delta table with `dlt`: the items of each page, nested values kept as JSON.

No child tables, one normalizing and one loading process, no telemetry: what is fastest for it.
"""

import argparse
import json
import os
import pathlib

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recording", type=pathlib.Path, required=True)
    parser.add_argument("--items", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    @dlt.resource(name="assets", write_disposition="append", table_format="delta", max_table_nesting=0)
    def assets():
        for file in sorted(arguments.recording.glob("*/*/*.jsonl")):
            with file.open() as lines:
                for line in lines:
                    answer = json.loads(line)["response"]["body"]
                    if answer.startswith("{"):
                        yield json.loads(answer)[arguments.items]

    pipeline = dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir=str(arguments.out / "work"),
        destination=dlt.destinations.filesystem(bucket_url=(arguments.out / "lake").as_uri()),
        dataset_name="lake",
    )
    pipeline.run(assets())


main()
