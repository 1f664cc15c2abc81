//! One ticket for each issue, never two: a ticket carries the issue's id, and is looked for by it before one is made.

use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable as _};
use pacbot_schemas::Severity;

use super::http::with_causes;
use super::{Channel, Failure, SendError};
use crate::notify::message::{Content, Message};
use crate::notify::settings::NotifySettings;
use crate::notify::template::Templates;

/// A ticket as a tracker knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// By which the tracker takes changes.
    pub(crate) id: String,
    /// By which people know it.
    pub(crate) key: String,
    /// Whether somebody or we closed it.
    pub(crate) is_closed: bool,
}

/// What a new ticket says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewTicket<'a> {
    pub(crate) external_id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
    pub(crate) severity: Severity,
}

/// Keeps tickets.
#[async_trait]
pub(crate) trait Tracker: Send + Sync {
    /// Whether a ticket that was just made may not be found for a few seconds.
    fn finds_late(&self) -> bool;

    /// The oldest ticket with that id of ours.
    async fn find(&self, external_id: &str) -> Result<Option<Ticket>, SendError>;

    /// Makes a ticket, and yields the key by which people know it.
    async fn create(&self, ticket: NewTicket<'_>) -> Result<String, SendError>;

    /// Adds a comment.
    async fn comment(&self, ticket: &Ticket, text: &str) -> Result<(), SendError>;

    /// Closes it, with the reason.
    async fn close(&self, ticket: &Ticket, text: &str) -> Result<(), SendError>;

    /// Opens it again, with the reason.
    async fn reopen(&self, ticket: &Ticket, text: &str) -> Result<(), SendError>;
}

/// A channel that keeps tickets.
pub(crate) struct Tickets<T> {
    tracker: T,
    templates: Templates,
}

impl<T: Tracker> Tickets<T> {
    pub(crate) fn new(tracker: T, settings: &NotifySettings) -> Self {
        Self { tracker, templates: Templates::new(settings) }
    }

    /// After an attempt that may have made a ticket, the tracker gets the time to find it.
    async fn find(&self, external_id: &str, may_exist: bool) -> Result<Option<Ticket>, SendError> {
        let patience = if may_exist && self.tracker.finds_late() { 4 } else { 0 };
        let backoff = ExponentialBuilder::default().with_min_delay(Duration::from_secs(1)).with_max_times(patience);
        let find = || async {
            match self.tracker.find(external_id).await {
                Ok(Some(ticket)) => Ok(ticket),
                Ok(None) => Err(None),
                Err(error) => Err(Some(error)),
            }
        };
        match find.retry(backoff).when(Option::is_none).await {
            Ok(ticket) => Ok(Some(ticket)),
            Err(None) => Ok(None),
            Err(Some(error)) => Err(error),
        }
    }
}

/// The id that a ticket carries.
fn external_id(issue_id: &str) -> String {
    format!("pacbot-{issue_id}")
}

#[async_trait]
impl<T: Tracker> Channel for Tickets<T> {
    async fn send(&self, message: &Message) -> Result<String, SendError> {
        let issue = match &message.content {
            Content::Ticket(issue) => issue,
            // Looking for what is not there shows that one may look.
            Content::Test { .. } => {
                return self.find(&external_id("test"), false).await.map(|_| "it can be searched".to_owned());
            }
            _ => return Err(SendError::new(Failure::Refused, "a ticket is about one issue")),
        };
        let external_id = external_id(&issue.issue_id);
        let text = self.templates.ticket(message);
        let text = text.map_err(|error| SendError::new(Failure::Refused, with_causes(&error)))?;
        let found = self.find(&external_id, message.may_repeat).await?;
        let is_open = matches!(issue.cause.as_str(), "opened" | "reopened" | "judged_again");
        let is_unknown = matches!(issue.cause.as_str(), "not_covered" | "policy_failed");
        Ok(match (found, is_open, is_unknown) {
            (None, true, _) => {
                let title = message.content.subject();
                let ticket =
                    NewTicket { external_id: &external_id, title: &title, text: &text, severity: issue.severity };
                format!("created {}", self.tracker.create(ticket).await?)
            }
            (None, false, _) => "there is no ticket".to_owned(),
            (Some(ticket), true, _) if ticket.is_closed => {
                self.tracker.reopen(&ticket, &text).await?;
                format!("opened {} again", ticket.key)
            }
            (Some(ticket), true, _) => format!("{} is open already", ticket.key),
            (Some(ticket), false, true) => {
                self.tracker.comment(&ticket, &text).await?;
                format!("told {}", ticket.key)
            }
            (Some(ticket), false, false) if ticket.is_closed => format!("{} is closed already", ticket.key),
            (Some(ticket), false, false) => {
                self.tracker.close(&ticket, &text).await?;
                format!("closed {}", ticket.key)
            }
        })
    }
}
