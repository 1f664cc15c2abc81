//! The demo as a newcomer runs it, compared with the truth about its days.

use std::path::Path;

use crate::estate::{Flag, ISSUES, Issue, Truth};
use crate::pacbot::Pacbot;

fn truth(day: u32) -> Truth {
    Truth::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("pipeline/cli/demo/day{day}.json")))
}

#[test]
fn the_demo_tells_what_is_true() {
    let pacbot = Pacbot::new("");
    let ended = pacbot.expect(0, &["demo"]);
    pacbot.configure("[lake]\nlocation = \"pacbot-demo/lake\"\n");
    for part in [
        "--- Day 3",
        "closed: fixed",
        "closed: the asset is gone",
        "unknown: could not be read",
        "grant rds:DescribeDBInstances",
        "issues show",
    ] {
        assert!(ended.stdout.contains(part), "`{part}` is missing in\n{}", ended.stdout);
    }
    let issues: Vec<Issue> = pacbot.rows(ISSUES);
    let (day_2, day_3) = (truth(2), truth(3));
    let denied = day_3.account("shop-dev");
    for flag in day_3.all_flags() {
        let states: Vec<&str> =
            issues.iter().filter(|issue| issue.is_about(&flag)).map(|issue| issue.state.as_str()).collect();
        let could_be_read =
            flag.account != denied || !(flag.policy.contains("-rds-") || flag.policy.contains("in-use"));
        let expected: &[&str] = if could_be_read { &["open"] } else { &["open", "unknown"] };
        assert!(states.iter().any(|state| expected.contains(state)), "{flag:?} is {states:?}");
    }
    // What stayed, since it could not be read: nothing of it closed.
    let rds = issues.iter().filter(|issue| issue.policy_id.contains("-rds-") && issue.account_id == denied);
    let closed: Vec<&Issue> =
        rds.filter(|issue| issue.state == "closed" && issue.cause != "fixed" && issue.cause != "asset_gone").collect();
    assert!(closed.is_empty(), "{closed:?}");
    let reopened: Vec<&Flag> =
        day_2.fixed.iter().filter(|flag| day_3.opened.iter().any(|opened| opened == *flag)).collect();
    for flag in reopened {
        assert!(issues.iter().any(|issue| issue.is_about(flag) && issue.cause == "reopened"), "{flag:?}");
    }

    // A second demo replaces the first, and nothing else.
    std::fs::create_dir(pacbot.path("mine")).unwrap();
    std::fs::write(pacbot.path("mine/file"), "mine").unwrap();
    let refused = pacbot.expect(64, &["demo", "--folder", "mine"]);
    assert!(refused.stderr.contains("`mine` exists and is no demo"), "{refused:?}");
    assert!(pacbot.path("mine/file").exists());
}
