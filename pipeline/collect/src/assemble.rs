//! One batch of the table from items, the columns of `list` and what follow-ups brought.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::compute::{filter_record_batch, take};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use pacbot_cloud::CallError;
use pacbot_schemas::{BACK_COLUMNS, FRONT_COLUMNS, Scope, Template, common_type};
use xxhash_rust::xxh3::Xxh3;

use crate::coverage::Tally;
use crate::decode::json_text::{push_member, push_open};
use crate::decode::{Columns, Items};
use crate::derive;
use crate::reader::AssetReader;
use crate::values::{Named, Values};

/// What a follow-up brought for one asset.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// An answer, as JSON.
    Answered(Arc<str>),
    /// There is nothing, and that is known.
    Absent,
    /// The asset no longer exists.
    Gone,
    /// No answer; without an error where it was not asked, as others before it failed.
    Failed(Option<CallError>),
    /// It was not asked, and nothing follows from that.
    Skipped,
}

/// What a follow-up brought for all assets of a chunk.
#[derive(Debug)]
pub(crate) enum FollowUp {
    /// One outcome for each.
    Each(Vec<Outcome>),
    /// The same for all.
    Same(Outcome),
}

impl FollowUp {
    fn of(&self, row: usize) -> &Outcome {
        match self {
            Self::Each(outcomes) => outcomes.get(row).unwrap_or(&Outcome::Skipped),
            Self::Same(outcome) => outcome,
        }
    }
}

/// A batch, and what each request adds to its tally.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) batch: RecordBatch,
    pub(crate) tallies: BTreeMap<String, Tally>,
}

/// Everything that a batch is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) items: Arc<Items>,
    pub(crate) listed: Vec<(usize, ArrayRef)>,
    /// By request.
    pub(crate) follow_ups: Vec<(String, FollowUp)>,
}

impl Parts {
    /// Makes the batch in the schema of the type. Assets that are gone or have no key are left out.
    ///
    /// # Errors
    ///
    /// [`ArrowError`] if arrays do not have the declared types, which the decoders rule out.
    pub(crate) fn assemble(
        self,
        reader: &AssetReader,
        scope: &Scope,
        run_at: DateTime<Utc>,
    ) -> Result<Assembled, ArrowError> {
        let def = &reader.def;
        let rows = self.items.len();
        let is_gone =
            |row: usize| self.follow_ups.iter().any(|(_, follow_up)| matches!(follow_up.of(row), Outcome::Gone));
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        let mut columns: Named<'_> = named(reader, self.listed.clone());
        for (request, follow_up) in &self.follow_ups {
            let tally = tallies.entry(request.clone()).or_default();
            (0..rows).filter(|row| !is_gone(*row)).for_each(|row| count(follow_up.of(row), tally));
            if let Some(decoder) = reader.decoder(request) {
                let decoded = match follow_up {
                    FollowUp::Each(outcomes) => decoder.columns(&outcomes.iter().map(text).collect()),
                    FollowUp::Same(outcome) => repeat(decoder.columns(&[text(outcome)].into_iter().collect()), rows)?,
                };
                tally.cell_errors += decoded.misfits;
                columns.extend(named(reader, decoded.arrays));
            }
        }

        for column in &def.columns {
            if let Some(derived) = &column.derived {
                let made = derive::column(derived, &columns, scope, rows)?;
                columns.insert(&column.name, made);
            }
        }

        let value = |row: usize, name: &str| Values { row: Some((&columns, row)), ..Values::of(scope) }.get(name);
        let filled = |template: &Template| -> StringArray {
            (0..rows).map(|row| template.fill(|name| value(row, name))).collect()
        };
        let asset_ids = filled(&def.asset_id);
        let regions = match &def.region {
            Some(region) => (0..rows)
                .map(|row| region.fill(|name| value(row, name)).or_else(|| Some(scope.region.to_string())))
                .collect(),
            None => same(scope.region.as_str(), rows),
        };
        let keys: Vec<&ArrayRef> = def
            .columns
            .iter()
            .filter(|column| column.key)
            .filter_map(|column| columns.get(column.name.as_str()))
            .collect();
        let is_whole = |row: usize| asset_ids.is_valid(row) && keys.iter().all(|key| key.is_valid(row));
        let broken = (0..rows).filter(|row| !is_gone(*row) && !is_whole(*row)).count();
        let kept: BooleanArray = (0..rows).map(|row| Some(!is_gone(row) && is_whole(row))).collect();
        let list = tallies.entry("list".to_owned()).or_default();
        list.broken_items += broken as u64;
        list.rows += kept.true_count() as u64;

        let (unread, hashes, raw) = self.answers(reader, &asset_ids);
        let time: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![run_at.timestamp_micros(); rows]).with_timezone("UTC"));
        let common = |name: &str| -> Option<ArrayRef> {
            Some(match name {
                "asset_id" => Arc::new(asset_ids.clone()),
                "name" => Arc::new(filled(&def.name)),
                "account_id" => Arc::new(same(scope.account.id.as_str(), rows)),
                "account_name" => Arc::new(same(&scope.account.name, rows)),
                "region" => Arc::new(regions.clone()),
                "first_seen_at" | "collected_at" => time.clone(),
                "collected_in" => Arc::new(same(scope.region.as_str(), rows)),
                "unread" => unread.clone(),
                "content_hash" => hashes.clone(),
                "raw" => raw.clone(),
                _ => return None,
            })
        };
        let schema = def.schema();
        let is_common = |name: &str| FRONT_COLUMNS.iter().chain(&BACK_COLUMNS).any(|common| *common == name);
        let arrays = schema.fields().iter().map(|field| {
            let name = field.name().as_str();
            let array = if is_common(name) && name != "tags" { common(name) } else { columns.get(name).cloned() };
            array.unwrap_or_else(|| new_null_array(field.data_type(), rows))
        });
        let batch = RecordBatch::try_new(schema.clone(), arrays.collect())?;
        let batch = if kept.true_count() == rows { batch } else { filter_record_batch(&batch, &kept)? };
        Ok(Assembled { batch, tallies })
    }

    /// The columns `unread`, `content_hash` and `raw`.
    fn answers(&self, reader: &AssetReader, asset_ids: &StringArray) -> (ArrayRef, ArrayRef, ArrayRef) {
        let item = match common_type("unread") {
            DataType::List(item) => item,
            _ => Arc::new(Field::new("element", DataType::Utf8, true)),
        };
        let mut unread = ListBuilder::new(StringBuilder::new()).with_field(item);
        let mut hashes = Vec::with_capacity(self.items.len());
        let mut raw = StringBuilder::with_capacity(self.items.len(), self.items.bytes());
        let mut merged = String::new();
        for (row, item) in self.items.iter().enumerate() {
            let mut hash = Xxh3::new();
            hash.update(&reader.def.fingerprint.to_le_bytes());
            let mut part = |text: &str| {
                hash.update(text.as_bytes());
                // No text of ours holds this byte, so that parts do not run into each other.
                hash.update(&[0xff]);
            };
            part(if asset_ids.is_valid(row) { asset_ids.value(row) } else { "" });
            part(item);
            let mut answers = String::new();
            for (request, follow_up) in &self.follow_ups {
                match follow_up.of(row) {
                    Outcome::Answered(answer) => {
                        part(request);
                        part(answer);
                        if answers.is_empty() {
                            answers.push('{');
                        }
                        push_member(&mut answers, request, answer);
                    }
                    Outcome::Failed(_) => {
                        part(request);
                        unread.values().append_value(request);
                    }
                    Outcome::Absent | Outcome::Gone | Outcome::Skipped => {}
                }
            }
            unread.append(true);
            hashes.push(hash.digest().cast_signed());
            if answers.is_empty() {
                raw.append_value(item);
                continue;
            }
            answers.push('}');
            merged.clear();
            if push_open(&mut merged, item) {
                push_member(&mut merged, "_requests", &answers);
                merged.push('}');
            }
            raw.append_value(&merged);
        }
        (Arc::new(unread.finish()), Arc::new(Int64Array::from(hashes)), Arc::new(raw.finish()))
    }
}

/// Columns of the type by their names.
pub(crate) fn named(reader: &AssetReader, arrays: Vec<(usize, ArrayRef)>) -> Named<'_> {
    let named =
        arrays.into_iter().filter_map(|(index, array)| Some((reader.def.columns.get(index)?.name.as_str(), array)));
    named.collect()
}

fn text(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Answered(text) => text,
        _ => "{}",
    }
}

fn same(text: &str, rows: usize) -> StringArray {
    std::iter::repeat_n(Some(text), rows).collect()
}

/// The one row of each column for all assets.
fn repeat(mut columns: Columns, rows: usize) -> Result<Columns, ArrowError> {
    let first = UInt32Array::from(vec![0; rows]);
    for (_, array) in &mut columns.arrays {
        *array = take(array, &first, None)?;
    }
    Ok(columns)
}

fn count(outcome: &Outcome, tally: &mut Tally) {
    match outcome {
        Outcome::Answered(_) | Outcome::Absent => tally.rows += 1,
        Outcome::Failed(error) => {
            tally.failed_items += 1;
            if let Some(error) = error {
                tally.fail(error);
            }
        }
        Outcome::Gone | Outcome::Skipped => {}
    }
}

/// The key columns that `list` feeds, to leave out broken items before follow-ups are asked.
pub(crate) fn has_key(reader: &AssetReader, listed: &[(usize, ArrayRef)], row: usize) -> bool {
    let is_key = |index: &usize| reader.def.columns.get(*index).is_some_and(|column| column.key);
    listed.iter().filter(|(index, _)| is_key(index)).all(|(_, array)| array.is_valid(row))
}
