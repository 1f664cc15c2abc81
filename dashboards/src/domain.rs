//! Domains: named sets of policies, with weights for their categories. A policy or type may be in several.

use std::collections::BTreeMap;

use pacbot_schemas::{Category, SourceError, fits};
use serde::Deserialize;

/// A domain as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// What `--domain` takes.
    pub id: String,
    /// Its name.
    pub title: String,
    /// Its policies; `*` stands for any text.
    #[serde(default)]
    pub policies: Vec<String>,
    /// Asset types whose policies are part of it; `*` stands for any text.
    #[serde(default)]
    pub types: Vec<String>,
    /// What each category weighs in the score; without any, all weigh the same.
    #[serde(default)]
    pub weights: BTreeMap<Category, u32>,
}

impl Domain {
    /// Parses a file.
    ///
    /// # Errors
    ///
    /// The first mistake: bad TOML, or nothing in it.
    pub fn parse(file: &str, text: &str) -> Result<Self, SourceError> {
        let domain: Self = toml::from_str(text).map_err(|error| SourceError::from_toml(file, text, 0, &error))?;
        if domain.policies.is_empty() && domain.types.is_empty() {
            return Err(SourceError::at(
                file,
                text,
                0..0,
                format!("domain `{}` has neither `policies` nor `types`", domain.id),
            ));
        }
        Ok(domain)
    }

    /// Whether a policy about an asset type is part of it.
    #[must_use]
    pub fn has(&self, policy_id: &str, asset_type: &str) -> bool {
        self.policies.iter().any(|pattern| fits(pattern, policy_id))
            || self.types.iter().any(|pattern| fits(pattern, asset_type))
    }

    /// What a category weighs.
    #[must_use]
    pub fn weight(&self, category: Category) -> u32 {
        if self.weights.is_empty() { 1 } else { self.weights.get(&category).copied().unwrap_or_default() }
    }
}

/// PacBot's weights, for all policies.
#[must_use]
pub fn usual_weight(category: Category) -> u32 {
    match category {
        Category::Security => 50,
        Category::Governance | Category::CostOptimization => 20,
        Category::Tagging => 10,
    }
}
