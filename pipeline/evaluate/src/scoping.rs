//! Which assets a policy is about, where a person limited it to asset groups, and what its parameters are in some of them.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::{JoinType, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::lit;
use datafusion::prelude::{DataFrame, SessionContext, col};
use indexmap::IndexMap;
use pacbot_schemas::{PolicyId, SourceError, nearest};
use serde::Deserialize;

use crate::catalog::Checked;
use crate::of_accounts::AccountIds;
use crate::overrides::Overrides;
use crate::planned::over_tables_of;
use crate::policy::Policy;

/// What a configuration says of policies and groups.
#[derive(Debug, Clone, Default)]
pub struct PolicyScopes {
    /// The groups that policies are limited to.
    pub groups: BTreeMap<PolicyId, Vec<String>>,
    /// Parameters by group. An asset of several groups is judged by the first.
    pub parameters: IndexMap<String, Overrides>,
}

/// What they say of one policy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scoping {
    /// The groups that it is limited to; none for all assets.
    pub groups: Vec<String>,
    /// The values of its parameters in some groups, the first of which an asset is in decides.
    pub variants: Vec<(String, BTreeMap<String, ScalarValue>)>,
}

impl PolicyScopes {
    /// What they say of `policy`.
    ///
    /// # Errors
    ///
    /// The first parameter that makes no sense.
    pub(crate) fn of(&self, policy: &Policy) -> Result<Scoping, SourceError> {
        let with = self.parameters.iter().filter(|(_, overrides)| overrides.of(&policy.id).is_some());
        let variants = with.map(|(group, overrides)| Ok((group.clone(), overrides.values(policy)?)));
        Ok(Scoping {
            groups: self.groups.get(&policy.id).cloned().unwrap_or_default(),
            variants: variants.collect::<Result<_, SourceError>>()?,
        })
    }

    /// Policies that they name and that are not among `known`.
    pub(crate) fn unknown(&self, known: &[&str]) -> Vec<SourceError> {
        let limited = self.groups.keys().map(|id| (id, None));
        let given =
            self.parameters.values().flat_map(|overrides| overrides.policies().map(move |id| (id, Some(overrides))));
        let unknown = limited.chain(given).filter(|(id, _)| !known.contains(&id.as_str()));
        let told = unknown.map(|(id, overrides)| {
            let message = format!("`{id}` is named beside asset groups, and is no enabled policy");
            let error = match overrides {
                Some(overrides) => overrides.mistake(id, None, message),
                None => SourceError::at("[policies] groups", "", 0..0, message),
            };
            error.with_meant(nearest(id.as_str(), known.iter().copied()))
        });
        told.collect()
    }
}

impl<'de> Deserialize<'de> for PolicyScopes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[derive(Default)]
        struct Spec {
            groups: BTreeMap<PolicyId, Vec<String>>,
            parameters: IndexMap<String, Overrides>,
        }
        let spec = Spec::deserialize(deserializer)?;
        Ok(Self { groups: spec.groups, parameters: spec.parameters })
    }
}

impl Scoping {
    /// Every group that it names.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.groups.iter().chain(self.variants.iter().map(|(group, _)| group)).map(String::as_str).collect()
    }

    /// The assets that it is limited to: `asset_type, asset_id`. Without a limit, nobody asks.
    pub(crate) async fn members(&self, ctx: &SessionContext) -> Result<DataFrame, DataFusionError> {
        members_of(ctx, &self.groups).await
    }
}

async fn members_of(ctx: &SessionContext, groups: &[String]) -> Result<DataFrame, DataFusionError> {
    let names = groups.iter().map(|group| lit(group.as_str())).collect();
    let members = ctx.table("group_members").await?.filter(col("group_id").in_list(names, false))?;
    members.select(vec![col("asset_type"), col("asset_id")])?.distinct()
}

impl Checked {
    /// The policy's rows, each asset judged by the parameters of the first group that it is in; those of `accounts` alone,
    /// if they are given, which only policies without groups understand.
    ///
    /// # Errors
    ///
    /// Whatever planning says.
    pub(crate) async fn rows(
        &self,
        ctx: &SessionContext,
        accounts: Option<&AccountIds>,
    ) -> Result<DataFrame, DataFusionError> {
        let variants = &self.scoping.variants;
        let names: Vec<String> = variants.iter().map(|(group, _)| group.clone()).collect();
        let all = match &self.optimised {
            Some(plan) => over_tables_of(ctx, plan, accounts, self.members.as_ref()).await?,
            None => self.plan(ctx).await?,
        };
        let mut rows = elsewhere(all, ctx, &names).await?;
        for (place, (group, values)) in variants.iter().enumerate() {
            let found = self.plan_with(ctx, values).await?;
            let found = joined(found, ctx, std::slice::from_ref(group), JoinType::LeftSemi).await?;
            rows = rows.union(elsewhere(found, ctx, &names[..place]).await?)?;
        }
        Ok(rows)
    }
}

/// `rows` whose asset is in none of the groups.
async fn elsewhere(rows: DataFrame, ctx: &SessionContext, groups: &[String]) -> Result<DataFrame, DataFusionError> {
    if groups.is_empty() { Ok(rows) } else { joined(rows, ctx, groups, JoinType::LeftAnti).await }
}

async fn joined(
    rows: DataFrame,
    ctx: &SessionContext,
    groups: &[String],
    how: JoinType,
) -> Result<DataFrame, DataFusionError> {
    let members = members_of(ctx, groups).await?.select(vec![col("asset_id").alias("member_id")])?;
    rows.join(members, how, &["asset_id"], &["member_id"], None)
}
