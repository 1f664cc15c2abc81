//! One policy: a SQL file with front matter in its leading comment.

use indexmap::IndexMap;
use pacbot_schemas::{Category, FixId, PolicyId, Severity, SourceError};
use serde::Deserialize;
use toml::Spanned;

use crate::parameter::ParameterType;

/// A parsed policy file. That its SQL plans is checked by [`crate::Catalog`].
#[derive(Debug, Clone)]
pub struct Policy {
    /// The file, as the user knows it.
    pub file: String,
    /// The whole text.
    pub text: String,
    /// Stable; a retired id is never used again.
    pub id: PolicyId,
    /// Says the good state.
    pub title: String,
    /// How bad a violation is.
    pub severity: Severity,
    /// What it is about.
    pub category: Category,
    /// The table whose assets are judged, or `assets`.
    pub asset_type: String,
    /// Why it matters.
    pub description: String,
    /// What to do.
    pub remediation: String,
    /// How it is done with the usual tools.
    pub how: How,
    /// The fix that repairs a violation.
    pub fix: Option<FixId>,
    /// Further reading.
    pub references: Vec<String>,
    /// Whether what it finds in an account needs that account's rows alone, where its plan does not show it.
    pub by_account: bool,
    /// Whether it runs unless configuration says otherwise.
    pub enabled: bool,
    /// Its parameters.
    pub params: IndexMap<String, Parameter>,
}

/// How a violation is mended, by tool. Each is a command, a setting or a path, in one line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct How {
    /// On the command line.
    pub cli: Option<String>,
    /// In Terraform.
    pub terraform: Option<String>,
    /// In the cloud's console.
    pub console: Option<String>,
}

impl How {
    /// Each known way with its tool's name.
    pub fn ways(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let ways = [("CLI", &self.cli), ("Terraform", &self.terraform), ("Console", &self.console)];
        ways.into_iter().filter_map(|(tool, way)| Some((tool, way.as_deref()?)))
    }
}

/// One parameter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its type.
    pub r#type: ParameterType,
    /// Its value unless overridden.
    pub default: toml::Value,
    /// What it means.
    pub doc: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    id: Spanned<String>,
    title: String,
    severity: Severity,
    #[serde(default = "security")]
    category: Category,
    asset_type: String,
    #[serde(default)]
    description: String,
    remediation: String,
    #[serde(default)]
    how: How,
    fix: Option<FixId>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    by_account: bool,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    params: IndexMap<String, Spanned<Parameter>>,
}

fn security() -> Category {
    Category::Security
}

fn yes() -> bool {
    true
}

const OPEN: &str = "/*---";
const CLOSE: &str = "---*/";

impl Policy {
    /// Parses a file.
    ///
    /// # Errors
    ///
    /// The first mistake in its front matter, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, SourceError> {
        let missing = || {
            SourceError::at(file, text, 0..0, "the file does not begin with front matter")
                .with_help("begin with `/*---`, then TOML (id, title, severity, …), then `---*/`")
        };
        let matter = text.strip_prefix(OPEN).ok_or_else(missing)?;
        let matter = &matter[..matter.find(CLOSE).ok_or_else(missing)?];
        let front: FrontMatter =
            toml::from_str(matter).map_err(|error| SourceError::from_toml(file, text, OPEN.len(), &error))?;
        let at = |span: std::ops::Range<usize>, message: String| {
            SourceError::at(file, text, span.start + OPEN.len()..span.end + OPEN.len(), message)
        };
        let id = PolicyId::new(front.id.get_ref()).map_err(|error| at(front.id.span(), error.to_string()))?;
        for (name, parameter) in &front.params {
            let parsed = parameter.get_ref();
            parsed
                .r#type
                .value(&parsed.default)
                .map_err(|message| at(parameter.span(), format!("the default of `{name}`: {message}")))?;
        }
        Ok(Self {
            file: file.to_owned(),
            text: text.to_owned(),
            id,
            title: front.title,
            severity: front.severity,
            category: front.category,
            asset_type: front.asset_type,
            description: front.description,
            remediation: front.remediation,
            how: front.how,
            fix: front.fix,
            by_account: front.by_account,
            references: front.references,
            enabled: front.enabled,
            params: front.params.into_iter().map(|(name, parameter)| (name, parameter.into_inner())).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "/*---\nid = \"aws-x\"\ntitle = \"X\"\nseverity = \"low\"\nasset_type = \"aws_vpc\"\nremediation = \"Mend it.\"\n[params.days]\ntype = \"int\"\ndefault = 90\ndoc = \"Days.\"\n---*/\nselect 1\n";

    #[test]
    fn front_matter_is_read_and_mistakes_have_a_place() {
        let policy = Policy::parse("x.sql", TEXT).unwrap();
        assert_eq!((policy.id.as_str(), policy.severity, policy.params.len()), ("aws-x", Severity::Low, 1));
        let place = |text: &str| {
            let error = Policy::parse("x.sql", text).unwrap_err();
            format!("{}:{} {}", error.line, error.column, error.message.split(',').next().unwrap_or_default())
        };
        assert_eq!(place(&TEXT.replace("low", "lwo")), "4:12 unknown variant `lwo`");
        assert_eq!(place(&TEXT.replace("title", "titel")), "3:1 unknown field `titel`");
        assert_eq!(place(&TEXT.replace("= 90", "= \"90\"")), "7:1 the default of `days`: `\"90\"` is not of type int");
        assert_eq!(place("select 1"), "1:1 the file does not begin with front matter");
    }
}
