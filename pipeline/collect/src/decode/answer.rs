//! One answer of an API: its items, and the values that paging reads. Pages are large and read once, so
//! only what is asked for is turned into JSON, and no part of the text is walked through more often than
//! its place needs.

use std::borrow::Cow;

use pacbot_schemas::{AnswerTable, Path, Protocol};
use serde::de::IgnoredAny;

use super::AnswerError;
use super::json_text::{find, find_in, members, scalar};
use super::shape::Shape;
use super::table;
use super::xml::Document;

/// An answer of the protocol that it should have.
pub(crate) enum Answer<'a> {
    /// With the members of its root, if that is an object.
    Json { text: &'a str, members: Option<Vec<(Cow<'a, str>, &'a str)>> },
    /// With what is read of it.
    Xml { document: Document<'a>, shape: &'a Shape },
}

impl<'a> Answer<'a> {
    /// # Errors
    ///
    /// [`AnswerError`] if the body is not of the protocol.
    pub(crate) fn parse(body: &'a str, protocol: Protocol, shape: &'a Shape) -> Result<Self, AnswerError> {
        if protocol.is_xml() {
            return Ok(Self::Xml { document: Document::parse(body, protocol)?, shape });
        }
        let text = body.trim_start_matches('\u{feff}').trim();
        let text = if text.is_empty() { "{}" } else { text };
        let members = members(text);
        if members.is_none() {
            serde_json::from_str::<IgnoredAny>(text)?;
        }
        Ok(Self::Json { text, members })
    }

    /// Hands out the JSON text of each item; without a path, the whole answer is one item. Yields how many
    /// there are.
    pub(crate) fn each_item(&self, path: Option<&Path>, mut each: impl FnMut(&str)) -> usize {
        match (self, path) {
            (_, None) => {
                each(&self.to_json());
                1
            }
            (Self::Json { text, members: None }, Some(path)) => {
                let items = find(text, path);
                items.iter().for_each(|item| each(item));
                items.len()
            }
            (Self::Json { members: Some(members), .. }, Some(path)) => {
                let items = find_in(members, path);
                items.iter().for_each(|item| each(item));
                items.len()
            }
            (Self::Xml { document, shape }, Some(path)) => {
                let items = document.items(path, shape);
                let mut text = String::new();
                for (item, shape) in &items {
                    text.clear();
                    document.value(*item, *shape, &mut text);
                    each(&text);
                }
                items.len()
            }
        }
    }

    /// Hands out each line of a table as [`Self::each_item`] does items, with the members that stand beside it.
    ///
    /// # Errors
    ///
    /// [`AnswerError`] if there is no such table: that is no empty one.
    pub(crate) fn each_line(&self, table: &AnswerTable, each: impl FnMut(&str)) -> Result<usize, AnswerError> {
        let text = self.text_at(&table.path).unwrap_or_default();
        let answer = self.to_json();
        let beside = members(&answer).unwrap_or_default();
        let first = table.path.0.first().map(|step| step.name.as_str());
        let beside = beside.into_iter().filter(|(name, _)| Some(&**name) != first);
        Ok(table::each_line(&text, table, beside, each)?)
    }

    /// The text of the first scalar at `path`.
    pub(crate) fn text_at(&self, path: &Path) -> Option<String> {
        match self {
            Self::Json { text, members: None } => find(text, path).into_iter().find_map(scalar).map(Cow::into_owned),
            Self::Json { members: Some(members), .. } => {
                find_in(members, path).into_iter().find_map(scalar).map(Cow::into_owned)
            }
            Self::Xml { document, .. } => document.text_at(path).map(str::to_owned),
        }
    }

    /// The whole answer as JSON.
    pub(crate) fn to_json(&self) -> Cow<'a, str> {
        match self {
            Self::Json { text, .. } => Cow::Borrowed(text),
            Self::Xml { document, shape } => Cow::Owned(document.to_json(shape)),
        }
    }
}
