//! Rows of history, and what may never come of any of them.

use chrono::{Duration, TimeZone};
use proptest::prelude::*;

use super::*;
use crate::settings::FixSettings;

const LISTED: &str = "111122223333";

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2025, 3, 1, 6, 0, 0).unwrap()
}

fn hours(hours: i64) -> DateTime<Utc> {
    start() + Duration::hours(hours)
}

fn rules(text: &str) -> Rules {
    let settings: FixSettings = toml::from_str(&format!("accounts = ['{LISTED}']\n{text}")).unwrap();
    settings.rules(&pacbot_schemas::PolicyId::new("aws-x").unwrap())
}

fn auto() -> Rules {
    rules("mode = 'auto'\nwarnings = 3\nwait = '48h'")
}

fn issue() -> Issue {
    Issue {
        state: IssueState::Open,
        occurrence: 1,
        opened_at: start(),
        account_id: AccountId::new(LISTED).unwrap(),
        name: "shop".to_owned(),
    }
}

fn fine() -> Circumstances {
    Circumstances { is_stopped: false, can_warn: true, is_rehearsed: true, missing_parameter: None }
}

fn past(events: &[(FixEvent, i64)]) -> Vec<Past> {
    let of =
        |(event, at): &(FixEvent, i64)| Past { occurrence: 1, event: *event, at: hours(*at), run_id: "r".to_owned() };
    events.iter().map(of).collect()
}

fn step(events: &[(FixEvent, i64)], rules: &Rules, now: i64) -> Step {
    next_step(&past(events), &issue(), rules, &fine(), hours(now))
}

use FixEvent::{Applied, Approved, Claimed, Failed, Planned, Released, Undone, Verified, Warned};

#[test]
fn three_warnings_over_two_days_and_then_the_fix() {
    assert_eq!(step(&[], &auto(), 0), Step::Warn { number: 1, of: 3 });
    assert_eq!(step(&[(Warned, 0)], &auto(), 15), Step::Wait { until: hours(16), awaits: Awaits::Warning });
    assert_eq!(step(&[(Warned, 0)], &auto(), 16), Step::Warn { number: 2, of: 3 });
    let warned = [(Warned, 0), (Warned, 16), (Warned, 40)];
    assert_eq!(
        step(&warned, &auto(), 48),
        Step::Wait { until: hours(56), awaits: Awaits::Warning },
        "the last was late"
    );
    assert_eq!(step(&warned, &auto(), 56), Step::Apply);
}

#[test]
fn the_first_run_of_a_fix_is_a_dry_run() {
    let unrehearsed = Circumstances { is_rehearsed: false, ..fine() };
    assert_eq!(next_step(&[], &issue(), &auto(), &unrehearsed, hours(0)), Step::Rehearse);
    assert_eq!(step(&[], &rules("mode = 'dry-run'"), 0), Step::Rehearse);
    assert_eq!(step(&[(Planned, 0)], &rules("mode = 'dry-run'"), 1), Step::Nothing(Why::DryRunOnly));
}

#[test]
fn a_person_agrees_before_and_stays_heard_after() {
    let approve = rules("mode = 'approve'\nwarnings = 1\nwait = '1h'");
    assert_eq!(step(&[(Warned, 0)], &approve, 2), Step::Approval);
    assert_eq!(step(&[(Approved, 0), (Warned, 0)], &approve, 2), Step::Apply);
    let undone = [(Warned, 0), (Claimed, 2), (Verified, 2), (Undone, 3)];
    assert_eq!(step(&undone, &auto(), 99), Step::Nothing(Why::Undone));
    let next = Issue { occurrence: 2, ..issue() };
    let again = |events: &[Past]| next_step(events, &next, &auto(), &fine(), hours(99));
    assert_eq!(again(&past(&undone)), Step::Nothing(Why::Undone), "the undo opened it again");
    let mut agreed = past(&undone);
    agreed.push(Past { occurrence: 2, event: Approved, at: hours(4), run_id: "r".to_owned() });
    assert_eq!(again(&agreed), Step::Warn { number: 1, of: 3 });
}

#[test]
fn an_occurrence_starts_anew() {
    let closed = past(&[(Warned, 0), (Warned, 16), (Warned, 32), (Claimed, 48), (Applied, 48), (Verified, 48)]);
    let again = Issue { occurrence: 2, opened_at: hours(90), ..issue() };
    assert_eq!(next_step(&closed, &again, &auto(), &fine(), hours(99)), Step::Warn { number: 1, of: 3 });
}

#[test]
fn a_claim_without_a_result_is_looked_into() {
    let warned = [(Warned, 0), (Warned, 16), (Warned, 32)];
    let claimed = [&warned[..], &[(Claimed, 48)]].concat();
    assert_eq!(step(&claimed, &auto(), 48), Step::Nothing(Why::Claimed("r".to_owned())));
    assert_eq!(step(&claimed, &auto(), 49), Step::Resolve);
    let applied = [&claimed[..], &[(Applied, 48)]].concat();
    assert_eq!(step(&applied, &auto(), 49), Step::Resolve, "nobody verified it");
    let released = [&claimed[..], &[(Released, 48)]].concat();
    assert_eq!(step(&released, &auto(), 49), Step::Apply);
    let failed = [&claimed[..], &[(Failed, 48)]].concat();
    assert_eq!(step(&failed, &auto(), 49), Step::Apply);
    assert_eq!(
        step(&[&failed[..], &[(Claimed, 49), (Failed, 49)]].concat(), &auto(), 50),
        Step::Nothing(Why::GivenUp(2))
    );
}

#[test]
fn names_ages_and_windows() {
    let named = rules("mode = 'auto'\nnames = '^shop'\nexcept = '-prod$'");
    let called = |name: &str| next_step(&[], &Issue { name: name.to_owned(), ..issue() }, &named, &fine(), hours(0));
    assert_eq!(called("shop-test"), Step::Warn { number: 1, of: 3 });
    assert_eq!(called("shop-prod"), Step::Nothing(Why::Name));
    assert_eq!(called("mail"), Step::Nothing(Why::Name));
    let aged = rules("mode = 'auto'\nminimum_age = '72h'");
    assert_eq!(step(&[], &aged, 71), Step::Wait { until: hours(72), awaits: Awaits::Age });
    let night = rules("mode = 'auto'\nwarnings = 1\nwait = '1h'\nwindows = [{ from = '22:00', to = '04:00' }]");
    assert_eq!(step(&[(Warned, 0)], &night, 2), Step::Wait { until: hours(16), awaits: Awaits::Window });
    assert_eq!(step(&[(Warned, 0)], &night, 16), Step::Apply);
}

fn any_event() -> impl Strategy<Value = FixEvent> {
    prop::sample::select(FixEvent::ALL)
}

prop_compose! {
    fn any_past()(occurrence in 1..4_u64, event in any_event(), at in -200..200_i64, run in 0..3_u8) -> Past {
        Past { occurrence, event, at: hours(at), run_id: run.to_string() }
    }
}

prop_compose! {
    fn any_history()(mut history in prop::collection::vec(any_past(), 0..12)) -> Vec<Past> {
        history.sort_by_key(|past| past.at);
        history
    }
}

prop_compose! {
    fn any_issue()(
        state in prop::sample::select(IssueState::ALL),
        occurrence in 1..4_u64,
        opened in -200..200_i64,
        listed in any::<bool>(),
        name in "shop|mail",
    ) -> Issue {
        let account_id = AccountId::new(if listed { LISTED } else { "999988887777" }).unwrap();
        Issue { state, occurrence, opened_at: hours(opened), account_id, name }
    }
}

prop_compose! {
    fn any_rules()(
        mode in prop::sample::select(FixMode::ALL),
        warnings in 1..4_u32,
        wait in 0..72_u32,
        age in 0..72_u32,
        attempts in 1..3_u32,
        narrow in any::<bool>(),
    ) -> Rules {
        let more = if narrow { "names = 'shop'\nwindows = [{ from = '22:00', to = '04:00' }]" } else { "" };
        rules(&format!("mode = '{mode}'\nwarnings = {warnings}\nwait = '{wait}h'\nminimum_age = '{age}h'\nattempts = {attempts}\n{more}"))
    }
}

prop_compose! {
    fn any_circumstances()(is_stopped in any::<bool>(), can_warn in any::<bool>(), is_rehearsed in any::<bool>(), missing in any::<bool>())
        -> Circumstances
    {
        Circumstances { is_stopped, can_warn, is_rehearsed, missing_parameter: missing.then(|| "p".to_owned()) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_fix_has_all_that_it_needs(
        history in any_history(),
        issue in any_issue(),
        rules in any_rules(),
        circumstances in any_circumstances(),
        now in -200..400_i64,
    ) {
        let now = hours(now);
        let step = next_step(&history, &issue, &rules, &circumstances, now);
        let acts = matches!(step, Step::Apply | Step::Warn { .. } | Step::Rehearse | Step::Approval);
        if acts {
            prop_assert!(!circumstances.is_stopped, "while stopped");
            prop_assert_eq!(issue.state, IssueState::Open);
            prop_assert_eq!(issue.account_id.as_str(), LISTED);
            prop_assert!(rules.mode != FixMode::Off);
            prop_assert!(circumstances.missing_parameter.is_none());
            prop_assert!(now >= issue.opened_at + rules.minimum_age);
            prop_assert!(unresolved(&history).is_none(), "twice for one claim");
        }
        if step == Step::Apply {
            let mine = history.iter().filter(|past| past.occurrence == issue.occurrence);
            let warned: Vec<_> = mine.clone().filter(|past| past.event == Warned).collect();
            prop_assert!(warned.len() >= rules.warnings.get() as usize, "without its warnings");
            let last = warned.last().map(|past| past.at);
            prop_assert!(last.is_some_and(|last| now - last >= rules.wait / rules.warnings.get().cast_signed()));
            prop_assert!(circumstances.is_rehearsed && circumstances.can_warn);
            prop_assert!(matches!(rules.mode, FixMode::Auto | FixMode::Approve));
            if rules.mode == FixMode::Approve {
                prop_assert!(mine.clone().any(|past| past.event == Approved), "without approval");
            }
            prop_assert!(is_open(&rules.windows, now), "outside the windows");
            let failed = mine.filter(|past| past.event == Failed).count();
            prop_assert!(failed < rules.attempts.get() as usize);
        }
    }

    #[test]
    fn a_run_of_steps_never_fixes_twice(seed in prop::collection::vec((0..30_i64, 0..10_u8), 1..60)) {
        // Time passes, and whatever comes next is done: sometimes it fails, sometimes it is killed.
        let rules = rules("mode = 'auto'\nwarnings = 2\nwait = '20h'\nattempts = 2");
        let (mut history, mut now, mut applied) = (Vec::new(), start(), 0);
        for (pause, luck) in seed {
            now += Duration::hours(pause);
            let step = next_step(&history, &issue(), &rules, &fine(), now);
            let mut note = |event| history.push(Past { occurrence: 1, event, at: now, run_id: "r".to_owned() });
            match step {
                Step::Warn { .. } => note(Warned),
                Step::Apply => {
                    note(Claimed);
                    match luck {
                        0 | 1 => note(Failed),
                        2 | 3 => {}
                        _ => {
                            applied += 1;
                            note(Applied);
                            if luck > 5 {
                                note(Verified);
                            }
                        }
                    }
                }
                // The live asset tells whether it was applied.
                Step::Resolve => note(if applied > 0 { Verified } else { Failed }),
                _ => {}
            }
        }
        prop_assert!(applied <= 1);
    }
}
