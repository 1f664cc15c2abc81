//! Judges an answer: is it of its protocol and whole, and if it is an error, which one.
//!
//! An answer that is not what the protocol promises is never taken for an empty one: a proxy's page or a
//! body cut short would else look like an account without assets.

use bytes::Bytes;
use http::{Response, StatusCode};
use pacbot_schemas::Protocol;

use crate::error::{CallError, CallErrorKind};
use crate::xml::{Element, root_name};

const ERROR_TYPE: &str = "x-amzn-errortype";

/// Codes that ask for fewer requests. The list of the SDKs, and what EC2 and S3 say on their own.
const THROTTLED: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededThrottling",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes of failures on the API's side that may come with a status below 500.
const SERVER: &[&str] =
    &["InternalError", "InternalFailure", "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable"];

/// Codes of refusal beside the patterns in [`classify`]. The second row is what an account gets in a region
/// that it has not enabled, where its credentials mean nothing.
const DENIED: &[&str] = &[
    "AuthorizationError",
    "UnauthorizedOperation",
    "InvalidAccessKeyId",
    "MissingAuthenticationToken",
    "AuthFailure",
    "InvalidClientTokenId",
    "OptInRequired",
    "UnrecognizedClientException",
];

/// What an error code or, without one, a status means.
pub(crate) fn classify(code: Option<&str>, status: StatusCode) -> CallErrorKind {
    match code {
        Some(code) if THROTTLED.contains(&code) => CallErrorKind::Throttled,
        Some(code) if code.starts_with("ExpiredToken") || code == "RequestExpired" => CallErrorKind::Expired,
        Some(code) if DENIED.contains(&code) || code.starts_with("AccessDenied") || code.contains("NotAuthorized") => {
            CallErrorKind::Denied
        }
        Some(code) if SERVER.contains(&code) => CallErrorKind::Server,
        _ if status == StatusCode::TOO_MANY_REQUESTS => CallErrorKind::Throttled,
        _ if status.is_server_error() => CallErrorKind::Server,
        None if matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED) => CallErrorKind::Denied,
        _ => CallErrorKind::Service,
    }
}

/// Passes `response` on if it is a whole answer of `protocol` to `operation`.
///
/// # Errors
///
/// [`CallError`] with the API's code and message, or of kind [`CallErrorKind::NotAnApi`] or
/// [`CallErrorKind::Truncated`].
pub(crate) fn judge(
    protocol: Protocol,
    operation: &str,
    response: Response<Bytes>,
) -> Result<Response<Bytes>, CallError> {
    let status = response.status();
    let body = response.body();
    let text = String::from_utf8_lossy(body.get(..body.len().min(1024)).unwrap_or_default());
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if is_html(start) {
        let kind = CallErrorKind::NotAnApi;
        return Err(CallError::answered(kind, None, "an HTML page instead of an answer", status));
    }
    if !status.is_success() {
        return Err(error_of(protocol, &response));
    }
    // An emulator writes `null` where AWS writes nothing.
    if start.is_empty() || (start.trim_end() == "null" && !is_read(operation)) {
        return if is_read(operation) {
            Err(CallError::answered(CallErrorKind::NotAnApi, None, "an empty body instead of an answer", status))
        } else {
            Ok(response)
        };
    }
    // S3 answers a policy document as it is, which is JSON.
    let is_json_document = protocol == Protocol::RestXml && start.starts_with('{');
    let whole = if protocol.is_xml() && !is_json_document { whole_xml(start, body) } else { whole_json(start, body) };
    match whole {
        Some(true) if protocol.is_xml() && is_error_document(start) => Err(error_of(protocol, &response)),
        Some(true) => Ok(response),
        Some(false) => Err(CallError::answered(CallErrorKind::Truncated, None, "the body ends before its end", status)),
        None => Err(CallError::answered(CallErrorKind::NotAnApi, None, "the body is not of the protocol", status)),
    }
}

/// Whether an operation only reads; only others may answer with nothing.
fn is_read(operation: &str) -> bool {
    ["Describe", "List", "Get", "BatchGet", "BatchDescribe", "Lookup", "Search", "Select", "AssumeRole"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

/// By its beginning, since emulators label XML as `text/html`.
fn is_html(start: &str) -> bool {
    let begins = |text: &str, prefix: &str| text.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix));
    let after_declaration = match start.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, rest)| rest).trim_start(),
        None => start,
    };
    begins(after_declaration, "<!doctype html") || begins(after_declaration, "<html")
}

/// `None` if it is no XML document; else whether its root is closed.
fn whole_xml(start: &str, body: &[u8]) -> Option<bool> {
    let root = root_name(start)?;
    let body = body.trim_ascii_end();
    let tail = String::from_utf8_lossy(body.get(body.len().saturating_sub(root.len() + 16)..)?).into_owned();
    let closed = tail.strip_suffix('>').map(str::trim_end).is_some_and(|tail| tail.ends_with(&format!("</{root}")));
    let only_root = start.matches('<').count() - start.matches("<?").count() == 1;
    Some(closed || (only_root && tail.ends_with("/>")))
}

/// `None` if it is no JSON object or list; else whether it is closed.
fn whole_json(start: &str, body: &[u8]) -> Option<bool> {
    let close = match start.as_bytes().first()? {
        b'{' => b'}',
        b'[' => b']',
        _ => return None,
    };
    Some(body.trim_ascii_end().last() == Some(&close))
}

/// S3 may say 200 and fail afterwards.
fn is_error_document(start: &str) -> bool {
    matches!(root_name(start), Some("Error" | "ErrorResponse"))
}

fn error_of(protocol: Protocol, response: &Response<Bytes>) -> CallError {
    let status = response.status();
    let (in_body, message) = if protocol.is_xml() { xml_error(response.body()) } else { json_error(response.body()) };
    let in_header = response.headers().get(ERROR_TYPE).and_then(|value| value.to_str().ok()).map(bare_code);
    let code = in_header.or(in_body).filter(|code| !code.is_empty());
    let kind = match classify(code.as_deref(), status) {
        // Redirects and 1xx without a code are no answer of an API.
        CallErrorKind::Service if code.is_none() && !status.is_client_error() => CallErrorKind::NotAnApi,
        kind => kind,
    };
    let message = message.unwrap_or_else(|| status.canonical_reason().unwrap_or("no message").to_lowercase());
    CallError::answered(kind, code, &message, status)
}

/// The code and message of an XML error body.
///
/// EC2 nests `Response/Errors/Error`, Query `ErrorResponse/Error`, and S3 has `Error` alone.
fn xml_error(body: &[u8]) -> (Option<String>, Option<String>) {
    let Some(document) = Element::parse(body) else { return (None, None) };
    let Some(error) = document.find("Error") else { return (None, None) };
    let text = |name| error.text_of(name).map(str::to_owned);
    (text("Code"), text("Message").or_else(|| text("message")))
}

/// The code and message of a JSON error body.
fn json_error(body: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(serde_json::Value::Object(error)) = serde_json::from_slice(body) else { return (None, None) };
    let text = |names: &[&str]| names.iter().find_map(|name| error.get(*name)?.as_str());
    let code = text(&["__type", "code", "Code"]).map(bare_code);
    (code, text(&["message", "Message", "errorMessage"]).map(str::to_owned))
}

/// `com.amazonaws.kms#NotFoundException:http://…` is the code `NotFoundException`.
fn bare_code(code: &str) -> String {
    let code = code.split_once(':').map_or(code, |(code, _)| code);
    code.rsplit_once('#').map_or(code, |(_, code)| code).trim().to_owned()
}

#[cfg(test)]
mod tests;
