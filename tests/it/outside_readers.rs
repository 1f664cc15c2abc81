//! Other programs read the lake's files and count the same.

use std::collections::BTreeMap;

use crate::kill::SMALL;
use crate::pacbot::{Pacbot, recording};
use crate::servers::python;

/// Counts the rows of every table with the `deltalake` package, and with DuckDB over the same files.
///
/// It leaves without Python's own end: pyarrow's threads let go of the files that deltalake opened for them when they
/// like, and one that does so while the interpreter ends aborts the process (one time in eight on a busy machine).
const COUNT: &str = "
import json, os, pathlib, sys
import deltalake, duckdb
counts = {}
for table in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if not (table / '_delta_log').is_dir():
        continue
    delta = deltalake.DeltaTable(str(table))
    files = delta.file_uris()
    rows = duckdb.execute('select count(*) from read_parquet($files)', {'files': files}).fetchone()[0] if files else 0
    counts[table.name] = [delta.to_pyarrow_table().num_rows, rows]
print(json.dumps(counts), flush=True)
os._exit(0)
";

#[test]
fn duckdb_and_deltalake_count_the_same_rows() {
    let pacbot = Pacbot::new(SMALL);
    pacbot.expect(0, &["run", "--replay", &recording(1)]);
    pacbot.expect(0, &["run", "--replay", &recording(2)]);
    pacbot.expect(0, &["lake", "optimize"]);
    let output = python().arg("-c").arg(COUNT).arg(pacbot.path("lake")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts: BTreeMap<String, [u64; 2]> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(counts.len() >= 10, "{counts:?}");
    for (table, [deltalake, duckdb]) in &counts {
        let ours = pacbot.value(&format!("select count(*) from {table}")).as_u64();
        assert_eq!((Some(*deltalake), Some(*duckdb)), (ours, ours), "{table}");
    }
    assert!(counts["issue_events"][0] > 0 && counts["aws_s3_bucket"][0] > 0);
}
