//! `pacbot policies`: list, show, check, test and begin policies.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Subcommand;
use pacbot_evaluate::{Catalog, Checked, Overrides, Policy, test_policy};
use pacbot_schemas::AssetTypes;

use super::{all, asset_types, read_files};
use crate::config::Config;

/// The policies
#[derive(Debug, Subcommand)]
pub(crate) enum Policies {
    /// List the policies
    List,
    /// Show a policy: text, severity, remediation, what it reads and which permissions that needs
    Show {
        /// Its id
        id: String,
    },
    /// Check policy files [default: those that come with the program]
    Check {
        /// Files to check instead
        files: Vec<PathBuf>,
    },
    /// Run the tests of all policies, or of one
    Test {
        /// Its id
        id: Option<String>,
    },
    /// Begin a policy: write NAME.sql and NAME.slt into this folder
    New {
        /// The files' name, for example `bucket_versioning_enabled`
        name: String,
        /// The table whose assets it judges
        #[arg(long, default_value = "aws_s3_bucket")]
        asset_type: String,
    },
}

pub(crate) async fn run(command: Policies, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let types = asset_types()?;
    let embedded = async || config.catalog(&types).await;
    match command {
        Policies::List => {
            for checked in embedded().await?.iter() {
                let policy = &checked.policy;
                writeln!(out, "{:<9} {:<56} {}", policy.severity, policy.id, policy.title)?;
            }
        }
        Policies::Show { id } => show(find(&embedded().await?, &id)?.as_ref(), &types, out)?,
        Policies::Check { files } if files.is_empty() => {
            writeln!(out, "{} policies, no mistakes", embedded().await?.iter().count())?;
        }
        Policies::Check { files } => {
            let texts = read_files(&files)?;
            let texts = texts.iter().map(|(file, text)| (file.as_str(), text.as_str()));
            let catalog = Catalog::load(texts, &types, &Overrides::default()).await.map_err(|errors| all(&errors))?;
            config.check_fixes(&catalog, &types)?;
            writeln!(out, "{} policies, no mistakes", catalog.iter().count())?;
        }
        Policies::Test { id } => {
            let catalog = match &id {
                Some(id) => config.catalog_of(id, &types).await?,
                None => embedded().await?,
            };
            return test(&catalog, id.as_deref(), &types, out).await;
        }
        Policies::New { name, asset_type } => begin(&name, &asset_type, &types, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn find(catalog: &Catalog, id: &str) -> anyhow::Result<Arc<Checked>> {
    match catalog.get(id) {
        Some(checked) => Ok(checked.clone()),
        None => match pacbot_schemas::nearest(id, catalog.iter().map(|checked| checked.policy.id.as_str())) {
            Some(near) => bail!("`{id}` is no policy; did you mean `{near}`?"),
            None => bail!("`{id}` is no policy; `pacbot policies list` lists them"),
        },
    }
}

/// What to do about a violation, and how with each tool.
pub(crate) fn tell_remediation(policy: &Policy, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "Remediation: {}", policy.remediation)?;
    for (tool, way) in policy.how.ways() {
        writeln!(out, "  {:<10} {way}", format!("{tool}:"))?;
    }
    Ok(())
}

fn show(checked: &Checked, types: &AssetTypes, out: &mut impl Write) -> anyhow::Result<()> {
    let policy = &checked.policy;
    writeln!(out, "{}\n{}, {}, judges {}\n", policy.title, policy.severity, policy.category, policy.asset_type)?;
    writeln!(out, "{}\n", policy.description)?;
    tell_remediation(policy, out)?;
    if let Some(fix) = &policy.fix {
        writeln!(out, "Fix: {fix} (`pacbot fix list {fix}`)")?;
    }
    writeln!(out)?;
    for (name, parameter) in &policy.params {
        writeln!(
            out,
            "Parameter {name} ({}, default {}): {}",
            parameter.r#type.as_str(),
            parameter.default,
            parameter.doc
        )?;
    }
    writeln!(out, "Reads:")?;
    let mut permissions = BTreeSet::new();
    for (table, columns) in &checked.reads {
        writeln!(out, "  {table}: {}", columns.iter().map(String::as_str).collect::<Vec<_>>().join(", "))?;
        let requests = checked.requests(types, table);
        let def = types.get(table);
        permissions.extend(requests.iter().filter_map(|request| Some(def?.requests.get(request)?.permission.clone())));
    }
    writeln!(out, "Needs:\n  {}\n", permissions.into_iter().collect::<Vec<_>>().join("\n  "))?;
    writeln!(out, "{}", policy.text.split("---*/").nth(1).unwrap_or_default().trim())?;
    Ok(())
}

async fn test(
    catalog: &Catalog,
    id: Option<&str>,
    types: &Arc<AssetTypes>,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let scripts: BTreeMap<&str, &str> = Catalog::embedded_tests().collect();
    let wanted: Vec<Arc<Checked>> = match id {
        Some(id) => vec![find(catalog, id)?],
        None => catalog.iter().cloned().collect(),
    };
    let mut failed = 0_usize;
    for checked in &wanted {
        let file = checked.policy.file.replace(".sql", ".slt");
        // Tests of people's own policies lie beside them.
        let script = scripts.get(file.as_str()).map(|script| Ok((*script).to_owned()));
        let outcome = match script.unwrap_or_else(|| std::fs::read_to_string(&file)) {
            Ok(script) => test_policy(checked.clone(), types.clone(), &file, &script).await,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(format!("{file} is missing")),
            Err(error) => Err(format!("{file} cannot be read: {error}")),
        };
        match outcome {
            Ok(()) => writeln!(out, "ok      {}", checked.policy.id)?,
            Err(message) => {
                failed += 1;
                writeln!(out, "FAILED  {}\n{message}", checked.policy.id)?;
            }
        }
    }
    writeln!(out, "{} passed, {failed} failed", wanted.len() - failed)?;
    Ok(ExitCode::from(u8::from(failed > 0)))
}

fn begin(name: &str, asset_type: &str, types: &AssetTypes, out: &mut impl Write) -> anyhow::Result<()> {
    if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        bail!("`{name}` is no file name for a policy: use lower-case letters, digits and `_`");
    }
    if types.get(asset_type).is_none() {
        bail!("`{asset_type}` is no asset type; `pacbot schema list` lists them");
    }
    let id = name.replace('_', "-");
    let sql = format!(
        "/*---\nid          = \"{id}\"\ntitle       = \"Says the good state\"\nseverity    = \"medium\"\ncategory    = \"security\"\nasset_type  = \"{asset_type}\"\ndescription = \"Why it matters.\"\nremediation = \"What to do.\"\n---*/\nselect\n    asset_id,\n    account_id,\n    region,\n    'says what is wrong' as reason\nfrom {asset_type}\nwhere false\n"
    );
    let slt = format!(
        "statement ok\ninsert into {asset_type} (asset_id, account_id, region) values\n  ('violating', '111122223333', 'eu-west-1'),\n  ('passing', '111122223333', 'eu-west-1');\n\nquery TT rowsort\nselect asset_id, reason from policy.\"{id}\"\n----\n"
    );
    for (file, text) in [(format!("{name}.sql"), sql), (format!("{name}.slt"), slt)] {
        let mut made = std::fs::File::create_new(&file).with_context(|| format!("failed to make `{file}`"))?;
        made.write_all(text.as_bytes()).with_context(|| format!("failed to write `{file}`"))?;
        writeln!(out, "wrote {file}")?;
    }
    Ok(())
}
