//! How many assets of which type are where, and the rows of a scope.
//!
//! Skewed as real estates are: a few types are most of the assets and most types are a handful, a few accounts are much
//! larger than the others, and most of an account is in one region.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array};
use arrow::compute::interleave_record_batch;
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use pacbot_lake::StagedRows;
use pacbot_schemas::{AccountId, AssetTypeDef, AssetTypes, Region, ScopeKind};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::value::{Ids, Source};
use crate::words::Words;

/// The types of which there are most; each has more than the next.
const LARGE: [&str; 12] = [
    "aws_ec2_network_interface",
    "aws_ec2_instance",
    "aws_vpc_security_group_rule",
    "aws_ebs_snapshot",
    "aws_ebs_volume",
    "aws_cloudwatch_log_group",
    "aws_iam_role",
    "aws_lambda_function",
    "aws_s3_bucket",
    "aws_vpc_security_group",
    "aws_cloudwatch_alarm",
    "aws_iam_policy",
];

/// The share of the large types together.
const LARGE_SHARE: f64 = 0.8;

const REGIONS: [&str; 8] = [
    "us-east-1",
    "eu-west-1",
    "us-west-2",
    "eu-central-1",
    "ap-southeast-1",
    "us-east-2",
    "ap-northeast-1",
    "sa-east-1",
];

/// What rows say of times is before this, in microseconds: 2026-03-01 06:00. A row that is collected again says the same.
const MADE_AT: i64 = 1_772_344_800_000_000;

/// Rows that are made together.
const ROWS_AT_ONCE: u64 = 4096;

/// What differs from generation 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) generation: u32,
    /// The part of the assets.
    pub(crate) share: f64,
    /// Whole accounts instead of some assets everywhere.
    pub(crate) clustered: bool,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Estate {
    assets: u64,
    accounts: u32,
    regions: u32,
    change: Change,
    /// The accounts that change as a whole.
    renewed: BTreeSet<u32>,
    words: Words,
    /// By type, its share of all assets.
    shares: HashMap<String, f64>,
    /// The types that a name identifies an asset of.
    keys: HashMap<String, Vec<Arc<AssetTypeDef>>>,
}

/// Assets of one type in one account and region.
#[derive(Debug, Clone)]
pub(crate) struct ScopeRows {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) rows: u64,
    /// Places among the accounts and regions.
    place: (u32, u32),
}

impl Estate {
    pub(crate) fn new(types: &AssetTypes, assets: u64, accounts: u32, regions: u32, change: Change) -> Self {
        let mut shares: HashMap<String, f64> = HashMap::new();
        let large: f64 = (1..=LARGE.len()).map(weight).sum();
        let small: Vec<&str> =
            types.iter().map(|def| def.asset_type.as_str()).filter(|name| !LARGE.contains(name)).collect();
        let tail: f64 = (1..=small.len()).map(weight).sum();
        for (place, name) in LARGE.iter().enumerate() {
            shares.insert((*name).to_owned(), LARGE_SHARE * weight(place + 1) / large);
        }
        for (place, name) in small.iter().enumerate() {
            shares.insert((*name).to_owned(), (1.0 - LARGE_SHARE) * weight(place + 1) / tail);
        }
        let mut keys: HashMap<String, Vec<Arc<AssetTypeDef>>> = HashMap::new();
        for def in types.iter() {
            for column in def.columns.iter().filter(|column| column.key) {
                keys.entry(column.name.clone()).or_default().push(def.clone());
            }
        }
        let regions = regions.clamp(1, u32::try_from(REGIONS.len()).unwrap_or(1));
        let renewed = if change.clustered { renewed(accounts, change) } else { BTreeSet::new() };
        Self { assets, accounts, regions, change, renewed, words: Words::of_policies(types), shares, keys }
    }

    /// The scopes of a type, empty ones too.
    pub(crate) fn scopes(&self, def: &AssetTypeDef) -> Vec<ScopeRows> {
        let regions = if def.scope == ScopeKind::Global { 1 } else { self.regions };
        let mut scopes = Vec::new();
        for account in 0..self.accounts {
            for region in 0..regions {
                let name = if def.scope == ScopeKind::Global { "global" } else { REGIONS[region as usize] };
                let (Ok(account_id), Ok(name)) =
                    (AccountId::new(format!("{:012}", 100_000_000_000_u64 + u64::from(account))), Region::new(name))
                else {
                    continue;
                };
                let rows = self.rows(def, (account, region));
                scopes.push(ScopeRows { account: account_id, region: name, rows, place: (account, region) });
            }
        }
        scopes
    }

    /// Assets of a type in a scope.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of assets are far below 2^52"
    )]
    fn rows(&self, def: &AssetTypeDef, (account, region): (u32, u32)) -> u64 {
        let total = self.assets as f64 * self.shares.get(def.asset_type.as_str()).copied().unwrap_or_default();
        let all: f64 = (1..=self.accounts as usize).map(weight).sum();
        let of_account = total * weight(account as usize + 1) / all;
        let regions = if def.scope == ScopeKind::Global { 1 } else { self.regions };
        let all: f64 = (1..=regions).map(|place| f64::from(place).powi(-2)).sum();
        let expected = of_account * f64::from(region + 1).powi(-2) / all;
        // A part of an asset is an asset in some of the scopes.
        let seed = seed(&[def.fingerprint, u64::from(account), u64::from(region)]);
        let extra = StdRng::seed_from_u64(seed).random_bool(expected.fract());
        expected.trunc() as u64 + u64::from(extra)
    }

    fn batch(
        &self,
        def: &AssetTypeDef,
        scope: &ScopeRows,
        at: DateTime<Utc>,
        from: u64,
    ) -> Result<RecordBatch, ArrowError> {
        let rows = ROWS_AT_ONCE.min(scope.rows - from);
        let before = self.generation(def, scope, at, from, rows, 0)?;
        if self.change.generation == 0 {
            return Ok(before);
        }
        let place = seed(&[u64::from(scope.place.0), u64::from(self.change.generation)]);
        let is_all = self.renewed.contains(&scope.place.0);
        let mut random = StdRng::seed_from_u64(seed(&[place, def.fingerprint, u64::from(scope.place.1), from]));
        let changed: Vec<bool> =
            (0..rows).map(|_| is_all || (!self.change.clustered && random.random_bool(self.change.share))).collect();
        if !changed.contains(&true) {
            return Ok(before);
        }
        let after = self.generation(def, scope, at, from, rows, self.change.generation)?;
        let picked: Vec<(usize, usize)> =
            changed.iter().enumerate().map(|(row, changed)| (usize::from(*changed), row)).collect();
        interleave_record_batch(&[&before, &after], &picked)
    }

    fn generation(
        &self,
        def: &AssetTypeDef,
        scope: &ScopeRows,
        at: DateTime<Utc>,
        from: u64,
        rows: u64,
        generation: u32,
    ) -> Result<RecordBatch, ArrowError> {
        let name = def.asset_type.as_str();
        let (account, region) = (scope.account.as_str(), scope.region.as_str());
        let mut random = StdRng::seed_from_u64(seed(&[
            def.fingerprint,
            u64::from(scope.place.0),
            u64::from(scope.place.1),
            from,
            u64::from(generation),
        ]));
        let count = usize::try_from(rows).unwrap_or_default();
        let ids = ScopeIds { estate: self, place: scope.place };
        let mut source = Source { random: &mut random, words: self.words.of(name), ids: &ids, now: MADE_AT };
        let numbered = |prefix: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values((from..from + rows).map(|row| format!("{prefix}{row}"))))
        };
        let same = |text: &str| -> ArrayRef { Arc::new(StringArray::new_repeated(text, count)) };
        let schema = def.schema();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for field in schema.fields() {
            let is_key = def.column(field.name()).is_some_and(|column| column.key);
            columns.push(match field.name().as_str() {
                "asset_id" => numbered(&format!("arn:aws:{name}:{region}:{account}:asset/{name}-")),
                "name" => numbered(&format!("{name}-")),
                "account_id" | "account_name" => same(account),
                "region" | "collected_in" => same(region),
                "first_seen_at" | "collected_at" => {
                    Arc::new(TimestampMicrosecondArray::from_value(at.timestamp_micros(), count).with_timezone("UTC"))
                }
                "unread" => new_null_array(field.data_type(), count),
                "content_hash" => {
                    Arc::new((0..rows).map(|_| source.random.random::<i64>()).map(Some).collect::<Int64Array>())
                }
                "raw" => Arc::new(StringArray::from_iter_values((0..rows).map(|_| raw(source.random)))),
                key if is_key && matches!(field.data_type(), arrow::datatypes::DataType::Utf8) => {
                    numbered(&format!("{key}-"))
                }
                _ => source.array(field, count),
            });
        }
        RecordBatch::try_new(schema, columns)
    }
}

/// Accounts that together have about the share of the assets that changes; other ones in each generation.
fn renewed(accounts: u32, change: Change) -> BTreeSet<u32> {
    let all: f64 = (1..=accounts as usize).map(weight).sum();
    let mut order: Vec<u32> = (0..accounts).collect();
    order.sort_by_key(|account| seed(&[u64::from(change.generation), u64::from(*account)]));
    let (mut renewed, mut share) = (BTreeSet::new(), 0.0);
    for account in order {
        let own = weight(account as usize + 1) / all;
        if share + own <= change.share * 1.1 {
            share += own;
            renewed.insert(account);
        }
    }
    renewed
}

/// Zipf's.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn weight(place: usize) -> f64 {
    1.0 / place as f64
}

/// One number of many.
fn seed(parts: &[u64]) -> u64 {
    parts
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |seed, part| (seed ^ part).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23))
}

/// An answer of 1 to 3 KB, as JSON.
fn raw(random: &mut StdRng) -> String {
    let members = random.random_range(10..32u32);
    let mut text = format!("{{\"Id\":\"{:016x}\"", random.random::<u64>());
    for member in 0..members {
        let value = random.random_range(0..50u32);
        text.push_str(&format!(
            ",\"MemberNumber{member}\":{{\"State\":\"value {value}\",\"Enabled\":{},\"Arn\":\"arn:aws:service:region:account:thing/{value}\"}}",
            value % 2 == 0
        ));
    }
    text.push('}');
    text
}

/// The ids of a scope's assets.
struct ScopeIds<'a> {
    estate: &'a Estate,
    place: (u32, u32),
}

impl Ids for ScopeIds<'_> {
    fn count(&self, name: &str) -> Option<u64> {
        let defs = self.estate.keys.get(name)?;
        defs.iter().map(|def| self.estate.rows(def, self.place)).max()
    }
}

/// The rows of a scope, made whenever they are read.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) estate: Arc<Estate>,
    pub(crate) def: Arc<AssetTypeDef>,
    pub(crate) scope: ScopeRows,
    pub(crate) at: DateTime<Utc>,
}

impl StagedRows for Rows {
    fn batches(&self) -> Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send> {
        let (estate, def, scope, at) = (self.estate.clone(), self.def.clone(), self.scope.clone(), self.at);
        let starts = (0..scope.rows).step_by(usize::try_from(ROWS_AT_ONCE).unwrap_or(1));
        Box::new(starts.map(move |from| estate.batch(&def, &scope, at, from)))
    }
}
