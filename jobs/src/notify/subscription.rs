//! Subscriptions: who wants to know of what, through which channels, and how often.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;
use pacbot_schemas::{EventKind, Severity};
use serde::Deserialize;

use super::period::{Often, Schedule};
use super::settings::{MAIL, NotifySettings};

/// The group of all assets.
pub const EVERYTHING: &str = "*";

/// One `[[subscriptions]]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Its name, by which links to unsubscribe and the delivery log know it.
    pub name: String,
    /// The asset group, or `*`.
    #[serde(default = "everything")]
    pub group: String,
    /// Issues of this severity or above.
    #[serde(default = "low")]
    pub severity: Severity,
    /// What is told.
    pub events: BTreeSet<EventKind>,
    /// Through which channels.
    #[serde(default = "mail")]
    pub channels: Vec<String>,
    /// To whom: addresses for mail, chats for a Slack bot.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// To the owner of each group, about their groups.
    #[serde(default)]
    pub owner: bool,
    /// How often.
    #[serde(default)]
    pub often: Often,
    /// When a period ends.
    #[serde(default = "morning", deserialize_with = "time")]
    pub at: NaiveTime,
    /// On which day a week ends.
    #[serde(default = "monday")]
    pub weekday: Weekday,
    /// Whose clock.
    #[serde(default, deserialize_with = "zone")]
    pub zone: Tz,
    /// How many points a score must lose to be told.
    #[serde(default = "one")]
    pub drop_points: f64,
}

/// What is wrong with a subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// Two have one name.
    #[error("two subscriptions are named `{0}`")]
    Twice(String),
    /// A name that cannot stand in a link or a table.
    #[error("`{0}` is no name for a subscription: letters, digits, `-`, `_` and `.`, not `notice` or `test`")]
    Name(String),
    /// It tells nothing.
    #[error("subscription `{0}` names no events")]
    NoEvents(String),
    /// There is no such channel.
    #[error("subscription `{subscription}` names channel `{channel}`, which `[notify.channels]` does not have")]
    UnknownChannel {
        /// The subscription.
        subscription: String,
        /// The channel.
        channel: String,
    },
    /// Nobody would get it.
    #[error(
        "subscription `{subscription}` has neither recipients nor `owner = true`, and channel `{channel}` needs them"
    )]
    NoRecipients {
        /// The subscription.
        subscription: String,
        /// The channel.
        channel: String,
    },
    /// A digest sums up a period.
    #[error("subscription `{0}` has the event `digest`, which needs `often = \"daily\"` or `\"weekly\"`")]
    DigestAtOnce(String),
    /// Tickets follow issues.
    #[error(
        "subscription `{subscription}` has channel `{channel}`, whose tickets follow issues at once: its events can only be opened, reopened, closed and not_covered"
    )]
    Tickets {
        /// The subscription.
        subscription: String,
        /// The channel.
        channel: String,
    },
}

/// Events that a ticket follows.
const OF_ISSUES: [EventKind; 4] = [EventKind::Opened, EventKind::Reopened, EventKind::Closed, EventKind::NotCovered];

impl Subscription {
    /// When its periods end; `None` when it tells at once.
    #[must_use]
    pub fn schedule(&self) -> Option<Schedule> {
        let weekday = match self.often {
            Often::AtOnce => return None,
            Often::Daily => None,
            Often::Weekly => Some(self.weekday),
        };
        Some(Schedule { at: self.at, weekday, zone: self.zone })
    }

    /// Whether it sums up a period, and everything else that it names with it.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.events.contains(&EventKind::Digest)
    }

    /// Whether it is about all assets.
    #[must_use]
    pub fn is_about_everything(&self) -> bool {
        self.group == EVERYTHING
    }

    fn check(&self, settings: &NotifySettings) -> Result<(), SubscriptionError> {
        let name = || self.name.clone();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_reserved = ["notice", "test"].contains(&self.name.as_str());
        if self.name.is_empty() || is_reserved || !self.name.chars().all(is_plain) {
            return Err(SubscriptionError::Name(name()));
        }
        if self.events.is_empty() {
            return Err(SubscriptionError::NoEvents(name()));
        }
        if self.is_digest() && self.often == Often::AtOnce {
            return Err(SubscriptionError::DigestAtOnce(name()));
        }
        for channel in &self.channels {
            let named = || (name(), channel.clone());
            let Some(found) = settings.channel(channel) else {
                let (subscription, channel) = named();
                return Err(SubscriptionError::UnknownChannel { subscription, channel });
            };
            if found.needs_recipients() && self.recipients.is_empty() && !self.owner {
                let (subscription, channel) = named();
                return Err(SubscriptionError::NoRecipients { subscription, channel });
            }
            let follows = self.often == Often::AtOnce && self.events.iter().all(|event| OF_ISSUES.contains(event));
            if found.is_tickets() && !follows {
                let (subscription, channel) = named();
                return Err(SubscriptionError::Tickets { subscription, channel });
            }
        }
        Ok(())
    }
}

/// Makes sure that every subscription can be followed.
///
/// # Errors
///
/// The first that cannot.
pub fn check(subscriptions: &[Subscription], settings: &NotifySettings) -> Result<(), SubscriptionError> {
    let mut names = BTreeSet::new();
    for subscription in subscriptions {
        if !names.insert(&subscription.name) {
            return Err(SubscriptionError::Twice(subscription.name.clone()));
        }
        subscription.check(settings)?;
    }
    Ok(())
}

fn everything() -> String {
    EVERYTHING.to_owned()
}

fn low() -> Severity {
    Severity::Low
}

fn mail() -> Vec<String> {
    vec![MAIL.to_owned()]
}

fn morning() -> NaiveTime {
    NaiveTime::from_hms_opt(7, 0, 0).unwrap_or_default()
}

fn monday() -> Weekday {
    Weekday::Mon
}

fn one() -> f64 {
    1.0
}

fn time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    NaiveTime::parse_from_str(&text, "%H:%M")
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no time of day; write for example \"07:00\"")))
}

fn zone<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
    let text = String::deserialize(deserializer)?;
    Tz::from_str(&text)
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no time zone; write for example \"Europe/Berlin\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Subscription {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_subscription_that_cannot_be_followed_is_refused() {
        let settings: NotifySettings = toml::from_str(
            "[channels.board]\nkind = \"jira\"\nurl = \"https://example.org\"\nproject = \"SEC\"\ntoken = \"env:TOKEN\"\n",
        )
        .unwrap();
        let refused = [
            "name = \"a b\"\nevents = [\"opened\"]",
            "name = \"a\"\nevents = []",
            "name = \"a\"\nevents = [\"opened\"]",
            "name = \"a\"\nevents = [\"digest\"]\nowner = true",
            "name = \"a\"\nevents = [\"opened\"]\nowner = true\nchannels = [\"chat\"]",
            "name = \"a\"\nevents = [\"compliance_drop\"]\nchannels = [\"board\"]",
        ];
        let errors = refused.map(|text| check(&[read(text)], &settings).unwrap_err().to_string());
        insta::assert_snapshot!(errors.join("\n"), @r#"
        `a b` is no name for a subscription: letters, digits, `-`, `_` and `.`, not `notice` or `test`
        subscription `a` names no events
        subscription `a` has neither recipients nor `owner = true`, and channel `mail` needs them
        subscription `a` has the event `digest`, which needs `often = "daily"` or `"weekly"`
        subscription `a` names channel `chat`, which `[notify.channels]` does not have
        subscription `a` has channel `board`, whose tickets follow issues at once: its events can only be opened, reopened, closed and not_covered
        "#);
        let sound = read("name = \"a\"\nevents = [\"opened\"]\nchannels = [\"board\"]");
        assert_eq!(check(std::slice::from_ref(&sound), &settings), Ok(()));
        assert_eq!(check(&[sound.clone(), sound], &settings), Err(SubscriptionError::Twice("a".to_owned())));
    }

    #[test]
    fn a_subscription_reads_as_documented() {
        let weekly = read(
            "name = \"team\"\nevents = [\"digest\"]\nrecipients = [\"a@example.org\"]\noften = \"weekly\"\nat = \"09:00\"\nweekday = \"friday\"\nzone = \"America/Los_Angeles\"",
        );
        let schedule = weekly.schedule().unwrap();
        assert_eq!((schedule.weekday, schedule.zone), (Some(Weekday::Fri), chrono_tz::America::Los_Angeles));
        assert!(toml::from_str::<Subscription>("name = \"a\"\nevents = [\"opened\"]\nat = \"25:00\"").is_err());
    }
}
