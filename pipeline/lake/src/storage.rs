//! From a location to an object store whose root is the lake.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use url::Url;

use crate::error::LakeError;
use crate::settings::LakeSettings;
use crate::small_objects::SmallObjects;

/// What the Delta library is given: a store, and the address of the lake in it.
#[derive(Clone)]
pub(crate) struct LogRoot {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Ends with a slash.
    pub(crate) url: Url,
}

/// Opens the store. A folder is made when it is missing; buckets and containers must exist.
pub(crate) fn open(settings: &LakeSettings) -> Result<(Arc<dyn ObjectStore>, LogRoot), LakeError> {
    let invalid = |reason: String| LakeError::Location { location: settings.location.clone(), reason };
    if !settings.location.contains("://") {
        if std::path::Path::new(&settings.location).is_file() {
            return Err(invalid("it is a file".to_owned()));
        }
        std::fs::create_dir_all(&settings.location).map_err(|error| invalid(error.to_string()))?;
        let folder = std::fs::canonicalize(&settings.location).map_err(|error| invalid(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| invalid(error.to_string()))?;
        // The library sorts a folder's listing, which the system does not, only where the address is a file's.
        let url = Url::from_directory_path(&folder).map_err(|()| invalid("it is no absolute path".to_owned()))?;
        return Ok((Arc::new(store), LogRoot { store: Arc::new(LocalFileSystem::new()), url }));
    }
    let url = Url::parse(&settings.location).map_err(|error| invalid(error.to_string()))?;
    let failed = |error: object_store::Error| invalid(error.to_string());
    let store: Arc<dyn ObjectStore> = match url.scheme() {
        "file" => {
            let folder = url.to_file_path().map_err(|()| invalid("it is no path of this machine".to_owned()))?;
            let folder = folder.to_string_lossy().into_owned();
            return open(&LakeSettings { location: folder, ..settings.clone() });
        }
        // Conditional puts on ETags, which a Delta log needs, are the default since object_store 0.12.
        "s3" | "s3a" => Arc::new(
            configured(AmazonS3Builder::from_env(), settings, AmazonS3Builder::with_config, &invalid)?
                .with_url(url.as_str())
                .build()
                .map_err(failed)?,
        ),
        "az" | "azure" | "abfs" | "abfss" => Arc::new(
            configured(MicrosoftAzureBuilder::from_env(), settings, MicrosoftAzureBuilder::with_config, &invalid)?
                .with_url(url.as_str())
                .build()
                .map_err(failed)?,
        ),
        "gs" => Arc::new(
            configured(
                GoogleCloudStorageBuilder::from_env(),
                settings,
                GoogleCloudStorageBuilder::with_config,
                &invalid,
            )?
            .with_url(url.as_str())
            .build()
            .map_err(failed)?,
        ),
        other => return Err(invalid(format!("`{other}://` is not supported"))),
    };
    let prefix = url.path().trim_matches('/');
    let store: Arc<dyn ObjectStore> = if prefix.is_empty() { store } else { Arc::new(PrefixStore::new(store, prefix)) };
    let store: Arc<dyn ObjectStore> = Arc::new(SmallObjects::new(store));
    // `memory` only picks the library's plain log store, which commits by conditional put on whatever it is given.
    let url = Url::parse("memory:///").map_err(|error| invalid(error.to_string()))?;
    Ok((store.clone(), LogRoot { store, url }))
}

fn configured<B, K: std::str::FromStr>(
    builder: B,
    settings: &LakeSettings,
    with_config: impl Fn(B, K, String) -> B,
    invalid: &impl Fn(String) -> LakeError,
) -> Result<B, LakeError> {
    settings.options.iter().try_fold(builder, |builder, (key, value)| {
        let key = key.parse::<K>().map_err(|_| invalid(format!("`{key}` is no option of that store")))?;
        Ok(with_config(builder, key, value.clone()))
    })
}
