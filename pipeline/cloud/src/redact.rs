//! Takes credentials out of what a recording keeps.
//!
//! A recording is checked in, mailed and embedded. Credentials of ours are found by where they stand (STS
//! answers, presigned links) and, for the session token, by its value. What an asset holds (user data,
//! environment variables) is not judged here: a recording of a real account is as private as its assets.

pub(crate) const REDACTED: &str = "REDACTED";
/// A replay must not find its credentials expired.
const NEVER: &str = "9999-12-31T23:59:59Z";

/// Fields that are secret wherever they stand.
const SECRET_FIELDS: &[&str] = &["SecretAccessKey", "SessionToken", "secretAccessKey", "sessionToken"];

/// Query parameters of a presigned link, as they appear in answers.
const PRESIGNED: &[&str] = &["X-Amz-Credential=", "X-Amz-Security-Token=", "X-Amz-Signature="];

/// Sorts the pairs of a query or form and drops what differs from run to run or is nobody's business.
pub(crate) fn request_pairs(pairs: &str) -> String {
    let mut kept: Vec<String> = pairs
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("X-Amz-"))
        .map(|pair| match pair.split_once('=') {
            Some((name @ ("ExternalId" | "TokenCode" | "WebIdentityToken" | "SAMLAssertion"), _)) => {
                format!("{name}={REDACTED}")
            }
            _ => pair.to_owned(),
        })
        .collect();
    kept.sort();
    kept.join("&")
}

/// The answer's text without credentials; `token` is the session token of the request.
pub(crate) fn answer(service: &str, token: Option<&str>, mut text: String) -> String {
    for field in SECRET_FIELDS {
        text = field_value(text, field, REDACTED);
    }
    if service == "sts" {
        text = field_value(text, "AccessKeyId", REDACTED);
        text = field_value(text, "Expiration", NEVER);
    }
    for parameter in PRESIGNED {
        let ends = |c: char| !(c.is_ascii_alphanumeric() || "-._~%/+=".contains(c));
        text = between(text, parameter, ends, REDACTED);
    }
    // A refused signature is answered with the headers that were signed.
    match token.filter(|token| !token.is_empty()) {
        Some(token) if text.contains(token) => text.replace(token, REDACTED),
        _ => text,
    }
}

/// Replaces the text of an XML element or JSON field.
fn field_value(text: String, field: &str, with: &str) -> String {
    let text = between(text, &format!("<{field}>"), |c| c == '<', with);
    // JSON of an API has either no space or one behind the colon.
    let text = between(text, &format!("\"{field}\":\""), |c| c == '"', with);
    between(text, &format!("\"{field}\": \""), |c| c == '"', with)
}

fn between(text: String, start: &str, ends: impl Fn(char) -> bool, with: &str) -> String {
    if !text.contains(start) {
        return text;
    }
    let mut parts = text.split(start);
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        redacted.push_str(start);
        redacted.push_str(with);
        redacted.push_str(part.find(&ends).and_then(|end| part.get(end..)).unwrap_or_default());
    }
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sts_answers_lose_their_credentials_and_never_expire() {
        let xml = "<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
            <SessionToken>t</SessionToken><Expiration>2025-01-01T00:00:00Z</Expiration></Credentials>";
        assert_eq!(
            answer("sts", None, xml.into()),
            "<Credentials><AccessKeyId>REDACTED</AccessKeyId><SecretAccessKey>REDACTED</SecretAccessKey>\
            <SessionToken>REDACTED</SessionToken><Expiration>9999-12-31T23:59:59Z</Expiration></Credentials>"
        );
    }

    #[test]
    fn the_keys_of_users_are_assets() {
        let xml = "<member><AccessKeyId>AKIA1</AccessKeyId></member>";
        assert_eq!(answer("iam", None, xml.into()), xml);
    }

    #[test]
    fn presigned_links_lose_what_opens_them() {
        let json =
            r#"{"Location":"https://b.s3.x/k?X-Amz-Date=1\u0026X-Amz-Security-Token=ab%2F1&X-Amz-Signature=ff"}"#;
        assert_eq!(
            answer("lambda", None, json.into()),
            r#"{"Location":"https://b.s3.x/k?X-Amz-Date=1\u0026X-Amz-Security-Token=REDACTED&X-Amz-Signature=REDACTED"}"#
        );
        assert_eq!(
            answer("x", None, r#"{"SessionToken": "t", "a": 1}"#.into()),
            r#"{"SessionToken": "REDACTED", "a": 1}"#
        );
    }

    #[test]
    fn an_echoed_token_is_found_by_its_value() {
        let xml = "<Error><Code>ExpiredToken</Code><Token-0>FQoG/1</Token-0></Error>";
        assert_eq!(
            answer("s3", Some("FQoG/1"), xml.into()),
            "<Error><Code>ExpiredToken</Code><Token-0>REDACTED</Token-0></Error>"
        );
    }

    #[test]
    fn requests_are_sorted_and_unsigned() {
        assert_eq!(request_pairs("b=2&X-Amz-Signature=ff&a=1&ExternalId=x&"), "ExternalId=REDACTED&a=1&b=2");
        assert_eq!(request_pairs(""), "");
    }
}
