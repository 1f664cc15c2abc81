//! Calls that others than collectors describe in the terms of asset type files: made from a template, read as JSON.

use bytes::Bytes;
use pacbot_cloud::{ApiRequest, CallError, CallErrorKind};
use pacbot_schemas::{Path, Protocol, Request};
use serde_json::Value;

use crate::api_request::api_request;
use crate::coverage::failure;
use crate::decode::{Answer, Shape, text};
use crate::paging::Position;
use crate::values::Lookup;

/// The call of `request` with its placeholders filled in.
///
/// # Errors
///
/// [`CallErrorKind::Request`] if a placeholder has no value.
pub fn template_call(request: &Request, values: &dyn Lookup) -> Result<ApiRequest, CallError> {
    api_request(request, values, &Position::first(request))
}

/// An answer as JSON. What stands at a step of `lists` with `[]` is a list, also where XML has one item or none.
///
/// # Errors
///
/// [`CallErrorKind::NotAnApi`] if the answer is not of its protocol.
pub fn answer_to_json(protocol: Protocol, body: Bytes, lists: &[Path]) -> Result<Value, CallError> {
    let unreadable = |error: &dyn std::fmt::Display| failure(CallErrorKind::NotAnApi, error);
    let body = text(body);
    if body.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    // S3 answers a policy document as it is.
    let protocol = if body.trim_start().starts_with('{') { Protocol::RestJson } else { protocol };
    let mut shape = Shape::empty();
    lists.iter().for_each(|path| shape.overlay(Shape::at(path, Shape::Any)));
    let answer = Answer::parse(&body, protocol, &shape).map_err(|error| unreadable(&error))?;
    serde_json::from_str(&answer.to_json()).map_err(|error| unreadable(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_is_a_list_where_a_list_is_asked_for() {
        let body = "<R><ipPermissions><item><ipProtocol>tcp</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp>\
                    </item></ipRanges></item></ipPermissions></R>";
        let lists = ["ipPermissions[].ipRanges[]"].map(|path| Path::parse(path).unwrap());
        let read = answer_to_json(Protocol::Ec2, Bytes::from(body), &lists).unwrap();
        let expected = serde_json::json!([{"ipProtocol": "tcp", "ipRanges": [{"cidrIp": "0.0.0.0/0"}]}]);
        assert_eq!(read["ipPermissions"], expected);
    }
}
