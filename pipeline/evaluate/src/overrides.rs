//! Values of policies' parameters from a configuration, with their places in it.

use std::collections::BTreeMap;

use datafusion::common::ScalarValue;
use pacbot_schemas::{PolicyId, SourceError, nearest};
use serde::Deserialize;
use toml::Spanned;

use crate::catalog::place_of_select;
use crate::policy::Policy;

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

    /// Those of one policy.
    #[must_use]
    pub fn only(&self, policy: &str) -> Self {
        let values = self.values.iter().filter(|(id, _)| id.as_str() == policy);
        Self { values: values.map(|(id, given)| (id.clone(), given.clone())).collect(), source: self.source.clone() }
    }

    /// The policies that have overrides.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &PolicyId> {
        self.values.keys()
    }

    /// The overrides of one policy.
    pub(crate) fn of(&self, policy: &PolicyId) -> Option<&BTreeMap<String, Spanned<toml::Value>>> {
        self.values.get(policy)
    }

    /// The values of all parameters of a policy: those that are given, else its defaults.
    ///
    /// # Errors
    ///
    /// The first that is of a wrong type, or that the policy has not.
    pub(crate) fn values(&self, policy: &Policy) -> Result<BTreeMap<String, ScalarValue>, SourceError> {
        let mut values = BTreeMap::new();
        let given = self.of(&policy.id);
        for (name, parameter) in &policy.params {
            let given = given.and_then(|given| given.get(name));
            let value = given.map_or(&parameter.default, Spanned::get_ref);
            let value = parameter.r#type.value(value).map_err(|message| {
                let message = format!("parameter `{name}` of `{}`: {message}", policy.id);
                match given {
                    Some(_) => self.mistake(&policy.id, Some(name), message),
                    None => SourceError::at(&policy.file, &policy.text, place_of_select(&policy.text), message),
                }
            })?;
            values.insert(name.clone(), value);
        }
        match given.into_iter().flat_map(BTreeMap::keys).find(|name| !policy.params.contains_key(*name)) {
            Some(unknown) => {
                let message = format!("`{}` has no parameter `{unknown}`", policy.id);
                let near = nearest(unknown, policy.params.keys().map(String::as_str));
                Err(self.mistake(&policy.id, Some(unknown), message).with_meant(near))
            }
            None => Ok(values),
        }
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
