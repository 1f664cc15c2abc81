//! Columns of documents: `json` as text, `policy` in its normal form. Read from the items' texts, since a
//! document has no shape of its own.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use pacbot_schemas::{Column, ColumnType, Path, normalise_policy, normalise_policy_value};

use super::items::Items;
use super::json_text::{elements, find, is_null, push_member, push_string, scalar};

/// How one column of documents is read.
#[derive(Debug, Clone)]
pub(crate) struct Documents {
    path: Path,
    is_policy: bool,
    is_list: bool,
    target: DataType,
}

impl Documents {
    /// `None` if the column holds no documents.
    pub(crate) fn of_column(column: &Column) -> Option<Self> {
        let (item, is_list) = match &column.column_type {
            ColumnType::List(item) => (&**item, true),
            item => (item, false),
        };
        let is_policy = match item {
            ColumnType::Policy => true,
            ColumnType::Json => false,
            _ => return None,
        };
        Some(Self { path: column.path.clone(), is_policy, is_list, target: column.column_type.arrow() })
    }

    /// The column of `items`; a document that is not understood is null and counted.
    ///
    /// # Errors
    ///
    /// [`ArrowError`] if normal forms do not have the declared type, which tests rule out.
    pub(crate) fn read(&self, items: &Items, misfits: &mut u64) -> Result<ArrayRef, ArrowError> {
        if items.is_empty() {
            return Ok(new_null_array(&self.target, 0));
        }
        let mut texts = String::new();
        for item in items.iter() {
            texts.push('{');
            push_member(&mut texts, "v", "");
            if self.is_list {
                self.list(item, &mut texts, misfits)
            } else {
                self.one(item, &mut texts, misfits)
            }
            texts.push_str("}\n");
        }
        let schema = Arc::new(Schema::new(vec![Field::new("v", self.target.clone(), true)]));
        let mut decoder = ReaderBuilder::new(schema).with_batch_size(items.len()).build_decoder()?;
        decoder.decode(texts.as_bytes())?;
        let batch = decoder.flush()?.filter(|batch| batch.num_rows() == items.len());
        let column = batch.map(|batch| batch.column(0).clone());
        Ok(column.unwrap_or_else(|| new_null_array(&self.target, items.len())))
    }

    fn one(&self, item: &str, out: &mut String, misfits: &mut u64) {
        match find(item, &self.path).first() {
            Some(document) => self.document(document, out, misfits),
            None => out.push_str("null"),
        }
    }

    fn list(&self, item: &str, out: &mut String, misfits: &mut u64) {
        let Some(documents) = self.documents(item) else { return out.push_str("null") };
        out.push('[');
        for (index, document) in documents.into_iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.document(document, out, misfits);
        }
        out.push(']');
    }

    /// The documents of a list; `None` if there is no list.
    fn documents<'a>(&self, item: &'a str) -> Option<Vec<&'a str>> {
        let Some(list) = self.path.0.iter().position(|step| step.list) else {
            return elements(find(item, &self.path).first()?);
        };
        let mut steps = self.path.0[..=list].to_vec();
        steps.iter_mut().for_each(|step| step.list = false);
        let is_there = find(item, &Path(steps)).first().is_some_and(|list| list.starts_with('['));
        is_there.then(|| find(item, &self.path))
    }

    fn document(&self, text: &str, out: &mut String, misfits: &mut u64) {
        // OpenSearch says "" for a domain without a policy.
        if is_null(text) || (self.is_policy && text == "\"\"") {
            return out.push_str("null");
        }
        if !self.is_policy {
            return push_string(out, &json(text));
        }
        let normal = match scalar(text) {
            Some(text) => normalise_policy(&text).ok(),
            None => serde_json::from_str(text).ok().and_then(|document| normalise_policy_value(&document).ok()),
        };
        match normal {
            Some(normal) => out.push_str(&normal.to_string()),
            None => {
                *misfits += 1;
                out.push_str("null");
            }
        }
    }
}

/// JSON in a string is unwrapped; AWS likes to wrap it.
fn json(text: &str) -> Cow<'_, str> {
    let is_json = |inner: &str| serde_json::from_str::<serde::de::IgnoredAny>(inner).is_ok();
    match scalar(text) {
        Some(inner) if inner.trim_start().starts_with(['{', '[']) && is_json(&inner) => inner,
        _ => Cow::Borrowed(text.trim()),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};

    use super::*;

    fn read(column_type: &str, path: &str, items: &[&str]) -> (ArrayRef, u64) {
        let column_type = ColumnType::parse(column_type).unwrap();
        let (is_list, is_policy) = (matches!(column_type, ColumnType::List(_)), column_type != ColumnType::Json);
        let documents = Documents { path: Path::parse(path).unwrap(), is_policy, is_list, target: column_type.arrow() };
        let mut misfits = 0;
        let array = documents.read(&items.iter().copied().collect(), &mut misfits).unwrap();
        assert_eq!(array.data_type(), &column_type.arrow());
        (array, misfits)
    }

    #[test]
    fn json_is_kept_and_unwrapped() {
        let items = [
            r#"{"a": {"x": [1]}}"#,
            r#"{"a": "{\"y\":2}"}"#,
            r#"{"a": "text"}"#,
            r#"{"a": null}"#,
            "{}",
            r#"{"a": "{"}"#,
        ];
        let (array, misfits) = read("json", "a", &items);
        let texts: Vec<_> = array.as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some(r#"{"x": [1]}"#), Some(r#"{"y":2}"#), Some("\"text\""), None, None, Some("\"{\"")]);
        assert_eq!(misfits, 0);
    }

    #[test]
    fn policies_are_normalised_and_broken_ones_counted() {
        let items = [
            r#"{"p": "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22A%3AB%22%7D%7D"}"#,
            r#"{"p": {"Version": "1", "Statement": []}}"#,
            r#"{"p": "nonsense"}"#,
            "{}",
        ];
        let (array, misfits) = read("policy", "p", &items);
        let statements = array.as_struct().column_by_name("statement").unwrap().as_list::<i32>().clone();
        let actions = statements.value(0).as_struct().column_by_name("action").unwrap().as_list::<i32>().value(0);
        assert_eq!(actions.as_string::<i32>().value(0), "a:b");
        assert!(statements.value(1).is_empty() && array.is_valid(1));
        assert!(array.is_null(2) && array.is_null(3));
        assert_eq!(misfits, 1);
    }

    #[test]
    fn a_list_of_policies_keeps_its_order_and_its_gaps() {
        let items = [r#"{"l": [{"p": {}}, {}, {"p": 7}]}"#, r#"{"l": []}"#, "{}"];
        let (array, misfits) = read("list<policy>", "l[].p", &items);
        let lists = array.as_list::<i32>();
        assert_eq!((lists.value(0).len(), lists.value(0).null_count(), lists.value(1).len()), (3, 2, 0));
        assert!(lists.is_null(2));
        assert_eq!(misfits, 1);
    }
}
