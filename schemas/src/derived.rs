//! Columns that are made of other columns of the same asset.

use crate::template::Template;

/// How a derived column is made. What it is made of is fed by a request; where that is null, so is the column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derived {
    /// Text: the template, filled with columns and with the scope's values.
    Text(Template),
    /// Whether the list is not empty, or the number is above zero.
    HasAny(String),
    /// Whether the text begins with the template's.
    Begins {
        /// The column with the text.
        column: String,
        /// What it may begin with.
        with: Template,
    },
}

impl Derived {
    /// The columns that it is made of, in order; a member of a map stands behind a dot.
    #[must_use]
    pub fn places(&self) -> Vec<&str> {
        match self {
            Self::Text(template) => template.names().collect(),
            Self::HasAny(column) => vec![column],
            Self::Begins { column, with } => std::iter::once(column.as_str()).chain(with.names()).collect(),
        }
    }
}
