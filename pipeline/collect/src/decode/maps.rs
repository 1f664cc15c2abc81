//! Maps from lists of pairs and from objects, on the same buffers unless a key is null or stands twice.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, StringArray, StructArray, UInt32Array, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

/// Maps from lists of pairs; pairs without a key are dropped and counted.
pub(crate) fn from_pairs(
    offsets: &OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
    pairs: Option<&StructArray>,
    key: &str,
    value: &str,
    target: &DataType,
    misfits: &mut u64,
) -> Result<ArrayRef, ArrowError> {
    let column =
        |name: &str| pairs.and_then(|pairs| pairs.column_by_name(name)).and_then(|column| column.as_string_opt());
    let (Some(keys), Some(values)) = (column(key), column(value)) else {
        return Ok(new_null_array(target, offsets.len() - 1));
    };
    *misfits += keys.null_count() as u64;
    build(offsets, nulls, keys, values, target)
}

/// Maps from objects.
pub(crate) fn from_map(map: &MapArray, target: &DataType) -> Result<ArrayRef, ArrowError> {
    let (Some(keys), Some(values)) = (map.keys().as_string_opt(), map.values().as_string_opt()) else {
        return Ok(new_null_array(target, map.len()));
    };
    build(map.offsets(), map.nulls().cloned(), keys, values, target)
}

fn build(
    offsets: &OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
    keys: &StringArray,
    values: &StringArray,
    target: &DataType,
) -> Result<ArrayRef, ArrowError> {
    let DataType::Map(entries_field, sorted) = target else { return Ok(new_null_array(target, offsets.len() - 1)) };
    let DataType::Struct(fields) = entries_field.data_type() else {
        return Ok(new_null_array(target, offsets.len() - 1));
    };
    let rows = || offsets.windows(2).map(|ends| bounds(ends[0], ends[1]));
    let is_sound = keys.null_count() == 0 && rows().all(|(from, to)| is_unique(keys, from, to));
    let (offsets, columns): (_, Vec<ArrayRef>) = if is_sound {
        (offsets.clone(), vec![Arc::new(keys.clone()), Arc::new(values.clone())])
    } else {
        let mut kept: Vec<u32> = Vec::with_capacity(keys.len());
        let lengths: Vec<usize> = rows().map(|(from, to)| keep(keys, from, to, &mut kept)).collect();
        let kept = UInt32Array::from(kept);
        (OffsetBuffer::from_lengths(lengths), vec![take(keys, &kept, None)?, take(values, &kept, None)?])
    };
    let entries = StructArray::try_new(fields.clone(), columns, None)?;
    Ok(Arc::new(MapArray::try_new(entries_field.clone(), offsets, entries, nulls, *sorted)?))
}

/// Offsets are not negative.
fn bounds(from: i32, to: i32) -> (usize, usize) {
    (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(0))
}

fn is_unique(keys: &StringArray, from: usize, to: usize) -> bool {
    if to - from > 16 {
        let mut seen = std::collections::HashSet::with_capacity(to - from);
        return (from..to).all(|at| seen.insert(keys.value(at)));
    }
    (from..to).all(|at| (from..at).all(|before| keys.value(before) != keys.value(at)))
}

/// Of each key the last pair, in the order in which keys first came. Yields their number.
fn keep(keys: &StringArray, from: usize, to: usize, kept: &mut Vec<u32>) -> usize {
    let first = kept.len();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for at in (from..to).filter(|at| keys.is_valid(*at)) {
        let Ok(index) = u32::try_from(at) else { continue };
        match places.get(keys.value(at)) {
            Some(place) => kept[*place] = index,
            None => {
                places.insert(keys.value(at), kept.len());
                kept.push(index);
            }
        }
    }
    kept.len() - first
}
