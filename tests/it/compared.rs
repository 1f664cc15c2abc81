//! What pacbot made of an estate against the truth about it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::estate::{Flag, ISSUES, Issue, Places};
use crate::pacbot::Pacbot;

/// What identifies an asset in the truth: its ARN, a column of its own, or the last part of its ARN.
fn id_of(table: &str, observed: &Places) -> &'static str {
    match table {
        "aws_account" => "account_id",
        "aws_region" => "region_name",
        "aws_iam_access_key" => "access_key_id",
        "aws_iam_account_summary" | "aws_iam_account_password_policy" => "account_id",
        "aws_vpc_security_group_rule" => "security_group_rule_id",
        _ if ids(observed).any(|(_, _, id)| id.starts_with("arn:")) => "asset_id",
        _ => "regexp_replace(asset_id, '^.*[:/]', '')",
    }
}

/// Account, region and id of each asset.
fn ids(places: &Places) -> impl Iterator<Item = (&str, &str, &str)> {
    places.iter().flat_map(|(account, regions)| {
        regions
            .iter()
            .flat_map(move |(region, ids)| ids.iter().map(move |id| (account.as_str(), region.as_str(), id.as_str())))
    })
}

/// Compares what landed in each table, by account and region, with what the cloud's own client lists.
pub(crate) fn landed_as_observed(pacbot: &Pacbot, observed: &BTreeMap<String, Places>) {
    #[derive(Deserialize)]
    struct Landed {
        account_id: String,
        region: String,
        id: String,
    }
    let mut wrong = Vec::new();
    for (table, observed) in observed {
        let id = id_of(table, observed);
        let sql = format!("select account_id, collected_in as region, {id} as id from {table}");
        let landed = pacbot.rows::<Landed>(&sql);
        let landed: BTreeSet<(&str, &str, &str)> =
            landed.iter().map(|row| (row.account_id.as_str(), row.region.as_str(), row.id.as_str())).collect();
        let observed: BTreeSet<(&str, &str, &str)> = ids(observed).collect();
        if landed != observed {
            let lost: Vec<_> = observed.difference(&landed).take(3).collect();
            let extra: Vec<_> = landed.difference(&observed).take(3).collect();
            wrong.push(format!("{table}: not landed {lost:?}, not observed {extra:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The policies that have judged anything.
pub(crate) fn judged_policies(pacbot: &Pacbot) -> BTreeSet<String> {
    pacbot
        .rows::<BTreeMap<String, String>>("select distinct policy_id from policy_runs")
        .into_iter()
        .flat_map(BTreeMap::into_values)
        .collect()
}

/// What was violated on purpose has an open issue.
pub(crate) fn flags_are_open(pacbot: &Pacbot, flags: &[Flag]) {
    let issues: Vec<Issue> = pacbot.rows(ISSUES);
    let is_open = |flag: &Flag| issues.iter().any(|issue| issue.is_about(flag) && issue.state == "open");
    let missed: Vec<&Flag> = flags.iter().filter(|flag| !is_open(flag)).collect();
    assert!(missed.is_empty(), "violated on purpose and not found: {missed:#?}");
}
