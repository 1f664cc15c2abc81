//! The types that a column of an asset type file may have, and their Arrow types in the lake.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

/// The type of a column, as written in an asset type file, for example `list<struct<key: string>>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    String,
    /// True or false.
    Bool,
    /// A signed 64-bit integer.
    Int,
    /// A 64-bit float.
    Float,
    /// A point in time: microseconds since the epoch, UTC.
    Timestamp,
    /// Any JSON, kept as its text.
    Json,
    /// An IAM policy document in its normal form, see [`crate::normalise_policy_value`].
    Policy,
    /// Text by text, for example tags.
    Map,
    /// Values of one type.
    List(Box<ColumnType>),
    /// Named values.
    Struct(Vec<StructField>),
}

/// One field of a [`ColumnType::Struct`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructField {
    /// Its name in the lake.
    pub name: String,
    /// Its name in the answer, where it is not the camel-case of `name`.
    pub source: Option<String>,
    /// Its type.
    pub column_type: ColumnType,
}

/// The name that Delta gives to the values of a list, so that our files need no conversion.
const LIST_ITEM: &str = "element";

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new(LIST_ITEM, item, true)))
}

fn map(value: DataType) -> DataType {
    let entry = Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entry), false)), false)
}

/// The Arrow type of a timestamp in the lake.
#[must_use]
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn policy_document() -> DataType {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let texts = |name: &str| Field::new(name, list(DataType::Utf8), true);
    let principals = |name: &str| Field::new(name, map(list(DataType::Utf8)), true);
    let statement = Fields::from(vec![
        text("sid"),
        text("effect"),
        principals("principal"),
        principals("not_principal"),
        texts("action"),
        texts("not_action"),
        texts("resource"),
        texts("not_resource"),
        text("condition"),
    ]);
    DataType::Struct(Fields::from(vec![
        text("version"),
        text("id"),
        Field::new("statement", list(DataType::Struct(statement)), true),
    ]))
}

impl ColumnType {
    /// The column's type in the lake.
    #[must_use]
    pub fn arrow(&self) -> DataType {
        match self {
            Self::String | Self::Json => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Timestamp => timestamp(),
            Self::Policy => policy_document(),
            Self::Map => map(DataType::Utf8),
            Self::List(item) => list(item.arrow()),
            Self::Struct(fields) => DataType::Struct(
                fields.iter().map(|field| Field::new(&field.name, field.column_type.arrow(), true)).collect(),
            ),
        }
    }

    /// Whether values are free-form JSON, which has no columnar shape before it is normalised.
    #[must_use]
    pub fn is_document(&self) -> bool {
        match self {
            Self::Json | Self::Policy => true,
            Self::List(item) => item.is_document(),
            _ => false,
        }
    }

    /// Parses the notation of the asset type files.
    ///
    /// # Errors
    ///
    /// What is wrong, and at which byte of `text`.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut parser = Parser { text, position: 0 };
        let parsed = parser.column_type()?;
        parser.skip_space();
        if parser.position < text.len() {
            return Err((parser.position, format!("unexpected `{}` after the type", &text[parser.position..])));
        }
        parsed.check(true).map_err(|message| (0, message))?;
        Ok(parsed)
    }

    /// Documents have no answer schema of their own, so they stand alone or in a list at the top.
    fn check(&self, top: bool) -> Result<(), String> {
        match self {
            Self::Json | Self::Policy if !top => {
                Err("`json` and `policy` may stand alone or in one list, not inside a struct".to_owned())
            }
            Self::Map if !top => Err("a `map` may not stand inside another type".to_owned()),
            Self::List(item) if top && matches!(**item, Self::Json | Self::Policy) => Ok(()),
            Self::List(item) => item.check(false),
            Self::Struct(fields) => fields.iter().try_for_each(|field| field.column_type.check(false)),
            _ => Ok(()),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        let rest = &self.text[self.position..];
        self.position += rest.len() - rest.trim_start().len();
    }

    fn word(&mut self) -> &str {
        self.skip_space();
        let rest = &self.text[self.position..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.position += length;
        &rest[..length]
    }

    fn take(&mut self, expected: char) -> bool {
        self.skip_space();
        let found = self.text[self.position..].starts_with(expected);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, expected: char) -> Result<(), (usize, String)> {
        if self.take(expected) { Ok(()) } else { Err((self.position, format!("expected `{expected}`"))) }
    }

    fn column_type(&mut self) -> Result<ColumnType, (usize, String)> {
        self.skip_space();
        let start = self.position;
        Ok(match self.word() {
            "string" => ColumnType::String,
            "bool" => ColumnType::Bool,
            "int" => ColumnType::Int,
            "float" => ColumnType::Float,
            "timestamp" => ColumnType::Timestamp,
            "json" => ColumnType::Json,
            "policy" => ColumnType::Policy,
            "map" => ColumnType::Map,
            "list" => {
                self.expect('<')?;
                let item = self.column_type()?;
                self.expect('>')?;
                ColumnType::List(Box::new(item))
            }
            "struct" => ColumnType::Struct(self.fields()?),
            other => {
                let message = format!(
                    "`{other}` is no type; types are string, bool, int, float, timestamp, json, policy, map, list<…>, struct<name: …>"
                );
                return Err((start, message));
            }
        })
    }

    fn fields(&mut self) -> Result<Vec<StructField>, (usize, String)> {
        self.expect('<')?;
        let mut fields: Vec<StructField> = Vec::new();
        loop {
            let name = self.word().to_owned();
            if name.is_empty() {
                return Err((self.position, "expected a field name".to_owned()));
            }
            if fields.iter().any(|field| field.name == name) {
                return Err((self.position, format!("field `{name}` stands twice")));
            }
            let source = if self.take('(') {
                let rest = &self.text[self.position..];
                let length = rest.find(')').ok_or((self.position, "expected `)`".to_owned()))?;
                let source = rest[..length].trim().to_owned();
                self.position += length + 1;
                Some(source)
            } else {
                None
            };
            self.expect(':')?;
            let column_type = self.column_type()?;
            fields.push(StructField { name, source, column_type });
            if self.take('>') {
                return Ok(fields);
            }
            self.expect(',')?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_types_parse() {
        let parsed = ColumnType::parse("list<struct<group_id: string, db_name(DBName): list<int>>>").unwrap();
        let ColumnType::List(item) = &parsed else { panic!("{parsed:?}") };
        let ColumnType::Struct(fields) = &**item else { panic!("{item:?}") };
        assert_eq!(fields[1].source.as_deref(), Some("DBName"));
        assert_eq!(
            parsed.arrow().to_string(),
            "List(Struct(\"group_id\": Utf8, \"db_name\": List(Int64, field: 'element')), field: 'element')"
        );
    }

    #[test]
    fn mistakes_say_where() {
        assert_eq!(ColumnType::parse("list<strng>").unwrap_err().0, 5);
        assert_eq!(ColumnType::parse("list<string").unwrap_err(), (11, "expected `>`".to_owned()));
        assert!(ColumnType::parse("struct<a: json>").unwrap_err().1.contains("not inside a struct"));
        assert!(ColumnType::parse("struct<a: int, a: int>").unwrap_err().1.contains("twice"));
        assert!(ColumnType::parse("list<policy>").is_ok());
    }
}
