//! One message: its stable id, its recipient and what it says.

use std::fmt;

use chrono::{DateTime, Utc};
use pacbot_schemas::EventKind;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::digest::Digest;
use super::event::{Event, IssueChange};
use super::notice::Notice;
use super::words;

/// The same for the same message, whoever makes it and however often.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(String);

impl MessageId {
    /// Of what identifies the message: its subscription, channel and recipient, and what it tells.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        Self(hash(parts))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// 128 bits of SHA-256 in hexadecimal, over parts that cannot run into each other.
pub(crate) fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// The sum of a period.
    Digest(Box<Digest>),
    /// What happened since the last message.
    Events(Events),
    /// A change of one issue, for its ticket.
    Ticket(Box<IssueChange>),
    /// What a fix has to say.
    Notice(Box<Notice>),
    /// A test, which tells nothing.
    Test {
        /// When it was asked for.
        at: DateTime<Utc>,
    },
}

/// What happened since the last message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// The newest run that they are of.
    pub run_id: String,
    /// Its time.
    pub run_at: DateTime<Utc>,
    /// How many there are of each kind.
    pub counts: Vec<EventCount>,
    /// The first of each kind, the worst first.
    pub events: Vec<Event>,
}

/// How many events there are of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCount {
    /// The kind.
    pub event: EventKind,
    /// How many.
    pub count: u64,
    /// How many of them are not in the message.
    pub unnamed: u64,
}

impl EventCount {
    /// The same, where a message has room for so many of each kind.
    #[must_use]
    pub fn with_at_most(self, named: u64) -> Self {
        let told = (self.count - self.unnamed.min(self.count)).min(named);
        Self { unnamed: self.count - told, ..self }
    }
}

impl Content {
    /// Its name in the table `deliveries`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Digest(_) => "digest",
            Self::Events(_) => "events",
            Self::Ticket(_) => "ticket",
            Self::Notice(_) => "notice",
            Self::Test { .. } => "test",
        }
    }

    /// The message's subject: one line.
    #[must_use]
    pub fn subject(&self) -> String {
        let subject = match self {
            Self::Digest(digest) => digest.subject(),
            Self::Events(events) => events.subject(),
            Self::Ticket(issue) => format!("{}: {}", issue.asset(), issue.policy()),
            Self::Notice(notice) => notice.subject(),
            Self::Test { .. } => "PacBot: a test message".to_owned(),
        };
        // Names of assets hold what people typed.
        subject.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Events {
    fn subject(&self) -> String {
        let all: u64 = self.counts.iter().map(|count| count.count).sum();
        if all == 1
            && let Some(issue) = self.events.first().and_then(Event::issue)
        {
            return format!("{} {}: {}: {}", issue.severity, words::cause(&issue.cause), issue.asset(), issue.policy());
        }
        let counts = self.counts.iter().map(|count| words::events(count.event, count.count));
        format!("PacBot: {}", counts.collect::<Vec<_>>().join(", "))
    }
}

/// A message as a channel gets it.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The subscription that it belongs to.
    pub subscription: String,
    /// Who gets it.
    pub recipient: String,
    /// When it was queued.
    pub queued_at: DateTime<Utc>,
    /// Whether an earlier attempt may have arrived: the message says so.
    pub may_repeat: bool,
    /// Where its recipient can say that they do not want such messages.
    pub unsubscribe: Option<Url>,
    /// What it says.
    pub content: Content,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_parts_do_not_run_into_each_other() {
        assert_eq!(MessageId::of(&["team", "a@example.org"]).as_str(), "19bcd7d094c4533b52abb9203cd3a303");
        assert_ne!(MessageId::of(&["ab", "c"]), MessageId::of(&["a", "bc"]));
    }
}
