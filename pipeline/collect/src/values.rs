//! What fills placeholders: the scope, the columns of one asset, the item of a parent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::display::array_value_to_string;
use pacbot_schemas::{Path, Scope};

use crate::decode::json_text::find_text;

/// What placeholders stand for.
pub trait Lookup: Sync {
    /// The value of `name` as text.
    fn text(&self, name: &str) -> Option<Cow<'_, str>>;

    /// The whole value of `name`, for a text that is nothing but this placeholder; `None` if it is its text.
    fn value(&self, _name: &str) -> Option<serde_json::Value> {
        None
    }
}

impl Lookup for Values<'_> {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)
    }
}

/// Columns by name.
pub(crate) type Named<'a> = BTreeMap<&'a str, ArrayRef>;

/// The values that a template or input may name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) scope: &'a Scope,
    /// One row of some columns.
    pub(crate) row: Option<(&'a Named<'a>, usize)>,
    /// A parent request's name and one of its items.
    pub(crate) parent: Option<(&'a str, &'a str)>,
}

impl<'a> Values<'a> {
    /// The values of a scope alone.
    pub(crate) fn of(scope: &'a Scope) -> Self {
        Self { scope, row: None, parent: None }
    }

    /// The value of `name` as text: `region`, `column`, `map_column.Key` or `parent.Path`.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        if let Some((columns, row)) = self.row {
            if let Some(column) = columns.get(name) {
                return text(column, row);
            }
            if let Some((column, key)) = name.split_once('.')
                && let Some(map) = columns.get(column)
            {
                return entry(map, row, key);
            }
        }
        if let Some((parent, item)) = self.parent
            && let Some(path) = name.strip_prefix(parent).and_then(|rest| rest.strip_prefix('.'))
        {
            return find_text(item, &Path::parse(path).ok()?);
        }
        match name {
            "account_id" => Some(Cow::Borrowed(self.scope.account.id.as_str())),
            "region" => Some(Cow::Borrowed(self.scope.region.as_str())),
            "partition" => Some(Cow::Borrowed(self.scope.account.partition.as_str())),
            _ => None,
        }
    }
}

/// One value of a column as text; `None` for null.
pub(crate) fn text(column: &ArrayRef, row: usize) -> Option<Cow<'_, str>> {
    if row >= column.len() || column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::Utf8 => Some(Cow::Borrowed(column.as_string::<i32>().value(row))),
        DataType::Int64 => Some(Cow::Owned(column.as_primitive::<Int64Type>().value(row).to_string())),
        _ => array_value_to_string(column, row).ok().map(Cow::Owned),
    }
}

fn entry<'a>(map: &'a ArrayRef, row: usize, key: &str) -> Option<Cow<'a, str>> {
    let map = map.as_map_opt().filter(|map| map.is_valid(row))?;
    let (keys, values) = (map.keys().as_string_opt::<i32>()?, map.values().as_string_opt::<i32>()?);
    let ends = map.offsets();
    let entries = usize::try_from(ends[row]).ok()?..usize::try_from(ends[row + 1]).ok()?;
    let at = entries.into_iter().find(|at| keys.value(*at) == key)?;
    values.is_valid(at).then(|| Cow::Borrowed(values.value(at)))
}
