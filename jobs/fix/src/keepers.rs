//! Who owns an asset, and which tags they want it to have: what its groups say.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::{Expr, SessionContext, col, lit};
use pacbot_lake::Groups;
use serde::Deserialize;

use crate::events::{FixLakeError, rows};

/// What the groups of one asset say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Keeper {
    /// Mail addresses of the groups' owners.
    pub(crate) owners: Vec<String>,
    /// Tags that the asset should have; not those about which two groups contradict each other.
    pub(crate) tags: BTreeMap<String, String>,
}

/// What the groups say of some assets, by asset. `ctx` holds the view `group_members`.
pub(crate) async fn keepers(
    groups: &Groups,
    ctx: &SessionContext,
    assets: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, Keeper>, FixLakeError> {
    #[derive(Deserialize)]
    struct Member {
        group_id: String,
        asset_id: String,
    }
    let assets: Vec<Expr> = assets.map(lit).collect();
    if assets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let members = ctx.table("group_members").await?.filter(col("asset_id").in_list(assets, false))?;
    let columns = members.select_columns(&["group_id", "asset_id"])?;
    let mut of_asset = BTreeMap::<String, BTreeSet<String>>::new();
    for member in rows::<Member>("group_members", columns).await? {
        of_asset.entry(member.asset_id).or_default().insert(member.group_id);
    }
    Ok(of_asset.into_iter().map(|(asset, ids)| (asset, keeper(groups, &ids))).collect())
}

fn keeper(groups: &Groups, ids: &BTreeSet<String>) -> Keeper {
    let (mut owners, mut tags) = (BTreeSet::new(), BTreeMap::<&str, BTreeSet<&str>>::new());
    for group in ids.iter().filter_map(|id| groups.get(id)) {
        owners.extend(group.owner.mail.iter().cloned());
        for (key, value) in &group.tags {
            tags.entry(key).or_default().insert(value);
        }
    }
    let agreed = tags.into_iter().filter(|(_, values)| values.len() == 1);
    Keeper {
        owners: owners.into_iter().collect(),
        tags: agreed
            .flat_map(|(key, values)| values.into_iter().map(|value| (key.to_owned(), value.to_owned())))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use pacbot_schemas::AssetTypes;

    use super::*;

    #[tokio::test]
    async fn groups_that_contradict_each_other_say_nothing() {
        let group =
            |id: &str, rest: &str| (format!("{id}.toml"), format!("id = '{id}'\ntitle = 't'\nwhere = 'true'\n{rest}"));
        let files = [
            group("shop", "owner = { mail = ['ada@example.org'] }\ntags = { Application = 'shop', Stage = 'live' }"),
            group("europe", "owner = { mail = ['bob@example.org', 'ada@example.org'] }\ntags = { Stage = 'test' }"),
            group("else", "tags = { Application = 'other' }"),
        ];
        let groups = Groups::parse(&files, &AssetTypes::embedded().unwrap()).await.unwrap();
        let ids = ["shop", "europe", "account:1"].map(str::to_owned).into();
        let found = keeper(&groups, &ids);
        assert_eq!(found.owners, ["ada@example.org", "bob@example.org"]);
        assert_eq!(found.tags, BTreeMap::from([("Application".to_owned(), "shop".to_owned())]));
    }
}
