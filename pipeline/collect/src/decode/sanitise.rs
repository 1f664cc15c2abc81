//! Cuts an item down to the shape that columns read, so that one odd value never costs a page.

use super::json_text::{elements, is_null, members, push_member, push_string, scalar};
use super::shape::Shape;

/// Appends what of the item `text` fits `shape`, an object; yields how many values did not and are null.
pub(crate) fn sanitise(text: &str, shape: &Shape, out: &mut String) -> u64 {
    let start = out.len();
    let mut misfits = 0;
    value(text, shape, out, &mut misfits);
    if !out[start..].starts_with('{') {
        out.truncate(start);
        out.push_str("{}");
    }
    misfits
}

fn value(text: &str, shape: &Shape, out: &mut String, misfits: &mut u64) {
    match shape {
        Shape::Leaf(_) => match scalar(text) {
            Some(scalar) if text.trim_start().starts_with('"') => push_string(out, &scalar),
            Some(scalar) => out.push_str(&scalar),
            None => null(text, out, misfits),
        },
        Shape::Object(shapes) => match members(text) {
            Some(found) => {
                out.push('{');
                for (name, member) in found {
                    let Some(shape) = shapes.get(&*name).filter(|shape| shape.arrow().is_some()) else { continue };
                    push_member(out, &name, "");
                    value(member, shape, out, misfits);
                }
                out.push('}');
            }
            None => null(text, out, misfits),
        },
        Shape::List(item) => match elements(text) {
            Some(found) => {
                out.push('[');
                for (index, element) in found.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    value(element, item, out, misfits);
                }
                out.push(']');
            }
            None => null(text, out, misfits),
        },
        Shape::Map => match members(text) {
            Some(found) => {
                out.push('{');
                for (name, member) in found {
                    push_member(out, &name, "");
                    value(member, &Shape::Leaf(super::shape::Leaf::Kept), out, misfits);
                }
                out.push('}');
            }
            None => null(text, out, misfits),
        },
        Shape::Any => out.push_str("null"),
    }
}

fn null(text: &str, out: &mut String, misfits: &mut u64) {
    *misfits += u64::from(!is_null(text));
    out.push_str("null");
}

#[cfg(test)]
mod tests {
    use pacbot_schemas::Path;

    use super::*;
    use crate::decode::shape::Leaf;

    #[test]
    fn only_what_fits_is_left() {
        let mut shape = Shape::empty();
        for (path, inner) in [
            ("a", Shape::Leaf(Leaf::Text)),
            ("b.c", Shape::Leaf(Leaf::Text)),
            ("list[].x", Shape::Leaf(Leaf::Text)),
            ("map", Shape::Map),
            ("doc", Shape::Any),
        ] {
            shape.overlay(Shape::at(&Path::parse(path).unwrap(), inner));
        }
        let cut = |text: &str| {
            let mut out = String::new();
            let misfits = sanitise(text, &shape, &mut out);
            (serde_json::from_str::<serde_json::Value>(&out).unwrap().to_string(), misfits)
        };
        let fits = r#"{"a":1,"b":{"c":"\u00e9"},"list":[{"x":true},null],"map":{"k":"v"},"other":[[]],"doc":{}}"#;
        assert_eq!(cut(fits), (r#"{"a":1,"b":{"c":"é"},"list":[{"x":true},null],"map":{"k":"v"}}"#.to_owned(), 0));
        let odd = r#"{"a":{},"b":[1],"list":[{"x":[]},7],"map":{"k":{}}}"#;
        assert_eq!(cut(odd), (r#"{"a":null,"b":null,"list":[{"x":null},null],"map":{"k":null}}"#.to_owned(), 5));
        assert_eq!(cut(r#"{"a":"\ud800"}"#), (r#"{"a":null}"#.to_owned(), 1));
        assert_eq!(cut("[]"), ("{}".to_owned(), 1));
    }
}
