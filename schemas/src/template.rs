//! Templates such as `arn:{partition}:ec2:{region}:{account_id}:instance/{instance_id}`.

use std::fmt;

/// Text with placeholders. `{a|b}` is the first of `a` and `b` that has a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Vec<String>),
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
            let names: Vec<String> = rest[open + 1..close].split('|').map(|name| name.trim().to_owned()).collect();
            if names.iter().any(String::is_empty) {
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

    /// The names that it refers to, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Place(names) => Some(names.iter().map(String::as_str)),
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
                    let found = names.iter().find_map(|name| value(name).filter(|value| !value.is_empty()))?;
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
            Part::Place(names) => write!(f, "{{{}}}", names.join("|")),
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
        assert!(Template::parse("{a").is_err() && Template::parse("{}").is_err());
    }
}
