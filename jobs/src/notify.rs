//! Tells people what happened: digests, events at once, tickets, and notices of fixes, through any channel.
//!
//! Promises: a message is a row of `deliveries` before anybody sends it, and is sent once. After a kill at most one
//! message is sent again, under the same id, and it says that it may be a repeat. A channel that fails stops no other,
//! and what it did not take is tried again by the next run. Numbers are those of `pacbot report`: the same views.
//!
//! Nothing here decides what is an issue or when a fix is due; that stands in the lake, or comes as a [`Notice`].

use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use pacbot_dashboards::{LookError, ReportError};
use pacbot_lake::{GroupError, Groups, Lake, LakeError};

mod brief;
mod changes;
mod channel;
mod delivery;
mod digest;
mod event;
mod message;
mod notice;
mod notices;
mod period;
mod planning;
mod query;
mod secret;
mod selection;
mod sending;
mod settings;
mod sight;
mod subscription;
mod template;
mod unsubscribe;
mod words;

pub use channel::{Channel, ChannelError, Failure, MailFile, SendError, mail_file, open};
pub use delivery::{Claimant, DeliveryRow};
pub use digest::{Digest, Window};
pub use event::{Event, Expiring, IssueChange, Outage, ScoreDrop, Told};
pub use message::{Content, EventCount, Events, Message, MessageId};
pub use notice::{Notice, NoticeKind, Outcome};
pub use period::{Often, Schedule};
pub use planning::{Planned, Problem};
pub use secret::{Secret, SecretError, SecretRef};
pub use selection::Audience;
pub use sending::{Sent, Unsent};
pub use settings::{
    Address, ChannelSettings, JiraSettings, MAIL, NotifySettings, ServiceNowSettings, SmtpSettings, SmtpTls,
};
pub use subscription::{EVERYTHING, Subscription, SubscriptionError, check};
pub use template::{Rendered, TemplateError, Templates};
pub use unsubscribe::{InvalidToken, Unsubscription};

/// Why people could not be told.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The lake could not be read or written.
    #[error("the lake failed")]
    Lake(#[from] LakeError),
    /// A query failed.
    #[error("failed to read {what}")]
    Query {
        /// What was read.
        what: &'static str,
        /// The cause.
        source: Box<DataFusionError>,
    },
    /// The numbers could not be read.
    #[error("failed to read the report's views")]
    Report(#[from] ReportError),
    /// What an audience may see could not be found.
    #[error("the lake could not be looked at")]
    Look(#[from] LookError),
    /// A group.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// There is no such channel.
    #[error("there is no channel `{0}`")]
    UnknownChannel(String),
    /// A message could not be written as JSON, or read back.
    #[error("message {id} cannot be kept as JSON")]
    Content {
        /// The message.
        id: MessageId,
        /// The cause.
        source: serde_json::Error,
    },
    /// Other writers were faster every time.
    #[error("other writers were faster every time; nothing was changed")]
    Contention,
}

/// Tells people, by one configuration.
pub struct Notifier<'a> {
    /// The lake.
    pub lake: Lake,
    /// The asset groups that are files.
    pub groups: Groups,
    /// How.
    pub settings: &'a NotifySettings,
    /// Whom, and of what.
    pub subscriptions: &'a [Subscription],
    /// What links to unsubscribe are signed with.
    pub unsubscribe_secret: Option<Secret>,
    /// Who sends.
    pub claimant: Claimant<'a>,
    /// The time as of which it is decided which periods ended.
    pub now: DateTime<Utc>,
}

#[cfg(test)]
mod tests;
