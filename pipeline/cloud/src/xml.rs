//! Reads small XML answers: errors, STS, lists of regions. Asset answers are decoded elsewhere.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// Deeper documents are refused: an element is dropped by recursion, and no API nests like that.
const MAX_DEPTH: usize = 64;

/// An element, without namespace or attributes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// Parses a document; `None` if it is not well-formed.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_str(std::str::from_utf8(body).ok()?);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(_) if open.len() > MAX_DEPTH => return None,
                Event::Start(start) => open.push(Self::named(start.local_name().as_ref())),
                Event::Empty(start) => open.last_mut()?.children.push(Self::named(start.local_name().as_ref())),
                Event::End(_) => {
                    let closed = open.pop()?;
                    open.last_mut()?.children.push(closed);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text.into_inner()),
                Event::CData(text) => open.last_mut()?.text.push_str(&text.into_inner()),
                Event::GeneralRef(entity) => {
                    let text = &mut open.last_mut()?.text;
                    if let Some(c) = entity.resolve_char_ref().ok()? {
                        text.push(c);
                    } else {
                        text.push_str(resolve_predefined_entity(&entity.into_inner())?);
                    }
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let document = open.pop().filter(|_| open.is_empty())?;
        document.children.into_iter().next()
    }

    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The first element of that name, this one included, in document order.
    pub(crate) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|child| child.find(name)) }
    }

    /// The text of the first direct child of that name.
    pub(crate) fn text_of(&self, child: &str) -> Option<&str> {
        self.children.iter().find(|element| element.name == child).map(|element| element.text.trim())
    }
}

/// The name of the document's root with its prefix, without parsing the document.
pub(crate) fn root_name(mut text: &str) -> Option<&str> {
    loop {
        text = text.trim_start();
        text = if let Some(rest) = text.strip_prefix("<?") {
            rest.split_once("?>")?.1
        } else if let Some(rest) = text.strip_prefix("<!--") {
            rest.split_once("-->")?.1
        } else {
            let name = text.strip_prefix('<')?;
            let end = name.find(|c: char| c.is_whitespace() || c == '>' || c == '/')?;
            return name.get(..end).filter(|name| !name.is_empty() && !name.starts_with('!'));
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_hold_resolved_text() {
        let parsed =
            Element::parse(b"<?xml version='1.0'?><a:r xmlns:a='u'><m>x &lt;&#33; <![CDATA[<y>]]></m><e/></a:r>");
        let root = parsed.unwrap();
        assert_eq!(root.name, "r");
        assert_eq!(root.text_of("m"), Some("x <! <y>"));
        assert_eq!(root.text_of("e"), Some(""));
        assert_eq!(root.text_of("absent"), None);
    }

    #[test]
    fn a_document_with_open_elements_is_none() {
        assert_eq!(Element::parse(b"<a><b>"), None);
        assert_eq!(Element::parse(b"no xml"), None);
    }

    #[test]
    fn the_root_is_found_behind_declarations_and_comments() {
        assert_eq!(
            root_name("\n<?xml version=\"1.0\"?>\n<!-- x -->\n<ListResponse xmlns=\"u\">"),
            Some("ListResponse")
        );
        assert_eq!(root_name("<!DOCTYPE html><html>"), None);
        assert_eq!(root_name("text"), None);
    }
}
