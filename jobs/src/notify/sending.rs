//! Sends what is in the outbox, one message after the other.
//!
//! One commit notes how the message before went and claims the next: a kill between two commits leaves one claim, so at
//! most one message is repeated. Sending side by side would be faster and repeat more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use chrono::{DateTime, Utc};
use pacbot_schemas::DeliveryState;
use tracing::{info, warn};

use super::channel::{self, Channel, Failure, SendError, with_causes};
use super::delivery::{DeliveryRow, OpenMessage, Outbox};
use super::message::{Content, Message, MessageId};
use super::planning::ATTEMPTS;
use super::unsubscribe::{self, Unsubscription};
use super::{Notifier, NotifyError};

/// One message, with its retries, takes no longer: a claim holds for longer than this.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// A channel that asks for more patience gets its message in the next run.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// After so many failures in a row, a channel's other messages wait for the next run.
const FAILURES_IN_A_ROW: u32 = 3;

/// Subscriptions whose messages nobody can unsubscribe from.
const UNASKED: [&str; 2] = ["notice", "test"];

/// How sending went.
#[derive(Debug, Default)]
pub struct Sent {
    /// Messages that channels took.
    pub sent: u64,
    /// Of these, those that may be repeats.
    pub repeats: u64,
    /// Messages that were not taken.
    pub unsent: Vec<Unsent>,
    /// Messages that were not tried, since their channel failed.
    pub waiting: u64,
    /// Messages that were left to another process, which uses their channel now.
    pub left: u64,
}

/// A message that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// The message; `None` when the channel itself cannot be used.
    pub message_id: Option<MessageId>,
    /// The channel.
    pub channel: String,
    /// Whether nobody will try again.
    pub is_final: bool,
    /// Why.
    pub reason: String,
}

/// What this run of sending knows beside the outbox.
#[derive(Default)]
struct Progress {
    channels: BTreeMap<String, Box<dyn Channel>>,
    failures: BTreeMap<String, u32>,
    tried: BTreeSet<MessageId>,
    /// Issues whose ticket failed: their later changes wait, so that they come in order.
    blocked: BTreeSet<String>,
    sent: Sent,
}

impl Notifier<'_> {
    /// Sends everything that waits in the outbox; of `only`, if that is given.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] when the outbox fails; a message or a channel that fails is in the result.
    pub async fn send(&self, only: Option<&[MessageId]>) -> Result<Sent, NotifyError> {
        let mut progress = Progress::default();
        let mut done: Option<DeliveryRow> = None;
        let mut overtaken = 0;
        'load: loop {
            let mut outbox = Outbox::load(&self.lake, Utc::now()).await?;
            let mut open = outbox.open().await?;
            open.retain(|message| only.is_none_or(|only| only.contains(&message.row.message_id)));
            let unsubscribed = outbox.unsubscribed().await?;
            loop {
                let now = Utc::now();
                let next = self.next(&open, &mut progress, now);
                let claim = next.map(|message| self.claim(message, &unsubscribed, now));
                let rows: Vec<DeliveryRow> = done.iter().chain(&claim).cloned().collect();
                if !rows.is_empty() && !outbox.append(&rows, now).await? {
                    overtaken += 1;
                    if overtaken > ATTEMPTS {
                        return Err(NotifyError::Contention);
                    }
                    continue 'load;
                }
                overtaken = 0;
                done = None;
                let (Some(message), Some(claim)) = (next, claim) else { break 'load };
                progress.tried.insert(message.row.message_id.clone());
                if claim.state == DeliveryState::Claimed {
                    done = Some(self.attempt(message, claim, &mut progress).await?);
                }
            }
        }
        Ok(progress.sent)
    }

    /// The next message that may be sent now.
    fn next<'m>(
        &self,
        open: &'m [OpenMessage],
        progress: &mut Progress,
        now: DateTime<Utc>,
    ) -> Option<&'m OpenMessage> {
        // One process at a time uses a channel, so that two never make a ticket of the same issue.
        let held: BTreeSet<&str> = open
            .iter()
            .filter(|message| !progress.tried.contains(&message.row.message_id))
            .filter(|message| self.claimant.is_held(message, now))
            .map(|message| message.row.channel.as_str())
            .collect();
        let left: Vec<&OpenMessage> =
            open.iter().filter(|message| !progress.tried.contains(&message.row.message_id)).collect();
        let (mut next, mut waiting, mut others) = (None, 0, 0);
        for message in left {
            let channel = message.row.channel.as_str();
            let is_broken = progress.failures.get(channel).is_some_and(|failures| *failures >= FAILURES_IN_A_ROW);
            let is_blocked = issue_of(message).is_some_and(|issue| progress.blocked.contains(&issue));
            if held.contains(channel) {
                others += 1;
            } else if is_broken || is_blocked {
                waiting += 1;
            } else if self.is_ready(channel, progress) {
                next = next.or(Some(message));
            } else {
                waiting += 1;
            }
            if next.is_some() {
                break;
            }
        }
        (progress.sent.waiting, progress.sent.left) = (waiting, others);
        next
    }

    /// Opens the channel when it is first needed. One that cannot be opened is told once.
    fn is_ready(&self, name: &str, progress: &mut Progress) -> bool {
        if progress.channels.contains_key(name) {
            return true;
        }
        let opened = match self.settings.channel(name) {
            Some(channel) => channel::open(name, channel, self.settings).map_err(|error| with_causes(&error)),
            None => Err("the configuration does not have it any more".to_owned()),
        };
        match opened {
            Ok(channel) => {
                progress.channels.insert(name.to_owned(), channel);
                true
            }
            Err(reason) => {
                progress.failures.insert(name.to_owned(), FAILURES_IN_A_ROW);
                progress.sent.unsent.push(Unsent {
                    message_id: None,
                    channel: name.to_owned(),
                    is_final: false,
                    reason,
                });
                false
            }
        }
    }

    /// The row that claims a message, or the one that says why it is not sent.
    fn claim(&self, message: &OpenMessage, unsubscribed: &BTreeSet<String>, now: DateTime<Utc>) -> DeliveryRow {
        let row = &message.row;
        let said = Unsubscription::of(&row.subscription, &row.recipient);
        if unsubscribed.contains(&said.recipient_hash) {
            return row.then(DeliveryState::Unsubscribed, now);
        }
        DeliveryRow {
            attempt: row.attempt + 1,
            // A claim that nobody holds any more: its process was killed while it sent.
            may_repeat: row.may_repeat || row.state == DeliveryState::Claimed,
            host: Some(self.claimant.host.to_owned()),
            process: Some(self.claimant.process),
            ..row.then(DeliveryState::Claimed, now)
        }
    }

    /// Sends a claimed message, and yields the row that says how it went.
    async fn attempt(
        &self,
        message: &OpenMessage,
        claim: DeliveryRow,
        progress: &mut Progress,
    ) -> Result<DeliveryRow, NotifyError> {
        let id = claim.message_id.clone();
        let json = message.row.content.as_deref().unwrap_or_default();
        let content = serde_json::from_str(json).map_err(|source| NotifyError::Content { id: id.clone(), source })?;
        let secret = self.unsubscribe_secret.as_ref().filter(|_| !UNASKED.contains(&claim.subscription.as_str()));
        let sent = Message {
            id: id.clone(),
            unsubscribe: unsubscribe::link(self.settings, secret, &claim.subscription, &claim.recipient),
            subscription: claim.subscription.clone(),
            recipient: claim.recipient.clone(),
            queued_at: message.queued_at,
            may_repeat: claim.may_repeat,
            content,
        };
        let result = match progress.channels.get(&claim.channel) {
            Some(channel) => with_retries(channel.as_ref(), &sent).await,
            None => Err(SendError::new(Failure::Channel, "it is not open")),
        };
        let now = Utc::now();
        let error = match result {
            Ok(receipt) => {
                info!(message = %id, channel = claim.channel, "sent");
                progress.failures.remove(&claim.channel);
                progress.sent.sent += 1;
                progress.sent.repeats += u64::from(claim.may_repeat);
                let receipt = Some(short(&receipt)).filter(|receipt| !receipt.is_empty());
                return Ok(DeliveryRow { receipt, ..claim.then(DeliveryState::Sent, now) });
            }
            Err(error) => error,
        };
        let is_final = error.failure == Failure::Refused || message.is_too_old(now);
        warn!(message = %id, channel = claim.channel, is_final, "not sent: {error}");
        match error.failure {
            Failure::Refused => {}
            Failure::Channel => {
                progress.failures.insert(claim.channel.clone(), FAILURES_IN_A_ROW);
            }
            Failure::Later(_) | Failure::Unclear => *progress.failures.entry(claim.channel.clone()).or_default() += 1,
        }
        if !is_final {
            progress.blocked.extend(issue_of(message));
        }
        let reason = short(&error.reason);
        progress.sent.unsent.push(Unsent {
            message_id: Some(id),
            channel: claim.channel.clone(),
            is_final,
            reason: reason.clone(),
        });
        let state = if is_final { DeliveryState::GivenUp } else { DeliveryState::Failed };
        let may_repeat = claim.may_repeat || error.failure == Failure::Unclear;
        Ok(DeliveryRow { error: Some(reason), may_repeat, ..claim.then(state, now) })
    }
}

/// Tries again what certainly did not arrive. What may have arrived is left to the next run, which says so.
async fn with_retries(channel: &dyn Channel, message: &Message) -> Result<String, SendError> {
    let backoff =
        ExponentialBuilder::default().with_min_delay(Duration::from_millis(500)).with_max_times(2).with_jitter();
    let send = || channel.send(message);
    let sending =
        send.retry(backoff).when(|error| matches!(error.failure, Failure::Later(_))).adjust(|error, wait| match error
            .failure
        {
            Failure::Later(Some(asked)) if asked > MAX_RETRY_AFTER => None,
            Failure::Later(Some(asked)) => wait.map(|wait| wait.max(asked)),
            _ => wait,
        });
    match tokio::time::timeout(LIMIT, sending).await {
        Ok(result) => result,
        Err(_) => Err(SendError::new(Failure::Unclear, format!("it took longer than {} seconds", LIMIT.as_secs()))),
    }
}

/// The issue of a ticket's message.
fn issue_of(message: &OpenMessage) -> Option<String> {
    if message.row.kind != "ticket" {
        return None;
    }
    match serde_json::from_str(message.row.content.as_deref()?) {
        Ok(Content::Ticket(issue)) => Some(format!("{}/{}", message.row.channel, issue.issue_id)),
        _ => None,
    }
}

/// An answer in a line that fits a table.
fn short(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
