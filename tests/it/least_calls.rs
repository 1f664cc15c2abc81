//! What is not needed is not called, and what was not asked closes nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::estate;
use crate::kill::SMALL;
use crate::pacbot::{Pacbot, recording};
use crate::servers::moto::Moto;

/// The services that a recording has exchanges of.
fn services(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            services(&path, found);
        } else if path.extension().is_some_and(|end| end == "jsonl") {
            found.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
}

#[test]
fn policies_of_s3_call_no_other_service() {
    let moto = Moto::start();
    let policies = "[collect]\n[policies]\nenabled = [\"aws-s3-bucket-not-public\", \"aws-s3-bucket-versioning-enabled\", \"aws-s3-bucket-encryption-enabled\"]\n";
    let config = estate::config(&moto.endpoint(), policies);
    // Nor are the regions asked for, which buckets do not need.
    let pacbot = Pacbot::new(&config.replace("regions = [\"us-east-1\", \"eu-west-1\"]\n", ""));
    estate::seed(&moto.endpoint(), &pacbot.path("day1.json"));
    pacbot.expect(0, &["run", "--record", "recording"]);
    assert!(pacbot.value("select count(*) from aws_s3_bucket").as_u64() > Some(0));
    let mut called = BTreeSet::new();
    services(&pacbot.path("recording"), &mut called);
    let expected = ["organizations", "s3", "sts"].map(str::to_owned);
    assert_eq!(called, BTreeSet::from(expected));
    // The recording knows what it is of, and is judged again without a network.
    let again = Pacbot::new(policies);
    let recording = pacbot.path("recording").display().to_string();
    again.expect(0, &["run", "--replay", &recording]);
    let open = "select count(*) from issues where state = 'open'";
    assert_eq!(again.value(open), pacbot.value(open));
}

#[test]
fn a_recording_of_fewer_types_closes_nothing() {
    let pacbot = Pacbot::new(SMALL);
    pacbot.expect(0, &["run", "--replay", &recording(1)]);
    let open = pacbot.value("select count(*) from issues where state = 'open'");
    // The same cloud a day later, of which somebody recorded the topics alone.
    let copied = Command::new("cp").args(["-R", &recording(2)]).arg(pacbot.path("topics")).status().unwrap();
    assert!(copied.success());
    let file = pacbot.path("topics/recording.json");
    let mut info: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    info["details"]["types"] = json!(["aws_sns_topic"]);
    std::fs::write(&file, info.to_string()).unwrap();
    pacbot.expect(0, &["run", "--replay", "topics"]);
    assert!(open.as_u64() > Some(0));
    assert_eq!(pacbot.value("select count(*) from issues where cause = 'policy_retired'"), 0);
    assert_eq!(pacbot.value("select count(*) from issues where state = 'closed' and asset_type <> 'aws_sns_topic'"), 0);
}
