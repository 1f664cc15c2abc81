//! The tables of our own: runs, coverage, violations, issues and their events. One TOML file each.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use indexmap::IndexMap;
use serde::Deserialize;

use crate::column_type::ColumnType;
use crate::source_error::SourceError;

/// A table of our own.
#[derive(Debug, Clone)]
pub struct LakeTableDef {
    /// Its name.
    pub table: String,
    /// What it holds.
    pub doc: String,
    /// Its columns: name and meaning.
    pub columns: Vec<(String, String)>,
    /// How long its old versions stay readable, if not as long as those of other tables.
    pub retention_hours: Option<u32>,
    /// Its Arrow schema; every column is nullable.
    pub schema: SchemaRef,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSpec {
    table: String,
    doc: String,
    retention_hours: Option<u32>,
    columns: IndexMap<String, ColumnSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnSpec {
    r#type: toml::Spanned<String>,
    doc: String,
}

impl LakeTableDef {
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, Vec<SourceError>> {
        let spec: FileSpec =
            toml::from_str(text).map_err(|error| vec![SourceError::from_toml(file, text, 0, &error)])?;
        let mut fields = Vec::with_capacity(spec.columns.len());
        for (name, column) in &spec.columns {
            let column_type = ColumnType::parse(column.r#type.get_ref())
                .map_err(|(_, message)| vec![SourceError::at(file, text, column.r#type.span(), message)])?;
            fields.push(Field::new(name, column_type.arrow(), true));
        }
        let columns = spec.columns.into_iter().map(|(name, column)| (name, column.doc)).collect();
        Ok(Self {
            table: spec.table,
            doc: spec.doc,
            columns,
            retention_hours: spec.retention_hours,
            schema: Arc::new(Schema::new(fields)),
        })
    }
}
