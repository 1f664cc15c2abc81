use std::collections::BTreeSet;

use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::schedule::cron::Cron;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn job(settings: &str) -> Job {
    toml::from_str(&format!("name = \"daily\"\ncommand = [\"run\"]\n{settings}")).unwrap()
}

/// A run of the job `daily`.
fn run(scheduled_for: &str, attempt: u32, state: JobState, ended: Option<&str>) -> JobRun {
    JobRun {
        job: JobName::new("daily").unwrap(),
        scheduled_for: at(scheduled_for),
        attempt,
        state,
        trigger: JobTrigger::Schedule,
        recorded_at: at(scheduled_for),
        started_at: Some(at(scheduled_for)),
        finished_at: ended.map(at),
        exit_code: None,
        error: None,
        command: None,
        host: "host".to_owned(),
        process: 1,
        holder: "host/1/0".to_owned(),
        term: 1,
    }
}

fn book(runs: &[JobRun]) -> Book {
    Book { version: Some(1), term: 1, runs: runs.to_vec() }
}

fn known(since: &str) -> Book {
    book(&[run(since, 0, JobState::Known, None)])
}

fn start(scheduled_for: &str, trigger: JobTrigger) -> Option<Decision> {
    Some(Decision::Start { scheduled_for: at(scheduled_for), attempt: 1, trigger })
}

#[test]
fn a_job_is_due_when_its_zone_says_so() {
    let berlin = job("cron = \"0 6 * * *\"\nzone = \"Europe/Berlin\"");
    let since = known("2025-07-01T00:00:00Z");
    assert_eq!(decide(&berlin, &since, at("2025-07-01T03:59:59Z")), None);
    assert_eq!(next_start(&berlin, &since, at("2025-07-01T03:59:59Z")), Some(at("2025-07-01T04:00:00Z")));
    let due = start("2025-07-01T04:00:00Z", JobTrigger::Schedule);
    assert_eq!(decide(&berlin, &since, at("2025-07-01T04:00:00Z")), due);
    let winter = known("2025-12-01T00:00:00Z");
    assert_eq!(next_start(&berlin, &winter, at("2025-12-01T00:00:00Z")), Some(at("2025-12-01T05:00:00Z")));
}

#[test]
fn a_job_is_noted_before_it_is_due_for_the_first_time() {
    let daily = job("cron = \"0 6 * * *\"");
    assert_eq!(decide(&daily, &book(&[]), at("2025-07-01T06:00:00Z")), Some(Decision::Known));
    let off = job("cron = \"0 6 * * *\"\nenabled = false");
    assert_eq!(decide(&off, &book(&[]), at("2025-07-01T06:00:00Z")), None);
    assert_eq!(next_start(&off, &known("2025-07-01T00:00:00Z"), at("2025-07-01T00:00:00Z")), None);
}

/// All times of a pattern in an interval.
fn times(pattern: &str, zone: &str, from: &str, until: &str) -> Vec<String> {
    let (cron, zone): (Cron, Tz) = (Cron::new(pattern).unwrap(), zone.parse().unwrap());
    let times = std::iter::successors(cron.next_after(at(from), zone), |last| cron.next_after(*last, zone));
    times.take_while(|time| *time < at(until)).map(|time| time.format("%dT%H:%M").to_string()).collect()
}

#[test]
fn an_hour_that_the_clock_leaves_out_is_made_up_for() {
    let of = |pattern| times(pattern, "Europe/Berlin", "2025-03-29T12:00:00Z", "2025-03-31T12:00:00Z");
    // 02:30 does not exist on the 30th: due at 03:00 summer time.
    assert_eq!(of("30 2 * * *"), ["30T01:00", "31T00:30"]);
    assert_eq!(
        times("*/30 2 * * *", "Europe/Berlin", "2025-03-30T00:00:00Z", "2025-03-30T12:00:00Z"),
        Vec::<String>::new()
    );
}

#[test]
fn an_hour_that_comes_twice_is_due_once_a_day_but_every_half_hour() {
    let of = |pattern| times(pattern, "Europe/Berlin", "2025-10-25T23:50:00Z", "2025-10-26T02:10:00Z");
    assert_eq!(of("30 2 * * *"), ["26T00:30"]);
    assert_eq!(of("*/30 * * * *"), ["26T00:00", "26T00:30", "26T01:00", "26T01:30", "26T02:00"]);
}

#[test]
fn patterns_that_are_wrong_or_never_due_are_refused() {
    for (pattern, told) in [
        ("0 6 * *", "is no cron pattern"),
        ("61 6 * * *", "is no cron pattern"),
        ("0 0 30 2 *", "is never due"),
        ("0 0 6 * * * 2025", "is no cron pattern"),
    ] {
        let error = Cron::new(pattern).unwrap_err();
        assert!(error.contains(told), "{pattern}: {error}");
    }
}

#[test]
fn what_was_due_while_nobody_ran_is_run_once() {
    let hourly = job("cron = \"0 * * * *\"");
    let since = book(&[run("2025-07-01T06:00:00Z", 1, JobState::Succeeded, Some("2025-07-01T06:01:00Z"))]);
    let now = at("2025-07-03T12:30:00Z");
    assert_eq!(decide(&hourly, &since, now), start("2025-07-03T12:00:00Z", JobTrigger::CatchUp));
    let caught_up = book(&[run("2025-07-03T12:00:00Z", 1, JobState::Running, None)]);
    assert_eq!(decide(&hourly, &caught_up, now), None);

    let strict = job("cron = \"0 * * * *\"\ncatch_up = false");
    let skipped =
        Decision::Skip { scheduled_for: at("2025-07-03T12:00:00Z"), why: "it was due while nobody ran".to_owned() };
    assert_eq!(decide(&strict, &since, now), Some(skipped));
    // A scheduler that looks once a minute is not late.
    let soon = at("2025-07-03T12:01:00Z");
    assert_eq!(decide(&strict, &since, soon), start("2025-07-03T12:00:00Z", JobTrigger::Schedule));
}

#[test]
fn what_is_due_while_it_runs_is_skipped_queued_or_run() {
    let running = book(&[run("2025-07-01T06:00:00Z", 1, JobState::Running, None)]);
    let now = at("2025-07-01T07:00:00Z");
    let of = |overlap: &str| job(&format!("cron = \"0 * * * *\"\noverlap = \"{overlap}\""));
    let skipped = decide(&of("skip"), &running, now);
    assert!(matches!(&skipped, Some(Decision::Skip { why, .. }) if why.contains("still ran")), "{skipped:?}");
    assert_eq!(decide(&of("parallel"), &running, now), start("2025-07-01T07:00:00Z", JobTrigger::Schedule));
    assert_eq!(decide(&of("queue"), &running, now), None);
    // Two times were due meanwhile, and the run was no misfire.
    let ended = book(&[run("2025-07-01T06:00:00Z", 1, JobState::Succeeded, Some("2025-07-01T08:30:00Z"))]);
    let after = decide(&of("queue"), &ended, at("2025-07-01T08:30:01Z"));
    assert_eq!(after, start("2025-07-01T08:00:00Z", JobTrigger::Schedule));
}

#[test]
fn a_run_by_hand_changes_no_schedule_but_counts_as_running() {
    let by_hand = |state, ended| JobRun { trigger: JobTrigger::Manual, ..run("2025-07-01T05:59:00Z", 1, state, ended) };
    let before = run("2025-06-30T06:00:00Z", 1, JobState::Succeeded, Some("2025-06-30T06:01:00Z"));
    let daily = job("cron = \"0 6 * * *\"");
    let now = at("2025-07-01T06:00:00Z");
    let ended = book(&[before.clone(), by_hand(JobState::Failed, Some("2025-07-01T05:59:30Z"))]);
    assert_eq!(decide(&daily, &ended, now), start("2025-07-01T06:00:00Z", JobTrigger::Schedule));
    let running = book(&[before, by_hand(JobState::Running, None)]);
    assert!(matches!(decide(&daily, &running, now), Some(Decision::Skip { .. })));
}

#[test]
fn a_failure_is_tried_again_as_often_as_the_job_says_with_growing_waits() {
    let daily = job("cron = \"0 6 * * *\"\nretries = 2\nbackoff = \"1m\"");
    let failed = |attempt, state| book(&[run("2025-07-01T06:00:00Z", attempt, state, Some("2025-07-01T06:10:00Z"))]);
    let retry = |attempt| {
        let scheduled_for = at("2025-07-01T06:00:00Z");
        Some(Decision::Start { scheduled_for, attempt, trigger: JobTrigger::Retry })
    };
    for state in [JobState::Failed, JobState::TimedOut, JobState::Lost, JobState::Stopped] {
        assert_eq!(decide(&daily, &failed(1, state), at("2025-07-01T06:10:59Z")), None);
        assert_eq!(decide(&daily, &failed(1, state), at("2025-07-01T06:11:00Z")), retry(2));
    }
    assert_eq!(
        next_start(&daily, &failed(2, JobState::Failed), at("2025-07-01T06:11:00Z")),
        Some(at("2025-07-01T06:12:00Z"))
    );
    assert_eq!(decide(&daily, &failed(2, JobState::Failed), at("2025-07-01T06:12:00Z")), retry(3));
    assert_eq!(decide(&daily, &failed(3, JobState::Failed), at("2025-07-01T23:00:00Z")), None);
    // What is known was written, and the next run asks again; a wrong command stays wrong.
    for state in [JobState::Partial, JobState::Violations, JobState::Succeeded, JobState::Skipped] {
        assert_eq!(decide(&daily, &failed(1, state), at("2025-07-01T23:00:00Z")), None);
    }
    let mut usage = failed(1, JobState::Failed);
    usage.runs[0].exit_code = Some(64);
    assert_eq!(decide(&daily, &usage, at("2025-07-01T23:00:00Z")), None);
    // The next time takes the place of a retry.
    let next_day = decide(&daily, &failed(1, JobState::Failed), at("2025-07-02T06:00:00Z"));
    assert_eq!(next_day, start("2025-07-02T06:00:00Z", JobTrigger::Schedule));
}

#[test]
fn jitter_is_bounded_and_the_same_for_everybody_who_asks() {
    let spread = job("cron = \"0 * * * *\"\njitter = \"10m\"");
    let hours: Vec<Duration> =
        (0..200).map(|hour| jitter(&spread, at("2025-07-01T00:00:00Z") + chrono::Duration::hours(hour))).collect();
    assert!(hours.iter().all(|jitter| *jitter < Duration::from_secs(600)));
    assert!(hours.iter().collect::<BTreeSet<_>>().len() > 150, "it differs from time to time");
    let time = at("2025-07-01T05:00:00Z");
    assert_eq!(jitter(&spread, time), jitter(&spread.clone(), time));
    let starts_at = time + jitter(&spread, time);
    let since = known("2025-07-01T04:30:00Z");
    assert_eq!(decide(&spread, &since, starts_at - chrono::Duration::milliseconds(1)), None);
    assert_eq!(next_start(&spread, &since, at("2025-07-01T05:00:00Z")), Some(starts_at));
    assert_eq!(decide(&spread, &since, starts_at), start("2025-07-01T05:00:00Z", JobTrigger::Schedule));
}

/// What happens to a run that was started.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Ends(JobState, i64),
    GoesOn,
}

fn fates() -> impl Strategy<Value = Fate> {
    let states = prop::sample::select(vec![
        JobState::Succeeded,
        JobState::Failed,
        JobState::Partial,
        JobState::TimedOut,
        JobState::Lost,
    ]);
    prop_oneof![4 => (states, 0_i64..7200).prop_map(|(state, after)| Fate::Ends(state, after)), 1 => Just(Fate::GoesOn)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Looks at any times, runs with any fate: no time of a job is begun twice, attempts count up, and nothing is begun
    /// before its time.
    #[test]
    fn no_time_is_begun_twice(
        pattern in prop::sample::select(vec!["*/5 * * * *", "30 2 * * *", "0 */3 * * *", "17 1,2,3 * * SUN"]),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
        overlap in prop::sample::select(vec!["skip", "queue", "parallel"]),
        jitter in prop::sample::select(vec!["0s", "3m", "40m"]),
        catch_up: bool,
        retries in 0_u32..3,
        since in prop::sample::select(vec!["2025-03-29T20:00:00Z", "2025-10-25T20:00:00Z", "2025-04-05T10:00:00Z"]),
        looks in prop::collection::vec((1_i64..20_000, fates()), 1..60),
    ) {
        let job = job(&format!(
            "cron = \"{pattern}\"\nzone = \"{zone}\"\noverlap = \"{overlap}\"\njitter = \"{jitter}\"\ncatch_up = {catch_up}\nretries = {retries}"
        ));
        let mut now = at(since);
        let mut book = known(since);
        let mut begun = BTreeSet::new();
        for (wait, fate) in looks {
            now += chrono::Duration::seconds(wait);
            for run in &mut book.runs {
                if let (JobState::Running, Some(ends_at)) = (run.state, run.finished_at.filter(|at| *at <= now)) {
                    run.state = run.exit_code.map_or(JobState::Succeeded, |state| JobState::ALL[state as usize]);
                    (run.recorded_at, run.exit_code) = (ends_at, None);
                }
            }
            let next = next_start(&job, &book, now);
            match decide(&job, &book, now) {
                Some(Decision::Start { scheduled_for, attempt, .. }) => {
                    prop_assert!(begun.insert((scheduled_for, attempt)), "{scheduled_for} begins twice");
                    prop_assert!(attempt == 1 || begun.contains(&(scheduled_for, attempt - 1)));
                    prop_assert!(attempt <= retries + 1);
                    prop_assert!(scheduled_for <= now);
                    prop_assert_eq!(job.cron.next_after(scheduled_for - chrono::Duration::seconds(1), job.zone), Some(scheduled_for));
                    let mut run = run(since, attempt, JobState::Running, None);
                    (run.scheduled_for, run.started_at) = (scheduled_for, Some(now));
                    if let Fate::Ends(state, after) = fate {
                        // Noted here until it ends.
                        run.finished_at = Some(now + chrono::Duration::seconds(after));
                        run.exit_code = JobState::ALL.iter().position(|known| *known == state).map(|place| place as i32);
                    }
                    book.runs.push(run);
                }
                Some(Decision::Skip { scheduled_for, .. }) => {
                    prop_assert!(begun.insert((scheduled_for, 1)), "{scheduled_for} is skipped and begun");
                    let mut run = run(since, 1, JobState::Skipped, None);
                    run.scheduled_for = scheduled_for;
                    book.runs.push(run);
                }
                Some(Decision::Known) => prop_assert!(false, "it is known"),
                None => {}
            }
            prop_assert!(next.is_none_or(|next| next > now || book.runs.len() > 1));
        }
    }
}
