//! Paths into an answer, and the naming styles of the APIs.

use std::fmt;

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The member's name in the answer.
    pub name: String,
    /// Whether the member is a list whose items the next step looks into.
    pub list: bool,
}

/// Where a value stands in an answer: `a.b`, `list[].b`. Empty is the answer itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The path of one member.
    #[must_use]
    pub fn member(name: &str, list: bool) -> Self {
        Self(vec![Step { name: name.to_owned(), list }])
    }

    /// Parses `a.b[].c`; `@` and the empty text are the answer itself.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text == "@" {
            return Ok(Self::default());
        }
        let steps = text.split('.').map(|part| {
            let (name, list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
            let valid = |c: char| c.is_ascii_alphanumeric() || "_-:$".contains(c);
            if name.is_empty() || !name.chars().all(valid) {
                return Err(format!("`{part}` is no step of a path; a path looks like `a.b` or `list[].b`"));
            }
            Ok(Step { name: name.to_owned(), list })
        });
        steps.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            let list = if step.list { "[]" } else { "" };
            write!(f, "{dot}{}{list}", step.name)?;
        }
        Ok(())
    }
}

/// How an API spells the names that we write in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// `groupId`
    Lower,
    /// `GroupId`
    Upper,
    /// `group_id`
    Keep,
}

impl Case {
    /// `snake_case` in this style.
    #[must_use]
    pub fn apply(self, snake: &str) -> String {
        if self == Self::Keep {
            return snake.to_owned();
        }
        let mut camel = String::with_capacity(snake.len());
        for (index, part) in snake.split('_').filter(|part| !part.is_empty()).enumerate() {
            let mut chars = part.chars();
            match chars.next() {
                Some(first) if index > 0 || self == Self::Upper => camel.push(first.to_ascii_uppercase()),
                Some(first) => camel.push(first),
                None => {}
            }
            camel.push_str(chars.as_str());
        }
        camel
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_cases() {
        let path = Path::parse("reservationSet[].instancesSet[].instanceId").unwrap();
        assert_eq!(path.to_string(), "reservationSet[].instancesSet[].instanceId");
        assert!(path.0[1].list && !path.0[2].list);
        assert!(Path::parse("a..b").is_err() && Path::parse("a[0]").is_err());
        assert_eq!(Path::parse("@").unwrap(), Path::default());
        assert_eq!(Case::Lower.apply("vpc_id"), "vpcId");
        assert_eq!(Case::Upper.apply("db_instance_status"), "DbInstanceStatus");
    }
}
