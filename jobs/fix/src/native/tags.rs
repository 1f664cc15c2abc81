//! Adds the mandatory tags that an asset lacks. Tags that it has are never changed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pacbot_schemas::Protocol;
use serde_json::{Map, Value, json};

use super::api::{Api, Told, paths};
use crate::fix::{About, Fix, FixError, Job, Made, State};
use crate::state::values_at;

const TAGGING: Api =
    Api { service: "tagging", protocol: Protocol::Json11, version: "", target: "ResourceGroupsTaggingAPI_20170126" };

/// The tags that an asset should have: those of its groups, then those that are configured for all.
fn wanted(job: Job<'_>) -> BTreeMap<String, String> {
    let configured = job.parameters.get("tags").and_then(Value::as_object);
    let texts = configured.into_iter().flatten();
    let configured = texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let mut wanted: BTreeMap<String, String> = configured.collect();
    wanted.extend(job.target.tags.clone());
    wanted
}

pub(super) struct TagFix {
    about: About,
}

const PARAMETERS: &str = "[tags]\ntype = \"map\"\ndefault = {}\ndoc = \"Values by key for all assets, such as `{ Owner = \\\"cloud\\\" }`; the `tags` of an asset's groups come before them.\"\n";

impl TagFix {
    pub(super) fn new() -> Option<Self> {
        let told = Told {
            id: "aws-assets-add-tags",
            title: "Add the tags that are missing".to_owned(),
            does:
                "Adds those tags of its groups, and of `tags`, whose keys the asset lacks, in any case. What is tagged already stays as it is."
                    .to_owned(),
            undoes: "Removes the keys that were added.".to_owned(),
            types: &[],
            // Tagging needs the service's own permission as well.
            permissions: &["tag:GetResources", "tag:TagResources", "tag:UntagResources"],
            parameters: PARAMETERS,
        };
        Some(Self { about: told.about()? })
    }

    /// The tags that are missing in a state.
    fn missing(job: Job<'_>, state: &State) -> BTreeMap<String, String> {
        let has = |key: &str| tags(state).is_some_and(|tags| tags.keys().any(|own| own.eq_ignore_ascii_case(key)));
        wanted(job).into_iter().filter(|(key, _)| !has(key)).collect()
    }
}

fn tags(state: &State) -> Option<&Map<String, Value>> {
    state.0.get("tags").and_then(Value::as_object)
}

/// Errors of single assets come inside an answer.
fn failures(answer: &Value) -> Result<(), FixError> {
    let failed = answer.get("FailedResourcesMap").and_then(Value::as_object).and_then(|failed| failed.values().next());
    match failed {
        Some(failed) => Err(FixError::unexpected(failed.to_string())),
        None => Ok(()),
    }
}

#[async_trait]
impl Fix for TagFix {
    fn about(&self) -> &About {
        &self.about
    }

    async fn read(&self, job: Job<'_>, _made: &Made) -> Result<State, FixError> {
        if wanted(job).is_empty() {
            return Err(FixError::refused("no group of the asset names `tags`, and the parameter `tags` is empty"));
        }
        let call = TAGGING.call("GetResources", &json!({ "ResourceARNList": [job.target.asset_id] }))?;
        let answer = job.live.ask(&job.live.scope(job.target, None), call, &[], false).await?;
        let path = paths(&["ResourceTagMappingList[].Tags[]"]);
        let pair = |tag: &Value| Some((tag.get("Key")?.as_str()?.to_owned(), tag.get("Value")?.clone()));
        let found = path.first().map(|path| values_at(&answer.json, path)).unwrap_or_default();
        let tags: Map<String, Value> = found.into_iter().filter_map(pair).collect();
        Ok(State([("tags".to_owned(), Value::Object(tags))].into_iter().collect()))
    }

    fn is_good(&self, job: Job<'_>, state: &State) -> Result<bool, FixError> {
        Ok(Self::missing(job, state).is_empty())
    }

    fn changes(&self, job: Job<'_>, before: &State) -> Result<Vec<String>, FixError> {
        Ok(vec![format!("tag:TagResources {}", json!(Self::missing(job, before)))])
    }

    async fn apply(&self, job: Job<'_>, before: &State) -> Result<Made, FixError> {
        let missing = Self::missing(job, before);
        let input = json!({ "ResourceARNList": [job.target.asset_id], "Tags": missing });
        let call = TAGGING.call("TagResources", &input)?;
        let answer = job.live.ask(&job.live.scope(job.target, None), call, &[], true).await?;
        failures(&answer.json)?;
        Ok(Made::new())
    }

    async fn undo(&self, job: Job<'_>, before: &State, now: &State, made: &Made) -> Result<Made, FixError> {
        let was = |key: &String| tags(before).is_some_and(|tags| tags.contains_key(key));
        let keys: Vec<String> = Self::missing(job, before).into_keys().collect();
        let is_there = |key: &String| tags(now).is_some_and(|tags| tags.contains_key(key));
        let added: Vec<&String> = keys.iter().filter(|key| !was(key) && is_there(key)).collect();
        if !added.is_empty() {
            let input = json!({ "ResourceARNList": [job.target.asset_id], "TagKeys": added });
            let call = TAGGING.call("UntagResources", &input)?;
            let answer = job.live.ask(&job.live.scope(job.target, None), call, &[], true).await?;
            failures(&answer.json)?;
        }
        Ok(made.clone())
    }
}
