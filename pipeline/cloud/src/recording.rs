//! The form of a recording: a folder of exchanges that answers like the cloud did.
//!
//! `ACCOUNT/REGION/SERVICE.jsonl` holds one exchange a line; `recording.json` says when and by what it was
//! made. An exchange is found by operation, method, path, query and body. Hosts, signatures and times are not kept,
//! and a bucket in the host of an S3 request stands in the path, as if it had been sent in path style.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::redact;
use crate::transport::{CallLabel, TransportError};

/// The file that says what a recording is.
pub(crate) const INFO_FILE: &str = "recording.json";

/// The headers that anyone reads.
const KEPT_HEADERS: &[&str] = &["content-type", "location", "retry-after", "x-amz-bucket-region", "x-amzn-errortype"];

/// What `recording.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordingInfo {
    /// When the recording was finished: the time that a replay judges the assets at.
    pub recorded_at: DateTime<Utc>,
    /// The version that recorded.
    pub pacbot: String,
    /// What the recording covers, for whoever replays it.
    #[serde(default)]
    pub details: serde_json::Value,
}

/// Why a recording could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file or folder cannot be read or written.
    #[error("failed to access `{path}`")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A folder with something else in it, which a recording would overwrite.
    #[error("folder `{path}` is not empty and holds no recording")]
    NotARecording {
        /// The folder.
        path: PathBuf,
    },
    /// A line that is no exchange, or a bad `recording.json`.
    #[error("line {line} of `{file}` is not as recorded")]
    Line {
        /// The file, below the recording's folder.
        file: String,
        /// Counted from 1.
        line: usize,
        /// The cause.
        source: serde_json::Error,
    },
}

/// The file of an exchange, below the recording's folder.
pub(crate) fn file_of(label: &CallLabel) -> String {
    let service: String =
        label.service.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect();
    format!("{}/{}/{service}.jsonl", label.account, label.region)
}

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) operation: String,
    pub(crate) request: RecordedRequest,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// What an exchange is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct RecordedRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) query: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) body: String,
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Response(RecordedResponse),
    Error(RecordedError),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordedResponse {
    status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    base64: bool,
}

/// A [`TransportError`] in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordedError {
    Connect(String),
    Timeout(String),
    Truncated(String),
    TooLarge(usize),
}

impl RecordedRequest {
    pub(crate) fn of(request: &Request<Bytes>) -> Self {
        let is_form = request
            .headers()
            .get(http::header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        let (body, _) = text(request.body());
        Self {
            method: request.method().to_string(),
            path: path_style(request),
            query: redact::request_pairs(request.uri().query().unwrap_or_default()),
            body: if is_form { redact::request_pairs(&body) } else { body },
        }
    }
}

fn path_style(request: &Request<Bytes>) -> String {
    let path = request.uri().path();
    match request.uri().host().and_then(|host| host.split_once(".s3.")) {
        Some((bucket, _)) => format!("/{bucket}{}", path.trim_end_matches('/')),
        // A bucket's own path comes with and without a slash.
        None if path.len() > 1 => path.trim_end_matches('/').to_owned(),
        None => path.to_owned(),
    }
}

impl Outcome {
    /// What is kept of an exchange; `token` is the session token that signed it.
    pub(crate) fn of(
        label: &CallLabel,
        token: Option<&str>,
        sent: &Result<Response<Bytes>, TransportError>,
    ) -> Option<Self> {
        let response = match sent {
            Ok(response) => response,
            Err(TransportError::Connect { message }) => {
                return Some(Self::Error(RecordedError::Connect(message.clone())));
            }
            Err(TransportError::Timeout { message }) => {
                return Some(Self::Error(RecordedError::Timeout(message.clone())));
            }
            Err(TransportError::Truncated { message }) => {
                return Some(Self::Error(RecordedError::Truncated(message.clone())));
            }
            Err(TransportError::TooLarge { limit_bytes }) => {
                return Some(Self::Error(RecordedError::TooLarge(*limit_bytes)));
            }
            Err(TransportError::NotRecorded { .. }) => return None,
        };
        let header = |name: &&str| Some(((*name).to_owned(), response.headers().get(*name)?.to_str().ok()?.to_owned()));
        let (body, base64) = text(response.body());
        Some(Self::Response(RecordedResponse {
            status: response.status().as_u16(),
            headers: KEPT_HEADERS.iter().filter_map(header).collect(),
            body: if base64 { body } else { redact::answer(&label.service, token, body) },
            base64,
        }))
    }

    /// The exchange as it ended; `None` if the file holds what no exchange can be.
    pub(crate) fn replayed(&self) -> Option<Result<Response<Bytes>, TransportError>> {
        match self {
            Self::Response(recorded) => recorded.response().map(Ok),
            Self::Error(RecordedError::Connect(message)) => {
                Some(Err(TransportError::Connect { message: message.clone() }))
            }
            Self::Error(RecordedError::Timeout(message)) => {
                Some(Err(TransportError::Timeout { message: message.clone() }))
            }
            Self::Error(RecordedError::Truncated(message)) => {
                Some(Err(TransportError::Truncated { message: message.clone() }))
            }
            Self::Error(RecordedError::TooLarge(limit_bytes)) => {
                Some(Err(TransportError::TooLarge { limit_bytes: *limit_bytes }))
            }
        }
    }
}

impl RecordedResponse {
    fn response(&self) -> Option<Response<Bytes>> {
        let body = if self.base64 { STANDARD.decode(&self.body).ok()?.into() } else { self.body.clone().into() };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).ok()?;
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            response.headers_mut().insert(name, HeaderValue::from_str(value).ok()?);
        }
        Some(response)
    }
}

/// The body as text, or as base64 (then true).
fn text(body: &Bytes) -> (String, bool) {
    match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(body), true),
    }
}
