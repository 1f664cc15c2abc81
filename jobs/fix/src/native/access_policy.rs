//! Takes the statements that let everyone in out of a search domain's access policy. All others stay, and no Allow is
//! turned into a Deny.

use std::sync::Arc;

use async_trait::async_trait;
use pacbot_schemas::{Protocol, normalise_policy};
use serde_json::{Value, json};

use super::api::{Api, Told};
use crate::fix::{About, Fix, FixError, Job, Made, State};
use crate::state::is_public;

const ES: Api = Api { service: "es", protocol: Protocol::RestJson, version: "", target: "" };

struct AccessPolicy {
    about: About,
    uri: &'static str,
    describe: &'static str,
    update: &'static str,
}

pub(super) fn fixes() -> Vec<Arc<dyn Fix>> {
    let kinds = [
        (
            "aws-elasticsearch-close-policy",
            "aws_elasticsearch_domain",
            "/2015-01-01/es/domain/",
            "DescribeElasticsearchDomain",
            "UpdateElasticsearchDomainConfig",
        ),
        (
            "aws-opensearch-close-policy",
            "aws_opensearch_domain",
            "/2021-01-01/opensearch/domain/",
            "DescribeDomain",
            "UpdateDomainConfig",
        ),
    ];
    let made = kinds.into_iter().filter_map(|(id, asset_type, uri, describe, update)| {
        let permissions = [format!("es:{describe}"), format!("es:{update}")];
        let about = Told {
            id,
            title: "Take the statements for everyone out of the domain's policy".to_owned(),
            does: "Removes the Allow statements for everyone, with or without conditions, from the domain's access policy. \
                   Statements that name somebody stay."
                .to_owned(),
            undoes: "Puts back the policy as it was.".to_owned(),
            types: &[asset_type],
            permissions: &[&permissions[0], &permissions[1]],
            parameters: "",
        };
        Some(Arc::new(AccessPolicy { about: about.about()?, uri, describe, update }) as Arc<dyn Fix>)
    });
    made.collect()
}

impl AccessPolicy {
    async fn put(&self, job: Job<'_>, policy: &str) -> Result<(), FixError> {
        let uri = format!("{}{}/config", self.uri, job.target.text("domain_name")?);
        let call = ES.rest("POST", &uri, self.update, &json!({ "AccessPolicies": policy }))?;
        job.live.call(&job.live.scope(job.target, None), call, true).await.map(drop)
    }
}

/// The policy's text; empty where there is none.
fn text(state: &State) -> &str {
    state.0.get("policy").and_then(Value::as_str).unwrap_or_default()
}

/// The document with its statements for everyone apart.
fn split(policy: &str) -> Result<(Value, Vec<Value>), FixError> {
    if policy.trim().is_empty() {
        return Ok((Value::Null, Vec::new()));
    }
    let unread = |error: &dyn std::fmt::Display| FixError::unexpected(format!("the policy: {error}"));
    let mut document: Value = serde_json::from_str(policy).map_err(|error| unread(&error))?;
    let normal = normalise_policy(policy).map_err(|error| unread(&error))?;
    let judged = normal.get("statement").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(statements) = document.get_mut("Statement") else { return Ok((document, Vec::new())) };
    let all = match statements.take() {
        Value::Array(all) => all,
        one => vec![one],
    };
    if all.len() != judged.len() {
        return Err(FixError::unexpected("the policy has statements that are none"));
    }
    let is_open = |normal: &Value| normal.get("effect").and_then(Value::as_str) == Some("Allow") && is_public(normal);
    let (mut kept, mut open) = (Vec::new(), Vec::new());
    for (statement, normal) in all.into_iter().zip(&judged) {
        if is_open(normal) { open.push(statement) } else { kept.push(statement) }
    }
    *statements = Value::Array(kept);
    Ok((document, open))
}

#[async_trait]
impl Fix for AccessPolicy {
    fn about(&self) -> &About {
        &self.about
    }

    async fn read(&self, job: Job<'_>, _made: &Made) -> Result<State, FixError> {
        let uri = format!("{}{}", self.uri, job.target.text("domain_name")?);
        let call = ES.rest("GET", &uri, self.describe, &json!({}))?;
        let answer = job.live.ask(&job.live.scope(job.target, None), call, &[], false).await?;
        let policy = answer.json.pointer("/DomainStatus/AccessPolicies").and_then(Value::as_str).unwrap_or_default();
        Ok(State([("policy".to_owned(), policy.into())].into_iter().collect()))
    }

    fn is_good(&self, _job: Job<'_>, state: &State) -> Result<bool, FixError> {
        Ok(split(text(state))?.1.is_empty())
    }

    fn changes(&self, _job: Job<'_>, before: &State) -> Result<Vec<String>, FixError> {
        let (_, open) = split(text(before))?;
        Ok(open.iter().map(|statement| format!("es:{} without {statement}", self.update)).collect())
    }

    async fn apply(&self, job: Job<'_>, before: &State) -> Result<Made, FixError> {
        let (document, _) = split(text(before))?;
        let is_empty = document.get("Statement").and_then(Value::as_array).is_none_or(Vec::is_empty);
        // A document without statements is refused; no policy at all lets nobody in.
        let policy = if is_empty { String::new() } else { document.to_string() };
        self.put(job, &policy).await?;
        Ok(Made::new())
    }

    async fn undo(&self, job: Job<'_>, before: &State, _now: &State, made: &Made) -> Result<Made, FixError> {
        self.put(job, text(before)).await?;
        Ok(made.clone())
    }

    fn differences(&self, before: &State, now: &State) -> Vec<String> {
        let document = |state: &State| serde_json::from_str::<Value>(text(state)).ok();
        if document(before) == document(now) { Vec::new() } else { vec!["policy".to_owned()] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_for_everyone_are_taken_out() {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "es:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "es:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": "es:ESHttpDelete", "Resource": "*"}]});
        let (kept, open) = split(&policy.to_string()).unwrap();
        assert_eq!((kept["Statement"].as_array().unwrap().len(), open.len()), (2, 1));
        assert_eq!(open[0]["Principal"]["AWS"], "*");
        assert!(split("").unwrap().1.is_empty());
    }
}
