//! What a fix is: it reads one asset, changes it, says whether it is as wanted, and puts back what was.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pacbot_cloud::CallError;
use pacbot_schemas::{AccountId, AssetType, FixId, PolicyId, Region};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::live::Live;

/// Why a fix could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum FixError {
    /// The asset is not one that the fix may change, and changing it would harm.
    #[error("the fix refuses: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// A call was not answered.
    #[error("`{call}` failed")]
    Call {
        /// The operation, webhook or command.
        call: String,
        /// What the API said.
        source: CallError,
    },
    /// A webhook or command failed.
    #[error("`{call}` failed: {reason}")]
    Custom {
        /// The webhook or command.
        call: String,
        /// Why.
        reason: String,
    },
    /// The switch was thrown, or the issue is no longer open, since the claim.
    #[error("stopped before `{call}`: {reason}")]
    Stopped {
        /// What was not done any more.
        call: String,
        /// Why.
        reason: String,
    },
    /// An answer or a stored state is not what the fix understands.
    #[error("the answer is not understood: {reason}")]
    Unexpected {
        /// What is wrong.
        reason: String,
    },
}

impl FixError {
    /// An answer that is not understood.
    pub fn unexpected(reason: impl Into<String>) -> Self {
        Self::Unexpected { reason: reason.into() }
    }

    /// A change that would harm.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into() }
    }

    /// With its cause, in one line.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Call { source, .. } => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }
}

/// One violating row that a fix is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The issue.
    pub issue_id: String,
    /// Its occurrence.
    pub occurrence: u64,
    /// The policy.
    pub policy_id: PolicyId,
    /// The asset's type.
    pub asset_type: AssetType,
    /// The asset.
    pub asset_id: String,
    /// Its account.
    pub account_id: AccountId,
    /// Its region, or `global`.
    pub region: Region,
    /// Tells several violations of one asset apart.
    #[serde(default)]
    pub key: String,
    /// The violation's text.
    #[serde(default)]
    pub reason: String,
    /// The policy's further columns.
    #[serde(default)]
    pub evidence: Value,
    /// The asset's columns as collected.
    #[serde(default)]
    pub asset: Map<String, Value>,
    /// Tags that its groups say it should have; those that two groups contradict each other about are not here.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Target {
    /// A column of the asset as text.
    ///
    /// # Errors
    ///
    /// [`FixError::Unexpected`] if it has no value.
    pub fn text(&self, column: &str) -> Result<&str, FixError> {
        let found = self.asset.get(column).and_then(Value::as_str).filter(|text| !text.is_empty());
        found.ok_or_else(|| FixError::unexpected(format!("the asset has no `{column}`")))
    }
}

/// One piece of work: whom, with what.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The violating row.
    pub target: &'a Target,
    /// The fix's parameters.
    pub parameters: &'a Parameters,
    /// The live APIs.
    pub live: &'a Live,
}

/// The values of a fix's parameters.
pub type Parameters = BTreeMap<String, Value>;

/// What of an asset a fix changes: typed fields by name, null where there is nothing. Stored before a change, and put
/// back by undo.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(pub Map<String, Value>);

/// What the changes answered, by their names, such as the id of what was made.
pub type Made = Map<String, Value>;

/// One parameter of a fix.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterDef {
    /// string, int, bool, list or map.
    pub r#type: ParameterKind,
    /// Its value unless configured; without one the fix needs the configuration to say it.
    pub default: Option<toml::Value>,
    /// What it means.
    pub doc: String,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterKind {
    /// Text.
    String,
    /// A whole number.
    Int,
    /// True or false.
    Bool,
    /// Texts.
    List,
    /// Texts by text.
    Map,
}

impl ParameterKind {
    /// The value as JSON; `None` if it is of another type.
    #[must_use]
    pub fn value(self, value: &toml::Value) -> Option<Value> {
        let fits = match self {
            Self::String => value.is_str(),
            Self::Int => value.is_integer(),
            Self::Bool => value.is_bool(),
            Self::List => value.as_array().is_some_and(|items| items.iter().all(toml::Value::is_str)),
            Self::Map => value.as_table().is_some_and(|table| table.values().all(toml::Value::is_str)),
        };
        if fits { serde_json::to_value(value).ok() } else { None }
    }
}

/// What a fix says about itself.
#[derive(Debug, Clone)]
pub struct About {
    /// Its id.
    pub id: FixId,
    /// In one line.
    pub title: String,
    /// What it changes.
    pub does: String,
    /// What undoing it brings back, and what it cannot.
    pub undoes: String,
    /// The asset types that it understands; empty for all.
    pub types: Vec<AssetType>,
    /// What reading, applying and undoing need.
    pub permissions: Vec<String>,
    /// Its parameters.
    pub parameters: BTreeMap<String, ParameterDef>,
    /// A hash of its definition.
    pub version: u64,
}

/// An automatic repair of one asset.
///
/// *plan* is [`Fix::read`] and [`Fix::changes`], *verify* is [`Fix::read`] and [`Fix::is_good`]. An implementation keeps
/// nothing between calls: a process may be killed between any two of them, and another one goes on.
#[async_trait]
pub trait Fix: Send + Sync {
    /// What it is.
    fn about(&self) -> &About;

    /// Reads the asset from the live API. Changes nothing. `made` is what changes answered before: an asset that undo
    /// made again has another id.
    async fn read(&self, job: Job<'_>, made: &Made) -> Result<State, FixError>;

    /// Whether an asset in this state needs no fix any more.
    ///
    /// # Errors
    ///
    /// [`FixError::Unexpected`] if the state does not tell.
    fn is_good(&self, job: Job<'_>, state: &State) -> Result<bool, FixError>;

    /// What [`Fix::apply`] would change, one line each.
    ///
    /// # Errors
    ///
    /// [`FixError::Refused`] if it would refuse.
    fn changes(&self, job: Job<'_>, before: &State) -> Result<Vec<String>, FixError>;

    /// Changes the asset. Doing it again after a kill must do no harm.
    async fn apply(&self, job: Job<'_>, before: &State) -> Result<Made, FixError>;

    /// Puts back what was, from what is `now`. Doing it again after a kill must do no harm. Yields `made` with what its
    /// own changes answered.
    async fn undo(&self, job: Job<'_>, before: &State, now: &State, made: &Made) -> Result<Made, FixError>;

    /// The fields in which `now` is not as it was `before`, after an undo.
    fn differences(&self, before: &State, now: &State) -> Vec<String> {
        let names = before.0.keys().chain(now.0.keys()).collect::<std::collections::BTreeSet<_>>();
        let differs = |name: &&&String| before.0.get(**name) != now.0.get(**name);
        names.iter().filter(differs).map(|name| (*name).clone()).collect()
    }
}
