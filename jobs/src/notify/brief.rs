//! A message in a few lines, for channels that have no room for more: chats and cards.

use serde::Serialize;

use super::digest::Digest;
use super::event::Told;
use super::message::{Content, Message};
use super::settings::NotifySettings;
use super::words;

/// Of a message's lines, a chat gets so many.
const LINES: usize = 10;

/// A message in a few lines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Brief {
    /// In one line.
    pub(crate) title: String,
    /// Numbers and their names.
    pub(crate) facts: Vec<(String, String)>,
    /// What happened, one by one.
    pub(crate) lines: Vec<Told>,
    /// How many there are beyond these.
    pub(crate) more: u64,
    /// Where all of it stands.
    pub(crate) link: Option<String>,
    /// Whether the message may have arrived before.
    pub(crate) may_repeat: bool,
}

/// What a message says when it may have arrived before.
pub(crate) const MAY_REPEAT: &str = "This message may be a repeat: PacBot was interrupted while it was sent before, and cannot know whether it arrived.";

impl Brief {
    /// Of a message.
    pub(crate) fn of(message: &Message, settings: &NotifySettings) -> Self {
        let told = match &message.content {
            Content::Digest(digest) => {
                let changes = digest.changes.iter().flat_map(|changes| &changes.named);
                changes.map(|change| change.told(settings)).collect()
            }
            Content::Events(events) => events.events.iter().map(|event| event.told(settings)).collect(),
            Content::Ticket(issue) => vec![issue.told(settings)],
            Content::Notice(notice) => vec![notice.told(settings)],
            Content::Test { .. } => Vec::new(),
        };
        let facts = match &message.content {
            Content::Digest(digest) => facts(digest),
            Content::Events(events) => events
                .counts
                .iter()
                .map(|count| words::events(count.event, count.count))
                .map(|text| (text, String::new()))
                .collect(),
            Content::Ticket(_) | Content::Notice(_) | Content::Test { .. } => Vec::new(),
        };
        let all = match &message.content {
            Content::Digest(digest) => digest.changes.iter().map(|changes| changes.count).sum(),
            Content::Events(events) => events.counts.iter().map(|count| count.count).sum(),
            Content::Ticket(_) | Content::Notice(_) | Content::Test { .. } => told.len() as u64,
        };
        let lines: Vec<Told> = told.into_iter().take(LINES).collect();
        Self {
            title: message.content.subject(),
            facts,
            more: all.saturating_sub(lines.len() as u64),
            lines,
            link: settings.link(&["report"]).map(String::from),
            may_repeat: message.may_repeat,
        }
    }
}

fn facts(digest: &Digest) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    if let Some(scores) = &digest.scores {
        let earlier = digest.earlier.as_ref();
        let before = earlier.map_or_else(
            || "no earlier value".to_owned(),
            |earlier| format!("{} before", words::percent(earlier.passing_percent)),
        );
        facts.push(("passes".to_owned(), format!("{} ({before})", words::percent(scores.passing_percent))));
        facts.push(("could be judged".to_owned(), words::percent(scores.judged_percent)));
    }
    for line in digest.severities.iter().filter(|line| line.open_issues > 0) {
        facts.push((format!("open, {}", line.severity), line.open_issues.to_string()));
    }
    for changes in &digest.changes {
        facts.push((words::cause(&changes.cause).to_owned(), changes.count.to_string()));
    }
    facts
}
