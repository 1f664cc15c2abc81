//! Asset type files: how a type is requested, its key, its columns. One TOML file each.
//!
//! [`AssetTypeDef::parse`] accepts a file only when a collector can work with it: every mistake that can
//! be seen without asking the API is found here, with its place. What the API really answers is not known.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use indexmap::IndexMap;
use serde::Deserialize;
use toml::Spanned;

use crate::column_type::{ColumnType, timestamp};
use crate::derived::Derived;
use crate::ids::AssetType;
use crate::path::{Case, Path};
use crate::request::{AnswerTable, ErrorMatch, NextPage, Per, Protocol, Request, TableEncoding};
use crate::source_error::{SourceError, nearest};
use crate::template::Template;

mod derive;
mod validate;

/// Columns that every asset table begins with.
pub const FRONT_COLUMNS: [&str; 8] =
    ["asset_id", "name", "account_id", "account_name", "region", "tags", "first_seen_at", "collected_at"];

/// Columns that every asset table ends with: the scope's region, the requests that this asset's answer
/// lacks, a hash of the answer, the answer.
pub const BACK_COLUMNS: [&str; 4] = ["collected_in", "unread", "content_hash", "raw"];

/// Columns that `<table>_history` has in place of `collected_at`: when a row's content was collected first, and when it
/// was replaced.
pub const HISTORY_COLUMNS: [&str; 2] = ["seen_from", "seen_until"];

/// Whether a type exists per region or per account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeKind {
    /// Once per account and region.
    #[default]
    Region,
    /// Once per account.
    Global,
}

/// How a timestamp is written in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampFormat {
    /// ISO 8601 text.
    #[default]
    Iso,
    /// Seconds since the epoch, possibly with a fraction.
    EpochS,
    /// Milliseconds since the epoch.
    EpochMs,
}

/// The names of key and value in a list of pairs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The key's name.
    pub key: String,
    /// The value's name.
    pub value: String,
}

/// One declared column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in the lake.
    pub name: String,
    /// Its type.
    pub column_type: ColumnType,
    /// Where its value stands in the answer; nowhere, if it is derived.
    pub path: Path,
    /// How it is made of other columns, if no request feeds it by itself.
    pub derived: Option<Derived>,
    /// The request that feeds it, or what it is derived from.
    pub from: String,
    /// Whether it identifies the asset inside its scope.
    pub key: bool,
    /// How a timestamp is written.
    pub format: TimestampFormat,
    /// For a map that the API gives as a list of pairs.
    pub entry: Option<Entry>,
    /// Words of the table by those of the answer; `*` is every other text.
    pub words: IndexMap<String, String>,
    /// The style of the names inside its type.
    pub case: Case,
    /// What it means.
    pub doc: String,
}

/// A parsed and checked asset type file.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetTypeDef {
    /// The type, which is also the table's name.
    pub asset_type: AssetType,
    /// What it is.
    pub doc: String,
    /// Other names, for example PacBot's.
    pub aliases: Vec<String>,
    /// Per region or per account.
    pub scope: ScopeKind,
    /// The asset's id across the lake.
    pub asset_id: Template,
    /// The asset's name.
    pub name: Template,
    /// The asset's region, where it is not its scope's.
    pub region: Option<Template>,
    /// What never lands.
    pub secret: Vec<Path>,
    /// The requests by name; `list` is among them.
    pub requests: IndexMap<String, Request>,
    /// The declared columns in order, `tags` among them if declared.
    pub columns: Vec<Column>,
    /// A hash of the file's text: rows that an older file decoded are written again.
    pub fingerprint: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSpec {
    table: Spanned<String>,
    doc: Spanned<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    scope: ScopeKind,
    asset_id: Spanned<String>,
    name: Spanned<String>,
    region: Option<Spanned<String>>,
    #[serde(default)]
    secret: Vec<Spanned<String>>,
    request: IndexMap<Spanned<String>, RequestSpec>,
    columns: IndexMap<Spanned<String>, ColumnSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestSpec {
    per: Option<Spanned<String>>,
    service: Option<String>,
    endpoint: Option<Spanned<String>>,
    protocol: Option<Protocol>,
    version: Option<String>,
    target: Option<String>,
    operation: Spanned<String>,
    method: Option<String>,
    uri: Option<Spanned<String>>,
    #[serde(default)]
    input: toml::Table,
    page: Option<PageSpec>,
    items: Option<Spanned<String>>,
    answer: Option<Spanned<AnswerSpec>>,
    #[serde(default)]
    until: IndexMap<Spanned<String>, Vec<String>>,
    #[serde(default)]
    not_yet: Vec<String>,
    #[serde(default)]
    filter: IndexMap<Spanned<String>, Vec<Spanned<String>>>,
    nested: Option<Spanned<bool>>,
    #[serde(rename = "match")]
    matching: Option<Spanned<IndexMap<String, String>>>,
    permission: Option<Spanned<String>>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    gone: Vec<String>,
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageSpec {
    #[serde(default)]
    size: toml::Table,
    #[serde(default)]
    next: IndexMap<String, Spanned<String>>,
    more: Option<Spanned<String>>,
    number: Option<String>,
    link: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerSpec {
    path: Spanned<String>,
    encoding: TableEncoding,
    #[serde(default)]
    null: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnSpec {
    r#type: Spanned<String>,
    path: Option<Spanned<String>>,
    from: Option<Spanned<String>>,
    #[serde(default)]
    key: bool,
    #[serde(default)]
    format: TimestampFormat,
    entry: Option<Entry>,
    words: Option<Spanned<IndexMap<String, String>>>,
    template: Option<Spanned<String>>,
    has_any: Option<Spanned<String>>,
    begins: Option<Spanned<BeginsSpec>>,
    case: Option<Case>,
    doc: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BeginsSpec {
    column: String,
    with: Spanned<String>,
}

impl AssetTypeDef {
    /// Parses and checks a file.
    ///
    /// # Errors
    ///
    /// Every mistake that was found, in the file's order.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<SourceError>> {
        let spec: FileSpec =
            toml::from_str(text).map_err(|error| vec![SourceError::from_toml(file, text, 0, &error)])?;
        validate::definition(file, text, spec)
    }

    /// The request whose items are the assets.
    #[must_use]
    pub fn list(&self) -> &Request {
        &self.requests["list"]
    }

    /// Whether `list` waits for the items of that request: it is the parent of `list`, or the parent of that one.
    #[must_use]
    pub fn is_ancestor(&self, request: &str) -> bool {
        let parent = |of: &Request| match &of.per {
            Per::Parent(name) => self.requests.get(name),
            Per::Scope | Per::Item => None,
        };
        let first = parent(self.list());
        [first, first.and_then(parent)].into_iter().flatten().any(|ancestor| ancestor.name == request)
    }

    /// The declared column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The request that feeds a column of the table; common columns are fed by `list`.
    #[must_use]
    pub fn request_of(&self, column: &str) -> &str {
        self.column(column).map_or("list", |column| &column.from)
    }

    /// The declared columns without `tags`, which has its place among the common ones.
    pub fn own_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.name != "tags")
    }

    /// The table's schema: front columns, declared columns, back columns. `content_hash` is 64 bits.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let mut fields: Vec<Field> = FRONT_COLUMNS.iter().map(|name| field(name, common_type(name))).collect();
        fields.extend(self.own_columns().map(|column| field(&column.name, column.column_type.arrow())));
        fields.extend(BACK_COLUMNS.iter().map(|name| field(name, common_type(name))));
        Arc::new(Schema::new(fields))
    }
}

/// The type of one of [`FRONT_COLUMNS`] or [`BACK_COLUMNS`].
#[must_use]
pub fn common_type(name: &str) -> DataType {
    match name {
        "tags" => ColumnType::Map.arrow(),
        "first_seen_at" | "collected_at" => timestamp(),
        "unread" => ColumnType::List(Box::new(ColumnType::String)).arrow(),
        "content_hash" => DataType::Int64,
        _ => DataType::Utf8,
    }
}

#[cfg(test)]
mod tests;
