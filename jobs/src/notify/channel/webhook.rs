//! Any program: JSON as `docs/webhook.schema.json` says, signed.
//!
//! The signature is `HMAC-SHA256(secret, TIMESTAMP "." BODY)` in hexadecimal, in `PacBot-Signature: t=TIMESTAMP,v1=…`.
//! Whoever takes it compares the signature in constant time and refuses a timestamp that is older than a few minutes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hmac::Mac as _;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use url::Url;

use super::http::{Client, exchange};
use super::{Channel, SendError};
use crate::notify::message::{Content, Message};
use crate::notify::secret::Secret;
use crate::notify::settings::NotifySettings;
use crate::notify::unsubscribe::keyed;

/// Any program.
pub(crate) struct Webhook {
    client: Client,
    url: Url,
    secret: Option<Secret>,
    settings: NotifySettings,
}

impl Webhook {
    pub(crate) fn new(client: Client, url: Url, secret: Option<Secret>, settings: &NotifySettings) -> Self {
        Self { client, url, secret, settings: settings.clone() }
    }
}

/// What is posted.
pub(crate) fn body(message: &Message, settings: &NotifySettings) -> Value {
    let links = match &message.content {
        Content::Ticket(issue) => settings.link(&["issues", &issue.issue_id]),
        Content::Notice(notice) => settings.link(&["issues", &notice.issue_id]),
        Content::Digest(_) | Content::Events(_) | Content::Test { .. } => settings.link(&["report"]),
    };
    json!({
        "version": 1,
        "message_id": message.id,
        "subscription": message.subscription,
        "queued_at": message.queued_at,
        "may_repeat": message.may_repeat,
        "subject": message.content.subject(),
        "link": links.map(String::from),
        "content": message.content,
    })
}

fn signature(secret: &Secret, at: DateTime<Utc>, body: &str) -> String {
    let timestamp = at.timestamp();
    let mut mac = keyed(secret);
    mac.update(format!("{timestamp}.{body}").as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={timestamp},v1={signature}")
}

#[async_trait]
impl Channel for Webhook {
    async fn send(&self, message: &Message) -> Result<String, SendError> {
        let body = body(message, &self.settings).to_string();
        let mut request = self
            .client
            .request(Method::POST, self.url.clone())?
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", message.id.as_str());
        if let Some(secret) = &self.secret {
            request = request.header("PacBot-Signature", signature(secret, Utc::now(), &body));
        }
        Ok(exchange(request.body(body)).await?.status.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_over_time_and_body() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let secret = Secret::from("key".to_owned());
        let signed = signature(&secret, at, "{}");
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
        assert_eq!(signed, "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
        assert_ne!(signature(&secret, at, "{ }"), signed);
    }
}
