//! `pacbot schema`: the asset types and their tables.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use clap::Subcommand;
use pacbot_schemas::{AssetTypeDef, AssetTypes, nearest};

use super::{all, asset_types, read_files};

/// The asset types and their tables
#[derive(Debug, Subcommand)]
pub(crate) enum Schema {
    /// Check asset type files [default: those that come with the program]
    Check {
        /// Files to check instead
        files: Vec<PathBuf>,
    },
    /// List the asset types
    List,
    /// Show a type's columns, requests and permissions
    Show {
        /// The table, or PacBot's name for it
        table: String,
    },
}

pub(crate) fn run(command: &Schema, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    match command {
        Schema::Check { files } if files.is_empty() => {
            writeln!(out, "{} asset types, no mistakes", asset_types()?.iter().count())?;
        }
        Schema::Check { files } => {
            let texts = read_files(files)?;
            let types = AssetTypes::parse(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())))
                .map_err(|errors| all(&errors))?;
            writeln!(out, "{} asset types, no mistakes", types.iter().count())?;
        }
        Schema::List => {
            for def in asset_types()?.iter() {
                writeln!(out, "{:<36} {}", def.asset_type, def.doc)?;
            }
        }
        Schema::Show { table } => {
            let types = asset_types()?;
            let def = find(&types, table)?;
            writeln!(out, "{}: {}\n", def.asset_type, def.doc)?;
            for column in &def.columns {
                writeln!(out, "  {:<38} {:<10} {}", column.name, format!("({})", column.from), column.doc)?;
            }
            writeln!(out)?;
            for request in def.requests.values() {
                writeln!(
                    out,
                    "  {:<30} {}:{} needs {}",
                    request.name, request.service, request.operation, request.permission
                )?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The asset type of that name, or of which it is another name.
pub(crate) fn find(types: &AssetTypes, name: &str) -> anyhow::Result<Arc<AssetTypeDef>> {
    match types.get(name) {
        Some(def) => Ok(def.clone()),
        None => match nearest(name, types.iter().map(|def| def.asset_type.as_str())) {
            Some(near) => bail!("`{name}` is no asset type; did you mean `{near}`?"),
            None => bail!("`{name}` is no asset type; `pacbot schema list` lists them"),
        },
    }
}
