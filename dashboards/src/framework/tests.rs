use super::*;
use crate::report::{RunPart, Scores};

const TEXT: &str = r#"
id = "book-1"
title = "A book of rules"
source = "https://example.org"
[[item]]
id = "1.1"
title = "Nothing is public"
level = 1
policies = ["public", "open"]
[[item]]
id = "1.2"
title = "Everything is encrypted"
policies = ["plain"]
[[item]]
id = "1.3"
title = "Logs are kept"
policies = ["logged"]
[[item]]
id = "1.4"
title = "Nothing is forgotten"
policies = ["absent"]
[[item]]
id = "2.1"
title = "People are trained"
assessment = "manual"
reason = "no API knows"
[[item]]
id = "2.2"
title = "Doors are locked"
reason = "not yet"
"#;

fn part(policy: &str, status: &str, [assets, violating, unknown]: [u64; 3]) -> PolicyPart {
    PolicyPart {
        policy_id: policy.to_owned(),
        title: String::new(),
        severity: "high".to_owned(),
        category: "security".to_owned(),
        status: status.to_owned(),
        error: None,
        assets,
        violating,
        exempt: 0,
        unknown,
        passing: assets - violating - unknown,
        open_issues: violating,
        compliance_percent: 100,
    }
}

fn report(policies: Vec<PolicyPart>) -> Report {
    Report {
        run: RunPart {
            run_id: "one".to_owned(),
            run_at: "2026-01-15T12:00:00Z".parse().unwrap(),
            previous_at: None,
            assets: 9,
        },
        scores: Scores::default(),
        severities: Vec::new(),
        policies,
        accounts: Vec::new(),
        changes: Vec::new(),
        changed: Vec::new(),
        unjudged: Vec::new(),
    }
}

#[test]
fn items_stand_as_their_policies_do() {
    let found = vec![
        part("public", "succeeded", [10, 0, 1]),
        part("open", "succeeded", [5, 2, 0]),
        part("plain", "succeeded", [4, 0, 0]),
        part("logged", "failed", [4, 0, 4]),
    ];
    let score = Framework::parse("x.toml", TEXT).unwrap().score(&report(found));
    insta::assert_snapshot!(score.to_text(TextOptions { width: 80, all: true }), @r"
    A book of rules (run one)
    50 % of 2 items that were judged passed

    item  level   status      violating  unknown  what
    1.1   1       failed        2 of 15        1  Nothing is public
    1.2           passed         0 of 4           Everything is encrypted
    1.3           unknown        0 of 4        4  Logs are kept
    1.4           unknown        0 of 0           Nothing is forgotten
    2.1   manual  manual         0 of 0           no API knows
    2.2           unanswered     0 of 0           not yet
    ");
}

#[test]
fn mistakes_point_at_the_file() {
    let told = |text: &str| Framework::parse("x.toml", text).unwrap_err().to_string();
    assert!(told(&TEXT.replace("1.2", "1.1")).starts_with("x.toml:11:6: item `1.1` stands twice"));
    let neither = TEXT.replace("reason = \"no API knows\"\n", "");
    assert!(told(&neither).starts_with("x.toml:23:6: item `2.1` needs `policies`"), "{}", told(&neither));
    assert!(told(&TEXT.replace("level", "levl")).contains("did you mean `level`?"));
}

#[test]
fn the_frameworks_of_the_program_have_no_mistakes() {
    let frameworks = Framework::embedded().unwrap();
    assert!(frameworks.iter().any(|framework| framework.id == "pacbot"));
}
