//! Random values of any type of column.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, MapArray, StringBuilder, StructArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef};
use rand::Rng;
use rand::rngs::StdRng;

use crate::words::TAG_KEYS;

/// Numbers that policies ask for: ports, days, sizes.
const NUMBERS: [i64; 14] = [0, 1, 2, 7, 22, 30, 80, 90, 365, 443, 1433, 3306, 3389, 65535];

/// Microseconds in two years.
const TWO_YEARS: i64 = 730 * 86_400 * 1_000_000;

/// Names that rows of other types are known by, and how many there are of each in the scope.
pub(crate) trait Ids {
    /// How many rows the name is the key of, if it is one.
    fn count(&self, name: &str) -> Option<u64>;
}

/// Where values come from.
pub(crate) struct Source<'a, I> {
    pub(crate) random: &'a mut StdRng,
    pub(crate) words: &'a [String],
    pub(crate) ids: &'a I,
    /// Microseconds since the epoch.
    pub(crate) now: i64,
}

impl<I: Ids> Source<'_, I> {
    /// `rows` values of `field`.
    pub(crate) fn array(&mut self, field: &Field, rows: usize) -> ArrayRef {
        match field.data_type() {
            DataType::Utf8 => self.texts(field.name(), rows),
            DataType::Boolean => {
                Arc::new((0..rows).map(|_| self.unless(0.05, |s| s.random.random_bool(0.8))).collect::<BooleanArray>())
            }
            DataType::Int64 => Arc::new(
                (0..rows)
                    .map(|_| self.unless(0.05, |s| NUMBERS[s.random.random_range(0..NUMBERS.len())]))
                    .collect::<Int64Array>(),
            ),
            DataType::Float64 => Arc::new(
                (0..rows).map(|_| self.unless(0.05, |s| s.random.random_range(0.0..100.0))).collect::<Float64Array>(),
            ),
            DataType::Timestamp(..) => {
                let times: TimestampMicrosecondArray =
                    (0..rows).map(|_| self.unless(0.05, |s| s.now - s.random.random_range(0..TWO_YEARS))).collect();
                Arc::new(times.with_timezone("UTC"))
            }
            DataType::List(item) => {
                let offsets = OffsetBuffer::from_lengths((0..rows).map(|_| self.random.random_range(0..3usize)));
                let length = offsets.last().copied().and_then(|last| usize::try_from(last).ok()).unwrap_or_default();
                // The parent's name tells more than `item`.
                let named = Field::new(field.name(), item.data_type().clone(), true);
                let values = self.array(&named, length);
                Arc::new(ListArray::new(item.clone(), offsets, values, self.present(rows)))
            }
            DataType::Struct(fields) => {
                let children = fields.iter().map(|field| self.array(field, rows)).collect();
                Arc::new(StructArray::new(fields.clone(), children, self.present(rows)))
            }
            DataType::Map(entries, _) => self.maps(entries, rows),
            other => new_null_array(other, rows),
        }
    }

    fn unless<T>(&mut self, nulls: f64, value: impl Fn(&mut Self) -> T) -> Option<T> {
        (!self.random.random_bool(nulls)).then(|| value(self))
    }

    fn present(&mut self, rows: usize) -> Option<NullBuffer> {
        Some((0..rows).map(|_| !self.random.random_bool(0.1)).collect())
    }

    fn texts(&mut self, name: &str, rows: usize) -> ArrayRef {
        let mut texts = StringBuilder::with_capacity(rows, rows * 16);
        let known = self.ids.count(name);
        for _ in 0..rows {
            match known {
                Some(count) => texts.append_value(format!("{name}-{}", self.random.random_range(0..count.max(1)))),
                None if self.random.random_bool(0.1) => texts.append_null(),
                None if !self.words.is_empty() && self.random.random_bool(0.7) => {
                    texts.append_value(&self.words[self.random.random_range(0..self.words.len())]);
                }
                None => texts.append_value(format!("{name} {}", self.random.random_range(0..1000u32))),
            }
        }
        Arc::new(texts.finish())
    }

    /// Tags: most assets have most of the usual ones.
    fn maps(&mut self, entries: &FieldRef, rows: usize) -> ArrayRef {
        let (mut keys, mut values) = (StringBuilder::new(), StringBuilder::new());
        let mut lengths = Vec::with_capacity(rows);
        for _ in 0..rows {
            let mut length = 0;
            for key in TAG_KEYS {
                if self.random.random_bool(0.15) {
                    continue;
                }
                keys.append_value(key);
                values.append_value(format!("{key}-{}", self.random.random_range(0..40u32)));
                length += 1;
            }
            lengths.push(length);
        }
        let DataType::Struct(fields) = entries.data_type() else { return new_null_array(entries.data_type(), rows) };
        let keys = keys.finish();
        let values: ArrayRef = match fields[1].data_type() {
            DataType::Utf8 => Arc::new(values.finish()),
            _ => self.array(&fields[1], keys.len()),
        };
        let pairs = StructArray::new(fields.clone(), vec![Arc::new(keys), values], None);
        Arc::new(MapArray::new(entries.clone(), OffsetBuffer::from_lengths(lengths), pairs, None, false))
    }
}
