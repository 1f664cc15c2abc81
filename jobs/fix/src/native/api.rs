//! Calls of fixes that are Rust: an operation with its input as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pacbot_cloud::ApiRequest;
use pacbot_collect::{Lookup, template_call};
use pacbot_schemas::{AssetType, FixId, NextPage, Path, Per, Protocol, Request, Template, fingerprint};
use serde_json::Value;

use crate::fix::{About, FixError, ParameterDef};

/// A service, and how it is spoken to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    pub(crate) service: &'static str,
    pub(crate) protocol: Protocol,
    pub(crate) version: &'static str,
    pub(crate) target: &'static str,
}

pub(crate) const EC2: Api = Api { service: "ec2", protocol: Protocol::Ec2, version: "2016-11-15", target: "" };

/// Stands for the values of an input, which may hold braces of their own.
struct Given<'a>(Vec<&'a Value>);

impl Given<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name.parse::<usize>().ok()?).copied()
    }
}

impl Lookup for Given<'_> {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.get(name)?;
        Some(value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed))
    }

    fn value(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }
}

impl Api {
    /// A call of `operation`.
    ///
    /// # Errors
    ///
    /// [`FixError::Call`] if it cannot be put into the protocol.
    pub(crate) fn call(self, operation: &str, input: &Value) -> Result<ApiRequest, FixError> {
        self.rest("POST", "/", operation, input)
    }

    /// A call of a REST operation.
    ///
    /// # Errors
    ///
    /// As [`Api::call`].
    pub(crate) fn rest(self, method: &str, uri: &str, operation: &str, input: &Value) -> Result<ApiRequest, FixError> {
        let members: Vec<(&String, &Value)> = input.as_object().into_iter().flatten().collect();
        let places = members.iter().enumerate();
        let places = places.map(|(number, (name, _))| ((*name).clone(), toml::Value::String(format!("{{{number}}}"))));
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let request = Request {
            nested: false,
            table: None,
            until: Vec::new(),
            not_yet: Vec::new(),
            name: operation.to_owned(),
            per: Per::Scope,
            service: self.service.to_owned(),
            endpoint: Template::literal(self.service),
            protocol: self.protocol,
            version: given(self.version),
            target: given(self.target),
            operation: operation.to_owned(),
            method: method.to_owned(),
            uri: Template::literal(uri),
            input: places.collect(),
            page_size: toml::Table::new(),
            next_page: NextPage::None,
            items: None,
            filter: Vec::new(),
            matching: None,
            permission: String::new(),
            absent: Vec::new(),
            gone: Vec::new(),
            optional: false,
        };
        let values = Given(members.iter().map(|(_, value)| *value).collect());
        template_call(&request, &values).map_err(|source| FixError::Call { call: operation.to_owned(), source })
    }
}

/// Paths that are known to be sound.
pub(crate) fn paths(texts: &[&str]) -> Vec<Path> {
    texts.iter().filter_map(|text| Path::parse(text).ok()).collect()
}

/// What a fix that is Rust says about itself.
pub(crate) struct Told<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: String,
    pub(crate) does: String,
    pub(crate) undoes: String,
    pub(crate) types: &'a [&'a str],
    pub(crate) permissions: &'a [&'a str],
    /// As in `[parameters]` of a fix file.
    pub(crate) parameters: &'a str,
}

impl Told<'_> {
    /// `None` if an id or the parameters are misspelled, which the registry's test rules out.
    pub(crate) fn about(self) -> Option<About> {
        let parameters: BTreeMap<String, ParameterDef> = toml::from_str(self.parameters).ok()?;
        let mut permissions: Vec<String> = self.permissions.iter().map(|text| (*text).to_owned()).collect();
        permissions.sort();
        Some(About {
            id: FixId::new(self.id).ok()?,
            title: self.title,
            types: self.types.iter().map(AssetType::new).collect::<Result<_, _>>().ok()?,
            permissions,
            parameters,
            // Rust changes with the program.
            version: fingerprint(concat!(env!("CARGO_PKG_VERSION"), " native 1")) ^ fingerprint(&self.does),
            does: self.does,
            undoes: self.undoes,
        })
    }
}
