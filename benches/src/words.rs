//! The words that values are made of: those that the policies of a table look for.

use std::collections::HashMap;

use pacbot_evaluate::Catalog;
use pacbot_schemas::AssetTypes;
use regex::Regex;

/// Keys of tags.
pub(crate) const TAG_KEYS: [&str; 6] = ["Application", "Environment", "Owner", "CostCenter", "Name", "Team"];

/// Words by table.
#[derive(Debug, Default)]
pub(crate) struct Words(HashMap<String, Vec<String>>);

impl Words {
    /// The text constants of the policies that read a table.
    pub(crate) fn of_policies(types: &AssetTypes) -> Self {
        // Both are constants of ours.
        let (Ok(constant), Ok(table)) = (Regex::new(r"'([A-Za-z0-9_.:*/-]{1,40})'"), Regex::new(r"\baws_\w+")) else {
            return Self::default();
        };
        let mut words: HashMap<String, Vec<String>> = HashMap::new();
        for (_, text) in Catalog::embedded_files() {
            let query = text.split_once("---*/").map_or(text, |(_, query)| query);
            for table in table.find_iter(query).map(|found| found.as_str()).filter(|name| types.get(name).is_some()) {
                let known = words.entry(table.to_owned()).or_default();
                for word in constant.captures_iter(query).filter_map(|found| found.get(1)) {
                    if !known.iter().any(|known| known == word.as_str()) {
                        known.push(word.as_str().to_owned());
                    }
                }
            }
        }
        Self(words)
    }

    /// Those of a table.
    pub(crate) fn of(&self, table: &str) -> &[String] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }
}
