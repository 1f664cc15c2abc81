//! The subcommands, one file each.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use pacbot_dashboards::counted;
use pacbot_schemas::{AssetTypes, SourceError};

pub(crate) mod collect;
pub(crate) mod compliance;
pub(crate) mod deliveries;
pub(crate) mod demo;
pub(crate) mod digest;
pub(crate) mod doctor;
pub(crate) mod evaluate;
mod exception_preview;
pub(crate) mod exceptions;
pub(crate) mod executor;
pub(crate) mod fix;
pub(crate) mod groups;
pub(crate) mod iam_policy;
mod import;
pub(crate) mod issues;
pub(crate) mod jobs;
pub(crate) mod lake;
pub(crate) mod notify;
pub(crate) mod policies;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schedule;
pub(crate) mod scheduler;
pub(crate) mod schema;
pub(crate) mod sql;
pub(crate) mod unsubscribe;

/// The asset types that come with the program.
pub(crate) fn asset_types() -> anyhow::Result<Arc<AssetTypes>> {
    AssetTypes::embedded().map(Arc::new).map_err(|errors| all(&errors))
}

/// Mistakes in files as one error.
pub(crate) fn all(errors: &[SourceError]) -> anyhow::Error {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    anyhow!("{} found\n{}", counted(errors.len() as u64, "mistake", "mistakes"), lines.join("\n"))
}

/// Files as name and text.
pub(crate) fn read_files(files: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).with_context(|| format!("failed to read `{}`", file.display()))?;
        Ok((file.display().to_string(), text))
    };
    files.iter().map(read).collect()
}
