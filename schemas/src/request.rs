//! How an asset type is requested: the operation, its paging, what its error codes mean.

use indexmap::IndexMap;

use crate::path::Path;
use crate::template::Template;

/// The wire protocol of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
pub enum Protocol {
    /// EC2's form of Query.
    #[serde(rename = "ec2")]
    Ec2,
    /// Form parameters in, XML out.
    #[serde(rename = "query")]
    Query,
    /// REST with XML bodies.
    #[serde(rename = "rest-xml")]
    RestXml,
    /// `X-Amz-Target` with JSON 1.0.
    #[serde(rename = "json-1.0")]
    Json10,
    /// `X-Amz-Target` with JSON 1.1.
    #[serde(rename = "json-1.1")]
    Json11,
    /// REST with JSON bodies.
    #[serde(rename = "rest-json")]
    RestJson,
    /// Done by a native collector on an official SDK.
    #[serde(rename = "native")]
    Native,
}

impl Protocol {
    /// Whether answers are XML.
    #[must_use]
    pub fn is_xml(self) -> bool {
        matches!(self, Self::Ec2 | Self::Query | Self::RestXml)
    }
}

/// How often a request is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Per {
    /// Once per scope.
    Scope,
    /// Once per asset.
    Item,
    /// Once per item of another request, the parent.
    Parent(String),
}

/// How the next page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextPage {
    /// The answer holds everything.
    None,
    /// Input parameters are filled from paths of the answer, until the paths are empty.
    Token {
        /// Input parameter by path in the answer.
        tokens: IndexMap<String, Path>,
        /// A flag in the answer that must be true for another page to exist.
        more: Option<Path>,
    },
    /// An input parameter counts 1, 2, … until a page has no items.
    Number(String),
    /// The answer holds the address of the next page.
    Link(Path),
}

/// An error that is an answer: a code, and perhaps words of the message where the code alone says too little.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorMatch {
    code: String,
    words: Option<String>,
}

impl ErrorMatch {
    /// From `Code` or `Code: words of the message`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once(": ") {
            Some((code, words)) => Self { code: code.to_owned(), words: Some(words.to_owned()) },
            None => Self { code: text.to_owned(), words: None },
        }
    }

    /// Whether an error with this code and message is meant.
    #[must_use]
    pub fn fits(&self, code: &str, message: &str) -> bool {
        self.code == code && self.words.as_ref().is_none_or(|words| message.contains(words.as_str()))
    }
}

/// How a text of an answer holds a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableEncoding {
    /// CSV whose first line names the columns, in base64.
    Base64Csv,
}

/// A table that stands in an answer as one text; its lines are the items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerTable {
    /// Where the text stands.
    pub path: Path,
    /// How it is written.
    pub encoding: TableEncoding,
    /// Texts that mean that there is no value.
    pub null: Vec<String>,
}

/// One request of an asset type file.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its name in the file; `list` is the one whose items are the assets.
    pub name: String,
    /// How often it is made.
    pub per: Per,
    /// The service's SigV4 signing name.
    pub service: String,
    /// The host's prefix; may hold `{account_id}`.
    pub endpoint: Template,
    /// The wire protocol.
    pub protocol: Protocol,
    /// The API version (EC2 and Query).
    pub version: Option<String>,
    /// The prefix of `X-Amz-Target` (JSON).
    pub target: Option<String>,
    /// The operation's name.
    pub operation: String,
    /// The HTTP method (REST).
    pub method: String,
    /// The path (REST); values are percent-encoded.
    pub uri: Template,
    /// Parameters or body; texts in it may hold placeholders.
    pub input: toml::Table,
    /// Sent with every page, for example `MaxResults`.
    pub page_size: toml::Table,
    /// How the next page is asked for.
    pub next_page: NextPage,
    /// Each item is a parent too: the request is made for it as well, and for what comes of that. `list` only.
    pub nested: bool,
    /// Where the items stand; `None`: the answer is one item.
    pub items: Option<Path>,
    /// The answer's items stand in a table.
    pub table: Option<AnswerTable>,
    /// The request is made again until the value at each path is one of these.
    pub until: Vec<(Path, Vec<String>)>,
    /// Errors that mean that the answer is not made yet: the request is made again.
    pub not_yet: Vec<ErrorMatch>,
    /// Items are kept when the value at each path is one of these.
    pub filter: Vec<(Path, Vec<Template>)>,
    /// For a follow-up per scope: (asset column, path in its item) that belong together.
    pub matching: Option<(String, Path)>,
    /// The permission that it needs, for example `ec2:DescribeInstances`.
    pub permission: String,
    /// Errors that are an answer: there is nothing.
    pub absent: Vec<ErrorMatch>,
    /// Errors that mean that the asset is gone.
    pub gone: Vec<ErrorMatch>,
    /// Made only when a column that it feeds is wanted.
    pub optional: bool,
}

impl Request {
    /// Whether its answer may have to be waited for.
    #[must_use]
    pub fn may_wait(&self) -> bool {
        !self.until.is_empty() || !self.not_yet.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_meant_by_its_code_and_the_words_that_are_asked_for() {
        let any = ErrorMatch::parse("NoSuchThing");
        assert!(any.fits("NoSuchThing", "whatever") && !any.fits("AccessDenied", "whatever"));
        let worded = ErrorMatch::parse("AccessDenied: is not enabled");
        assert!(worded.fits("AccessDenied", "Macie is not enabled"));
        assert!(!worded.fits("AccessDenied", "no identity-based policy allows it"));
    }
}
