//! What unit tests share.

use std::path::Path;
use std::sync::Arc;

use pacbot_schemas::AssetTypes;

use crate::lake::Lake;
use crate::settings::LakeSettings;

/// The lake in a folder, which has our own tables alone.
pub(crate) async fn lake_in(folder: &Path) -> Lake {
    let settings = LakeSettings { location: folder.display().to_string(), ..LakeSettings::default() };
    let types = AssetTypes::parse(Vec::<(&str, &str)>::new()).unwrap();
    Lake::open(settings, Arc::new(types)).await.unwrap()
}
