//! Fix files: what is read, when it is good, what is applied and what is undone. One TOML file each.
//!
//! A request is described as in asset type files. Every mistake that can be seen without asking the API is found when a
//! file is read.

use std::collections::BTreeMap;
use std::time::Duration;

use indexmap::IndexMap;
use pacbot_schemas::{
    AssetType, AssetTypes, ErrorMatch, FixId, NextPage, Path, Per, Protocol, Request, SourceError, Template,
    fingerprint,
};
use serde::Deserialize;

use crate::condition::Condition;
use crate::facts::HEADS;
use crate::fix::{About, ParameterDef};
use crate::state::FieldSpec;

mod validate;

/// How long a webhook or command may take unless the file says otherwise.
const CUSTOM_LIMIT: Duration = Duration::from_secs(30);

/// A parsed and checked fix file.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) about: About,
    /// The region in which requests are made, where it is not the asset's.
    pub(crate) region: Option<Template>,
    pub(crate) read: IndexMap<String, Step>,
    pub(crate) state: IndexMap<String, FieldSpec>,
    pub(crate) good: Vec<Condition>,
    pub(crate) refuse: Vec<Refusal>,
    pub(crate) apply: IndexMap<String, Step>,
    pub(crate) undo: IndexMap<String, Step>,
}

/// One call of a fix.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) call: StepCall,
    /// It is made only if these hold.
    pub(crate) when: Vec<Condition>,
    /// It is made once for each item of this list.
    pub(crate) each: Option<String>,
    /// A value that is replaced by another everywhere in the call: the id of what was, by that of what took its place.
    pub(crate) replace: Vec<(Template, Template)>,
}

/// How a call is made.
#[derive(Debug, Clone)]
pub(crate) enum StepCall {
    /// A signed request, and its body where the protocol does not say it.
    Request { request: Box<Request>, body: Option<Template> },
    /// A signed post to an address.
    Webhook { url: Template, secret: String, limit: Duration },
    /// A program with arguments.
    Command { arguments: Vec<Template>, limit: Duration },
}

/// When a fix leaves an asset alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    pub(crate) because: String,
    pub(crate) when: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSpec {
    id: toml::Spanned<String>,
    title: String,
    #[serde(default)]
    types: Vec<toml::Spanned<String>>,
    does: String,
    undoes: String,
    service: Option<String>,
    protocol: Option<Protocol>,
    endpoint: Option<String>,
    version: Option<String>,
    target: Option<String>,
    region: Option<toml::Spanned<String>>,
    #[serde(default)]
    parameters: BTreeMap<String, ParameterDef>,
    read: IndexMap<toml::Spanned<String>, StepSpec>,
    state: IndexMap<toml::Spanned<String>, FieldSpec>,
    good: Vec<Condition>,
    #[serde(default)]
    refuse: Vec<Refusal>,
    apply: IndexMap<toml::Spanned<String>, StepSpec>,
    undo: IndexMap<toml::Spanned<String>, StepSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepSpec {
    #[serde(default)]
    when: Vec<Condition>,
    each: Option<String>,
    #[serde(default)]
    replace: IndexMap<String, String>,
    operation: Option<String>,
    service: Option<String>,
    protocol: Option<Protocol>,
    endpoint: Option<String>,
    version: Option<String>,
    target: Option<String>,
    method: Option<String>,
    uri: Option<String>,
    #[serde(default)]
    input: toml::Table,
    body: Option<String>,
    permission: Option<String>,
    #[serde(default)]
    absent: Vec<String>,
    webhook: Option<String>,
    secret: Option<String>,
    command: Option<Vec<String>>,
    #[serde(default, with = "humantime_option")]
    timeout: Option<Duration>,
}

/// `"30s"` as a duration.
mod humantime_option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| humantime::parse_duration(&text).map_err(serde::de::Error::custom)).transpose()
    }
}

impl Definition {
    /// Parses and checks a file.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub(crate) fn parse(file: &str, text: &str, types: &AssetTypes) -> Result<Self, Vec<SourceError>> {
        let spec: FileSpec =
            toml::from_str(text).map_err(|error| vec![SourceError::from_toml(file, text, 0, &error)])?;
        validate::definition(file, text, spec, types)
    }

    /// The lists that the answer of a read step is read with.
    pub(crate) fn lists_of(&self, step: &str) -> Vec<Path> {
        let fields = self.state.values().filter(|field| field.from == step);
        fields.filter_map(|field| field.list_paths().ok()).flatten().collect()
    }
}
