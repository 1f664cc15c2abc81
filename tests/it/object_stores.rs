//! The lake on an S3 server and on an Azure Blob server: the same tables as in a folder, and two writers at once.

use crate::kill::{SMALL, contents};
use crate::pacbot::{Ended, Pacbot, recording};
use crate::servers::azurite::Azurite;
use crate::servers::seaweedfs::SeaweedFs;

#[test]
fn an_s3_server_holds_the_same_lake() {
    let store = SeaweedFs::start();
    holds_the_same(&|prefix| store.config(prefix), &[]);
}

#[test]
fn an_azure_blob_server_holds_the_same_lake() {
    let store = Azurite::start();
    holds_the_same(&|prefix| store.config(prefix), &[store.variable()]);
}

fn holds_the_same(lake: &dyn Fn(&str) -> String, variables: &[(&'static str, String)]) {
    let local = Pacbot::new(SMALL);
    let remote = Pacbot::new(&format!("{}{SMALL}", lake("alone"))).with(variables);
    for day in [1, 2] {
        local.expect(0, &["run", "--replay", &recording(day)]);
        remote.expect(0, &["run", "--replay", &recording(day)]);
    }
    for ((table, rows), (_, expected)) in contents(&remote).iter().zip(&contents(&local)) {
        assert_eq!(rows, expected, "`{table}` differs from that of a folder");
    }
    remote.expect(0, &["lake", "optimize"]);
    remote.expect(0, &["lake", "vacuum", "--dry-run"]);

    // Two at once: each of the first day, on one lake.
    let both = Pacbot::new(&format!("{}{SMALL}", lake("raced"))).with(variables);
    let spawn = || {
        let mut command = both.command(&["run", "--fresh", "--replay", &recording(1)]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let writers = [spawn(), spawn()];
    for writer in writers {
        let ended = Ended::of(writer.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let alone = Pacbot::new(SMALL);
    alone.expect(0, &["run", "--replay", &recording(1)]);
    for table in ["issues", "buckets", "rules"] {
        let of = |pacbot: &Pacbot| contents(pacbot).into_iter().find(|(name, _)| *name == table).unwrap().1;
        assert_eq!(of(&both), of(&alone), "`{table}` differs from that of one writer");
    }
    let both_runs = ["runs", "coverage", "policy_runs", "violations"];
    for table in both_runs {
        let per_run = format!("select count(*) as n from {table} group by run_id");
        let counts: Vec<std::collections::BTreeMap<String, u64>> = both.rows(&per_run);
        assert_eq!(counts.len(), 2, "`{table}` has both writers' rows");
        assert_eq!(counts[0], counts[1], "`{table}` lost rows of one writer");
    }
}
