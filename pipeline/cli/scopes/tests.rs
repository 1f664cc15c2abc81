use pacbot_schemas::AssetTypes;

use super::*;

fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn known(id: &str, region_name: &str, asset_type: &str) -> KnownScope {
    KnownScope {
        account_id: account(id),
        account_name: format!("name of {id}"),
        region: region(region_name),
        asset_type: AssetType::new(asset_type).unwrap(),
        status: CoverageStatus::Complete,
        fingerprint: None,
    }
}

fn reach(id: &str, source: ReachSource, status: ReachStatus) -> Reach {
    let account = Account { id: account(id), name: id.into(), partition: pacbot_schemas::Partition::Aws };
    Reach { account: Arc::new(account), source, status }
}

/// What becomes of `known` when account 1 is asked in eu-west-1.
fn fate(settings: &str, known: KnownScope, reaches: &[Reach]) -> Option<CoverageStatus> {
    let types = AssetTypes::embedded().unwrap();
    let defs: Vec<Arc<AssetTypeDef>> = types.iter().cloned().collect();
    let settings: AwsSettings = toml::from_str(settings).unwrap();
    let asked = BTreeMap::from([(account("1"), BTreeSet::from([region("eu-west-1")]))]);
    let left = left(&settings, &defs, &[known], &asked, reaches);
    left.first().map(|left| left.status)
}

#[test]
fn what_is_asked_is_not_left() {
    let reaches = [reach("1", ReachSource::Base, ReachStatus::Active)];
    assert_eq!(fate("", known("1", "eu-west-1", "aws_vpc"), &reaches), None);
    assert_eq!(fate("", known("1", "global", "aws_iam_user"), &reaches), None);
}

#[test]
fn a_region_that_the_configuration_drops_is_withdrawn_and_one_that_the_account_drops_vanished() {
    let reaches = [reach("1", ReachSource::Base, ReachStatus::Active)];
    let scope = || known("1", "us-east-1", "aws_vpc");
    assert_eq!(fate("regions = ['eu-west-1']", scope(), &reaches), Some(CoverageStatus::Withdrawn));
    assert_eq!(fate("", scope(), &reaches), Some(CoverageStatus::Vanished));
}

#[test]
fn only_a_person_withdraws_an_account() {
    let organization = "organization = { role = 'pacbot' }";
    let scope = || known("2", "eu-west-1", "aws_vpc");
    let member = |status| [reach("2", ReachSource::Organization, status)];
    assert_eq!(fate(organization, scope(), &[]), Some(CoverageStatus::Vanished));
    assert_eq!(fate(organization, scope(), &member(ReachStatus::Suspended)), Some(CoverageStatus::Vanished));
    let excluded = "exclude_accounts = ['2']\norganization = { role = 'pacbot' }";
    assert_eq!(fate(excluded, scope(), &[]), Some(CoverageStatus::Withdrawn));
    let configured = "accounts = [{ id = '1' }]";
    assert_eq!(fate(configured, scope(), &[]), Some(CoverageStatus::Withdrawn));
    let other_credentials = [reach("1", ReachSource::Base, ReachStatus::Active)];
    assert_eq!(
        fate("", scope(), &other_credentials),
        Some(CoverageStatus::Vanished),
        "wrong credentials withdraw nothing"
    );
}

#[test]
fn a_withdrawn_scope_is_told_once() {
    let mut scope = known("2", "eu-west-1", "aws_vpc");
    scope.status = CoverageStatus::Withdrawn;
    assert_eq!(fate("accounts = [{ id = '1' }]", scope, &[]), None);
}
