//! One API request, and how each protocol puts it into HTTP.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use pacbot_schemas::{AccountId, Protocol};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::endpoint::Endpoint;
use crate::error::CallError;

/// What SigV4 leaves bare.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One request to an API; one page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiRequest {
    /// The service's signing name.
    pub service: String,
    /// The host's prefix; may hold `{account_id}`.
    pub endpoint: String,
    /// The wire protocol.
    pub protocol: Protocol,
    /// The API version (EC2 and Query).
    pub api_version: Option<String>,
    /// The prefix of `X-Amz-Target` (JSON).
    pub target_prefix: Option<String>,
    /// The operation's name.
    pub operation: String,
    /// The HTTP method (REST); the other protocols post.
    pub method: Method,
    /// The path with values filled in and percent-encoded, and perhaps a query (REST).
    pub uri: String,
    /// Form parameters (EC2 and Query) or query parameters (REST), not yet encoded.
    pub params: Vec<(String, String)>,
    /// The body (JSON protocols); a text is sent as it is.
    pub body: Option<serde_json::Value>,
    /// The next page's address: replaces path and query; must be on the endpoint's host.
    pub link: Option<Url>,
}

/// A whole answer of the API, not an error.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The body, of the request's protocol; empty only where an operation that writes answers nothing.
    pub body: Bytes,
    /// The headers.
    pub headers: http::HeaderMap,
    /// How often the request was sent.
    pub attempts: u32,
}

impl ApiRequest {
    /// The unsigned HTTP request to `endpoint`.
    pub(crate) fn to_http(&self, endpoint: &Endpoint, account: &AccountId) -> Result<Request<Bytes>, CallError> {
        let (method, content_type, body) = match self.protocol {
            Protocol::Ec2 | Protocol::Query => {
                (Method::POST, Some("application/x-www-form-urlencoded; charset=utf-8"), self.form()?.into())
            }
            Protocol::Json10 => (Method::POST, Some("application/x-amz-json-1.0"), self.json(true)),
            Protocol::Json11 => (Method::POST, Some("application/x-amz-json-1.1"), self.json(true)),
            Protocol::RestJson => (self.method.clone(), Some("application/json"), self.json(false)),
            Protocol::RestXml => (self.method.clone(), Some("application/xml"), self.json(false)),
            Protocol::Native => return Err(self.malformed("has no wire protocol: a native collector makes it")),
        };
        let mut http = Request::builder()
            .method(method)
            .uri(self.url(endpoint)?)
            .header("user-agent", concat!("pacbot/", env!("CARGO_PKG_VERSION")));
        if let Some(content_type) = content_type.filter(|_| !body.is_empty()) {
            http = http.header("content-type", content_type);
        }
        if self.is_targeted() {
            let prefix = self.target_prefix.as_deref().ok_or_else(|| self.malformed("has no target prefix"))?;
            http = http.header("x-amz-target", format!("{prefix}.{}", self.operation));
        }
        if self.protocol == Protocol::RestJson {
            // API Gateway else answers HAL, in which lists have other names.
            http = http.header("accept", "application/json");
        }
        if self.service == "s3" && !body.is_empty() {
            // S3 takes no configuration of a bucket without a checksum of its own, beside the signature.
            http = http.header("x-amz-checksum-sha256", BASE64_STANDARD.encode(Sha256::digest(&body)));
        }
        if self.endpoint.ends_with("s3-control") {
            http = http.header("x-amz-account-id", account.as_str());
        }
        http.body(body).map_err(|error| self.malformed(&error.to_string()))
    }

    fn is_targeted(&self) -> bool {
        matches!(self.protocol, Protocol::Json10 | Protocol::Json11)
    }

    fn is_form(&self) -> bool {
        matches!(self.protocol, Protocol::Ec2 | Protocol::Query)
    }

    fn form(&self) -> Result<String, CallError> {
        let version = self.api_version.as_deref().ok_or_else(|| self.malformed("has no API version"))?;
        let head = [("Action", self.operation.as_str()), ("Version", version)];
        Ok(encode(head.into_iter().chain(self.params.iter().map(|(key, value)| (key.as_str(), value.as_str())))))
    }

    fn json(&self, required: bool) -> Bytes {
        match &self.body {
            Some(serde_json::Value::String(text)) => text.clone().into(),
            Some(body) => body.to_string().into(),
            None if required => Bytes::from_static(b"{}"),
            None => Bytes::new(),
        }
    }

    fn url(&self, endpoint: &Endpoint) -> Result<String, CallError> {
        if let Some(link) = &self.link {
            if link.origin() != endpoint.url.origin() {
                return Err(
                    self.malformed(&format!("links to another host, `{}`", link.origin().ascii_serialization()))
                );
            }
            return Ok(link.to_string());
        }
        let uri = if self.uri.is_empty() { "/" } else { &self.uri };
        if !uri.starts_with('/') {
            return Err(self.malformed(&format!("has the path `{uri}`, which does not begin with `/`")));
        }
        let mut url = format!("{}{uri}", endpoint.url.as_str().trim_end_matches('/'));
        if !self.is_form() && !self.params.is_empty() {
            url.push(if uri.contains('?') { '&' } else { '?' });
            url.push_str(&encode(self.params.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
        }
        Ok(url)
    }

    fn malformed(&self, reason: &str) -> CallError {
        CallError::request(format!("request `{}:{}` {reason}", self.service, self.operation))
    }
}

fn encode<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (key, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.extend(utf8_percent_encode(key, UNRESERVED));
        text.push('=');
        text.extend(utf8_percent_encode(value, UNRESERVED));
    }
    text
}

#[cfg(test)]
mod tests;
