//! Turns an XML answer into JSON under the shape that columns read.
//!
//! What the shape calls a list is a list, even with one item or none. Where it says nothing, an element
//! whose children are all `item` or `member` is a list, one whose children are all `entry` is an object by
//! key, and elements that repeat are a list. Attributes are dropped, but for `xsi:type`, which becomes the
//! member `Type`. The wrappers of Query and EC2 are taken off.

use std::borrow::Cow;
use std::ops::Range;

use pacbot_schemas::{Path, Protocol};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use super::json_text::push_string;
use super::shape::{Leaf, Shape};

/// No API nests deeper; writing recurses.
const MAX_DEPTH: usize = 64;
/// Some 30 times as many as a full page of EC2 holds; bounds the memory that a hostile answer takes.
const MAX_ELEMENTS: usize = 2_000_000;

/// Why an answer is no XML that we read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("the answer is not well-formed XML: {0}")]
    Malformed(String),
    #[error("the answer nests deeper than {MAX_DEPTH} elements")]
    TooDeep,
    #[error("the answer has more than {MAX_ELEMENTS} elements")]
    TooLarge,
}

fn malformed(error: impl ToString) -> XmlError {
    XmlError::Malformed(error.to_string())
}

/// An element; children stand in [`Document::children`] at the range.
struct Element<'a> {
    name: &'a str,
    /// Tells most names apart faster than the name.
    mark: u64,
    text: Cow<'a, str>,
    children: Range<usize>,
}

/// The elements of an answer in the order in which they begin, without one allocation for each.
pub(crate) struct Document<'a> {
    elements: Vec<Element<'a>>,
    /// Indexes into `elements`, siblings side by side.
    children: Vec<usize>,
    /// The answer without its wrappers.
    root: usize,
    /// A child of the root that is none of the answer.
    without: &'static str,
}

struct Open<'a> {
    index: usize,
    /// Its name with its prefix.
    written: &'a str,
    /// Where this element's closed children begin on the stack of those.
    closed: usize,
    text: Cow<'a, str>,
}

impl<'a> Document<'a> {
    /// Parses an answer.
    ///
    /// # Errors
    ///
    /// [`XmlError`] if it is no XML, or more than an answer can be.
    pub(crate) fn parse(body: &'a str, protocol: Protocol) -> Result<Self, XmlError> {
        let mut document = Self::elements(body)?;
        match (protocol, document.result()) {
            (Protocol::Query, Some(result)) => document.root = result,
            (Protocol::Query, None) => document.without = "ResponseMetadata",
            // It differs from call to call, and answers are compared by their hash.
            (Protocol::Ec2, _) => document.without = "requestId",
            _ => {}
        }
        Ok(document)
    }

    fn elements(body: &'a str) -> Result<Self, XmlError> {
        let body = body.trim_start_matches('\u{feff}');
        let mut document =
            Self { elements: Vec::with_capacity(body.len() / 48), children: Vec::new(), root: 0, without: "" };
        let mut reader = Reader::from_str(body);
        // Checked here, where the name need not be copied.
        reader.config_mut().check_end_names = false;
        let mut open: Vec<Open<'a>> = Vec::new();
        let mut closed: Vec<usize> = Vec::new();
        loop {
            let at = reader.buffer_position();
            match reader.read_event().map_err(malformed)? {
                Event::Start(start) => {
                    if open.len() >= MAX_DEPTH {
                        return Err(XmlError::TooDeep);
                    }
                    let (index, written) = document.element(body, at, &start)?;
                    open.push(Open { index, written, closed: closed.len(), text: Cow::Borrowed("") });
                    document.xsi_type(&start, &mut closed);
                }
                Event::Empty(start) => {
                    closed.push(document.element(body, at, &start)?.0);
                }
                Event::End(end) => {
                    let began = open.pop().filter(|began| *end.name().as_ref() == *began.written);
                    let Some(Open { index, closed: first, text, .. }) = began else {
                        return Err(malformed("an element ends that did not begin"));
                    };
                    let from = document.children.len();
                    document.children.extend(closed.drain(first..));
                    let to = document.children.len();
                    if let Some(element) = document.elements.get_mut(index) {
                        element.children = from..to;
                        element.text = text;
                    }
                    closed.push(index);
                }
                Event::Text(text) => append(&mut open, text.into_inner()),
                Event::CData(text) => append(&mut open, text.into_inner()),
                Event::GeneralRef(entity) => {
                    let resolved = match entity.resolve_char_ref().map_err(malformed)? {
                        Some(c) => c.to_string(),
                        None => {
                            let name = entity.into_inner();
                            resolve_predefined_entity(&name).map_or_else(|| format!("&{name};"), str::to_owned)
                        }
                    };
                    append(&mut open, Cow::Owned(resolved));
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        if !open.is_empty() || document.elements.is_empty() {
            return Err(malformed("it ends within an element"));
        }
        Ok(document)
    }

    /// Adds the element that begins at the byte `at`; yields its index and its name, a slice of the body.
    fn element(&mut self, body: &'a str, at: u64, start: &BytesStart<'_>) -> Result<(usize, &'a str), XmlError> {
        if self.elements.len() >= MAX_ELEMENTS {
            return Err(XmlError::TooLarge);
        }
        let name = start.name();
        let name = name.as_ref();
        let written = usize::try_from(at).ok().and_then(|at| body.get(at + 1..at + 1 + name.len()));
        let Some(written) = written.filter(|written| *written == name) else {
            return Err(malformed("an element's name is not where it begins"));
        };
        let name = written.split_once(':').map_or(written, |(_, name)| name);
        self.elements.push(Element { name, mark: mark(name), text: Cow::Borrowed(""), children: 0..0 });
        Ok((self.elements.len() - 1, written))
    }

    fn xsi_type(&mut self, start: &BytesStart<'_>, closed: &mut Vec<usize>) {
        if !start.attributes_raw().contains(":type") {
            return;
        }
        if let Ok(Some(attribute)) = start.try_get_attribute("xsi:type") {
            let text = Cow::Owned(attribute.value.into_owned());
            closed.push(self.elements.len());
            self.elements.push(Element { name: "Type", mark: mark("Type"), text, children: 0..0 });
        }
    }

    fn children(&self, of: usize) -> &[usize] {
        &self.children[self.elements[of].children.clone()]
    }

    fn name(&self, of: usize) -> &'a str {
        self.elements[of].name
    }

    fn all_named(&self, of: usize, names: &[&str]) -> bool {
        let children = self.children(of);
        children.first().is_some_and(|first| {
            let name = self.name(*first);
            names.contains(&name) && children.iter().all(|child| self.name(*child) == name)
        })
    }

    /// The `<XResult>` in `<XResponse>`.
    fn result(&self) -> Option<usize> {
        let operation = self.name(0).strip_suffix("Response")?;
        let is_result = |child: &usize| self.name(*child).strip_suffix("Result") == Some(operation);
        self.children(0).iter().copied().find(is_result)
    }

    /// The whole answer as JSON: an object, unless the root is a list or bare text.
    pub(crate) fn to_json(&self, shape: &Shape) -> String {
        let mut out = String::new();
        if self.without.is_empty() {
            self.value(self.root, Some(shape), &mut out);
        } else {
            self.object_of(self.root, self.without, shape, &mut out);
        }
        if out == "null" {
            out.replace_range(.., "{}");
        }
        out
    }

    /// The items at `path` with what is read of each.
    pub(crate) fn items<'s>(&self, path: &Path, shape: &'s Shape) -> Vec<(usize, Option<&'s Shape>)> {
        let mut found = vec![(self.root, Some(shape))];
        for step in &path.0 {
            let mut below = Vec::new();
            for (element, shape) in found {
                let same: Vec<usize> = self.named(element, &step.name).collect();
                let shape = shape.and_then(|shape| member_shape(shape, &step.name));
                match (step.list, shape) {
                    (false, shape) => below.extend(same.first().map(|first| (*first, shape))),
                    (true, Some(Shape::List(item))) => {
                        below.extend(self.elements_of(&same).iter().map(|element| (*element, Some(&**item))));
                    }
                    (true, shape) => below.extend(self.elements_of(&same).iter().map(|element| (*element, shape))),
                }
            }
            found = below;
        }
        found
    }

    /// The text of the first element at `path`, unless it is blank.
    pub(crate) fn text_at(&self, path: &Path) -> Option<&str> {
        let mut element = self.root;
        for step in &path.0 {
            element = self.named(element, &step.name).next()?;
            if step.list {
                element = *self.elements_of(&[element]).first()?;
            }
        }
        let text = &*self.elements[element].text;
        (self.children(element).is_empty() && !is_blank(text)).then_some(text)
    }

    fn named<'s>(&'s self, of: usize, name: &'s str) -> impl Iterator<Item = usize> + 's {
        self.children(of).iter().copied().filter(move |child| self.name(*child) == name)
    }

    /// The elements of a list, given all elements with the list's name: one wraps them, or they are them.
    fn elements_of<'s>(&'s self, same: &'s [usize]) -> &'s [usize] {
        let [one] = same else { return same };
        let is_empty = self.children(*one).is_empty() && is_blank(&self.elements[*one].text);
        if is_empty || self.all_named(*one, &["item", "member", "entry"]) { self.children(*one) } else { same }
    }

    /// Writes an element under `shape`.
    pub(crate) fn value(&self, of: usize, shape: Option<&Shape>, out: &mut String) {
        if self.children(of).is_empty() {
            return leaf(&self.elements[of].text, shape, out);
        }
        let item = match shape {
            Some(Shape::List(item)) => Some(&**item),
            _ => None,
        };
        let is_listed = match shape {
            Some(Shape::Object(_) | Shape::Map) => false,
            Some(Shape::List(_)) => self.all_named(of, &["item", "member", "entry"]),
            _ => self.all_named(of, &["item", "member"]),
        };
        if is_listed {
            return self.list(self.children(of), item, out);
        }
        if self.all_named(of, &["entry"]) {
            return self.entries(of, shape, out);
        }
        self.object_of(of, "", item.or(shape).unwrap_or(&Shape::Any), out);
    }

    fn list(&self, of: &[usize], item: Option<&Shape>, out: &mut String) {
        out.push('[');
        for (index, element) in of.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.value(*element, item, out);
        }
        out.push(']');
    }

    /// Writes an object by the keys of its `<entry>`s.
    fn entries(&self, of: usize, shape: Option<&Shape>, out: &mut String) {
        out.push('{');
        let mut is_first = true;
        for entry in self.children(of) {
            let part = |name: &str| self.children(*entry).iter().copied().find(|child| self.name(*child) == name);
            let (Some(key), Some(value)) = (part("key"), part("value")) else { continue };
            let key = &self.elements[key].text;
            separate(out, &mut is_first);
            push_string(out, key);
            out.push(':');
            self.value(value, shape.and_then(|shape| member_shape(shape, key)), out);
        }
        out.push('}');
    }

    /// Writes an element as an object, without the children named `without`.
    fn object_of(&self, of: usize, without: &str, shape: &Shape, out: &mut String) {
        let children = self.children(of);
        let mut is_first = true;
        out.push('{');
        for (index, child) in children.iter().enumerate() {
            let name = self.name(*child);
            let is_same = |other: &usize| self.is_same_name(*other, *child);
            if name == without || children[..index].iter().any(is_same) {
                continue;
            }
            separate(out, &mut is_first);
            push_string(out, name);
            out.push(':');
            let shape = member_shape(shape, name);
            if children[index + 1..].iter().any(is_same) {
                let same: Vec<usize> = children[index..].iter().copied().filter(is_same).collect();
                self.member(&same, shape, out);
            } else {
                self.member(std::slice::from_ref(child), shape, out);
            }
        }
        out.push('}');
    }

    fn is_same_name(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.elements[one], &self.elements[other]);
        one.mark == other.mark && one.name == other.name
    }

    /// Writes the elements of one name that stand in one object.
    fn member(&self, same: &[usize], shape: Option<&Shape>, out: &mut String) {
        match (same, shape) {
            (same, Some(Shape::List(item))) => self.list(self.elements_of(same), Some(item), out),
            ([one], shape) => self.value(*one, shape, out),
            (many, _) => self.list(many, None, out),
        }
    }
}

/// The first bytes of a name and its length.
fn mark(name: &str) -> u64 {
    let first = name.bytes().take(7).fold(0, |mark, byte| mark << 8 | u64::from(byte));
    first << 8 | (name.len() as u64 & 0xff)
}

fn append<'a>(open: &mut [Open<'a>], text: Cow<'a, str>) {
    let Some(element) = open.last_mut() else { return };
    if element.text.is_empty() {
        element.text = text;
    } else if !(is_blank(&text) && is_blank(&element.text)) {
        // Else it is the indentation of children.
        element.text.to_mut().push_str(&text);
    }
}

fn separate(out: &mut String, is_first: &mut bool) {
    if !std::mem::take(is_first) {
        out.push(',');
    }
}

fn member_shape<'s>(shape: &'s Shape, name: &str) -> Option<&'s Shape> {
    match shape {
        Shape::Object(members) => members.get(name),
        Shape::Map => Some(&Shape::Leaf(Leaf::Kept)),
        _ => None,
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_whitespace())
}

fn leaf(text: &str, shape: Option<&Shape>, out: &mut String) {
    match (shape, text) {
        (Some(Shape::Leaf(Leaf::Kept)), text) if is_blank(text) => out.push_str("\"\""),
        (Some(Shape::List(_)), text) if is_blank(text) => out.push_str("[]"),
        (_, text) if is_blank(text) => out.push_str("null"),
        (Some(Shape::Leaf(Leaf::Flag)), "true" | "false") => out.push_str(text),
        (_, text) => push_string(out, text),
    }
}

#[cfg(test)]
#[path = "xml/tests.rs"]
mod tests;
