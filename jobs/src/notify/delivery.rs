//! The outbox: every message is a row of `deliveries` before anybody tries to send it.
//!
//! A message is *queued* with what it says, *claimed* by the process that sends it, and then *sent* or *failed*. Each of
//! these is a commit on the version of the table that it was decided on, so two processes never claim one message. A
//! process that is killed leaves at most one claim; whoever finds it sends that message again under the same id, and
//! the message says that it may be a repeat.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType;
use chrono::{DateTime, Duration, Utc};
use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;
use pacbot_lake::{Lake, to_batch};
use pacbot_schemas::DeliveryState;
use serde::{Deserialize, Serialize};

use super::NotifyError;
use super::message::MessageId;
use super::query::rows;

/// A claim that is older belongs to a process that is gone, even if another one has its number: no attempt takes that
/// long.
const CLAIM_HOLDS: Duration = Duration::minutes(15);

/// A message that could not be delivered for so long is given up.
const GIVEN_UP_AFTER: Duration = Duration::days(3);

/// The kind of a row that is no message, but says how far a subscription was looked at.
const MARK: &str = "mark";

/// One transition of one message: a row of `deliveries`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// The message.
    pub message_id: MessageId,
    /// Orders its transitions.
    pub sequence: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// How far it came.
    pub state: DeliveryState,
    /// Attempts so far.
    #[serde(default)]
    pub attempt: u64,
    /// Whether an earlier attempt may have arrived.
    #[serde(default)]
    pub may_repeat: bool,
    /// Why the channel did not take it.
    #[serde(default)]
    pub error: Option<String>,
    /// What the channel answered.
    #[serde(default)]
    pub receipt: Option<String>,
    /// The subscription.
    pub subscription: String,
    /// What it is.
    pub kind: String,
    /// The channel.
    pub channel: String,
    /// Who gets it.
    pub recipient: String,
    /// Its subject.
    #[serde(default)]
    pub subject: Option<String>,
    /// The newest run that it tells of.
    #[serde(default)]
    pub run_id: Option<String>,
    /// That run's time.
    #[serde(default)]
    pub run_at: Option<DateTime<Utc>>,
    /// The newest issue event that was looked at for it.
    #[serde(default)]
    pub until_sequence: Option<i64>,
    /// The end of the period that it sums up.
    #[serde(default)]
    pub period_end: Option<DateTime<Utc>>,
    /// What else it tells, by key.
    #[serde(default)]
    pub told: Vec<String>,
    /// What it says, in its first row.
    #[serde(default)]
    pub content: Option<String>,
    /// The machine.
    #[serde(default)]
    pub host: Option<String>,
    /// The process.
    #[serde(default)]
    pub process: Option<u32>,
}

impl DeliveryRow {
    /// The row that says that a subscription was looked at and nothing was to be told.
    pub(crate) fn mark(
        subscription: &str,
        until_sequence: i64,
        period_end: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> Self {
        let period = period_end.map_or_else(|| "began".to_owned(), |end| end.to_rfc3339());
        Self {
            message_id: MessageId::of(&[MARK, subscription, &period]),
            sequence: 1,
            at,
            state: DeliveryState::Sent,
            attempt: 0,
            may_repeat: false,
            error: None,
            receipt: None,
            subscription: subscription.to_owned(),
            kind: MARK.to_owned(),
            channel: String::new(),
            recipient: String::new(),
            subject: None,
            run_id: None,
            run_at: None,
            until_sequence: Some(until_sequence),
            period_end,
            told: Vec::new(),
            content: None,
            host: None,
            process: None,
        }
    }

    /// The row after this one.
    pub(crate) fn then(&self, state: DeliveryState, at: DateTime<Utc>) -> Self {
        Self {
            sequence: self.sequence + 1,
            at,
            state,
            error: None,
            receipt: None,
            content: None,
            told: Vec::new(),
            ..self.clone()
        }
    }
}

/// How far a subscription was told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Mark {
    subscription: String,
    /// The newest issue event that was looked at for it.
    #[serde(default)]
    pub(crate) until_sequence: i64,
    /// The newest period that ended for it.
    #[serde(default)]
    pub(crate) period_end: Option<DateTime<Utc>>,
    /// The time of the newest run that it was told of.
    #[serde(default)]
    pub(crate) run_at: Option<DateTime<Utc>>,
}

/// A message that is still to be sent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct OpenMessage {
    /// Its newest row.
    #[serde(flatten)]
    pub(crate) row: DeliveryRow,
    /// When it was queued.
    pub(crate) queued_at: DateTime<Utc>,
}

impl OpenMessage {
    /// Whether it is too old to be tried again.
    pub(crate) fn is_too_old(&self, now: DateTime<Utc>) -> bool {
        now - self.queued_at > GIVEN_UP_AFTER
    }
}

/// Who claims messages.
pub struct Claimant<'a> {
    /// The machine.
    pub host: &'a str,
    /// The process.
    pub process: u32,
    /// Whether another process of this machine still runs.
    pub is_alive: &'a (dyn Fn(u32) -> bool + Sync),
}

impl Claimant<'_> {
    /// Whether somebody is sending the message right now.
    pub(crate) fn is_held(&self, message: &OpenMessage, now: DateTime<Utc>) -> bool {
        let row = &message.row;
        let is_ours = row.host.as_deref() == Some(self.host);
        let may_live = !is_ours || row.process.is_some_and(|process| (self.is_alive)(process));
        row.state == DeliveryState::Claimed && may_live && now - row.at < CLAIM_HOLDS
    }
}

/// The table `deliveries` at one version.
pub(crate) struct Outbox {
    lake: Lake,
    ctx: SessionContext,
    version: Option<u64>,
}

impl Outbox {
    /// Reads the table as it is now.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Lake`]
    pub(crate) async fn load(lake: &Lake, now: DateTime<Utc>) -> Result<Self, NotifyError> {
        let (ctx, versions) = lake.own_session(&["deliveries", "unsubscriptions"], now).await?;
        Ok(Self { lake: lake.clone(), ctx, version: versions.0.get("deliveries").copied() })
    }

    /// Appends rows that were decided on what this holds; `false` when somebody else wrote since, and nothing was
    /// written: load and decide again.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Lake`]
    pub(crate) async fn append(&mut self, rows: &[DeliveryRow], now: DateTime<Utc>) -> Result<bool, NotifyError> {
        let batch = to_batch("deliveries", self.lake.schema_of("deliveries")?, rows)?;
        let rows = futures::stream::iter([Ok(batch)]);
        let version = self.lake.commit_on("deliveries", self.version, rows, false, now).await?;
        self.version = version.or(self.version);
        Ok(version.is_some())
    }

    /// Messages that are still to be sent, in order.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Query`]
    pub(crate) async fn open(&self) -> Result<Vec<OpenMessage>, NotifyError> {
        rows(&self.ctx, "deliveries", include_str!("delivery/open.sql"), Vec::new()).await
    }

    /// How far each subscription was told.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Query`]
    pub(crate) async fn marks(&self) -> Result<BTreeMap<String, Mark>, NotifyError> {
        let marks: Vec<Mark> = rows(&self.ctx, "deliveries", include_str!("delivery/marks.sql"), Vec::new()).await?;
        Ok(marks.into_iter().map(|mark| (mark.subscription.clone(), mark)).collect())
    }

    /// Keys of what a subscription was told that is no event of an issue.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Query`]
    pub(crate) async fn told(&self, subscription: &str) -> Result<Vec<String>, NotifyError> {
        #[derive(Deserialize)]
        struct Row {
            key: String,
        }
        let sql =
            "select distinct unnest(told) as key from deliveries where sequence = 1 and subscription = $subscription";
        let values = vec![("subscription", super::query::text(subscription))];
        let keys: Vec<Row> = rows(&self.ctx, "deliveries", sql, values).await?;
        Ok(keys.into_iter().map(|row| row.key).collect())
    }

    /// The newest state of those of the messages that were ever queued.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Query`]
    pub(crate) async fn states(&self, ids: &[MessageId]) -> Result<BTreeMap<MessageId, DeliveryState>, NotifyError> {
        #[derive(Deserialize)]
        struct Row {
            message_id: MessageId,
            state: DeliveryState,
        }
        let sql = "
            select message_id, state
            from (
                select message_id, state, row_number() over (partition by message_id order by sequence desc) as age
                from deliveries
                where array_has($ids, message_id)
            )
            where age = 1";
        let values: Vec<_> = ids.iter().map(|id| ScalarValue::from(id.as_str())).collect();
        let list = ScalarValue::new_list_nullable(&values, &DataType::Utf8);
        let values = vec![("ids", ScalarValue::List(list))];
        let found: Vec<Row> = rows(&self.ctx, "deliveries", sql, values).await?;
        Ok(found.into_iter().map(|row| (row.message_id, row.state)).collect())
    }

    /// Hashes of each subscription and recipient that do not want each other ([`super::unsubscribe`]).
    ///
    /// # Errors
    ///
    /// [`NotifyError::Query`]
    pub(crate) async fn unsubscribed(&self) -> Result<BTreeSet<String>, NotifyError> {
        #[derive(Deserialize)]
        struct Row {
            recipient_hash: String,
        }
        let sql = "select distinct recipient_hash from unsubscriptions";
        let hashes: Vec<Row> = rows(&self.ctx, "unsubscriptions", sql, Vec::new()).await?;
        Ok(hashes.into_iter().map(|row| row.recipient_hash).collect())
    }
}
