//! The part of an answer that columns read, as a tree merged from their paths and types.
//!
//! XML is turned into JSON under it, the Arrow schema of the answer is made from it, and a page that does
//! not fit is cut down to it. Leaves are text: casting to the declared type is the last step.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};
use pacbot_schemas::{Case, Column, ColumnType, Path, StructField};

/// What is read of one value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// Text, a number or a flag.
    Leaf(Leaf),
    /// Members by name.
    Object(BTreeMap<String, Shape>),
    /// Values of one shape; one that is alone may stand for itself in XML.
    List(Box<Shape>),
    /// Text by text.
    Map,
    /// A document, which is read from the item's text instead.
    Any,
}

/// How the text of a leaf is written when XML becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// An empty element is null.
    Text,
    /// `true` and `false` are literals.
    Flag,
    /// An empty element is the empty text: the values of maps.
    Kept,
}

/// Two columns want different things of one value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict;

impl Shape {
    pub(crate) fn empty() -> Self {
        Self::Object(BTreeMap::new())
    }

    /// What `column` reads of an answer's item.
    pub(crate) fn of_column(column: &Column) -> Self {
        let is_listed = column.path.0.iter().any(|step| step.list);
        let leaf = match (&column.entry, &column.column_type) {
            (Some(entry), _) => {
                let pair = Self::Object(BTreeMap::from([
                    (entry.key.clone(), Self::Leaf(Leaf::Text)),
                    (entry.value.clone(), Self::Leaf(Leaf::Kept)),
                ]));
                if is_listed { pair } else { Self::List(Box::new(pair)) }
            }
            // The path's own `[]` is the list that the type means.
            (None, ColumnType::List(item)) if is_listed => Self::of_type(item, column.case),
            (None, column_type) => Self::of_type(column_type, column.case),
        };
        Self::at(&column.path, leaf)
    }

    fn of_type(column_type: &ColumnType, case: Case) -> Self {
        match column_type {
            ColumnType::String | ColumnType::Int | ColumnType::Float | ColumnType::Timestamp => Self::Leaf(Leaf::Text),
            ColumnType::Bool => Self::Leaf(Leaf::Flag),
            ColumnType::Json | ColumnType::Policy => Self::Any,
            ColumnType::Map => Self::Map,
            ColumnType::List(item) => Self::List(Box::new(Self::of_type(item, case))),
            ColumnType::Struct(fields) => {
                let mut members = Self::empty();
                for field in fields {
                    members.overlay(Self::at(&source(field, case), Self::of_type(&field.column_type, case)));
                }
                members
            }
        }
    }

    /// `inner` at the end of `path`.
    pub(crate) fn at(path: &Path, inner: Self) -> Self {
        path.0.iter().rev().fold(inner, |inner, step| {
            let value = if step.list { Self::List(Box::new(inner)) } else { inner };
            Self::Object(BTreeMap::from([(step.name.clone(), value)]))
        })
    }

    /// Adds what `other` reads.
    ///
    /// # Errors
    ///
    /// [`Conflict`] if a value would have to be two things at once; `self` is then half merged.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), Conflict> {
        match (self, other) {
            (Self::Object(members), Self::Object(others)) => {
                others.into_iter().try_for_each(|(name, other)| match members.get_mut(&name) {
                    Some(member) => member.merge(other),
                    None => {
                        members.insert(name, other);
                        Ok(())
                    }
                })
            }
            (Self::List(item), Self::List(other)) => item.merge(*other),
            (Self::Map, Self::Map) | (_, Self::Any) => Ok(()),
            (any @ Self::Any, other) => {
                *any = other;
                Ok(())
            }
            (Self::Leaf(leaf), Self::Leaf(other)) => {
                if *leaf != other {
                    *leaf = if *leaf == Leaf::Kept || other == Leaf::Kept { Leaf::Kept } else { Leaf::Text };
                }
                Ok(())
            }
            _ => Err(Conflict),
        }
    }

    /// Adds what `other` reads; where both want different things, what says most about XML wins: a list.
    pub(crate) fn overlay(&mut self, other: Self) {
        match (self, other) {
            (Self::Object(members), Self::Object(others)) => {
                for (name, other) in others {
                    match members.get_mut(&name) {
                        Some(member) => member.overlay(other),
                        None => drop(members.insert(name, other)),
                    }
                }
            }
            (Self::List(item), Self::List(other)) => item.overlay(*other),
            (one, other @ Self::List(_)) => *one = other,
            (one @ (Self::Leaf(_) | Self::Any), other @ (Self::Object(_) | Self::Map)) => *one = other,
            (one, other) => drop(one.merge(other)),
        }
    }

    /// The Arrow type of this answer; `None` if nothing in it is columnar.
    pub(crate) fn arrow(&self) -> Option<DataType> {
        match self {
            Self::Leaf(_) => Some(DataType::Utf8),
            Self::Any => None,
            Self::Map => {
                let entry = Fields::from(vec![
                    Field::new("key", DataType::Utf8, false),
                    Field::new("value", DataType::Utf8, true),
                ]);
                Some(DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entry), false)), false))
            }
            Self::List(item) => Some(DataType::new_list(item.arrow()?, true)),
            Self::Object(_) => {
                let fields = self.fields();
                if fields.is_empty() { None } else { Some(DataType::Struct(fields)) }
            }
        }
    }

    /// The Arrow fields of an object's columnar members.
    pub(crate) fn fields(&self) -> Fields {
        let Self::Object(members) = self else { return Fields::empty() };
        members.iter().filter_map(|(name, member)| Some(Field::new(name, member.arrow()?, true))).collect()
    }
}

/// Where the value of a struct's field stands in its object.
pub(crate) fn source(field: &StructField, case: Case) -> Path {
    match &field.source {
        Some(source) => Path::parse(source).unwrap_or_else(|_| Path::member(source, false)),
        None => Path::member(&case.apply(&field.name), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf_at(path: &str) -> Shape {
        Shape::at(&Path::parse(path).unwrap(), Shape::Leaf(Leaf::Text))
    }

    #[test]
    fn paths_merge_into_one_tree() {
        let mut shape = leaf_at("a.b");
        shape.merge(leaf_at("a.list[].x")).unwrap();
        shape.merge(leaf_at("a.list[].y")).unwrap();
        let fields = shape.fields();
        assert_eq!(
            fields[0].data_type().to_string(),
            "Struct(\"b\": Utf8, \"list\": List(Struct(\"x\": Utf8, \"y\": Utf8)))"
        );
    }

    #[test]
    fn a_value_cannot_be_two_things_but_a_list_tells_xml_most() {
        let mut shape = leaf_at("a");
        assert_eq!(shape.merge(leaf_at("a.b")), Err(Conflict));
        let mut shape = leaf_at("a.b");
        shape.overlay(leaf_at("a[]"));
        assert_eq!(shape, leaf_at("a[]"));
    }

    #[test]
    fn documents_are_no_columns() {
        let mut shape = Shape::at(&Path::parse("a.doc").unwrap(), Shape::Any);
        assert!(shape.fields().is_empty());
        shape.merge(leaf_at("a.doc")).unwrap();
        assert_eq!(shape.fields().len(), 1);
    }
}
