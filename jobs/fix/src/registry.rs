//! All fixes: the files that come with the program, those of the configured folder, and the ones that are Rust.

use std::collections::BTreeMap;
use std::sync::Arc;

use pacbot_schemas::{AssetTypes, FixId, SourceError, nearest};

use crate::declared::DeclaredFix;
use crate::definition::Definition;
use crate::fix::Fix;
use crate::native;

mod files {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// The fixes, by id.
#[derive(Clone, Default)]
pub struct Fixes(BTreeMap<FixId, Arc<dyn Fix>>);

impl Fixes {
    /// Those that come with the program, and people's own, given as name and text.
    ///
    /// # Errors
    ///
    /// Every mistake in every file.
    pub fn load<'a>(
        own: impl IntoIterator<Item = (&'a str, &'a str)>,
        types: &AssetTypes,
    ) -> Result<Self, Vec<SourceError>> {
        let (mut fixes, mut errors) = (Self::default(), Vec::new());
        for fix in native::fixes() {
            fixes.0.insert(fix.about().id.clone(), fix);
        }
        for (file, text) in files::FIXES.iter().copied().chain(own) {
            match Definition::parse(file, text, types) {
                Ok(definition) => {
                    let id = definition.about.id.clone();
                    if fixes.0.insert(id.clone(), Arc::new(DeclaredFix::new(definition))).is_some() {
                        errors.push(SourceError::at(
                            file,
                            text,
                            0..0,
                            format!("another fix has the id `{id}` as well"),
                        ));
                    }
                }
                Err(mistakes) => errors.extend(mistakes),
            }
        }
        if errors.is_empty() { Ok(fixes) } else { Err(errors) }
    }

    /// The fix of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<dyn Fix>> {
        self.0.iter().find(|(known, _)| known.as_str() == id).map(|(_, fix)| fix)
    }

    /// The id that was probably meant.
    #[must_use]
    pub fn nearest(&self, id: &str) -> Option<&str> {
        nearest(id, self.0.keys().map(FixId::as_str))
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Fix>> {
        self.0.values()
    }
}

impl std::fmt::Debug for Fixes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fix_that_comes_with_the_program_is_sound() {
        let types = AssetTypes::embedded().unwrap();
        let fixes = Fixes::load([], &types).unwrap_or_else(|errors| {
            panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        for fix in fixes.iter() {
            let about = fix.about();
            assert!(about.id.as_str().starts_with("aws-"), "{}", about.id);
            assert!(
                !about.does.is_empty() && !about.undoes.is_empty() && !about.permissions.is_empty(),
                "{}",
                about.id
            );
        }
    }
}
