//! What a call failed with, as callers judge it: by kind first, then by the API's own code.

use std::fmt;

use crate::transport::TransportError;

/// What a caller makes of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallErrorKind {
    /// The credentials may not do this, or the region is not enabled for the account.
    Denied,
    /// The credentials are expired, also after they were renewed once.
    Expired,
    /// The API asked for fewer requests to the end of all attempts.
    Throttled,
    /// The API failed (5xx).
    Server,
    /// The answer is not of the API's protocol: an HTML page, nothing at all.
    NotAnApi,
    /// The body ended before its end.
    Truncated,
    /// The body is longer than configured.
    TooLarge,
    /// No answer in time.
    Timeout,
    /// No connection.
    Transport,
    /// Any other error code of the API; the caller knows which of them are an answer.
    Service,
    /// A replay holds no such exchange.
    NotRecorded,
    /// No credentials for the account: its role cannot be assumed, or the base has none.
    Credentials,
    /// The request cannot be sent as it stands: a mistake in an asset type file.
    Request,
}

impl CallErrorKind {
    /// The kind as it stands in `coverage` and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Throttled => "throttled",
            Self::Server => "server",
            Self::NotAnApi => "not_an_api",
            Self::Truncated => "truncated",
            Self::TooLarge => "too_large",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::Service => "service",
            Self::NotRecorded => "not_recorded",
            Self::Credentials => "credentials",
            Self::Request => "request",
        }
    }
}

impl fmt::Display for CallErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a call failed. Plain text and no source: it is kept for all calls that share one cause (a role that
/// cannot be assumed), and it becomes a row of `coverage`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.line())]
pub struct CallError {
    /// What to make of it.
    pub kind: CallErrorKind,
    /// The API's own error code.
    pub code: Option<String>,
    /// The API's message, or ours; one line.
    pub message: String,
    /// The HTTP status of the last answer.
    pub status: Option<u16>,
    /// How often the request was sent.
    pub attempts: u32,
}

impl CallError {
    /// An error of ours, before or beside any answer.
    pub(crate) fn new(kind: CallErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: one_line(&message.into()), status: None, attempts: 0 }
    }

    /// A request that cannot be sent.
    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::new(CallErrorKind::Request, message)
    }

    /// An answer that says or is an error.
    pub(crate) fn answered(kind: CallErrorKind, code: Option<String>, message: &str, status: http::StatusCode) -> Self {
        Self { kind, code, message: one_line(message), status: Some(status.as_u16()), attempts: 0 }
    }

    fn line(&self) -> String {
        let mut line = match &self.code {
            Some(code) => format!("`{code}`"),
            None => self.kind.to_string(),
        };
        if !self.message.is_empty() {
            line.push_str(": ");
            line.push_str(&self.message);
        }
        let status = self.status.map(|status| format!("status {status}"));
        let attempts = (self.attempts > 1).then(|| format!("{} attempts", self.attempts));
        let facts: Vec<String> = status.into_iter().chain(attempts).collect();
        if !facts.is_empty() {
            line.push_str(&format!(" ({})", facts.join(", ")));
        }
        line
    }
}

impl From<TransportError> for CallError {
    fn from(error: TransportError) -> Self {
        let kind = match error {
            TransportError::Connect { .. } => CallErrorKind::Transport,
            TransportError::Timeout { .. } => CallErrorKind::Timeout,
            TransportError::Truncated { .. } => CallErrorKind::Truncated,
            TransportError::TooLarge { .. } => CallErrorKind::TooLarge,
            TransportError::NotRecorded { .. } => CallErrorKind::NotRecorded,
        };
        Self::new(kind, error.to_string())
    }
}

/// An error with all its causes on one line: libraries tend to say only in a cause what went wrong.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Messages of APIs hold line breaks, and some hold pages (an encoded authorization failure).
const MESSAGE_CHARS: usize = 1000;

fn one_line(message: &str) -> String {
    let mut line = String::new();
    for word in message.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if let Some((end, _)) = line.char_indices().nth(MESSAGE_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line() {
        let mut error = CallError::answered(
            CallErrorKind::Denied,
            Some("AccessDenied".into()),
            "User: x\n  is not\tauthorized",
            http::StatusCode::FORBIDDEN,
        );
        assert_eq!(error.to_string(), "`AccessDenied`: User: x is not authorized (status 403)");
        error.attempts = 3;
        assert_eq!(error.to_string(), "`AccessDenied`: User: x is not authorized (status 403, 3 attempts)");
    }

    #[test]
    fn a_page_long_message_is_cut() {
        let error = CallError::request("é".repeat(5000));
        assert_eq!(error.message.chars().count(), MESSAGE_CHARS + 1);
    }
}
