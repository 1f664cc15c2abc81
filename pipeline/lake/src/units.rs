//! The organizational units of the collected organizations, each a group by itself: all assets of the accounts in it and in
//! the units below it.

use std::collections::BTreeMap;

use datafusion::prelude::SessionContext;
use serde::Deserialize;

use crate::error::LakeError;
use crate::group::Group;
use crate::lake::Lake;

const UNITS: &str = "aws_organizations_organizational_unit";
const ACCOUNTS: &str = "aws_organizations_account";

/// Units nest five levels deep; more is a circle.
const DEEPEST: usize = 32;

/// A unit or account, and what it is in.
#[derive(Debug, Clone, Deserialize)]
struct Child {
    #[serde(default)]
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    parent_id: String,
}

/// The groups of the units that the session `ctx` knows.
pub(crate) async fn groups_of_units(lake: &Lake, ctx: &SessionContext) -> Result<Vec<Group>, LakeError> {
    let units = children(lake, ctx, UNITS, "unit_name").await?;
    if units.is_empty() {
        return Ok(Vec::new());
    }
    Ok(groups(&units, &children(lake, ctx, ACCOUNTS, "account_title").await?))
}

async fn children(lake: &Lake, ctx: &SessionContext, table: &str, title: &str) -> Result<Vec<Child>, LakeError> {
    let sql = format!("select id, {title} as title, parent_id from {table} where id is not null order by id");
    lake.values(ctx.sql(&sql).await.map_err(LakeError::query(table))?, table).await
}

fn groups(units: &[Child], accounts: &[Child]) -> Vec<Group> {
    let by_id: BTreeMap<&str, &Child> = units.iter().map(|unit| (unit.id.as_str(), unit)).collect();
    // From the nearest to the outermost.
    let above = |child: &Child| {
        let first = by_id.get(child.parent_id.as_str()).copied();
        let all = std::iter::successors(first, |unit| by_id.get(unit.parent_id.as_str()).copied());
        all.take(DEEPEST).collect::<Vec<&Child>>()
    };
    let mut members = BTreeMap::<&str, Vec<&str>>::new();
    for account in accounts {
        for unit in above(account) {
            members.entry(unit.id.as_str()).or_default().push(&account.id);
        }
    }
    let group = |unit: &Child| {
        let path: Vec<&str> = above(unit).into_iter().rev().chain([unit]).map(|unit| unit.title.as_str()).collect();
        let accounts = members.get(unit.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        Group::of_unit(&unit.id, &path.join("/"), accounts)
    };
    units.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(id: &str, parent_id: &str) -> Child {
        Child { id: id.to_owned(), title: id.to_uppercase(), parent_id: parent_id.to_owned() }
    }

    #[test]
    fn a_unit_has_the_accounts_of_the_units_below_it() {
        let units = [
            child("ou-1", "r-1"),
            child("ou-2", "ou-1"),
            child("ou-3", "ou-1"),
            child("ou-x", "ou-y"),
            child("ou-y", "ou-x"),
        ];
        let accounts = [child("111122223333", "ou-2"), child("444455556666", "ou-1"), child("777788889999", "r-1")];
        let told: Vec<String> = groups(&units, &accounts)
            .iter()
            .take(3)
            .map(|group| {
                let members: Vec<&str> = group.members.iter().map(|predicate| predicate.text.as_str()).collect();
                format!("{} {} {}", group.group_id, group.title, members.join(" or "))
            })
            .collect();
        assert_eq!(
            told,
            [
                "unit:ou-1 OU-1 account_id in ('111122223333', '444455556666')",
                "unit:ou-2 OU-1/OU-2 account_id in ('111122223333')",
                "unit:ou-3 OU-1/OU-3 ",
            ]
        );
    }
}
