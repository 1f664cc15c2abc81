//! From the answer's arrays to the declared type: structs by field, lists by child, then one cast a leaf.
//!
//! Values are never copied row by row; lists in lists become one list by composing offsets. What does not
//! cast is null and counted.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, StringArray, StructArray, UInt32Array,
    new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{CastOptions, cast_with_options, nullif, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use indexmap::IndexMap;
use pacbot_schemas::{Case, Column, ColumnType, Path, Request, TimestampFormat};

use super::maps;
use super::shape::source;
use super::timestamps;

/// How a value of the answer becomes a value of the table.
#[derive(Debug, Clone)]
pub(crate) enum Conform {
    Text,
    Flag,
    Int,
    Float,
    Timestamp(TimestampFormat),
    /// An object, whose members are the entries.
    Map,
    /// A list of pairs with these names of key and value.
    Pairs {
        key: String,
        value: String,
    },
    /// Text, put in other words.
    Words(IndexMap<String, String>),
    /// Null where the text is one of these.
    Unless(Vec<String>, Box<Conform>),
    List(Box<Conform>),
    /// Fields in the table's order, each from a path.
    Struct(Vec<(Path, Conform)>),
}

impl Conform {
    /// `None` for documents, which are not columnar.
    pub(crate) fn of_column(column: &Column, request: &Request) -> Option<Self> {
        if !column.words.is_empty() {
            return Some(Self::Words(column.words.clone()));
        }
        let conform = match &column.entry {
            Some(entry) => Self::Pairs { key: entry.key.clone(), value: entry.value.clone() },
            None => Self::of_type(&column.column_type, column.case, column.format)?,
        };
        let nulls = request.table.as_ref().map(|table| table.null.clone()).filter(|nulls| !nulls.is_empty());
        Some(match nulls {
            Some(nulls) => Self::Unless(nulls, Box::new(conform)),
            None => conform,
        })
    }

    fn of_type(column_type: &ColumnType, case: Case, format: TimestampFormat) -> Option<Self> {
        Some(match column_type {
            ColumnType::String => Self::Text,
            ColumnType::Bool => Self::Flag,
            ColumnType::Int => Self::Int,
            ColumnType::Float => Self::Float,
            ColumnType::Timestamp => Self::Timestamp(format),
            ColumnType::Map => Self::Map,
            ColumnType::List(item) => Self::List(Box::new(Self::of_type(item, case, format)?)),
            ColumnType::Struct(fields) => {
                let fields = fields
                    .iter()
                    .map(|field| Some((source(field, case), Self::of_type(&field.column_type, case, format)?)));
                Self::Struct(fields.collect::<Option<_>>()?)
            }
            ColumnType::Json | ColumnType::Policy => return None,
        })
    }
}

/// The lists on the way to a value, as one.
struct Lists {
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
}

/// Reads the value at `path` of every object and makes it a `target`. Adds to `misfits` what did not cast.
///
/// # Errors
///
/// [`ArrowError`] if the arrays do not have the shape that was made from the same columns.
pub(crate) fn read(
    objects: &StructArray,
    path: &Path,
    to: &Conform,
    target: &DataType,
    misfits: &mut u64,
) -> Result<ArrayRef, ArrowError> {
    let Some((values, lists)) = locate(objects, path)? else {
        return Ok(new_null_array(target, objects.len()));
    };
    match (lists, to) {
        (Some(Lists { offsets, nulls }), Conform::List(item)) => list(offsets, nulls, &values, item, target, misfits),
        (Some(Lists { offsets, nulls }), Conform::Pairs { key, value }) => {
            maps::from_pairs(&offsets, nulls, values.as_struct_opt(), key, value, target, misfits)
        }
        (Some(lists), _) => {
            // One value is declared where there is a list: its first.
            let first = lists.offsets.windows(2).map(|ends| (ends[0] < ends[1]).then_some(ends[0].cast_unsigned()));
            let first = take(&values, &first.collect::<UInt32Array>(), None)?;
            conform(&first, to, target, misfits)
        }
        (None, _) => conform(&values, to, target, misfits),
    }
}

/// The values at `path`, and the lists that hold them; `None` if nothing in the answer's schema is there.
fn locate(objects: &StructArray, path: &Path) -> Result<Option<(ArrayRef, Option<Lists>)>, ArrowError> {
    let mut values: ArrayRef = Arc::new(objects.clone());
    let mut lists: Option<Lists> = None;
    for step in &path.0 {
        let Some(member) = values.as_struct_opt().and_then(|object| object.column_by_name(&step.name)) else {
            return Ok(None);
        };
        let member = member.clone();
        values = member;
        if step.list {
            let Some(list) = values.as_list_opt::<i32>() else { return Ok(None) };
            lists = Some(match lists {
                None => Lists { offsets: list.offsets().clone(), nulls: list.nulls().cloned() },
                Some(outer) => Lists { offsets: compose(&outer.offsets, list.offsets()), nulls: outer.nulls },
            });
            let items = list.values().clone();
            values = items;
        }
    }
    Ok(Some((values, lists)))
}

/// Lists of lists as lists: where an outer list ends is where its last inner list ends.
fn compose(outer: &OffsetBuffer<i32>, inner: &OffsetBuffer<i32>) -> OffsetBuffer<i32> {
    let ends = outer.iter().map(|end| usize::try_from(*end).ok().and_then(|end| inner.get(end)).copied().unwrap_or(0));
    OffsetBuffer::new(ScalarBuffer::from_iter(ends))
}

fn conform(values: &ArrayRef, to: &Conform, target: &DataType, misfits: &mut u64) -> Result<ArrayRef, ArrowError> {
    match to {
        Conform::List(item) => {
            let Some(lists) = values.as_list_opt::<i32>() else { return Ok(mismatch(values, target, misfits)) };
            list(lists.offsets().clone(), lists.nulls().cloned(), lists.values(), item, target, misfits)
        }
        Conform::Pairs { key, value } => {
            let Some(lists) = values.as_list_opt::<i32>() else { return Ok(mismatch(values, target, misfits)) };
            let pairs = lists.values().as_struct_opt();
            maps::from_pairs(lists.offsets(), lists.nulls().cloned(), pairs, key, value, target, misfits)
        }
        Conform::Map => match values.as_map_opt() {
            Some(map) => maps::from_map(map, target),
            None => Ok(mismatch(values, target, misfits)),
        },
        Conform::Struct(members) => {
            let (Some(objects), DataType::Struct(fields)) = (values.as_struct_opt(), target) else {
                return Ok(mismatch(values, target, misfits));
            };
            let members = members.iter().zip(fields);
            let columns = members.map(|((path, to), field)| read(objects, path, to, field.data_type(), misfits));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, objects.nulls().cloned())?))
        }
        Conform::Unless(nulls, to) => {
            let Some(texts) = values.as_string_opt::<i32>() else { return Ok(mismatch(values, target, misfits)) };
            let is_null = |text: Option<&str>| text.map(|text| nulls.iter().any(|null| null == text));
            let texts = nullif(texts, &texts.iter().map(is_null).collect::<BooleanArray>())?;
            conform(&texts, to, target, misfits)
        }
        Conform::Words(words) => {
            let Some(texts) = values.as_string_opt::<i32>() else { return Ok(mismatch(values, target, misfits)) };
            let other = words.get("*");
            let word = |text| words.get(text).or(other).map_or(text, String::as_str);
            Ok(Arc::new(texts.iter().map(|text| text.map(word)).collect::<StringArray>()))
        }
        Conform::Text | Conform::Flag | Conform::Int | Conform::Float | Conform::Timestamp(_) => {
            let Some(texts) = values.as_string_opt::<i32>() else { return Ok(mismatch(values, target, misfits)) };
            leaf(texts, to, target, misfits)
        }
    }
}

fn list(
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
    values: &ArrayRef,
    item: &Conform,
    target: &DataType,
    misfits: &mut u64,
) -> Result<ArrayRef, ArrowError> {
    let DataType::List(field) = target else { return Ok(new_null_array(target, offsets.len() - 1)) };
    let values = conform(values, item, field.data_type(), misfits)?;
    Ok(Arc::new(ListArray::try_new(field.clone(), offsets, values, nulls)?))
}

fn leaf(texts: &StringArray, to: &Conform, target: &DataType, misfits: &mut u64) -> Result<ArrayRef, ArrowError> {
    let cast = match to {
        Conform::Int => integers(texts)?,
        Conform::Timestamp(format) => timestamps::from_texts(texts, *format)?,
        Conform::Flag | Conform::Float => cast(texts, target)?,
        _ => return Ok(Arc::new(texts.clone())),
    };
    *misfits += lost(texts, &cast);
    Ok(cast)
}

/// Casts, with null for what does not.
pub(super) fn cast(texts: &StringArray, target: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(texts, target, &CastOptions { safe: true, ..CastOptions::default() })
}

/// How many values became null. An empty text is no value of any type but text.
pub(super) fn lost(texts: &StringArray, cast: &dyn Array) -> u64 {
    if cast.null_count() == texts.null_count() {
        return 0;
    }
    let is_lost =
        |(row, text): (usize, Option<&str>)| cast.is_null(row) && text.is_some_and(|text| !text.trim().is_empty());
    texts.iter().enumerate().filter(|value| is_lost(*value)).count() as u64
}

fn integers(texts: &StringArray) -> Result<ArrayRef, ArrowError> {
    let quick = cast(texts, &DataType::Int64)?;
    if lost(texts, &quick) == 0 {
        return Ok(quick);
    }
    // Some APIs write whole numbers as `5.0` or `1E3`.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |text: &str| {
        let number = text.trim().parse::<f64>().ok().filter(|number| number.fract() == 0.0 && number.abs() < EXACT)?;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the exact range")]
        Some(number as i64)
    };
    let parse = |text: &str| text.trim().parse::<i64>().ok().or_else(|| whole(text));
    Ok(Arc::new(texts.iter().map(|text| text.and_then(parse)).collect::<Int64Array>()))
}

/// All null: the answer's schema lacks the value, as two columns want different things of it.
fn mismatch(values: &ArrayRef, target: &DataType, misfits: &mut u64) -> ArrayRef {
    *misfits += (values.len() - values.null_count()) as u64;
    new_null_array(target, values.len())
}
