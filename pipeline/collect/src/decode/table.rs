//! Tables that an API answers as one text, such as a report in CSV: their lines as items.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pacbot_schemas::{AnswerTable, TableEncoding};

use super::json_text::{push_member, push_string};

/// Why a text is no table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error("there is nothing at `{0}`, where a table should be")]
    Missing(String),
    #[error("the text at `{path}` is not base64: {source}")]
    Base64 { path: String, source: base64::DecodeError },
    #[error("the text at `{path}` is not CSV: {source}")]
    Csv { path: String, source: csv::Error },
}

/// Hands out each line of `text` as a JSON object, whose members are the line's fields by the names of the first line,
/// then those of `beside`. Yields how many lines there are.
///
/// # Errors
///
/// [`TableError`] if it is no table, or one whose end is missing: a line has fewer fields than the first.
pub(super) fn each_line<'a>(
    text: &str,
    table: &AnswerTable,
    beside: impl Iterator<Item = (Cow<'a, str>, &'a str)>,
    mut each: impl FnMut(&str),
) -> Result<usize, TableError> {
    let path = || table.path.to_string();
    let TableEncoding::Base64Csv = table.encoding;
    let base64: String = text.split_ascii_whitespace().collect();
    let bytes = BASE64_STANDARD.decode(base64).map_err(|source| TableError::Base64 { path: path(), source })?;
    let csv = |source| TableError::Csv { path: path(), source };
    let mut lines = csv::Reader::from_reader(bytes.as_slice());
    let names = lines.headers().map_err(csv)?.clone();
    if names.is_empty() {
        return Err(TableError::Missing(path()));
    }
    let beside: Vec<_> = beside.collect();
    let (mut count, mut item, mut value) = (0, String::new(), String::new());
    for line in lines.records() {
        item.clear();
        item.push('{');
        for (name, field) in names.iter().zip(&line.map_err(csv)?) {
            value.clear();
            push_string(&mut value, field);
            push_member(&mut item, name, &value);
        }
        beside.iter().for_each(|(name, value)| push_member(&mut item, name, value));
        item.push('}');
        each(&item);
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use pacbot_schemas::Path;

    use super::*;

    fn lines(text: &str) -> Result<Vec<String>, String> {
        let path = Path::parse("Content").unwrap();
        let table = AnswerTable { path, encoding: TableEncoding::Base64Csv, null: Vec::new() };
        let mut lines = Vec::new();
        let beside = [("At".into(), "7")].into_iter();
        let count = each_line(text, &table, beside, |line| lines.push(line.to_owned())).map_err(|e| e.to_string())?;
        assert_eq!(count, lines.len());
        Ok(lines)
    }

    #[test]
    fn a_line_is_an_item() {
        let text = BASE64_STANDARD.encode("user,note\nann,\"a, \"\"b\"\"\"\n<root>,N/A\n");
        let (one, other) = text.split_at(8);
        let expected = [r#"{"user":"ann","note":"a, \"b\"","At":7}"#, r#"{"user":"<root>","note":"N/A","At":7}"#];
        assert_eq!(lines(&format!("{one}\n  {other}")).unwrap(), expected);
        assert_eq!(lines(&BASE64_STANDARD.encode("user,note\n")).unwrap(), [""; 0]);
    }

    #[test]
    fn half_a_table_is_none() {
        assert_eq!(lines("").unwrap_err(), "there is nothing at `Content`, where a table should be");
        assert!(lines("!").unwrap_err().starts_with("the text at `Content` is not base64: "));
        let cut = lines(&BASE64_STANDARD.encode("user,note\nann,x\nbo")).unwrap_err();
        assert!(cut.starts_with("the text at `Content` is not CSV: ") && cut.contains("1 fields"), "{cut}");
    }
}
