//! What is not needed is not called.

use std::collections::BTreeSet;
use std::path::Path;

use crate::estate;
use crate::pacbot::Pacbot;
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
