//! Which events go to whom. The sets are made in SQL; here is what they are asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;
use pacbot_lake::{Group, Groups};
use pacbot_schemas::{EventKind, Severity};
use serde::Deserialize;

use super::NotifyError;
use super::changes::{Named, named};
use super::digest::{Window, expiring};
use super::event::{Event, IssueChange, Outage, ScoreDrop};
use super::message::EventCount;
use super::query::{number, rows};
use super::settings::{ChannelSettings, NotifySettings};
use super::sight::Sight;
use super::subscription::{EVERYTHING, Subscription};

/// Requests without a whole answer.
pub(crate) const OUTAGES: &str = include_str!("selection/outages.sql");

/// Who gets the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// What the content is about, for people.
    pub title: String,
    /// The groups that it is about; empty for all assets.
    pub groups: Vec<String>,
    /// Mail addresses.
    pub mails: Vec<String>,
    /// Chats of a Slack bot.
    pub chats: Vec<String>,
}

impl Audience {
    /// Everything, for these recipients.
    #[must_use]
    pub fn of_everything(recipients: &[String]) -> Self {
        let (mails, chats) = recipients.iter().cloned().partition(|recipient| recipient.contains('@'));
        Self { title: "all assets".to_owned(), groups: Vec::new(), mails, chats }
    }

    /// Those who are reached through a channel; a channel that is a place of its own is its own recipient.
    #[must_use]
    pub fn through<'a>(&'a self, name: &'a str, channel: &ChannelSettings) -> Vec<&'a str> {
        match channel {
            ChannelSettings::Mail {} => self.mails.iter().map(String::as_str).collect(),
            ChannelSettings::Slack { url: None, .. } => self.chats.iter().map(String::as_str).collect(),
            _ => vec![name],
        }
    }
}

/// The audiences of a subscription: its recipients, and the owners of its groups. Owners of the same groups are one.
///
/// # Errors
///
/// [`NotifyError::Group`] for a group that there is not.
pub(crate) fn audiences(groups: &Groups, subscription: &Subscription) -> Result<Vec<Audience>, NotifyError> {
    let mut audiences = Vec::new();
    if !subscription.recipients.is_empty() || !subscription.owner {
        let (about, _) = of_group(groups, &subscription.group)?;
        audiences.push(Audience {
            title: about.title,
            groups: about.groups,
            ..Audience::of_everything(&subscription.recipients)
        });
    }
    if subscription.owner {
        let owned: Vec<&Group> = match subscription.is_about_everything() {
            true => groups.iter().collect(),
            false => vec![groups.find(&subscription.group)?],
        };
        audiences.extend(owners(&owned));
    }
    Ok(audiences)
}

/// Each owner with all of their groups.
fn owners(groups: &[&Group]) -> Vec<Audience> {
    let mut owned = BTreeMap::<(bool, String), (&str, Vec<&Group>)>::new();
    for group in groups {
        let mails = group.owner.mail.iter().map(|mail| ((false, mail.to_lowercase()), mail.as_str()));
        let chats = group.owner.slack.iter().map(|chat| ((true, chat.clone()), chat.as_str()));
        for (key, address) in mails.chain(chats) {
            owned.entry(key).or_insert((address, Vec::new())).1.push(group);
        }
    }
    let mut audiences: Vec<Audience> = Vec::new();
    for ((is_chat, _), (address, groups)) in owned {
        let ids: Vec<String> = groups.iter().map(|group| group.group_id.clone()).collect();
        let place = audiences.iter().position(|audience| audience.groups == ids).unwrap_or_else(|| {
            let titles: Vec<&str> = groups.iter().map(|group| group.title.as_str()).collect();
            audiences.push(Audience { title: titles.join(", "), groups: ids, ..Audience::of_everything(&[]) });
            audiences.len() - 1
        });
        let to = if is_chat { &mut audiences[place].chats } else { &mut audiences[place].mails };
        to.push(address.to_owned());
    }
    audiences
}

/// The audience of one group, or of everything, and the mail addresses of its owner.
///
/// # Errors
///
/// [`NotifyError::Group`]
pub(crate) fn of_group(groups: &Groups, group: &str) -> Result<(Audience, Vec<String>), NotifyError> {
    let mut audience = Audience::of_everything(&[]);
    if group == EVERYTHING {
        return Ok((audience, Vec::new()));
    }
    let group = groups.find(group)?;
    audience.title.clone_from(&group.title);
    audience.groups = vec![group.group_id.clone()];
    Ok((audience, group.owner.mail.clone()))
}

/// What a subscription wants to be told.
#[derive(Debug, Clone)]
pub(crate) struct Question<'a> {
    /// The kinds.
    pub(crate) events: Vec<EventKind>,
    /// The least severity of issues.
    pub(crate) severity: Severity,
    /// Issue events that are new to it.
    pub(crate) window: Window,
    /// Keys of other events that it was told.
    pub(crate) told: &'a [String],
    /// How many points a score must lose.
    pub(crate) drop_points: f64,
    /// How many events of one kind are wanted.
    pub(crate) named: usize,
}

/// An event, with the diff that it is of.
#[derive(Debug, Clone)]
pub(crate) struct Selected {
    pub(crate) event: Event,
    /// The number of the diff; 0 for what is no event of an issue.
    pub(crate) sequence: i64,
}

/// The events that answer a question, and how many there are of each kind, of what the audience may see.
pub(crate) async fn events(
    sight: &mut Sight<'_>,
    question: &Question<'_>,
    settings: &NotifySettings,
    now: DateTime<Utc>,
) -> Result<(Vec<Selected>, Vec<EventCount>), NotifyError> {
    let seen = sight.ctx();
    let mut selected = Vec::new();
    let mut counts: Vec<EventCount> = Vec::new();
    let of_issues = issue_events(seen, question).await?;
    let mut others: Vec<Event> = Vec::new();
    if question.events.contains(&EventKind::CollectorFailing) {
        let outages: Vec<Outage> = rows(seen, "unjudged", OUTAGES, Vec::new()).await?;
        others.extend(outages.into_iter().map(Event::CollectorFailing));
    }
    if question.events.contains(&EventKind::ComplianceDrop) {
        others.extend(score_drop(sight, question.drop_points).await?.map(Event::ComplianceDrop));
    }
    if question.events.contains(&EventKind::ExceptionExpiring) {
        others.extend(expiring(seen, settings, now).await?.into_iter().map(Event::ExceptionExpiring));
    }
    others.retain(|event| event.key().is_none_or(|key| !question.told.contains(&key)));
    for kind in &question.events {
        let of_kind: Vec<&Named> = of_issues.iter().filter(|named| named.kind == kind.as_str()).collect();
        let others: Vec<&Event> = others.iter().filter(|event| event.kind() == *kind).collect();
        let count = of_kind.first().map_or(others.len() as u64, |first| first.of_kind);
        let named = of_kind.len() + others.len();
        if count > 0 {
            counts.push(EventCount { event: *kind, count, unnamed: count.saturating_sub(named as u64) });
        }
        selected.extend(of_kind.into_iter().filter_map(|named| {
            let event = Event::of_issue(*kind, named.change.clone())?;
            Some(Selected { event, sequence: named.sequence })
        }));
        selected.extend(others.into_iter().map(|event| Selected { event: event.clone(), sequence: 0 }));
    }
    Ok((selected, counts))
}

async fn issue_events(seen: &SessionContext, question: &Question<'_>) -> Result<Vec<Named>, NotifyError> {
    let rank = Severity::ALL.iter().filter(|severity| **severity >= question.severity).count();
    let kinds: Vec<ScalarValue> = question.events.iter().map(|kind| ScalarValue::from(kind.as_str())).collect();
    let kinds = ScalarValue::new_list_nullable(&kinds, &arrow::datatypes::DataType::Utf8);
    let values = vec![
        ("after", number(question.window.after)),
        ("until", number(question.window.until)),
        ("rank", number(i64::try_from(rank).unwrap_or(i64::MAX))),
        ("named", number(i64::try_from(question.named).unwrap_or(i64::MAX))),
        ("events", ScalarValue::List(kinds)),
    ];
    named(seen, include_str!("selection/issue_events.sql"), values).await
}

/// The scores of the newest evaluation, if one of them lost that many points since the one before.
async fn score_drop(sight: &mut Sight<'_>, points: f64) -> Result<Option<ScoreDrop>, NotifyError> {
    #[derive(Deserialize)]
    struct Pair {
        run_id: String,
        run_at: DateTime<Utc>,
        earlier_at: DateTime<Utc>,
    }
    let pair: Option<Pair> = rows(sight.ctx(), "runs", include_str!("selection/run_pair.sql"), Vec::new()).await?.pop();
    let Some(pair) = pair else { return Ok(None) };
    let (now, before) = (sight.scores().await?, sight.earlier_scores(pair.earlier_at).await?);
    let (Some(now), Some(before)) = (now, before) else { return Ok(None) };
    let fell =
        |before: Option<f64>, now: Option<f64>| before.zip(now).is_some_and(|(before, now)| before - now >= points);
    let whole = |percent: Option<i64>| percent.map(|percent| percent as f64);
    let has_dropped = fell(before.passing_percent, now.passing_percent)
        || fell(whole(before.classic_percent), whole(now.classic_percent));
    Ok(has_dropped.then_some(ScoreDrop {
        run_id: pair.run_id,
        run_at: pair.run_at,
        earlier_at: pair.earlier_at,
        passing_percent: now.passing_percent,
        earlier_passing_percent: before.passing_percent,
        classic_percent: now.classic_percent,
        earlier_classic_percent: before.classic_percent,
    }))
}

impl Selected {
    /// The transition, of an event of an issue.
    pub(crate) fn issue(&self) -> Option<&IssueChange> {
        self.event.issue()
    }
}
