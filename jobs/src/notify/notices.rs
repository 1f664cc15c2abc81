//! Delivers notices: whoever acts gets an outcome for each before it acts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use datafusion::prelude::SessionContext;
use pacbot_dashboards::Look;
use pacbot_schemas::{DeliveryState, EventKind};

use super::delivery::{DeliveryRow, Outbox};
use super::message::{Content, MessageId};
use super::notice::{Notice, Outcome};
use super::planning::{ATTEMPTS, Newest, Origin, withhold};
use super::query::{rows, text};
use super::selection::audiences;
use super::sending::Sent;
use super::settings::MAIL;
use super::{Notifier, NotifyError};

/// The subscription of those who did not subscribe, but must know.
const UNASKED: &str = "notice";

/// The subscription of a test message.
const TEST: &str = "test";

impl Notifier<'_> {
    /// Tells everybody whom the notices concern, once each, and says how it went, notice by notice. A notice that was
    /// delivered before is not sent again.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] when the outbox fails: then it is not known what was delivered.
    pub async fn deliver(&self, look: &Look, notices: &[Notice]) -> Result<Vec<Outcome>, NotifyError> {
        let mut messages: Vec<Vec<DeliveryRow>> = Vec::new();
        for notice in notices {
            messages.push(self.addressed(look, notice).await?);
        }
        let ids: Vec<MessageId> = messages.iter().flatten().map(|row| row.message_id.clone()).collect();
        self.queue_new(messages.iter().flatten().cloned().collect()).await?;
        let sent = self.send(Some(&ids)).await?;
        let states = Outbox::load(&self.lake, Utc::now()).await?.states(&ids).await?;
        Ok(messages.iter().map(|rows| outcome(rows, &states, &sent)).collect())
    }

    /// Sends one test message through a channel; a channel that needs a recipient gets `recipient`.
    ///
    /// # Errors
    ///
    /// [`NotifyError::UnknownChannel`], and when the outbox fails.
    pub async fn test(&self, name: &str, recipient: Option<&str>) -> Result<Sent, NotifyError> {
        let channel = self.settings.channel(name).ok_or_else(|| NotifyError::UnknownChannel(name.to_owned()))?;
        let own = self.settings.from.email.to_string();
        let recipient = recipient.unwrap_or(if channel.needs_recipients() { own.as_str() } else { name });
        let now = Utc::now();
        let newest = Newest { run_id: String::new(), run_at: now, sequence: 0 };
        let origin = Origin { subscription: TEST, newest: &newest, until_sequence: 0, period_end: None, at: now };
        let content = Content::Test { at: now };
        let mut row = origin.row(name, recipient, &now.to_rfc3339(), &content, Vec::new())?;
        (row.run_id, row.run_at) = (None, None);
        let ids = [row.message_id.clone()];
        self.queue_new(vec![row]).await?;
        self.send(Some(&ids)).await
    }

    /// Sends one digest to some recipients, beside every subscription.
    ///
    /// # Errors
    ///
    /// When the outbox fails.
    pub async fn send_by_hand(
        &self,
        look: &Look,
        recipients: &[String],
        content: &Content,
    ) -> Result<Sent, NotifyError> {
        let now = Utc::now();
        let Some(newest) = Newest::read(look).await? else { return Ok(Sent::default()) };
        let origin = Origin {
            subscription: UNASKED,
            newest: &newest,
            until_sequence: newest.sequence,
            period_end: None,
            at: now,
        };
        let what = now.to_rfc3339();
        let messages = recipients.iter().map(|recipient| origin.row(MAIL, recipient, &what, content, Vec::new()));
        let messages: Vec<DeliveryRow> = messages.collect::<Result<_, _>>()?;
        let ids: Vec<MessageId> = messages.iter().map(|row| row.message_id.clone()).collect();
        self.queue_new(messages).await?;
        self.send(Some(&ids)).await
    }

    /// The messages of a notice: to its own recipients by mail, and to whoever subscribed to such notices.
    async fn addressed(&self, look: &Look, notice: &Notice) -> Result<Vec<DeliveryRow>, NotifyError> {
        let content = Content::Notice(Box::new(notice.clone()));
        let newest = Newest { run_id: notice.run_id.clone(), run_at: notice.run_at, sequence: 0 };
        let origin = |subscription| Origin {
            subscription,
            newest: &newest,
            until_sequence: 0,
            period_end: None,
            at: Utc::now(),
        };
        let (mut messages, mut addressed) = (Vec::new(), BTreeSet::new());
        let key = notice.key();
        for recipient in &notice.recipients {
            if addressed.insert((MAIL.to_owned(), recipient.to_lowercase())) {
                messages.push(origin(UNASKED).row(MAIL, recipient, &key, &content, vec![key.clone()])?);
            }
        }
        for subscription in self.subscriptions {
            let wants = subscription.events.contains(&notice.kind.event()) && notice.severity >= subscription.severity;
            // An exception of a fix is no event that one subscribes to.
            if !wants || notice.kind.event() == EventKind::ExceptionExpiring {
                continue;
            }
            for audience in audiences(&look.groups, subscription)? {
                if !is_of(&look.ctx, &audience.groups, notice).await? {
                    continue;
                }
                for name in &subscription.channels {
                    let Some(channel) = self.settings.channel(name).filter(|channel| !channel.is_tickets()) else {
                        continue;
                    };
                    for recipient in audience.through(name, channel) {
                        if addressed.insert((name.clone(), recipient.to_lowercase())) {
                            let told = vec![key.clone()];
                            messages.push(origin(&subscription.name).row(name, recipient, &key, &content, told)?);
                        }
                    }
                }
            }
        }
        Ok(messages)
    }

    /// Puts messages into the outbox that were never there.
    async fn queue_new(&self, messages: Vec<DeliveryRow>) -> Result<(), NotifyError> {
        let ids: Vec<MessageId> = messages.iter().map(|row| row.message_id.clone()).collect();
        for _ in 0..ATTEMPTS {
            let now = Utc::now();
            let mut outbox = Outbox::load(&self.lake, now).await?;
            let known = outbox.states(&ids).await?;
            let unsubscribed = outbox.unsubscribed().await?;
            let mut fresh: Vec<DeliveryRow> =
                messages.iter().filter(|row| !known.contains_key(&row.message_id)).cloned().collect();
            fresh.iter_mut().filter(|row| row.subscription != UNASKED).for_each(|row| withhold(row, &unsubscribed));
            if fresh.is_empty() || outbox.append(&fresh, now).await? {
                return Ok(());
            }
        }
        Err(NotifyError::Contention)
    }
}

/// Whether the asset of a notice is in one of the groups; all are in no groups at all.
async fn is_of(ctx: &SessionContext, groups: &[String], notice: &Notice) -> Result<bool, NotifyError> {
    #[derive(serde::Deserialize)]
    struct Member {
        group_id: String,
    }
    if groups.is_empty() {
        return Ok(true);
    }
    let sql = "select group_id from group_members where asset_type = $asset_type and asset_id = $asset_id";
    let values = vec![("asset_type", text(&notice.asset_type)), ("asset_id", text(&notice.asset_id))];
    let members: Vec<Member> = rows(ctx, "group_members", sql, values).await?;
    Ok(members.iter().any(|member| groups.contains(&member.group_id)))
}

fn outcome(rows: &[DeliveryRow], states: &BTreeMap<MessageId, DeliveryState>, sent: &Sent) -> Outcome {
    let state = |row: &DeliveryRow| states.get(&row.message_id).copied();
    let wanted: Vec<&DeliveryRow> = rows.iter().filter(|row| state(row) != Some(DeliveryState::Unsubscribed)).collect();
    if wanted.is_empty() {
        return Outcome::NobodyToTell;
    }
    let Some(failed) = wanted.iter().find(|row| state(row) != Some(DeliveryState::Sent)) else {
        return Outcome::Delivered;
    };
    let is_it = |unsent: &&super::Unsent| {
        unsent.message_id.as_ref() == Some(&failed.message_id)
            || (unsent.message_id.is_none() && unsent.channel == failed.channel)
    };
    let reason = sent.unsent.iter().find(is_it).map_or("it waits for its channel", |unsent| unsent.reason.as_str());
    Outcome::Failed(format!("message {} through `{}`: {reason}", failed.message_id, failed.channel))
}
