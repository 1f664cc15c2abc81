//! Templates such as `arn:{partition}:ec2:{region}:{account_id}:instance/{instance_id}`.

use std::fmt;

/// Text with placeholders. `{a|b}` is the first of `a` and `b` that has a value; `{a/}` is what stands after the last
/// `/` of `a`, as the name at the end of an address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Vec<Name>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    name: String,
    is_last_segment: bool,
}

impl Name {
    fn parse(text: &str) -> Self {
        let name = text.trim();
        match name.strip_suffix('/') {
            Some(name) => Self { name: name.to_owned(), is_last_segment: true },
            None => Self { name: name.to_owned(), is_last_segment: false },
        }
    }

    fn of<'a>(&self, value: &'a str) -> &'a str {
        if self.is_last_segment { value.rsplit('/').next().unwrap_or_default() } else { value }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, if self.is_last_segment { "/" } else { "" })
    }
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let close =
                rest[open..].find('}').ok_or_else(|| format!("`{}` has no closing brace", &rest[open..]))? + open;
            let names: Vec<Name> = rest[open + 1..close].split('|').map(Name::parse).collect();
            if names.iter().any(|name| name.name.is_empty()) {
                return Err("a placeholder needs a name".to_owned());
            }
            parts.push(Part::Place(names));
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// A template without placeholders.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self { parts: vec![Part::Text(text.to_owned())] }
    }

    /// The name of its placeholder, if it is nothing but one.
    #[must_use]
    pub fn only_name(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Place(names)] => match names.as_slice() {
                [name] if !name.is_last_segment => Some(&name.name),
                _ => None,
            },
            _ => None,
        }
    }

    /// The names that it refers to, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Place(names) => Some(names.iter().map(|name| name.name.as_str())),
                Part::Text(_) => None,
            })
            .flatten()
    }

    /// Fills the template in. `None` when a placeholder has no value at all.
    pub fn fill<'a>(&self, value: impl Fn(&str) -> Option<std::borrow::Cow<'a, str>>) -> Option<String> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Place(names) => {
                    let found = names.iter().find_map(|name| {
                        let value = value(&name.name)?;
                        Some(name.of(&value).to_owned()).filter(|value| !value.is_empty())
                    })?;
                    filled.push_str(&found);
                }
            }
        }
        Some(filled)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Place(names) => {
                let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                write!(f, "{{{}}}", names.join("|"))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_and_gaps() {
        let template = Template::parse("x/{tags.Name|id}/y").unwrap();
        let fill = |name: &'static str| template.fill(|wanted| (wanted == name).then(|| "v".into()));
        assert_eq!(fill("id").as_deref(), Some("x/v/y"));
        assert_eq!(fill("tags.Name").as_deref(), Some("x/v/y"));
        assert_eq!(fill("other"), None);
        assert!(Template::parse("{/}").is_err(), "a name of nothing");
        assert!(Template::parse("{a").is_err() && Template::parse("{}").is_err());
    }

    #[test]
    fn the_last_segment_of_an_address() {
        let template = Template::parse("arn:sqs:{url/}").unwrap();
        let fill = |url: &'static str| template.fill(|_| Some(url.into()));
        assert_eq!(fill("https://sqs.eu-west-1.amazonaws.com/1/orders.fifo").as_deref(), Some("arn:sqs:orders.fifo"));
        assert_eq!(fill("orders").as_deref(), Some("arn:sqs:orders"));
        assert_eq!(fill("https://host/"), None, "an empty name identifies nothing");
        assert_eq!(template.to_string(), "arn:sqs:{url/}");
    }
}
