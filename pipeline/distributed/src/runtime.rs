//! What a process needs to run parts of plans: the lake's store, and a folder to spill to.

use std::path::Path;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use pacbot_lake::Lake;

/// A runtime that reads the lake and spills to `folder`, or to the system's temporary folder. Its memory is not limited
/// here.
pub(crate) fn runtime(lake: &Lake, folder: Option<&Path>) -> Result<Arc<RuntimeEnv>> {
    let builder = RuntimeEnvBuilder::new();
    let builder = match folder {
        Some(folder) => builder.with_temp_file_path(folder),
        None => builder,
    };
    let runtime = builder.build_arc()?;
    lake.serve_to(&runtime).map_err(|error| DataFusionError::External(Box::new(error)))?;
    Ok(runtime)
}
