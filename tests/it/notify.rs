//! People are told: by a real mail server, and by stand-ins for chats and trackers that record what they get.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::kill::SMALL;
use crate::pacbot::{Pacbot, recording};
use crate::servers::inbox::{Inbox, mails};
use crate::servers::stub::{SECRET, Stub};

/// What people type as a name: as the recording's XML holds it, and as they see it.
const TYPED: [&str; 2] = [
    "&lt;script&gt;alert(1)&lt;/script&gt; &lt;/mj-text&gt; {{ 7*7 }}",
    "<script>alert(1)</script> </mj-text> {{ 7*7 }}",
];

/// A lake after two days, on the second of which issues opened and closed. An asset has a name that somebody typed.
fn two_days(config: &str) -> Pacbot {
    let pacbot = Pacbot::new(&format!("{config}{SMALL}"))
        .with(&[("UNSUBSCRIBE_SECRET", "one that nobody knows".to_owned()), ("STUB_SECRET", SECRET.to_owned())]);
    for day in [2, 3] {
        let recording = renamed(day, &pacbot.path(&format!("day{day}")));
        pacbot.expect(0, &["run", "--replay", &recording]);
    }
    pacbot
}

/// A copy of a day's recording in which bastions have the typed name.
fn renamed(day: u32, folder: &Path) -> String {
    let copied = Command::new("cp").arg("-R").arg(recording(day)).arg(folder).status().unwrap();
    assert!(copied.success());
    let script = format!(
        "s#<key>Name</key><value>bastion</value>#<key>Name</key><value>{}</value>#g",
        TYPED[0].replace('&', "\\&")
    );
    let files = Command::new("find")
        .arg(folder)
        .args(["-name", "ec2.jsonl", "-exec", "sed", "-i", &script, "{}", "+"])
        .status();
    assert!(files.unwrap().success());
    folder.display().to_string()
}

/// Mail to the server, with or without encryption.
fn smtp(inbox: &Inbox, tls: &str, rest: &str) -> String {
    format!(
        "[notify]\nfrom = \"PacBot <pacbot@example.org>\"\nlink_base = \"https://pacbot.example.org\"\nunsubscribe_secret = \"env:UNSUBSCRIBE_SECRET\"\nsmtp = {{ host = \"127.0.0.1\", port = {}, tls = \"{tls}\"{rest} }}\n",
        inbox.port
    )
}

const DIGEST: &str = "
[[subscriptions]]
name = \"weekly\"
events = [\"digest\"]
recipients = [\"ada@example.org\"]
often = \"weekly\"
";

const AT_ONCE: &str = "
[[subscriptions]]
name = \"at-once\"
events = [\"opened\", \"reopened\", \"closed\", \"not_covered\", \"collector_failing\", \"compliance_drop\"]
";

/// The numbers of a text, but for those of names, times, ids and addresses.
fn has(text: &str, words: &str) {
    assert!(text.contains(words), "`{words}` is not in\n{text}");
}

#[test]
fn a_digest_says_what_the_report_says_and_is_unsubscribed_from_by_its_link() {
    let ca = tempfile::NamedTempFile::new().unwrap();
    let ca = ca.path().to_str().unwrap();
    let inbox = Inbox::start(&["--tls", "starttls", "--ca", ca, "--user", "robot", "--password", SECRET]);
    let sign_in = format!(", ca_file = \"{ca}\", user = \"robot\", password = \"env:STUB_SECRET\"");
    let pacbot = two_days(&format!("{}{DIGEST}", smtp(&inbox, "starttls", &sign_in)));
    let ended = pacbot.expect(0, &["notify"]);
    assert_eq!(ended.stdout, "notified: 1 message sent\n");
    let mails = inbox.mails();
    let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
    assert_eq!(mail.structure, ["multipart/alternative", "text/plain", "text/html"]);
    assert_eq!(mail.mistakes, [""; 0], "{}", mail.html);

    // Every number is the report's.
    let report: Value = serde_json::from_str(&pacbot.expect(0, &["report", "--format", "json"]).stdout).unwrap();
    let percent = |name: &str| format!("{:.1} %", report["scores"][name].as_f64().unwrap());
    for body in [&mail.text, &mail.shown] {
        has(body, &format!("{} of what was judged passes", percent("passing_percent")));
        has(body, &format!("{} could be judged", percent("judged_percent")));
        has(body, &format!("classic score {} %", report["scores"]["classic_percent"]));
        for change in report["changes"].as_array().unwrap() {
            let words = match change["cause"].as_str().unwrap() {
                "opened" => "opened",
                "reopened" => "opened again",
                "fixed" => "closed: fixed",
                "asset_gone" => "closed: the asset is gone",
                other => panic!("{other}"),
            };
            has(body, &format!("{} {words}", change["issues"]));
        }
    }
    assert!(!report["changes"].as_array().unwrap().is_empty(), "the digest is about something");
    for severity in report["severities"].as_array().unwrap() {
        let (name, open) = (severity["severity"].as_str().unwrap(), severity["open_issues"].as_u64().unwrap());
        let unknown = &severity["unknown_issues"];
        has(&mail.text, &format!("  {name:<9} {open:>5}, and {unknown} unknown"));
        has(&mail.shown, &format!("{open} {name} {unknown} unknown"));
    }
    for account in report["accounts"].as_array().unwrap().iter().filter(|account| account["open_issues"] != 0) {
        let (name, id) = (account["account_name"].as_str().unwrap(), account["account_id"].as_str().unwrap());
        let open = account["open_issues"].as_u64().unwrap();
        has(&mail.text, &format!("{open:>5} {name} ({id}): {} critical", account["open_critical"]));
    }
    // The scores before are those of the day before, which a report of that day would say.
    let before = mail.text.split_once("passes: ").unwrap().1.lines().next().unwrap();
    assert!(before.contains(" since 2026-11-25"), "{before}");

    // What people typed is text.
    has(&mail.shown, TYPED[1]);
    has(&mail.text, TYPED[1]);
    assert!(!mail.elements.contains(&"script".to_owned()), "{:?}", mail.elements);

    // It is sent once.
    assert_eq!(pacbot.expect(0, &["notify"]).stdout, "notified: 0 messages sent\n");
    assert_eq!(pacbot.value("select count(*) from messages where state = 'sent'"), 1);

    // RFC 8058: the header's link is the body's, and takes a post.
    assert_eq!(mail.header("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    let link = mail.header("list-unsubscribe").trim_matches(['<', '>']).to_owned();
    assert!(mail.links.contains(&link), "{link} is not among {:?}", mail.links);
    let token = link.split_once("token=").unwrap().1;
    let tampered = format!("{}{}", &token[..token.len() - 1], if token.ends_with('A') { 'B' } else { 'A' });
    let refused = pacbot.expect(64, &["unsubscribe", &tampered]);
    assert_eq!(refused.stderr, "error: the token is not one of ours, or was changed\n");
    pacbot.expect(0, &["unsubscribe", token]);
    let later = pacbot.expect(0, &["notify", "--at", "2027-12-01T00:00:00Z"]);
    assert_eq!(later.stdout, "notified: 0 messages sent\n");
    assert_eq!(inbox.mails().len(), 1);
    assert_eq!(pacbot.value("select count(*) from messages where state = 'unsubscribed'"), 1);
}

#[tokio::test]
async fn every_channel_gets_what_it_takes_and_an_issue_has_one_ticket() {
    let stub = Stub::start();
    let channels = format!(
        "[notify]\nlink_base = \"https://pacbot.example.org\"\nnamed = 3
[notify.channels]
hook = {{ kind = \"webhook\", url = \"{hook}\", secret = \"env:STUB_SECRET\", allow_private = true }}
room = {{ kind = \"slack\", url = \"{slack}\", allow_private = true }}
bot = {{ kind = \"slack\", token = \"env:STUB_SECRET\", api = \"{api}\", allow_private = true }}
team = {{ kind = \"teams\", url = \"{teams}\", allow_private = true }}
board = {{ kind = \"jira\", url = \"{base}\", project = \"SEC\", user = \"robot\", token = \"env:STUB_SECRET\", close_transition = \"Done\", reopen_transition = \"To Do\", allow_private = true }}
desk = {{ kind = \"servicenow\", url = \"{base}\", user = \"robot\", password = \"env:STUB_SECRET\", allow_private = true }}
{AT_ONCE}channels = [\"hook\", \"room\", \"bot\", \"team\"]
recipients = [\"C1\"]
[[subscriptions]]
name = \"digest\"
events = [\"digest\"]
channels = [\"hook\", \"room\", \"team\"]
often = \"daily\"
[[subscriptions]]
name = \"tickets\"
events = [\"opened\", \"reopened\", \"closed\"]
channels = [\"board\", \"desk\"]
severity = \"high\"
",
        hook = stub.url("/hook"),
        slack = stub.url("/slack"),
        teams = stub.url("/teams"),
        api = stub.url("/api/"),
        base = stub.url(""),
    );
    let pacbot = Pacbot::new(&format!("{channels}{SMALL}")).with(&[("STUB_SECRET", SECRET.to_owned())]);
    pacbot.expect(0, &["run", "--replay", &recording(1)]);
    pacbot.expect(0, &["notify"]);

    let hooks = stub.requests("/hook").await;
    assert_eq!(hooks.len(), 2);
    for hook in &hooks {
        assert!(hook.signed, "{:?}", hook.headers);
        assert_eq!(hook.mistakes, [""; 0], "{}", hook.body);
        assert_eq!(hook.headers["idempotency-key"], hook.body["message_id"]);
    }
    let events = hooks.iter().find(|hook| hook.body["content"]["kind"] == "events").unwrap();
    let opened = pacbot.value("select count(*) from issues where state = 'open'");
    assert_eq!(
        events.body["content"]["counts"][0],
        json!({ "event": "opened", "count": opened, "unnamed": opened.as_u64().unwrap() - 3 })
    );
    assert_eq!(stub.requests("/slack").await.len(), 2);
    assert_eq!(stub.requests("/teams").await.len(), 2);
    let bot = stub.requests("/api/chat.postMessage").await;
    assert_eq!((bot.len(), &bot[0].body["channel"]), (1, &json!("C1")));
    assert_eq!(bot[0].headers["authorization"], format!("Bearer {SECRET}"));

    let grave = "select count(*) from issues where severity in ('high', 'critical')";
    let first = pacbot.value(grave).as_u64().unwrap() as usize;
    assert_eq!((stub.tickets("jira").await.len(), stub.tickets("servicenow").await.len()), (first, first));

    for day in [2, 3] {
        pacbot.expect(0, &["run", "--replay", &recording(day)]);
        pacbot.expect(0, &["notify"]);
    }
    // One ticket for each issue that ever was, in the state of the issue.
    let all = pacbot.value(grave).as_u64().unwrap() as usize;
    let closed: BTreeSet<String> = pacbot
        .rows::<BTreeMap<String, String>>(
            "select issue_id from issues where severity in ('high', 'critical') and state = 'closed'",
        )
        .into_iter()
        .flat_map(BTreeMap::into_values)
        .map(|id| format!("pacbot-{id}"))
        .collect();
    assert!(!closed.is_empty(), "something closed");
    let jira = stub.tickets("jira").await;
    let labels: BTreeSet<&str> = jira.iter().map(|ticket| ticket["fields"]["labels"][1].as_str().unwrap()).collect();
    assert_eq!((jira.len(), labels.len()), (all, all), "an issue has one ticket");
    let done = jira.iter().filter(|ticket| ticket["status"] == "done");
    let done: BTreeSet<String> =
        done.map(|ticket| ticket["fields"]["labels"][1].as_str().unwrap().to_owned()).collect();
    assert_eq!(done, closed);
    let desk = stub.tickets("servicenow").await;
    assert_eq!(desk.len(), all);
    let resolved = desk.iter().filter(|ticket| ticket["state"] == "6");
    assert_eq!(
        resolved.map(|ticket| ticket["correlation_id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(),
        closed
    );
}

#[tokio::test]
async fn a_channel_that_fails_stops_no_other_and_is_tried_again() {
    let stub = Stub::start();
    let config = format!(
        "[notify.channels]
busy = {{ kind = \"webhook\", url = \"{busy}\", allow_private = true }}
down = {{ kind = \"webhook\", url = \"{down}\", allow_private = true }}
moved = {{ kind = \"webhook\", url = \"{moved}\", allow_private = true }}
inner = {{ kind = \"webhook\", url = \"{inner}\" }}
good = {{ kind = \"webhook\", url = \"{good}\", allow_private = true }}
{AT_ONCE}channels = [\"busy\", \"down\", \"moved\", \"inner\", \"good\"]
",
        busy = stub.url("/hook/busy"),
        down = stub.url("/hook/down"),
        moved = stub.url("/hook/moved"),
        inner = stub.url("/hook/inner"),
        good = stub.url("/hook/good"),
    );
    let pacbot = Pacbot::new(&format!("{config}{SMALL}"));
    pacbot.expect(0, &["run", "--replay", &recording(1)]);
    let answers = json!({
        "/hook/busy": [{ "status": 429, "headers": { "Retry-After": "2" } }],
        "/hook/down": [{ "status": 500 }],
        "/hook/moved": [{ "status": 302, "headers": { "Location": stub.url("/hook/elsewhere") } }],
    });
    stub.answers(&answers).await;
    let ended = pacbot.expect(2, &["notify"]);
    has(&ended.stdout, "2 messages sent, 3 failed");
    has(&ended.stdout, "`127.0.0.1` is in a private network, which `allow_private` does not allow");
    // The busy one was waited for as long as it asked.
    let busy = stub.requests("/hook/busy").await;
    assert!(busy.len() == 2 && busy[1].at - busy[0].at >= 2.0, "{busy:?}");
    assert!(stub.requests("/hook/elsewhere").await.is_empty());
    assert!(stub.requests("/hook/inner").await.is_empty());
    let failed = pacbot.expect(0, &["deliveries", "list", "--failed", "--format", "json"]).stdout;
    assert_eq!(failed.lines().count(), 3, "{failed}");

    // What failed comes with the next run; only the one whose attempt may have arrived says that it may be a repeat.
    let ended = pacbot.expect(2, &["notify"]);
    has(&ended.stdout, "2 messages sent (1 perhaps for the second time), 1 failed");
    let (down, moved) = (stub.requests("/hook/down").await, stub.requests("/hook/moved").await);
    assert_eq!(down.iter().map(|request| request.body["may_repeat"].clone()).collect::<Vec<_>>(), [false, true]);
    assert_eq!(down[0].body["message_id"], down[1].body["message_id"]);
    assert_eq!(moved.iter().map(|request| request.body["may_repeat"].clone()).collect::<Vec<_>>(), [false, false]);
    assert_eq!(stub.requests("/hook/good").await.len(), 1);
}

#[test]
fn a_mail_server_that_refuses_whoever_signs_in_is_not_one_that_refuses_a_mail() {
    let ca = tempfile::NamedTempFile::new().unwrap();
    let ca = ca.path().to_str().unwrap();
    let inbox = Inbox::start(&[
        "--tls",
        "implicit",
        "--ca",
        ca,
        "--user",
        "robot",
        "--password",
        SECRET,
        "--refuse",
        "nobody@example.org",
    ]);
    let sign_in = |password: &str| format!(", ca_file = \"{ca}\", user = \"robot\", password = \"env:{password}\"");
    let pacbot = Pacbot::new("").with(&[
        ("UNSUBSCRIBE_SECRET", "one that nobody knows".to_owned()),
        ("STUB_SECRET", SECRET.to_owned()),
        ("WRONG_SECRET", "guessed".to_owned()),
    ]);
    let state = || pacbot.rows::<BTreeMap<String, String>>("select state, recipient from messages order by queued_at");
    pacbot.configure(&smtp(&inbox, "implicit", &sign_in("WRONG_SECRET")));
    let ended = pacbot.expect(2, &["notify", "--test", "mail", "--to", "ada@example.org"]);
    assert!(!ended.stdout.contains("guessed") && !ended.stderr.contains("guessed"), "{ended:?}");
    assert_eq!(state()[0]["state"], "failed");
    // An authority that nobody trusts is a channel that is not set up right, too.
    pacbot.configure(&smtp(&inbox, "implicit", ", user = \"robot\", password = \"env:STUB_SECRET\""));
    pacbot.expect(2, &["notify"]);
    assert_eq!(state()[0]["state"], "failed");

    pacbot.configure(&smtp(&inbox, "implicit", &sign_in("STUB_SECRET")));
    pacbot.expect(0, &["notify"]);
    assert_eq!(state()[0]["state"], "sent");
    pacbot.expect(2, &["notify", "--test", "mail", "--to", "nobody@example.org"]);
    assert_eq!(state()[1]["state"], "given_up");
    pacbot.expect(0, &["notify"]);
    let mails = inbox.mails();
    assert_eq!(mails.iter().map(|mail| mail.header("to")).collect::<Vec<_>>(), ["ada@example.org"]);
    // Nobody was told before, so that this is no repeat.
    assert_eq!(mails[0].header("x-pacbot-may-repeat"), "");
}

/// Points at which sending is killed.
const KILLS: usize = 8;

#[test]
fn killed_anywhere_no_message_is_lost_and_at_most_one_is_repeated() {
    let inbox = Inbox::start(&["--refuse", "nobody@example.org"]);
    let people: Vec<String> = (0..12).map(|number| format!("\"person{number}@example.org\"")).collect();
    let recipients = format!("recipients = [{}]\n", people.join(", "));
    let pacbot = two_days(&format!("{}{AT_ONCE}{recipients}", smtp(&inbox, "none", "")));
    let seed = std::env::var("KILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("KILL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut kills = 0;
    for _ in 0..KILLS {
        let mut command = pacbot.command(&["notify"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Once some mail more has come, after a moment: somewhere between two commits.
        let before = inbox.count();
        let patience = std::time::Instant::now();
        while inbox.count() == before
            && child.try_wait().unwrap().is_none()
            && patience.elapsed() < Duration::from_secs(60)
        {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        std::thread::park_timeout(Duration::from_micros(random.random_range(0..60_000)));
        child.kill().unwrap();
        kills += usize::from(child.wait().unwrap().code().is_none());
    }
    pacbot.expect(0, &["notify"]);
    let mails = inbox.mails();
    let mut of_person: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for mail in &mails {
        let may_repeat = mail.header("x-pacbot-may-repeat") == "yes";
        assert_eq!(mail.text.contains("may be a repeat"), may_repeat);
        of_person.entry(mail.header("to")).or_default().push(may_repeat);
        let id = ids.entry(mail.header("to")).or_insert(mail.header("message-id"));
        assert_eq!(*id, mail.header("message-id"), "a repeat has the same id");
    }
    assert_eq!(of_person.len(), people.len(), "seed {seed}: everybody was told");
    let repeats = mails.len() - people.len();
    assert!(repeats <= kills, "seed {seed}: {repeats} repeats of {kills} kills");
    for (person, sent) in of_person {
        // A second mail says what it may be; a first may say so as well, as nobody knows.
        let unmarked = sent.iter().filter(|may_repeat| !**may_repeat).count();
        assert!(unmarked <= 1, "seed {seed}: {person} {sent:?}");
    }
    println!("{kills} kills, {repeats} repeats");
}

#[tokio::test]
async fn killed_after_a_ticket_was_made_and_before_it_was_noted_there_is_still_one() {
    let stub = Stub::start();
    let config = format!(
        "[notify.channels.board]\nkind = \"jira\"\nurl = \"{}\"\nproject = \"SEC\"\nuser = \"robot\"\ntoken = \"env:STUB_SECRET\"\nallow_private = true
[[subscriptions]]\nname = \"tickets\"\nevents = [\"opened\"]\nchannels = [\"board\"]\nseverity = \"critical\"\n",
        stub.url("")
    );
    let pacbot = Pacbot::new(&format!("{config}{SMALL}")).with(&[("STUB_SECRET", SECRET.to_owned())]);
    pacbot.expect(0, &["run", "--replay", &recording(1)]);
    // The ticket is made, and the answer does not come.
    stub.answers(&json!({ "/rest/api/2/issue": [{ "after": 120 }] })).await;
    let mut command = pacbot.command(&["notify"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while stub.tickets("jira").await.is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended without a ticket");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    has(&pacbot.expect(0, &["notify"]).stdout, "(1 perhaps for the second time)");
    let critical = pacbot.value("select count(*) from issues where severity = 'critical'");
    assert_eq!(Some(stub.tickets("jira").await.len() as u64), critical.as_u64());
}

#[test]
fn mails_go_to_a_folder_without_a_server_and_a_channel_can_be_tried() {
    let pacbot = two_days(DIGEST);
    let planned = pacbot.expect(0, &["notify", "--dry-run"]).stdout;
    has(&planned, "ada@example.org");
    assert_eq!(pacbot.value("select count(*) from deliveries"), 0, "a dry run changes nothing");
    pacbot.expect(0, &["notify"]);
    pacbot.expect(0, &["notify", "--test", "mail", "--to", "bob@example.org"]);
    let told: BTreeSet<String> = mails(&pacbot.path("mails")).iter().map(|mail| mail.header("to").to_owned()).collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), ["ada@example.org", "bob@example.org"]);
    pacbot.expect(0, &["digest", "--to", "digests"]);
    let [digest] = mails(&pacbot.path("digests")).try_into().unwrap();
    let html = std::fs::read_to_string(pacbot.path("digests/digest.html")).unwrap();
    // A mail's lines end otherwise than a file's.
    assert!(digest.html.split_whitespace().eq(html.split_whitespace()), "{html}");
    pacbot.expect(64, &["digest", "--group", "shop"]);
    pacbot.expect(64, &["notify", "--test", "nobody"]);
    pacbot.configure("[[subscriptions]]\nname = \"a\"\nevents = [\"digest\"]\nowner = true\n");
    has(&pacbot.expect(64, &["notify"]).stderr, "which needs `often = \"daily\"` or `\"weekly\"`");
}
