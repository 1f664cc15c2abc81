//! Which optional requests are worth their calls.

use std::collections::{BTreeMap, BTreeSet};

use pacbot_schemas::{AssetType, AssetTypeDef, Request};

/// What somebody reads of the assets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Every column: all optional requests are made.
    #[default]
    Everything,
    /// These columns by asset type: an optional request is made if it feeds one of them.
    Columns(BTreeMap<AssetType, BTreeSet<String>>),
}

impl Wanted {
    /// Whether `request` of `def` is made.
    #[must_use]
    pub fn includes(&self, def: &AssetTypeDef, request: &Request) -> bool {
        match self {
            _ if !request.optional => true,
            Self::Everything => true,
            Self::Columns(columns) => columns.get(&def.asset_type).is_some_and(|wanted| {
                def.columns.iter().any(|column| column.from == request.name && wanted.contains(&column.name))
            }),
        }
    }
}
