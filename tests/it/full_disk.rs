//! A disk that takes no more.

use std::process::Command;

use crate::kill::{SMALL, contents};
use crate::pacbot::{Ended, Pacbot, recording};

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let pacbot = Pacbot::new(SMALL);
    pacbot.expect(0, &["run", "--replay", &recording(1)]);
    let before = contents(&pacbot);
    let program = pacbot.command(&["run", "--replay", &recording(2)]);
    // No file may grow beyond a few blocks, which is what a full disk looks like to a program.
    let mut shell = Command::new("bash");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "bash"])
        .arg(program.get_program())
        .args(program.get_args());
    shell.current_dir(pacbot.path("")).env("AWS_EC2_METADATA_DISABLED", "true");
    let ended = Ended::of(shell.output().unwrap());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("error: "), "{ended:?}");
    for ((table, rows), (_, before)) in contents(&pacbot).iter().zip(&before) {
        if *table != "runs" {
            assert_eq!(rows, before, "`{table}` changed");
        }
    }
    pacbot.expect(0, &["run", "--replay", &recording(2)]);
    let never = Pacbot::new(SMALL);
    never.expect(0, &["run", "--replay", &recording(1)]);
    never.expect(0, &["run", "--replay", &recording(2)]);
    let issues = |pacbot: &Pacbot| contents(pacbot).into_iter().find(|(name, _)| *name == "issues").unwrap().1;
    assert_eq!(issues(&pacbot), issues(&never));
}
