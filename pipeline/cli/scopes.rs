//! Which scopes a collection asks, which it cannot, and what became of those that earlier runs asked.
//!
//! A scope that is no longer asked is *withdrawn* when the configuration took it out: a person decided, and its
//! issues close. It has *vanished* when the cloud no longer names it: its issues cannot be judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use pacbot_cloud::{Aws, AwsSettings, CallError, CallErrorKind, Reach, ReachSource, ReachStatus};
use pacbot_lake::KnownScope;
use pacbot_schemas::{Account, AccountId, AssetType, AssetTypeDef, CoverageStatus, Region, Scope, ScopeKind};

/// Accounts that are asked for their regions at the same time.
const AT_ONCE: usize = 16;

/// An account that can be asked, with its regions.
pub(crate) type Reached = (Arc<Account>, Vec<Region>);

/// All scopes of one collection.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    /// Those that are asked.
    pub(crate) reached: Vec<Reached>,
    /// Accounts that let nobody in, with the regions that would have been asked.
    pub(crate) unreached: Vec<(Reached, CallError)>,
    /// Scopes of earlier runs that are not asked any more.
    pub(crate) left: Vec<Left>,
}

/// A scope of one asset type that is not asked any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) known: KnownScope,
    /// [`CoverageStatus::Withdrawn`] or [`CoverageStatus::Vanished`].
    pub(crate) status: CoverageStatus,
    pub(crate) why: String,
}

impl Scopes {
    /// Asks the cloud which accounts and regions there are. If it does not say which accounts, those of earlier runs
    /// are taken, and none of them is reached.
    ///
    /// # Errors
    ///
    /// The cloud's error if no account is known at all.
    pub(crate) async fn find(
        aws: &Aws,
        settings: &AwsSettings,
        defs: &[Arc<AssetTypeDef>],
        known: &[KnownScope],
    ) -> Result<Self, CallError> {
        let reaches = match aws.accounts().await {
            Ok(reaches) => reaches,
            Err(error) => return Self::none(settings, known, &error),
        };
        let mut scopes = Self::default();
        // Global types need no regions, and so no permission to list them.
        let is_regional = defs.iter().any(|def| def.scope == ScopeKind::Region);
        let active: Vec<&Reach> = reaches.iter().filter(|reach| reach.status == ReachStatus::Active).collect();
        let regions = stream::iter(active).map(|reach| async move {
            let regions = match aws.check(&reach.account).await {
                Ok(()) if is_regional => aws.regions(&reach.account).await.map_err(no_regions),
                Ok(()) => Ok(Vec::new()),
                Err(error) => Err(error),
            };
            (reach.account.clone(), regions)
        });
        let mut regions = regions.buffered(AT_ONCE);
        while let Some((account, regions)) = regions.next().await {
            match regions {
                Ok(regions) => scopes.reached.push((account, regions)),
                Err(error) => {
                    let regions = expected_regions(settings, known, &account.id);
                    scopes.unreached.push(((account, regions), error));
                }
            }
        }
        scopes.left = left(settings, defs, known, &scopes.asked(), &reaches);
        Ok(scopes)
    }

    fn none(settings: &AwsSettings, known: &[KnownScope], error: &CallError) -> Result<Self, CallError> {
        let names: BTreeMap<&AccountId, &str> =
            known.iter().map(|known| (&known.account_id, known.account_name.as_str())).collect();
        if names.is_empty() {
            return Err(error.clone());
        }
        let unreached = names.into_iter().map(|(id, name)| {
            let account = Account { id: id.clone(), name: name.into(), partition: settings.partition };
            ((Arc::new(account), expected_regions(settings, known, id)), error.clone())
        });
        Ok(Self { unreached: unreached.collect(), ..Self::default() })
    }

    fn asked(&self) -> BTreeMap<AccountId, BTreeSet<Region>> {
        let unreached = self.unreached.iter().map(|(reached, _)| reached);
        let all = self.reached.iter().chain(unreached);
        all.map(|(account, regions)| (account.id.clone(), regions.iter().cloned().collect())).collect()
    }
}

/// The scopes of `def` among an account's regions.
pub(crate) fn scopes_of(def: &AssetTypeDef, (account, regions): &Reached) -> Vec<Scope> {
    let scope = |region: Region| Scope { account: account.clone(), region };
    match def.scope {
        ScopeKind::Global => vec![scope(Region::global())],
        ScopeKind::Region => regions.iter().cloned().map(scope).collect(),
    }
}

/// What would be asked of an account that does not say: the configured regions, or those of earlier runs.
fn expected_regions(settings: &AwsSettings, known: &[KnownScope], account: &AccountId) -> Vec<Region> {
    if let Some(regions) = &settings.regions {
        return regions.clone();
    }
    let known = known.iter().filter(|known| &known.account_id == account && is_alive(known));
    let regions: BTreeSet<Region> =
        known.map(|known| known.region.clone()).filter(|region| !region.is_global()).collect();
    regions.into_iter().collect()
}

/// Nothing can be asked then, and no permission of an asset type would help.
fn no_regions(error: CallError) -> CallError {
    let message = format!("its regions cannot be listed; name them in `[aws] regions`: {}", error.message);
    CallError { kind: CallErrorKind::Credentials, message, ..error }
}

fn is_alive(known: &KnownScope) -> bool {
    known.status != CoverageStatus::Withdrawn
}

fn left(
    settings: &AwsSettings,
    defs: &[Arc<AssetTypeDef>],
    known: &[KnownScope],
    asked: &BTreeMap<AccountId, BTreeSet<Region>>,
    reaches: &[Reach],
) -> Vec<Left> {
    let kinds: BTreeMap<&AssetType, ScopeKind> = defs.iter().map(|def| (&def.asset_type, def.scope)).collect();
    let mut left = Vec::new();
    for known in known.iter().filter(|known| is_alive(known)) {
        let Some(kind) = kinds.get(&known.asset_type) else { continue };
        let (status, why) = match asked.get(&known.account_id) {
            None => account_left(settings, &known.account_id, reaches),
            Some(regions) => match kind {
                ScopeKind::Global if known.region.is_global() => continue,
                ScopeKind::Region if regions.contains(&known.region) => continue,
                // The type's file says another kind of scope than it did.
                _ if known.region.is_global() || *kind == ScopeKind::Global => {
                    (CoverageStatus::Withdrawn, "the asset type is asked in other scopes now".to_owned())
                }
                _ if settings.regions.is_some() => {
                    (CoverageStatus::Withdrawn, "the configuration does not name the region any more".to_owned())
                }
                _ => (CoverageStatus::Vanished, "the account does not list the region any more".to_owned()),
            },
        };
        left.push(Left { known: known.clone(), status, why });
    }
    left
}

fn account_left(settings: &AwsSettings, account: &AccountId, reaches: &[Reach]) -> (CoverageStatus, String) {
    let excluded = settings.exclude_accounts.contains(account)
        || settings.organization.as_ref().is_some_and(|organization| organization.exclude.contains(account));
    if excluded {
        return (CoverageStatus::Withdrawn, "the configuration excludes the account".to_owned());
    }
    if reaches.iter().any(|reach| &reach.account.id == account && reach.status == ReachStatus::Suspended) {
        return (CoverageStatus::Vanished, "the account is suspended".to_owned());
    }
    if settings.organization.is_some() {
        let why = "the organization does not list the account any more; exclude it to close its issues";
        return (CoverageStatus::Vanished, why.to_owned());
    }
    if reaches.iter().any(|reach| reach.source == ReachSource::Base) {
        // Other base credentials may be a mistake; nobody withdrew the account by name.
        let why = "the base credentials are of another account; exclude this one to close its issues";
        return (CoverageStatus::Vanished, why.to_owned());
    }
    (CoverageStatus::Withdrawn, "the configuration does not name the account any more".to_owned())
}

#[cfg(test)]
mod tests;
