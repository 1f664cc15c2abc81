//! The data files that come with the program.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::asset_type::AssetTypeDef;
use crate::ids::AssetType;
use crate::lake_table::LakeTableDef;
use crate::source_error::SourceError;

mod files {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// The asset types that collectors know, by name.
#[derive(Debug, Clone, Default)]
pub struct AssetTypes(BTreeMap<AssetType, Arc<AssetTypeDef>>);

impl AssetTypes {
    /// The asset types that come with the program.
    ///
    /// # Errors
    ///
    /// The mistakes in the files, which a test keeps at none.
    pub fn embedded() -> Result<Self, Vec<SourceError>> {
        Self::parse(files::AWS.iter().map(|(name, text)| (*name, *text)))
    }

    /// Parses files, given as name and text.
    ///
    /// # Errors
    ///
    /// Every mistake in every file; a table that two files declare is one.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<SourceError>> {
        let (mut types, mut errors) = (BTreeMap::new(), Vec::new());
        for (file, text) in files {
            match AssetTypeDef::parse(file, text) {
                Ok(parsed) => {
                    let span = text.find(parsed.asset_type.as_str()).map_or(0..0, |at| at..at);
                    if let Some(twice) = types.insert(parsed.asset_type.clone(), Arc::new(parsed)) {
                        errors.push(SourceError::at(
                            file,
                            text,
                            span,
                            format!("another file declares `{}` as well", twice.asset_type),
                        ));
                    }
                }
                Err(mistakes) => errors.extend(mistakes),
            }
        }
        if errors.is_empty() { Ok(Self(types)) } else { Err(errors) }
    }

    /// The type of that table name or alias.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<AssetTypeDef>> {
        self.0
            .values()
            .find(|def| def.asset_type.as_str() == name)
            .or_else(|| self.0.values().find(|def| def.aliases.iter().any(|alias| alias == name)))
    }

    /// All types, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<AssetTypeDef>> {
        self.0.values()
    }
}

/// The tables of our own, by name.
///
/// # Errors
///
/// The mistakes in the files, which a test keeps at none.
pub fn lake_tables() -> Result<Vec<LakeTableDef>, Vec<SourceError>> {
    files::LAKE.iter().map(|(file, text)| LakeTableDef::parse(file, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_is_sound() {
        let types = AssetTypes::embedded().unwrap_or_else(|errors| {
            panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        for def in types.iter() {
            assert!(def.asset_type.as_str().starts_with("aws_"), "{}", def.asset_type);
        }
        assert_eq!(lake_tables().unwrap().len(), 18);
    }
}
