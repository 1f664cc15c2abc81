//! Takes secrets out of an item's text before anything is decoded, hashed or landed.

use std::borrow::Cow;

use pacbot_schemas::{Path, Step};

use super::json_text::{elements, members, push_member};

/// The item without the values at `paths`.
///
/// Lists are looked into whether the path says so or not, and an object that cannot be read is dropped
/// whole: better a gap than a secret.
pub(crate) fn without_secrets<'a>(item: &'a str, paths: &[Path]) -> Cow<'a, str> {
    let steps: Vec<&[Step]> = paths.iter().map(|path| path.0.as_slice()).filter(|steps| !steps.is_empty()).collect();
    if steps.is_empty() {
        return Cow::Borrowed(item);
    }
    let mut out = String::with_capacity(item.len());
    cut(item, &steps, &mut out);
    Cow::Owned(out)
}

fn cut(text: &str, paths: &[&[Step]], out: &mut String) {
    match text.trim_start().as_bytes().first() {
        Some(b'{') => match members(text) {
            Some(found) => {
                out.push('{');
                for (name, value) in found {
                    let below = || paths.iter().filter(|steps| steps[0].name == name).map(|steps| &steps[1..]);
                    if below().any(<[Step]>::is_empty) {
                        continue;
                    }
                    let below: Vec<&[Step]> = below().collect();
                    if below.is_empty() {
                        push_member(out, &name, value);
                    } else {
                        push_member(out, &name, "");
                        cut(value, &below, out);
                    }
                }
                out.push('}');
            }
            None => out.push_str("null"),
        },
        Some(b'[') => match elements(text) {
            Some(found) => {
                out.push('[');
                for (index, element) in found.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    cut(element, paths, out);
                }
                out.push(']');
            }
            None => out.push_str("null"),
        },
        _ => out.push_str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_gone_and_the_rest_is_as_it_was() {
        let paths = ["Environment.Variables", "c[].password", "d.e.f"].map(|path| Path::parse(path).unwrap());
        let item = r#"{"a": 1.50, "Environment": {"Variables": {"K": "s3cret"}, "Error": {}}, "c": [{"password": "s3cret", "u": [1, 2]}, 7], "d": {"e": "text"}}"#;
        let cut = without_secrets(item, &paths);
        assert_eq!(cut, r#"{"a":1.50,"Environment":{"Error":{}},"c":[{"u":[1, 2]},7],"d":{"e":"text"}}"#);
        let one_for_a_list = r#"{"c": {"password": "s3cret"}, "Environment": [{"Variables": "s3cret"}]}"#;
        assert_eq!(without_secrets(one_for_a_list, &paths), r#"{"c":{},"Environment":[{}]}"#);
    }

    #[test]
    fn what_cannot_be_read_is_dropped() {
        let paths = [Path::parse("a.b").unwrap()];
        assert_eq!(without_secrets(r#"{"a": {"\ud800": 1, "b": "s3cret"}, "c": 1}"#, &paths), r#"{"a":null,"c":1}"#);
    }
}
