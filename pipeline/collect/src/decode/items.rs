//! Items of answers as JSON texts, one after the other in one buffer that decoders read as it is.

use std::ops::Range;

use super::json_text::{push_member, push_open};

/// JSON objects, one an item.
#[derive(Debug, Default, Clone)]
pub(crate) struct Items {
    text: String,
    ranges: Vec<Range<usize>>,
}

impl Items {
    /// Adds an item. What is no object becomes `{"value": …}`.
    pub(crate) fn push(&mut self, item: &str) {
        let item = item.trim();
        let start = self.text.len();
        if item.starts_with('{') {
            self.text.push_str(item);
        } else {
            self.text.push('{');
            push_member(&mut self.text, "value", item);
            self.text.push('}');
        }
        self.end(start);
    }

    /// Adds an item with one more member.
    pub(crate) fn push_with(&mut self, item: &str, name: &str, value: &str) {
        let start = self.text.len();
        if !push_open(&mut self.text, item) {
            self.text.push('{');
            push_member(&mut self.text, "value", item.trim());
        }
        push_member(&mut self.text, name, value);
        self.text.push('}');
        self.end(start);
    }

    /// Adds the items of `other`.
    pub(crate) fn append(&mut self, other: &Self) {
        let offset = self.text.len();
        self.text.push_str(&other.text);
        self.ranges.extend(other.ranges.iter().map(|range| range.start + offset..range.end + offset));
    }

    fn end(&mut self, start: usize) {
        self.ranges.push(start..self.text.len());
        self.text.push('\n');
    }

    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The size of all texts.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// All items, separated by line ends.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn get(&self, index: usize) -> &str {
        self.ranges.get(index).map_or("", |range| &self.text[range.clone()])
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.ranges.iter().map(|range| &self.text[range.clone()])
    }
}

impl<'a> FromIterator<&'a str> for Items {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut items = Self::default();
        texts.into_iter().for_each(|text| items.push(text));
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_a_value() {
        let mut items: Items = [r#" {"a":1} "#, "\"x\"", "null"].into_iter().collect();
        items.push_with(r#"{"a":1}"#, "users", r#"{"b":2}"#);
        items.push_with("7", "users", "{}");
        let expected = [
            r#"{"a":1}"#,
            r#"{"value":"x"}"#,
            r#"{"value":null}"#,
            r#"{"a":1,"users":{"b":2}}"#,
            r#"{"value":7,"users":{}}"#,
        ];
        assert_eq!(items.iter().collect::<Vec<_>>(), expected);
        let mut twice = items.clone();
        twice.append(&items);
        assert_eq!((twice.len(), twice.get(5)), (10, expected[0]));
        assert_eq!(twice.text().lines().count(), 10);
    }
}
