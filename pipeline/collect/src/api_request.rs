//! One call of an asset type file: its input with values filled in, put where its protocol wants it.

use http::Method;
use pacbot_cloud::{ApiRequest, CallError, CallErrorKind};
use pacbot_schemas::{Protocol, Request, Template};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::coverage::failure;
use crate::paging::Position;
use crate::values::Lookup;

/// What SigV4 leaves bare.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The call of `request` for the page at `position`.
///
/// # Errors
///
/// [`CallErrorKind::Request`] if a placeholder has no value.
pub(crate) fn api_request(
    request: &Request,
    values: &dyn Lookup,
    position: &Position,
) -> Result<ApiRequest, CallError> {
    let method = request.method.parse::<Method>().map_err(|_| malformed(&request.name, "has no valid method"))?;
    let is_json = matches!(request.protocol, Protocol::Json10 | Protocol::Json11);
    let is_rest = matches!(request.protocol, Protocol::RestJson | Protocol::RestXml);
    let has_body = is_json || is_rest && ![Method::GET, Method::HEAD, Method::DELETE].contains(&method);
    let mut input = Map::new();
    for (name, value) in request.input.iter().chain(&request.page_size) {
        input.insert(name.clone(), filled(&request.name, value, values)?);
    }
    let mut link = None;
    match position {
        Position::First => {}
        Position::Tokens(tokens) => {
            input.extend(tokens.iter().map(|(name, token)| (name.clone(), token.clone().into())));
        }
        Position::Number(name, number) => drop(input.insert(name.clone(), (*number).into())),
        Position::Link(url) => link = Some(url.clone()),
    }
    let uri = request
        .uri
        .fill(|name| values.text(name).map(|value| utf8_percent_encode(&value, UNRESERVED).to_string().into()));
    Ok(ApiRequest {
        service: request.service.clone(),
        endpoint: fill(&request.name, &request.endpoint, values)?,
        protocol: request.protocol,
        api_version: request.version.clone(),
        target_prefix: request.target.clone(),
        operation: request.operation.clone(),
        method,
        uri: uri.ok_or_else(|| without_value(&request.name, &request.uri, values))?,
        params: if has_body {
            Vec::new()
        } else {
            input.iter().flat_map(|(name, value)| parameters(request.protocol, name, value)).collect()
        },
        body: (has_body && (is_json || !input.is_empty())).then(|| Value::Object(input)),
        link,
    })
}

/// A value of a form or a query: text. A list is a parameter that repeats in a query and one that counts in a form,
/// where the members of a value follow its name.
fn parameters(protocol: Protocol, name: &str, value: &Value) -> Vec<(String, String)> {
    let is_form = matches!(protocol, Protocol::Ec2 | Protocol::Query);
    match value {
        Value::Array(values) if is_form => {
            // A name with a dot says itself what its items are called.
            let member = if protocol == Protocol::Query && !name.contains('.') { ".member" } else { "" };
            let numbered = values.iter().zip(1..).map(|(value, number)| (format!("{name}{member}.{number}"), value));
            numbered.flat_map(|(name, value)| parameters(protocol, &name, value)).collect()
        }
        Value::Object(members) if is_form => {
            let named = members.iter().filter(|(_, value)| !value.is_null());
            let named = named.map(|(member, value)| (format!("{name}.{}", requested(protocol, member)), value));
            named.flat_map(|(name, value)| parameters(protocol, &name, value)).collect()
        }
        Value::Array(values) => values.iter().flat_map(|value| parameters(protocol, name, value)).collect(),
        Value::String(text) => vec![(name.to_owned(), text.clone())],
        value => vec![(name.to_owned(), value.to_string())],
    }
}

/// How a request names what EC2 answers: `ipProtocol` is asked for as `IpProtocol`.
fn requested(protocol: Protocol, member: &str) -> String {
    let mut letters = member.chars();
    match letters.next() {
        Some(first) if protocol == Protocol::Ec2 => first.to_ascii_uppercase().to_string() + letters.as_str(),
        _ => member.to_owned(),
    }
}

/// `value` with its placeholders filled in. A text that is nothing but one placeholder becomes the value itself.
///
/// # Errors
///
/// [`CallErrorKind::Request`] if a placeholder has no value.
pub fn filled_value(value: &toml::Value, values: &dyn Lookup) -> Result<Value, CallError> {
    filled("value", value, values)
}

fn filled(request: &str, value: &toml::Value, values: &dyn Lookup) -> Result<Value, CallError> {
    Ok(match value {
        toml::Value::String(text) if text.contains('{') => {
            let template = Template::parse(text).map_err(|message| malformed(request, &message))?;
            match template.only_name().and_then(|name| values.value(name)) {
                Some(value) => value,
                None => fill(request, &template, values)?.into(),
            }
        }
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(flag) => (*flag).into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => {
            items.iter().map(|item| filled(request, item, values)).collect::<Result<Vec<_>, _>>()?.into()
        }
        toml::Value::Table(table) => {
            let members = table.iter().map(|(name, item)| Ok((name.clone(), filled(request, item, values)?)));
            Value::Object(members.collect::<Result<Map<_, _>, CallError>>()?)
        }
    })
}

fn fill(request: &str, template: &Template, values: &dyn Lookup) -> Result<String, CallError> {
    template.fill(|name| values.text(name)).ok_or_else(|| without_value(request, template, values))
}

fn without_value(request: &str, template: &Template, values: &dyn Lookup) -> CallError {
    let empty = template.names().find(|name| values.text(name).is_none_or(|value| value.is_empty()));
    malformed(request, &format!("needs `{{{}}}`, which has no value", empty.unwrap_or_default()))
}

fn malformed(request: &str, reason: &str) -> CallError {
    failure(CallErrorKind::Request, format!("request `{request}` {reason}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};
    use pacbot_schemas::AssetTypeDef;
    use serde_json::json;

    use super::*;
    use crate::testing::scope;
    use crate::values::{Named, Values};

    fn follow_up(head: &str, request: &str) -> Request {
        let file = format!(
            "table = 'aws_test'\ndoc = 'd'\nasset_id = '{{id}}'\nname = '{{id}}'\n[request.list]\nservice = 's'\n{head}\noperation = 'L'\npermission = 'p'\n\
             [request.more]\nper = 'item'\noperation = 'GetThing'\npermission = 'p'\n{request}\n\
             [columns]\nid = {{ type = 'string', key = true, doc = 'd' }}\n"
        );
        AssetTypeDef::parse("test.toml", &file).unwrap().requests["more"].clone()
    }

    fn call(request: &Request, position: &Position) -> Result<ApiRequest, CallError> {
        let id: ArrayRef = Arc::new(StringArray::from(vec![None, Some("a/b:ü")]));
        let columns = Named::from([("id", id)]);
        let scope = scope("eu-west-1");
        let values = Values { row: Some((&columns, 1)), ..Values::of(&scope) };
        api_request(request, &values, position)
    }

    #[test]
    fn a_form_is_text() {
        let request = follow_up(
            "protocol = 'ec2'\nversion = '1'",
            "input = { 'Id.1' = '{id}', DryRun = false }\npage = { size = { MaxResults = 5 }, next = { NextToken = 'nextToken' } }",
        );
        let call = call(&request, &Position::Tokens(vec![("NextToken".to_owned(), "t".to_owned())])).unwrap();
        let pairs: Vec<(&str, &str)> = call.params.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(pairs, [("Id.1", "a/b:ü"), ("DryRun", "false"), ("MaxResults", "5"), ("NextToken", "t")]);
        assert_eq!((call.body, call.uri.as_str()), (None, "/"));
    }

    #[test]
    fn a_json_body_keeps_its_types() {
        let request = follow_up(
            "protocol = 'json-1.1'\ntarget = 'T'",
            "input = { Ids = ['{id}', 'x-{region}'], Deep = { On = true } }\npage = { number = 'Page', size = { Limit = 5 } }",
        );
        let call = call(&request, &Position::Number("Page".to_owned(), 2)).unwrap();
        assert_eq!(
            call.body,
            Some(json!({"Ids": ["a/b:ü", "x-eu-west-1"], "Deep": {"On": true}, "Limit": 5, "Page": 2}))
        );
        assert!(call.params.is_empty());
    }

    #[test]
    fn rest_has_a_path_a_query_and_with_post_a_body() {
        let rest = "protocol = 'rest-json'\nuri = '/'";
        let get =
            follow_up(rest, "uri = '/things/{id}/tags'\ninput = { kind = ['a', 'b'] }\nendpoint = '{account_id}.s'");
        let call_get = call(&get, &Position::First).unwrap();
        assert_eq!(call_get.uri, "/things/a%2Fb%3A%C3%BC/tags");
        assert_eq!(call_get.params, [("kind".to_owned(), "a".to_owned()), ("kind".to_owned(), "b".to_owned())]);
        assert_eq!(call_get.endpoint, "111122223333.s");
        let post = follow_up(rest, "uri = '/things'\nmethod = 'POST'\ninput = { kind = 7 }");
        let call_post = call(&post, &Position::First).unwrap();
        assert_eq!((call_post.body, call_post.params.len()), (Some(json!({"kind": 7})), 0));
    }

    #[test]
    fn a_placeholder_without_a_value_is_an_error() {
        let request = follow_up("protocol = 'ec2'\nversion = '1'", "input = { Id = '{id}' }");
        let scope = scope("eu-west-1");
        let error = api_request(&request, &Values::of(&scope), &Position::First).unwrap_err();
        assert_eq!(error.to_string(), "request: request `more` needs `{id}`, which has no value");
    }
}
