//! Channels: what takes a message to people.

use std::time::Duration;

use async_trait::async_trait;

use super::message::Message;
use super::secret::{Secret, SecretError};
use super::settings::{Address, ChannelSettings, NotifySettings};

mod http;
mod jira;
mod mail;
mod reach;
mod servicenow;
mod slack;
mod teams;
mod ticket;
mod webhook;

pub(crate) use http::with_causes;
pub use mail::{MailFile, mail_file};

/// Takes messages to people, or to a program.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Sends one message, and yields what was answered, in a line.
    ///
    /// Makes one attempt. The message's id goes with it, so that whoever takes it can tell a repeat. An `Err` says
    /// whether the message may have arrived nevertheless: callers mark the next attempt as a possible repeat then, and
    /// must not do so otherwise.
    async fn send(&self, message: &Message) -> Result<String, SendError>;
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SendError {
    /// What it means for the message.
    pub failure: Failure,
    /// Why, in a line, without addresses and secrets.
    pub reason: String,
}

/// What a failed attempt means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It did not arrive; another attempt may succeed, after this long if the channel said so.
    Later(Option<Duration>),
    /// It may have arrived.
    Unclear,
    /// It did not arrive, and neither will others: the channel is not set up right.
    Channel,
    /// It did not arrive and never will: the channel does not take this message.
    Refused,
}

impl SendError {
    pub(crate) fn new(failure: Failure, reason: impl Into<String>) -> Self {
        Self { failure, reason: reason.into() }
    }
}

/// Why a channel cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// A secret is not there.
    #[error("channel `{channel}` lacks a secret")]
    Secret {
        /// The channel.
        channel: String,
        /// The cause.
        source: SecretError,
    },
    /// Its settings make no sense.
    #[error("channel `{channel}` cannot be used: {reason}")]
    Settings {
        /// The channel.
        channel: String,
        /// Why.
        reason: String,
    },
}

/// Makes a channel ready. Nothing is sent yet.
///
/// # Errors
///
/// [`ChannelError`] for a secret that is not there or settings that make no sense.
pub fn open(
    name: &str,
    channel: &ChannelSettings,
    settings: &NotifySettings,
) -> Result<Box<dyn Channel>, ChannelError> {
    let wrong = |reason: String| ChannelError::Settings { channel: name.to_owned(), reason };
    let secret = |source| ChannelError::Secret { channel: name.to_owned(), source };
    Ok(match channel {
        ChannelSettings::Mail {} => Box::new(mail::Mail::open(name, settings)?),
        ChannelSettings::Slack { url, token, api, allow_private } => {
            let client = http::Client::new(*allow_private).map_err(wrong)?;
            let token = token.as_ref().map(super::secret::SecretRef::resolve).transpose().map_err(secret)?;
            let url = url.as_ref().map(|url| resolve(name, url)).transpose()?;
            let api = api.as_ref().map(|api| resolve(name, api)).transpose()?;
            Box::new(slack::Slack::new(client, url, token, api, settings).map_err(wrong)?)
        }
        ChannelSettings::Teams { url, allow_private } => {
            let client = http::Client::new(*allow_private).map_err(wrong)?;
            Box::new(teams::Teams::new(client, resolve(name, url)?, settings))
        }
        ChannelSettings::Webhook { url, secret: key, allow_private } => {
            let client = http::Client::new(*allow_private).map_err(wrong)?;
            let key: Option<Secret> =
                key.as_ref().map(super::secret::SecretRef::resolve).transpose().map_err(secret)?;
            Box::new(webhook::Webhook::new(client, resolve(name, url)?, key, settings))
        }
        ChannelSettings::Jira(jira) => {
            let client = http::Client::new(jira.allow_private).map_err(wrong)?;
            let token = jira.token.resolve().map_err(secret)?;
            let tracker = jira::Jira::new(client, resolve(name, &jira.url)?, token, jira.clone());
            Box::new(ticket::Tickets::new(tracker, settings))
        }
        ChannelSettings::ServiceNow(servicenow) => {
            let client = http::Client::new(servicenow.allow_private).map_err(wrong)?;
            let password = servicenow.password.resolve().map_err(secret)?;
            let url = resolve(name, &servicenow.url)?;
            let tracker = servicenow::ServiceNow::new(client, url, password, servicenow.clone());
            Box::new(ticket::Tickets::new(tracker, settings))
        }
    })
}

fn resolve(channel: &str, address: &Address) -> Result<url::Url, ChannelError> {
    match address {
        Address::Plain(url) => Ok(url.clone()),
        Address::Secret(secret) => {
            let failed = |source| ChannelError::Secret { channel: channel.to_owned(), source };
            let text = secret.resolve().map_err(failed)?;
            // Without the parser's words, which could repeat the secret.
            let reason = "its secret is no http or https URL".to_owned();
            let wrong = || ChannelError::Settings { channel: channel.to_owned(), reason: reason.clone() };
            let url = url::Url::parse(text.reveal().trim()).map_err(|_| wrong())?;
            if ["http", "https"].contains(&url.scheme()) { Ok(url) } else { Err(wrong()) }
        }
    }
}
