//! Schedulers: one leads, another takes over, a kill repeats nothing; and what they tell about themselves.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;

use crate::kill::SMALL;
use crate::pacbot::{Pacbot, recording};
use crate::servers::collector::Collector;
use crate::servers::free_port;

/// A command that ends at once, due every second.
const FAST: &str = "
[[jobs]]
name = \"fast\"
command = [\"schema\", \"list\"]
cron = \"* * * * * *\"
retries = 2
backoff = \"0s\"

[schedule]
lease = \"6s\"
grace = \"2s\"
";

/// What does not come by then never does.
const LIMIT: Duration = Duration::from_secs(90);

/// `pacbot schedule` in the background; killed at the end.
struct Scheduler {
    child: Child,
    log: std::path::PathBuf,
}

impl Scheduler {
    fn start(pacbot: &Pacbot, name: &str) -> Self {
        let log = pacbot.path(name);
        let mut command = pacbot.command(&["schedule"]);
        command.env("RUST_LOG", "pacbot_jobs=info").stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Self { child: command.spawn().unwrap(), log }
    }

    fn id(&self) -> u64 {
        u64::from(self.child.id())
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.id().to_string()]).status().unwrap().success());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until its log says so.
    fn until_it_says(&self, words: &str) {
        until(|| self.log().contains(words), || format!("`{words}` is not in\n{}", self.log()));
    }

    /// Ends it as an init system does.
    fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn until(condition: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < LIMIT, "{}", otherwise());
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// A row of `job_runs`.
#[derive(Debug, Deserialize)]
struct Row {
    scheduled_for: String,
    attempt: u32,
    state: String,
    term: u64,
    #[serde(default)]
    error: Option<String>,
}

const ROWS: &str = "select scheduled_for, attempt, state, term, error from job_runs where state not in ('known', 'leads') order by recorded_at, term";

#[test]
fn what_is_due_is_run_once_and_its_end_is_recorded() {
    let pacbot = Pacbot::new(&format!(
        "{FAST}
[[jobs]]
name = \"wrong\"
command = [\"runs\", \"show\", \"nothing\"]
cron = \"* * * * * *\"
[metrics]
textfile = \"metrics.prom\"
"
    ));
    let first = pacbot.expect(0, &["schedule", "--once"]);
    assert_eq!(first.stdout, "0 runs ended\n", "a job that is new was not missed");
    until(|| pacbot.run(&["schedule", "--once"]).code == Some(2), || "the jobs are never due".to_owned());
    let states = pacbot.answers(&["select job, state, exit_code, error from job_status order by job"]);
    assert_eq!(
        states[0],
        "{\"job\":\"fast\",\"state\":\"succeeded\",\"exit_code\":0}\n{\"job\":\"wrong\",\"state\":\"failed\",\"exit_code\":64,\"error\":\"error: the lake holds no run `nothing`\"}\n"
    );
    let listed = pacbot.expect(0, &["jobs", "list"]).stdout;
    assert!(listed.contains("succeeded") && listed.contains("no scheduler runs"), "{listed}");
    let metrics = std::fs::read_to_string(pacbot.path("metrics.prom")).unwrap();
    assert!(metrics.contains("pacbot_job_runs_total{job=\"wrong\",outcome=\"failed\"} 1"), "{metrics}");

    let by_hand = pacbot.expect(64, &["jobs", "run", "wrong"]);
    assert!(by_hand.stderr.contains("the lake holds no run"), "{by_hand:?}");
    assert!(pacbot.expect(0, &["jobs", "run", "fast"]).stdout.contains("aws_s3_bucket"));
    let history = pacbot.expect(0, &["jobs", "history", "fast", "--format", "json", "--limit", "1"]).stdout;
    assert!(history.contains("\"trigger\":\"manual\"") && history.contains("\"term\":0"), "{history}");
    let unknown = pacbot.expect(64, &["jobs", "run", "fats"]);
    assert!(unknown.stderr.contains("did you mean `fast`?"), "{unknown:?}");
}

#[test]
fn one_of_two_schedulers_leads_and_the_other_takes_over_when_it_is_killed() {
    let pacbot = Pacbot::new(FAST);
    let mut first = Scheduler::start(&pacbot, "first.log");
    first.until_it_says("succeeded");
    let second = Scheduler::start(&pacbot, "second.log");
    let leader = || pacbot.value("select process from leases");
    // It had its chance: the first has started two more.
    let before = first.log().matches("succeeded").count();
    until(|| first.log().matches("succeeded").count() > before + 2, || first.log());
    assert_eq!(leader(), first.id());
    assert!(!second.log().contains("leading"), "{}", second.log());
    // A third that only looks sees who leads.
    let looked = pacbot.expect(0, &["schedule", "--once"]);
    assert!(
        looked.stdout.contains(&format!("/{}/", first.id())) && looked.stdout.contains("leads until"),
        "{looked:?}"
    );

    first.child.kill().unwrap();
    first.child.wait().unwrap();
    second.until_it_says("leading");
    second.until_it_says("succeeded");
    assert_eq!(leader(), second.id());
    assert_eq!(second.stop(), Some(0));
    assert_each_once(&pacbot);
    // It gave the lease back: the next one need not wait.
    assert_eq!(pacbot.value("select count(*) from leases where expires_at <= now()"), 1);
}

#[test]
fn a_leader_that_wakes_up_late_starts_and_records_nothing() {
    let pacbot = Pacbot::new(FAST);
    let first = Scheduler::start(&pacbot, "first.log");
    first.until_it_says("succeeded");
    first.signal("-STOP");
    let second = Scheduler::start(&pacbot, "second.log");
    second.until_it_says("succeeded");
    let rows = "select count(*) from job_runs where term = 1";
    let before = pacbot.value(rows);
    first.signal("-CONT");
    first.until_it_says("another scheduler leads now");
    let more = second.log().matches("succeeded").count() + 2;
    until(|| second.log().matches("succeeded").count() >= more, || second.log());
    assert_eq!(pacbot.value(rows), before, "{}", first.log());
    drop((first, second));
    until(|| pacbot.run(&["schedule", "--once"]).stdout.contains("ended"), || "the lease is never over".to_owned());
    assert_each_once(&pacbot);
}

/// Every time that was claimed was claimed once per attempt, and ended once, or is lost and was tried again.
fn assert_each_once(pacbot: &Pacbot) -> BTreeMap<(String, u32), Vec<String>> {
    let mut runs: BTreeMap<(String, u32), Vec<String>> = BTreeMap::new();
    let mut term = 0;
    for row in pacbot.rows::<Row>(ROWS) {
        assert!(row.term >= term, "a row of an earlier term came late: {row:?}");
        term = row.term;
        runs.entry((row.scheduled_for, row.attempt)).or_default().push(row.state);
    }
    for ((time, attempt), states) in &runs {
        let is_whole = match states.as_slice() {
            [only] => only == "skipped",
            [began, ended] => began == "running" && ["succeeded", "lost", "stopped"].contains(&ended.as_str()),
            _ => false,
        };
        assert!(is_whole, "{time}, attempt {attempt}: {states:?}");
        if *attempt > 1 {
            let before = &runs[&(time.clone(), attempt - 1)];
            assert!(before.last().is_some_and(|state| state == "lost" || state == "stopped"), "{time}: {before:?}");
        }
    }
    runs
}

/// Kills at random points.
const KILLS: usize = 20;

#[test]
fn killed_anywhere_no_time_is_run_twice() {
    let pacbot = Pacbot::new(&FAST.replace("lease = \"6s\"", "lease = \"2s\""));
    pacbot.expect(0, &["schedule", "--once"]);
    let seed = std::env::var("KILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("KILL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut printed = 0;
    for kill in 0..KILLS {
        let mut scheduler = Scheduler::start(&pacbot, "killed.log");
        scheduler.until_it_says("leading");
        let (began, lives) = (Instant::now(), Duration::from_millis(random.random_range(0..2000)));
        until(|| began.elapsed() >= lives, || format!("kill {kill}"));
        scheduler.child.kill().unwrap();
        scheduler.child.wait().unwrap();
        printed += scheduler.log().matches("[fast] aws_s3_bucket").count();
    }
    let last = Scheduler::start(&pacbot, "last.log");
    last.until_it_says("succeeded");
    printed += last.log().matches("[fast] aws_s3_bucket").count();
    let log = last.log.clone();
    assert_eq!(last.stop(), Some(0));
    printed += std::fs::read_to_string(log).unwrap().matches("[fast] aws_s3_bucket").count();
    // On a slow machine the last one may have lost its lease; whoever comes next tells what became of its run.
    let next = pacbot.expect(0, &["schedule", "--once"]);
    printed +=
        [next.stdout, next.stderr].iter().map(|text| text.matches("[fast] aws_s3_bucket").count()).sum::<usize>();
    let runs = assert_each_once(&pacbot);
    let claimed = runs.values().filter(|states| states[0] == "running").count();
    let lost = runs.values().filter(|states| states.last().unwrap() == "lost").count();
    println!("{claimed} runs, {lost} of them lost, over {KILLS} kills");
    assert!(claimed >= KILLS / 2 && lost > 0, "{runs:?}");
    assert!(printed >= claimed - lost, "{printed} outputs of {claimed} runs, {lost} of them lost");
}

/// A collection that hangs: the cloud takes the connection and says nothing.
fn hanging(silent: &TcpListener, more: &str) -> String {
    format!(
        "[aws]\nendpoint = \"http://{}\"\nregions = [\"eu-west-1\"]\naccounts = [{{ id = \"111122223333\", role = \"r\" }}]\n
[[jobs]]\nname = \"hangs\"\ncommand = [\"collect\", \"--type\", \"aws_sns_topic\"]\ncron = \"* * * * * *\"\nretries = 0\n{more}
[schedule]\nlease = \"2s\"\ngrace = \"1s\"\n",
        silent.local_addr().unwrap()
    )
}

#[test]
fn a_run_beyond_its_deadline_is_killed() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let pacbot = Pacbot::new(&hanging(&silent, "deadline = \"1s\""));
    pacbot.expect(0, &["schedule", "--once"]);
    until(|| pacbot.run(&["schedule", "--once"]).code == Some(2), || "the job is never due".to_owned());
    let rows: Vec<Row> = pacbot.rows(ROWS);
    let killed = rows.iter().find(|row| row.state == "timed_out").unwrap_or_else(|| panic!("{rows:?}"));
    assert!(killed.error.as_deref().is_some_and(|error| error.starts_with("it was killed after 1s")), "{killed:?}");
}

#[test]
fn a_scheduler_that_is_stopped_ends_its_jobs_and_says_so() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let pacbot = Pacbot::new(&hanging(&silent, ""));
    let scheduler = Scheduler::start(&pacbot, "log");
    scheduler.until_it_says("running");
    assert_eq!(scheduler.stop(), Some(0));
    let states: Vec<String> =
        pacbot.rows::<Row>(ROWS).into_iter().map(|row| row.state).filter(|state| state != "skipped").collect();
    assert_eq!(states, ["running", "stopped"]);
}

#[test]
fn a_job_ends_with_its_scheduler() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let pacbot = Pacbot::new(&hanging(&silent, "overlap = \"queue\""));
    let mut scheduler = Scheduler::start(&pacbot, "log");
    scheduler.until_it_says("running");
    let children = |id: u64| {
        let found = Command::new("pgrep").args(["-P", &id.to_string()]).output().unwrap();
        String::from_utf8(found.stdout).unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    until(|| !children(scheduler.id()).is_empty(), || scheduler.log());
    let orphans = children(scheduler.id());
    scheduler.child.kill().unwrap();
    scheduler.child.wait().unwrap();
    let lives = |id: &String| Command::new("kill").args(["-0", id]).stderr(Stdio::null()).status().unwrap().success();
    until(|| !orphans.iter().any(lives), || format!("{orphans:?} live"));
}

#[tokio::test]
async fn numbers_and_spans_of_jobs_reach_those_who_ask() {
    let collector = Collector::start();
    let port = free_port();
    let pacbot = Pacbot::new(&format!(
        "{SMALL}
[[jobs]]
name = \"daily\"
command = [\"run\", \"--replay\", \"{}\"]
cron = \"*/2 * * * * *\"
[schedule]
lease = \"2s\"
[metrics]
listen = \"127.0.0.1:{port}\"
[traces]
otlp = \"{}\"
requests = 1.0
",
        recording(1),
        collector.endpoint()
    ));
    let scheduler = Scheduler::start(&pacbot, "log");
    scheduler.until_it_says("job daily of");
    scheduler.until_it_says("succeeded");
    let address = format!("http://127.0.0.1:{port}/metrics");
    let answer = reqwest::get(&address).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    assert_eq!(reqwest::get(address.replace("metrics", "secrets")).await.unwrap().status(), 404);
    let issues: u64 =
        pacbot.value("select count(*) from issues where state = 'open' and severity = 'critical'").as_u64().unwrap();
    let samples = samples(&text);
    for (sample, least) in [
        ("pacbot_leader", 1.0),
        ("pacbot_job_runs_total{job=\"daily\",outcome=\"succeeded\"}", 1.0),
        ("pacbot_collect_requests_total{service=\"sns\",outcome=\"ok\"}", 1.0),
        ("pacbot_request_duration_seconds_count{service=\"s3\"}", 1.0),
        ("pacbot_collect_assets{asset_type=\"aws_s3_bucket\"}", 1.0),
        ("pacbot_stage_duration_seconds{stage=\"evaluate\"}", 0.001),
        ("pacbot_policy_duration_seconds{policy=\"aws-s3-bucket-not-public\"}", 0.001),
        ("pacbot_violations", 1.0),
        ("pacbot_issues{state=\"open\",severity=\"critical\"}", issues as f64),
        ("pacbot_lake_commits_total{outcome=\"done\"}", 1.0),
    ] {
        assert!(samples.get(sample).is_some_and(|value| *value >= least), "{sample} in\n{text}");
    }
    let labels = ["account", "region", "asset_id"];
    assert!(!labels.iter().any(|label| text.contains(&format!("{label}=\""))), "{text}");
    assert_eq!(scheduler.stop(), Some(0));

    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    for name in
        ["pacbot schedule", "pacbot run", "collect", "scope", "request", "landing", "evaluate", "policy", "diff"]
    {
        assert!(
            !named(name).is_empty(),
            "no span `{name}` among {:?}",
            spans.iter().map(|span| &span.name).collect::<Vec<_>>()
        );
    }
    // The spans of the process are below that of the job, with which a trace begins.
    let child = named("pacbot run")[0];
    let is_parent = |job: &&&Span| (&job.trace_id, &job.span_id) == (&child.trace_id, &child.parent_span_id);
    assert!(named("job").iter().find(is_parent).unwrap().parent_span_id.is_empty());
    let stage = named("collect")[0];
    let scope = named("scope")[0];
    assert_eq!(scope.parent_span_id, stage.span_id);
    assert!(
        named("request")
            .iter()
            .any(|request| named("scope").iter().any(|scope| request.parent_span_id == scope.span_id))
    );
}

/// The samples of an exposition; fails where Prometheus would.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut families = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} stands twice");
        } else if !line.starts_with('#') {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            assert!(samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(), "{sample} stands twice");
        }
    }
    samples
}
