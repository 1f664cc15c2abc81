//! Which messages are due, and their way into the outbox.
//!
//! What a subscription was told of is known from the outbox itself: the newest issue event and the keys of other
//! events. Planning and queueing are one decision on one version of the table, so nothing is planned twice.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use pacbot_dashboards::Look;
use pacbot_schemas::{DeliveryState, EventKind};
use serde::Deserialize;

use super::delivery::{DeliveryRow, Mark, Outbox};
use super::digest::{Digest, Window};
use super::event::Event;
use super::message::{Content, Events, MessageId};
use super::query::rows;
use super::selection::{Audience, Question, Selected, audiences, events, of_group};
use super::sight::Sight;
use super::subscription::Subscription;
use super::unsubscribe::Unsubscription;
use super::{Notifier, NotifyError};

/// Writers that overtake each other retry this often.
pub(crate) const ATTEMPTS: u32 = 20;

/// What is due.
#[derive(Debug, Default)]
pub struct Planned {
    /// The messages, as rows of the outbox.
    pub messages: Vec<DeliveryRow>,
    /// What kept a subscription from being followed.
    pub problems: Vec<Problem>,
    /// Rows that say how far subscriptions were looked at.
    marks: Vec<DeliveryRow>,
}

/// What kept a subscription from being followed.
#[derive(Debug)]
pub struct Problem {
    /// The subscription.
    pub subscription: String,
    /// Why.
    pub error: NotifyError,
}

/// The newest diff.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Newest {
    pub(crate) run_id: String,
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) sequence: i64,
}

impl Newest {
    /// `None` for a lake without a finished diff.
    pub(crate) async fn read(look: &Look) -> Result<Option<Self>, NotifyError> {
        let sql = "
            select run_id, run_at, (select coalesce(max(sequence), 0) from whole_issue_events) as sequence
            from runs
            where stage = 'diff' and status in ('complete', 'partial')
            order by run_at desc, started_at desc
            limit 1";
        Ok(rows(&look.ctx, "runs", sql, Vec::new()).await?.pop())
    }

    /// The number of the newest diff before this one; what a new subscription is taken to know.
    pub(crate) fn before(&self) -> i64 {
        self.sequence.saturating_sub(1)
    }
}

/// What all messages of one subscription, and one look at the lake, share.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) newest: &'a Newest,
    pub(crate) until_sequence: i64,
    pub(crate) period_end: Option<DateTime<Utc>>,
    pub(crate) at: DateTime<Utc>,
}

impl Origin<'_> {
    /// The first row of a message; `what` tells it from others to the same recipient.
    pub(crate) fn row(
        &self,
        channel: &str,
        recipient: &str,
        what: &str,
        content: &Content,
        told: Vec<String>,
    ) -> Result<DeliveryRow, NotifyError> {
        let id = MessageId::of(&[content.kind(), self.subscription, channel, recipient, what]);
        let json = serde_json::to_string(content);
        let json = json.map_err(|source| NotifyError::Content { id: id.clone(), source })?;
        Ok(DeliveryRow {
            kind: content.kind().to_owned(),
            state: DeliveryState::Queued,
            message_id: id,
            channel: channel.to_owned(),
            recipient: recipient.to_owned(),
            subject: Some(content.subject()),
            run_id: Some(self.newest.run_id.clone()),
            run_at: Some(self.newest.run_at),
            told,
            content: Some(json),
            ..DeliveryRow::mark(self.subscription, self.until_sequence, self.period_end, self.at)
        })
    }
}

impl Notifier<'_> {
    /// What is due now, without changing anything. No lens limits `look`, or will afterwards.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] when nothing can be planned; what keeps one subscription from being followed is a problem in the
    /// result.
    pub async fn due(&self, look: &Look) -> Result<Planned, NotifyError> {
        let outbox = Outbox::load(&self.lake, Utc::now()).await?;
        self.plan(look, &outbox).await
    }

    /// The digest of one group, or of everything, about the newest run; and the addresses of the group's owner.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Group`], and what reading gives.
    pub async fn digest_of(&self, look: &Look, group: &str) -> Result<(Digest, Vec<String>), NotifyError> {
        let (audience, owner) = of_group(&look.groups, group)?;
        let newest = Newest::read(look).await?;
        let (after, until) = newest.map_or((0, 0), |newest| (newest.before(), newest.sequence));
        let window = Window { after, until, since_at: None };
        let mut sight = Sight::new(self, look).await?;
        let digest = Digest::read(&mut sight, &audience, window, self.settings, self.now).await;
        sight.turn_to(&Audience::of_everything(&[])).await?;
        Ok((digest?, owner))
    }

    /// Puts what is due into the outbox.
    ///
    /// # Errors
    ///
    /// As [`Self::due`], and [`NotifyError::Contention`].
    pub async fn queue(&self, look: &Look) -> Result<Planned, NotifyError> {
        for _ in 0..ATTEMPTS {
            let now = Utc::now();
            let mut outbox = Outbox::load(&self.lake, now).await?;
            let planned = self.plan(look, &outbox).await?;
            let rows: Vec<DeliveryRow> = planned.messages.iter().chain(&planned.marks).cloned().collect();
            if rows.is_empty() || outbox.append(&rows, now).await? {
                return Ok(planned);
            }
        }
        Err(NotifyError::Contention)
    }

    async fn plan(&self, look: &Look, outbox: &Outbox) -> Result<Planned, NotifyError> {
        let mut planned = Planned::default();
        let Some(newest) = Newest::read(look).await? else { return Ok(planned) };
        let mut sight = Sight::new(self, look).await?;
        let marks = outbox.marks().await?;
        let unsubscribed = outbox.unsubscribed().await?;
        for subscription in self.subscriptions {
            let mark = marks.get(&subscription.name);
            match self.plan_one(&mut sight, outbox, &newest, subscription, mark).await {
                Ok(mut rows) => {
                    let period_end = subscription.schedule().map(|schedule| schedule.last_end(self.now));
                    let is_new = mark.is_none_or(|mark| mark.period_end < period_end);
                    if rows.is_empty() && is_new {
                        let until = mark.map_or(newest.sequence, |mark| mark.until_sequence.max(newest.sequence));
                        planned.marks.push(DeliveryRow::mark(&subscription.name, until, period_end, Utc::now()));
                    }
                    rows.iter_mut().for_each(|row| withhold(row, &unsubscribed));
                    planned.messages.extend(rows);
                }
                Err(error) => planned.problems.push(Problem { subscription: subscription.name.clone(), error }),
            }
        }
        sight.turn_to(&Audience::of_everything(&[])).await?;
        Ok(planned)
    }

    async fn plan_one(
        &self,
        sight: &mut Sight<'_>,
        outbox: &Outbox,
        newest: &Newest,
        subscription: &Subscription,
        mark: Option<&Mark>,
    ) -> Result<Vec<DeliveryRow>, NotifyError> {
        let period_end = subscription.schedule().map(|schedule| schedule.last_end(self.now));
        let is_over = mark.is_some_and(|mark| period_end.is_some() && mark.period_end >= period_end);
        if is_over {
            return Ok(Vec::new());
        }
        let window = Window {
            after: mark.map_or(newest.before(), |mark| mark.until_sequence),
            until: newest.sequence,
            since_at: mark.and_then(|mark| mark.run_at).filter(|at| *at < newest.run_at),
        };
        let origin = Origin {
            subscription: &subscription.name,
            newest,
            until_sequence: newest.sequence,
            period_end,
            at: Utc::now(),
        };
        let told = outbox.told(&subscription.name).await?;
        let mut messages = Vec::new();
        for audience in audiences(&sight.look().groups, subscription)? {
            let rows = match subscription.is_digest() {
                true => self.digest(sight, subscription, &audience, window, origin).await?,
                false => self.events(sight, subscription, &audience, window, origin, &told).await?,
            };
            messages.extend(rows);
        }
        Ok(messages)
    }

    async fn digest(
        &self,
        sight: &mut Sight<'_>,
        subscription: &Subscription,
        audience: &Audience,
        window: Window,
        origin: Origin<'_>,
    ) -> Result<Vec<DeliveryRow>, NotifyError> {
        let digest = Digest::read(sight, audience, window, self.settings, self.now).await?;
        let content = Content::Digest(Box::new(digest));
        let what = origin.period_end.map(|end| end.to_rfc3339()).unwrap_or_default();
        let mut messages = Vec::new();
        for name in &subscription.channels {
            let Some(channel) = self.settings.channel(name) else { continue };
            for recipient in audience.through(name, channel) {
                messages.push(origin.row(name, recipient, &what, &content, Vec::new())?);
            }
        }
        Ok(messages)
    }

    async fn events(
        &self,
        sight: &mut Sight<'_>,
        subscription: &Subscription,
        audience: &Audience,
        window: Window,
        origin: Origin<'_>,
        told: &[String],
    ) -> Result<Vec<DeliveryRow>, NotifyError> {
        sight.turn_to(audience).await?;
        let has_tickets = |name: &String| self.settings.channel(name).is_some_and(|channel| channel.is_tickets());
        let question = Question {
            events: subscription.events.iter().copied().filter(|event| is_found(*event)).collect(),
            severity: subscription.severity,
            window,
            told,
            drop_points: subscription.drop_points,
            // A ticket each, however many.
            named: if subscription.channels.iter().any(has_tickets) { usize::MAX } else { self.settings.named },
        };
        let (selected, counts) = events(sight, &question, self.settings, self.now).await?;
        if selected.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = selected.iter().filter_map(|selected| selected.event.key()).collect();
        let named = self.settings.named as u64;
        let content = Content::Events(Events {
            run_id: origin.newest.run_id.clone(),
            run_at: origin.newest.run_at,
            counts: counts.into_iter().map(|count| count.with_at_most(named)).collect(),
            events: first_of_each_kind(&selected, self.settings.named),
        });
        let what = format!("{}..{} {}", window.after, window.until, keys.join(" "));
        let mut messages = Vec::new();
        for name in &subscription.channels {
            let Some(channel) = self.settings.channel(name) else { continue };
            for recipient in audience.through(name, channel) {
                if !channel.is_tickets() {
                    messages.push(origin.row(name, recipient, &what, &content, keys.clone())?);
                    continue;
                }
                for selected in &selected {
                    if let Some(issue) = selected.issue() {
                        // Its own number, so that the changes of one issue are sent in their order.
                        let origin = Origin { until_sequence: selected.sequence, ..origin };
                        let what = format!("{}/{}", issue.issue_id, selected.sequence);
                        let content = Content::Ticket(Box::new(issue.clone()));
                        messages.push(origin.row(name, recipient, &what, &content, Vec::new())?);
                    }
                }
            }
        }
        Ok(messages)
    }
}

/// Whether such events are found in the lake; the others come as notices.
fn is_found(event: EventKind) -> bool {
    !matches!(event, EventKind::FixWarning | EventKind::FixDone | EventKind::Digest)
}

/// A message that its recipient does not want is noted and not sent.
pub(crate) fn withhold(row: &mut DeliveryRow, unsubscribed: &BTreeSet<String>) {
    let said = Unsubscription::of(&row.subscription, &row.recipient);
    if unsubscribed.contains(&said.recipient_hash) {
        row.state = DeliveryState::Unsubscribed;
        row.content = None;
    }
}

fn first_of_each_kind(selected: &[Selected], named: usize) -> Vec<Event> {
    let mut counts = BTreeMap::<EventKind, usize>::new();
    let mut first = Vec::new();
    for selected in selected {
        let count = counts.entry(selected.event.kind()).or_default();
        *count += 1;
        if *count <= named {
            first.push(selected.event.clone());
        }
    }
    first
}
