//! What was not answered, and so which assets a policy cannot judge.

use std::collections::{BTreeMap, BTreeSet};

use pacbot_schemas::{AssetTypes, CoverageStatus, ScopeKind};
use serde::{Deserialize, Serialize};

use crate::catalog::Checked;

/// The newest word on one request of one scope, as of a snapshot.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Answer {
    account_id: String,
    region: String,
    asset_type: String,
    request: String,
    status: CoverageStatus,
}

impl Answer {
    fn scope(&self) -> BlindScope {
        BlindScope {
            asset_type: self.asset_type.clone(),
            account_id: self.account_id.clone(),
            collected_in: self.region.clone(),
        }
    }
}

/// A request that was not answered whole in a scope. `*` stands for every account or region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The account.
    pub account_id: String,
    /// The scope's region.
    pub region: String,
    /// The table that lacks the answer.
    pub asset_type: String,
    /// The request.
    pub request: String,
}

/// A scope of a judged type in which no asset can be judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlindScope {
    /// The judged type.
    pub asset_type: String,
    /// The account.
    pub account_id: String,
    /// The scope's region.
    pub collected_in: String,
}

/// A region of an account in which a joined type is not collected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutsideRegion {
    /// The account.
    pub account_id: String,
    /// The region.
    pub region: String,
}

/// A request of a judged type: an asset that has it among its `unread` cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadRequest {
    /// The judged type.
    pub asset_type: String,
    /// The request.
    pub request: String,
}

/// The newest coverage row of every request up to the snapshot's time.
pub(crate) const NEWEST_ANSWERS: &str = "
    select account_id, region, asset_type, request, status
    from (
        select
            account_id, region, asset_type, request, status,
            row_number() over (partition by account_id, region, asset_type, request order by collected_at desc, run_id desc) as age
        from coverage
        where collected_at <= $run_at
    )
    where age = 1";

/// All answers as of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Answers(pub(crate) Vec<Answer>);

/// What a policy cannot judge.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Blind {
    /// Scopes of judged types as a whole.
    pub(crate) scopes: BTreeSet<BlindScope>,
    /// By judged type, the requests whose failure for one asset hides that asset.
    pub(crate) requests: BTreeMap<String, BTreeSet<String>>,
    /// Why.
    pub(crate) gaps: BTreeSet<Gap>,
}

impl Answers {
    /// Which scopes and assets `checked` cannot judge: their own list or a joined table's request was not answered.
    pub(crate) fn blind(&self, checked: &Checked, types: &AssetTypes) -> Blind {
        let mut blind = Blind::default();
        let judged = |table: &str| checked.policy.asset_type == "assets" || checked.policy.asset_type == table;
        for table in checked.reads.keys().filter(|table| types.get(table).is_some()) {
            let requests = checked.requests(types, table);
            let of_table: Vec<&Answer> = self.0.iter().filter(|answer| &answer.asset_type == table).collect();
            // What nobody ever asked for is no part of all assets.
            if of_table.is_empty() && checked.policy.asset_type == "assets" {
                continue;
            }
            if of_table.is_empty() {
                blind.gaps.insert(Gap {
                    account_id: "*".into(),
                    region: "*".into(),
                    asset_type: table.clone(),
                    request: "list".into(),
                });
                if !judged(table) {
                    blind.scopes.extend(self.scopes_of_judged(checked, types, "*", "*"));
                }
            }
            for answer in of_table.iter().filter(|answer| requests.contains(&answer.request)) {
                if matches!(answer.status, CoverageStatus::Complete | CoverageStatus::Withdrawn) {
                    continue;
                }
                blind.gaps.insert(Gap {
                    account_id: answer.account_id.clone(),
                    region: answer.region.clone(),
                    asset_type: table.clone(),
                    request: answer.request.clone(),
                });
                if !judged(table) {
                    blind.scopes.extend(self.scopes_of_judged(checked, types, &answer.account_id, &answer.region));
                } else if answer.request == "list" || answer.status == CoverageStatus::Skipped {
                    blind.scopes.insert(answer.scope());
                }
            }
            if judged(table) {
                blind
                    .requests
                    .insert(table.clone(), requests.into_iter().filter(|request| request != "list").collect());
            }
        }
        blind
    }

    /// The joined types that are collected per region, where the judged type is collected per account: its assets may
    /// be of regions in which nobody asks for the others.
    pub(crate) fn regional_joins<'a>(checked: &'a Checked, types: &'a AssetTypes) -> Vec<&'a str> {
        let kind = |table: &str| types.get(table).map(|def| def.scope);
        if kind(&checked.policy.asset_type) != Some(ScopeKind::Global) {
            return Vec::new();
        }
        let joined = checked.reads.keys().filter(|table| kind(table) == Some(ScopeKind::Region));
        joined.map(String::as_str).collect()
    }

    /// Whether an asset type is collected in a region of an account.
    pub(crate) fn is_asked(&self, asset_type: &str, region: &OutsideRegion) -> bool {
        self.0.iter().any(|answer| {
            answer.asset_type == asset_type
                && answer.account_id == region.account_id
                && answer.region == region.region
                && answer.status != CoverageStatus::Withdrawn
        })
    }

    /// The scopes of the judged type(s) that an unanswered scope of a joined table touches: the same region, and
    /// all of an account where one of the two is global.
    fn scopes_of_judged<'a>(
        &'a self,
        checked: &'a Checked,
        types: &'a AssetTypes,
        account: &'a str,
        region: &'a str,
    ) -> impl Iterator<Item = BlindScope> + 'a {
        let judged = move |table: &str| {
            checked.policy.asset_type == table || (checked.policy.asset_type == "assets" && types.get(table).is_some())
        };
        self.0
            .iter()
            .filter(move |answer| judged(&answer.asset_type) && answer.request == "list")
            .filter(move |answer| account == "*" || answer.account_id == account)
            .filter(move |answer| {
                region == "*" || region == "global" || answer.region == "global" || answer.region == region
            })
            .map(Answer::scope)
    }
}
