//! Looks into JSON texts without building them: members, elements and paths are slices of the text.

use std::borrow::Cow;
use std::fmt;

use pacbot_schemas::{Path, Step};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order, values as text.
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a str)>);

struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(name), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// The members of an object; `None` if `text` is none.
pub(crate) fn members(text: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    // Skips the parser's error, which costs an allocation, where it is plain that there are none.
    if !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str::<Members<'_>>(text).ok().map(|members| members.0)
}

/// The elements of a list; `None` if `text` is none.
pub(crate) fn elements(text: &str) -> Option<Vec<&str>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// The member of that name; the last one if there are several, as every decoder has it.
pub(crate) fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    members(text)?.into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The text of a scalar; `None` for null, lists, objects, and text that is not Unicode.
pub(crate) fn scalar(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    match text.as_bytes().first()? {
        b'"' => {
            let inner = text.get(1..text.len() - 1)?;
            if inner.contains('\\') {
                serde_json::from_str(text).ok().map(Cow::Owned)
            } else {
                Some(Cow::Borrowed(inner))
            }
        }
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(text)),
    }
}

/// All values at `path`; lists are looked into where the path says so. A missing last member is null.
pub(crate) fn find<'a>(text: &'a str, path: &Path) -> Vec<&'a str> {
    let mut found = Vec::new();
    walk(text, &path.0, &mut found);
    found
}

/// The text of the first scalar at `path`.
pub(crate) fn find_text<'a>(text: &'a str, path: &Path) -> Option<Cow<'a, str>> {
    find(text, path).into_iter().find_map(scalar)
}

/// [`find`] in an object whose members are known.
pub(crate) fn find_in<'a>(members: &[(Cow<'a, str>, &'a str)], path: &Path) -> Vec<&'a str> {
    let mut found = Vec::new();
    if let Some((step, rest)) = path.0.split_first() {
        let value = members.iter().rev().find(|(name, _)| *name == step.name).map(|(_, value)| *value);
        walk_into(value, step, rest, &mut found);
    }
    found
}

fn walk<'a>(text: &'a str, steps: &[Step], found: &mut Vec<&'a str>) {
    match steps.split_first() {
        None => found.push(text),
        Some((step, rest)) => walk_into(member(text, &step.name), step, rest, found),
    }
}

fn walk_into<'a>(value: Option<&'a str>, step: &Step, rest: &[Step], found: &mut Vec<&'a str>) {
    match value {
        Some(value) if step.list => {
            elements(value).into_iter().flatten().for_each(|element| walk(element, rest, found));
        }
        Some(value) => walk(value, rest, found),
        // Keeps the values of a list's elements in step with the elements.
        None if !step.list && rest.is_empty() => found.push("null"),
        None => {}
    }
}

/// Whether the text is `null`.
pub(crate) fn is_null(text: &str) -> bool {
    text.trim() == "null"
}

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Appends a member to an object that is open at the end of `out`.
pub(crate) fn push_member(out: &mut String, name: &str, value: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    push_string(out, name);
    out.push(':');
    out.push_str(value);
}

/// Appends `object` to `out` without its closing brace, so that members can follow. `false`, and nothing
/// appended, if it is no object.
pub(crate) fn push_open(out: &mut String, object: &str) -> bool {
    let inner = object.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    if let Some(inner) = inner {
        out.push('{');
        out.push_str(inner.trim());
    }
    inner.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    #[test]
    fn values_are_found_by_path() {
        let text = r#" {"a": [{"b": [1, 2]}, {"b": null}, {"b": ["x\n"]}], "c": {"d": "é"}, "c\u0041": true} "#;
        assert_eq!(find(text, &path("a[].b[]")), ["1", "2", "\"x\\n\""]);
        assert_eq!(find(text, &path("a[].b")), ["[1, 2]", "null", "[\"x\\n\"]"]);
        assert_eq!(find_text(text, &path("a[].b[]")).as_deref(), Some("1"));
        assert_eq!(find_text(text, &path("c.d")).as_deref(), Some("é"));
        assert_eq!(find_text(text, &path("cA")).as_deref(), Some("true"));
        assert_eq!(find(r#"{"a": [{"b": 1}, {}]}"#, &path("a[].b")), ["1", "null"]);
        assert_eq!((find(text, &path("a.b")), find("[]", &path("a"))), (vec!["null"], vec!["null"]));
        assert!(find(text, &path("x[]")).is_empty() && find(text, &path("x.y")).is_empty());
        assert_eq!(find("7", &Path::default()), ["7"]);
    }

    #[test]
    fn strings_are_escaped_as_json_wants() {
        let text = "a\"\\\n\u{1}é\u{1f}";
        let mut out = String::new();
        push_string(&mut out, text);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }

    #[test]
    fn members_are_appended_to_objects() {
        for (object, expected) in [("{ }", r#"{"n":1}"#), (r#"{"a": 2 } "#, r#"{"a": 2,"n":1}"#)] {
            let mut out = String::new();
            assert!(push_open(&mut out, object));
            push_member(&mut out, "n", "1");
            out.push('}');
            assert_eq!(out, expected);
        }
        assert!(!push_open(&mut String::new(), "[]"));
    }

    #[test]
    fn a_half_surrogate_is_no_text_and_hides_nothing_else() {
        let text = r#"{"a": "\ud800", "b": 1}"#;
        assert_eq!(find_text(text, &path("a")), None);
        assert_eq!(find_text(text, &path("b")).as_deref(), Some("1"));
    }
}
