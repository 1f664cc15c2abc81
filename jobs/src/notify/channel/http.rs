//! Posting JSON: time-outs, no redirects, a bound on answers, and what an answer means for the message.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use url::Url;

use super::reach::PublicOnly;
use super::{Failure, SendError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Of an answer, no more is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Of an answer's text, an error repeats no more.
const TOLD_CHARS: usize = 200;

/// A client for one channel.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    client: reqwest::Client,
    allow_private: bool,
}

/// An answer that says that it was taken.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Answer {
    /// The answer's JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Client {
    pub(crate) fn new(allow_private: bool) -> Result<Self, String> {
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            // A redirect leads to where nobody looked.
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would resolve names itself, past the check of addresses.
            .no_proxy()
            .user_agent(concat!("pacbot/", env!("CARGO_PKG_VERSION")));
        let builder = if allow_private { builder } else { builder.dns_resolver(PublicOnly::shared()) };
        let client = builder.build().map_err(|error| with_causes(&error))?;
        Ok(Self { client, allow_private })
    }

    /// A request to a URL that may be reached.
    pub(crate) fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, SendError> {
        if !self.allow_private {
            PublicOnly::check(&url).map_err(|error| SendError::new(Failure::Channel, error.to_string()))?;
        }
        Ok(self.client.request(method, url))
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, url: Url, body: &Value) -> Result<Answer, SendError> {
        let request = self.request(Method::POST, url)?.header(CONTENT_TYPE, "application/json");
        exchange(request.body(body.to_string())).await
    }
}

/// Sends a request; an answer other than 2xx is an error that says what it means for the message.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<Answer, SendError> {
    let mut answer = request.send().await.map_err(not_sent)?;
    let (status, retry_after) = (answer.status(), retry_after(&answer, Utc::now()));
    let mut body = Vec::new();
    // What arrived was taken or not by its status; of a body that breaks off, the rest is missing.
    while let Ok(Some(chunk)) = answer.chunk().await {
        let room = MAX_ANSWER_BYTES.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if room <= chunk.len() {
            break;
        }
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    if status.is_success() {
        return Ok(Answer { status, text });
    }
    let failure = match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Failure::Later(retry_after),
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::GONE => Failure::Channel,
        status if status.is_redirection() => Failure::Channel,
        status if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => Failure::Refused,
        _ => Failure::Unclear,
    };
    let told: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TOLD_CHARS).collect();
    let told = if told.is_empty() { String::new() } else { format!(": {told}") };
    Err(SendError::new(failure, format!("it answered {status}{told}")))
}

/// Without the URL, which may be a key to a chat.
fn not_sent(error: reqwest::Error) -> SendError {
    let failure = if error.is_connect() {
        Failure::Later(None)
    } else if error.is_builder() {
        Failure::Channel
    } else {
        Failure::Unclear
    };
    SendError::new(failure, with_causes(&error.without_url()))
}

/// Seconds, or a date.
fn retry_after(answer: &reqwest::Response, now: DateTime<Utc>) -> Option<Duration> {
    let text = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    Some((at.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
