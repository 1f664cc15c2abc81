//! Values of policies' parameters from a configuration, with their places in it.

use std::collections::BTreeMap;

use pacbot_schemas::{PolicyId, SourceError};
use serde::Deserialize;
use toml::Spanned;

/// Overrides of parameters, by policy and name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Overrides {
    /// The values, as the configuration holds them.
    values: BTreeMap<PolicyId, BTreeMap<String, Spanned<toml::Value>>>,
    #[serde(skip)]
    source: (String, String),
}

impl Overrides {
    /// Notes the configuration's name and text, to which errors point.
    pub fn set_source(&mut self, file: &str, text: &str) {
        self.source = (file.to_owned(), text.to_owned());
    }

    /// The policies that have overrides.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &PolicyId> {
        self.values.keys()
    }

    /// The overrides of one policy.
    pub(crate) fn of(&self, policy: &PolicyId) -> Option<&BTreeMap<String, Spanned<toml::Value>>> {
        self.values.get(policy)
    }

    /// A mistake in the overrides of a policy, or in one of its parameters.
    pub(crate) fn mistake(&self, policy: &PolicyId, parameter: Option<&str>, message: String) -> SourceError {
        let of_policy = self.values.get(policy).into_iter().flatten();
        let place = of_policy.filter(|(name, _)| parameter.is_none_or(|wanted| wanted == name.as_str()));
        let span = place.map(|(_, value)| value.span()).next().unwrap_or(0..0);
        let (file, text) = &self.source;
        SourceError::at(file, text, span, message)
    }
}
