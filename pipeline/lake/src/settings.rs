//! The `[lake]` table of the configuration.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};

/// Where the lake is and how it is kept.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LakeSettings {
    /// A folder, or s3://, az:// or gs:// with a prefix.
    pub location: String,
    /// Options of the object store, for example `aws_endpoint`; credentials come from its environment variables.
    pub options: BTreeMap<String, String>,
    /// How long old versions stay readable, in days.
    pub retention_days: u32,
    /// Memory that queries, sorts and joins may take, in bytes; beyond it they spill to disk.
    #[serde(deserialize_with = "bytes")]
    pub memory: usize,
    /// Files are rolled at about this size, in bytes.
    #[serde(deserialize_with = "bytes")]
    pub file_size: usize,
    /// The share of its assets that a scope may lose in one collection before it is held back.
    pub shrink_share: f64,
    /// Scopes with fewer assets than this are never held back.
    pub shrink_minimum: u64,
}

impl Default for LakeSettings {
    fn default() -> Self {
        Self {
            location: "lake".to_owned(),
            options: BTreeMap::new(),
            retention_days: 400,
            memory: 512 << 20,
            file_size: 64 << 20,
            shrink_share: 0.5,
            shrink_minimum: 20,
        }
    }
}

impl fmt::Debug for LakeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Options may hold keys.
        let options: Vec<&String> = self.options.keys().collect();
        f.debug_struct("LakeSettings")
            .field("location", &self.location)
            .field("options", &options)
            .finish_non_exhaustive()
    }
}

/// Reads a size from a configuration: `512 MiB`, `1 GiB` or a number of bytes.
///
/// # Errors
///
/// When the text is no size.
pub fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Number(usize),
        Text(String),
    }
    let text = match Size::deserialize(deserializer)? {
        Size::Number(bytes) => return Ok(bytes),
        Size::Text(text) => text,
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let shift = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(0),
        "kib" => Some(10),
        "mib" => Some(20),
        "gib" => Some(30),
        _ => None,
    };
    let number = text[..digits].parse::<usize>().ok();
    number
        .zip(shift)
        .and_then(|(number, shift)| number.checked_mul(1 << shift))
        .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no size; write for example \"512 MiB\"")))
}
