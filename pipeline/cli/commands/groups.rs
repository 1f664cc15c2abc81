//! `pacbot groups`: asset groups and who is in them.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::Utc;
use clap::Subcommand;
use datafusion::prelude::{col, lit};
use pacbot_lake::{Group, Lake, from_batches};
use serde::Deserialize;

use super::{asset_types, import, sql};
use crate::config::Config;
use crate::output::{Format, print};
use crate::person::PersonArgs;

/// The asset groups: named sets of assets with an owner
#[derive(Debug, Subcommand)]
#[command(
    after_help = "A group is a file of `[groups] folder`, or is saved into the lake. Every account and every organizational unit is a group by itself: account:ID, unit:ID.\n\n  id    = \"shop\"\n  title = \"The shop\"\n  kind  = \"application\"\n  owner = { mail = [\"shop@example.com\"], slack = \"#shop\" }\n  where = \"tags['Application'] = 'shop' and not account_id = '111122223333'\"\n\n  [[members]]                      # and these, by the columns of one type\n  on    = \"aws_s3_bucket\"\n  where = \"name like 'shop-%'\"\n\nExamples:\n  pacbot groups list\n  pacbot groups members shop --format csv\n  pacbot groups save shop.toml\n  pacbot groups import pacbot-groups.json\n  pacbot report --group shop"
)]
pub(crate) enum Groups {
    /// List the groups with their owners and numbers of assets
    List {
        /// How they are printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show one group: its predicates, and its assets by type
    Show {
        /// Its id
        id: String,
    },
    /// List the assets of a group
    Members {
        /// Its id
        id: String,
        /// How they are printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Save a group's file into the lake, so that everybody has it
    Save {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        person: PersonArgs,
    },
    /// Remove a saved group
    Remove {
        /// Its id
        id: String,
        #[command(flatten)]
        person: PersonArgs,
    },
    /// Save groups that PacBot exported as JSON
    Import {
        /// The file: one definition, or a list of them
        file: PathBuf,
        /// Only print the groups as files
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        person: PersonArgs,
    },
}

const LIST: &str = "
    select
        groups.group_id, groups.title, groups.kind, groups.origin, array_to_string(groups.owner_mail, ', ') as owner,
        coalesce(counted.assets, 0) as assets
    from groups
    left join (select group_id, count(*) as assets from group_members group by group_id) as counted
        on groups.group_id = counted.group_id
    order by groups.group_id";

pub(crate) async fn run(command: &Groups, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let types = asset_types()?;
    let lake = Lake::open(config.lake.clone(), types.clone()).await.context("failed to open the lake")?;
    match command {
        Groups::List { format } => print(sql::look(config, &lake).await?.ctx.sql(LIST).await?, *format, out).await?,
        Groups::Show { id } => show(config, &lake, id, out).await?,
        Groups::Members { id, format } => {
            let look = sql::look(config, &lake).await?;
            look.groups.find(id)?;
            let members = look.ctx.table("group_members").await?.filter(col("group_id").eq(lit(id)))?;
            let members = members.sort(vec![col("asset_type").sort(true, false), col("asset_id").sort(true, false)])?;
            let columns = ["asset_type", "asset_id", "account_id", "region"];
            print(members.select_columns(&columns)?, *format, out).await?;
        }
        Groups::Save { file, person } => {
            let files = super::read_files(std::slice::from_ref(file))?;
            for (name, text) in &files {
                let group = Group::parse(name, text, &types).await?;
                lake.save_group(&group, &person.name()?, Utc::now()).await?;
                writeln!(out, "saved group {}", group.group_id)?;
            }
        }
        Groups::Remove { id, person } => {
            lake.remove_group(id, &person.name()?, Utc::now()).await?;
            writeln!(out, "removed group {id}")?;
        }
        Groups::Import { file, dry_run, person } => {
            let text = std::fs::read_to_string(file).with_context(|| format!("failed to read `{}`", file.display()))?;
            let groups = import::groups(&text, &types).with_context(|| format!("`{}`", file.display()))?;
            if groups.is_empty() {
                bail!("`{}` defines no group", file.display());
            }
            for group in &groups {
                if *dry_run {
                    writeln!(out, "{}", import::as_file(group)?)?;
                } else {
                    lake.save_group(group, &person.name()?, Utc::now()).await?;
                    writeln!(out, "saved group {}", group.group_id)?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(config: &Config, lake: &Lake, id: &str, out: &mut impl Write) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Counted {
        asset_type: String,
        assets: u64,
    }
    let look = sql::look(config, lake).await?;
    let group = look.groups.find(id)?;
    writeln!(out, "group     {} ({})", group.group_id, group.origin.as_str())?;
    writeln!(out, "title     {}", group.title)?;
    for (name, text) in [("about", &group.description), ("kind", &group.kind)] {
        if !text.is_empty() {
            writeln!(out, "{name:<9} {text}")?;
        }
    }
    let owners: Vec<&str> = group.owner.mail.iter().chain(&group.owner.slack).map(String::as_str).collect();
    writeln!(out, "owner     {}", if owners.is_empty() { "nobody".to_owned() } else { owners.join(", ") })?;
    for member in &group.members {
        writeln!(out, "members   {} where {}", member.on, member.text)?;
    }
    let counts = look.ctx.table("group_members").await?.filter(col("group_id").eq(lit(id)))?;
    let counts = counts.aggregate(
        vec![col("asset_type")],
        vec![datafusion::functions_aggregate::expr_fn::count(lit(1)).alias("assets")],
    )?;
    let counts = counts.sort(vec![col("assets").sort(false, false), col("asset_type").sort(true, false)])?;
    let counts: Vec<Counted> = from_batches("group_members", &counts.collect().await?)?;
    writeln!(out, "\n{} assets", counts.iter().map(|counted| counted.assets).sum::<u64>())?;
    for counted in &counts {
        writeln!(out, "{:>8}  {}", counted.assets, counted.asset_type)?;
    }
    Ok(())
}
