//! From the file's keys to a definition that a collector can work with.

use super::*;
use crate::fingerprint::fingerprint;

/// Collects mistakes with their places.
pub(super) struct Mistakes<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<SourceError>,
}

impl Mistakes<'_> {
    pub(super) fn add(&mut self, span: std::ops::Range<usize>, message: impl Into<String>, help: Option<String>) {
        let error = SourceError::at(self.file, self.text, span, message);
        self.found.push(match help {
            Some(help) => error.with_help(help),
            None => error,
        });
    }

    fn parsed<T: Default>(&mut self, text: &Spanned<String>, parse: impl Fn(&str) -> Result<T, String>) -> T {
        parse(text.get_ref()).unwrap_or_else(|message| {
            self.add(text.span(), message, None);
            T::default()
        })
    }

    pub(super) fn template(&mut self, text: &Spanned<String>) -> Template {
        Template::parse(text.get_ref()).unwrap_or_else(|message| {
            self.add(text.span(), message, None);
            Template::default()
        })
    }
}

/// Placeholders that need no column.
pub(super) const SCOPE_PLACES: [&str; 3] = ["partition", "region", "account_id"];

pub(super) fn definition(file: &str, text: &str, spec: FileSpec) -> Result<AssetTypeDef, Vec<SourceError>> {
    let mut mistakes = Mistakes { file, text, found: Vec::new() };
    let asset_type = AssetType::new(spec.table.get_ref())
        .map_err(|error| vec![SourceError::at(file, text, spec.table.span(), error.to_string())])?;
    if spec.doc.get_ref().trim().is_empty() {
        mistakes.add(spec.doc.span(), "`doc` is empty: say what the type is", None);
    }

    let requests = requests(&mut mistakes, &spec);
    let columns = columns(&mut mistakes, &spec.columns, &requests);
    let definition = AssetTypeDef {
        asset_type,
        doc: spec.doc.get_ref().clone(),
        aliases: spec.aliases,
        scope: spec.scope,
        asset_id: mistakes.template(&spec.asset_id),
        name: mistakes.template(&spec.name),
        region: spec.region.as_ref().map(|region| mistakes.template(region)),
        secret: spec.secret.iter().map(|path| mistakes.parsed(path, Path::parse)).collect(),
        requests,
        columns,
        fingerprint: fingerprint(text),
    };

    for template in [Some(&spec.asset_id), Some(&spec.name), spec.region.as_ref()].into_iter().flatten() {
        let parsed = mistakes.template(template);
        places(&mut mistakes, template.span(), &parsed, &definition, None);
    }
    inputs(&mut mistakes, &spec.request, &definition);
    if !definition.columns.is_empty() && !definition.columns.iter().any(|column| column.key) {
        mistakes.add(
            spec.table.span(),
            "no column has `key = true`",
            Some("mark the column(s) that identify the asset inside its scope".to_owned()),
        );
    }
    mistakes.found.sort_by_key(|error| (error.line, error.column));
    mistakes.found.dedup();
    if mistakes.found.is_empty() { Ok(definition) } else { Err(mistakes.found) }
}

fn requests(mistakes: &mut Mistakes<'_>, spec: &FileSpec) -> IndexMap<String, Request> {
    let Some(list) = spec.request.iter().find(|(name, _)| name.get_ref() == "list").map(|(_, list)| list) else {
        mistakes.add(
            spec.table.span(),
            "there is no `[request.list]`",
            Some("the request named `list` is the one whose items are the assets".to_owned()),
        );
        return IndexMap::new();
    };
    for (what, given) in [("service", list.service.is_some()), ("protocol", list.protocol.is_some())] {
        if !given {
            mistakes.add(list.operation.span(), format!("`[request.list]` needs `{what}`"), None);
        }
    }
    let names: Vec<&str> = spec.request.keys().map(|name| name.get_ref().as_str()).collect();
    let mut requests = IndexMap::new();
    for (name, request) in &spec.request {
        let request = one_request(mistakes, name, request, list, &names);
        requests.insert(name.get_ref().clone(), request);
    }
    requests
}

fn one_request(
    mistakes: &mut Mistakes<'_>,
    name: &Spanned<String>,
    spec: &RequestSpec,
    list: &RequestSpec,
    names: &[&str],
) -> Request {
    let per = match spec.per.as_ref().map(|per| (per, per.get_ref().as_str())) {
        None if name.get_ref() == "list" => Per::Scope,
        None => {
            mistakes.add(
                name.span(),
                format!("request `{name}` needs `per`", name = name.get_ref()),
                Some("`per = \"item\"` or `per = \"scope\"`".to_owned()),
            );
            Per::Scope
        }
        Some((_, "scope")) => Per::Scope,
        Some((_, "item")) => Per::Item,
        Some((_, parent)) if names.contains(&parent) && parent != name.get_ref() => Per::Parent(parent.to_owned()),
        Some((per, other)) => {
            mistakes.add(
                per.span(),
                format!("`per = \"{other}\"` names no request"),
                Some("`scope`, `item` or the name of a parent request".to_owned()),
            );
            Per::Scope
        }
    };
    if name.get_ref() == "list" && per == Per::Item {
        mistakes.add(name.span(), "`list` cannot be made per item: its items are the assets", None);
    }
    let is_parent = list.per.as_ref().is_some_and(|parent| parent.get_ref() == name.get_ref());
    if name.get_ref() != "list" && !is_parent && matches!(per, Per::Parent(_)) {
        mistakes.add(name.span(), "only `list` and its parent may be made per item of another request", None);
    }
    if is_parent && per == Per::Parent("list".to_owned()) {
        mistakes.add(name.span(), "`list` and its parent wait for each other", None);
    }
    if let Some(nested) = spec.nested.as_ref().filter(|nested| *nested.get_ref())
        && (name.get_ref() != "list" || !matches!(per, Per::Parent(_)))
    {
        mistakes.add(nested.span(), "`nested` is for a `list` that is made per item of a parent", None);
    }
    let permission = spec.permission.as_ref().map_or_else(String::new, |permission| permission.get_ref().clone());
    if permission.is_empty() {
        mistakes.add(
            spec.operation.span(),
            format!("request `{}` needs `permission`", name.get_ref()),
            Some("the permission that the call needs, such as `ec2:DescribeInstances`".to_owned()),
        );
    }
    let protocol = spec.protocol.or(list.protocol).unwrap_or(Protocol::Native);
    let same_protocol = spec.protocol.is_none() || spec.protocol == list.protocol;
    let same_service = spec.service.is_none() || spec.service == list.service;
    let version = spec.version.clone().or_else(|| list.version.clone().filter(|_| same_service));
    if matches!(protocol, Protocol::Ec2 | Protocol::Query) && version.is_none() {
        mistakes.add(spec.operation.span(), "a request over `ec2` or `query` needs `version`", None);
    }
    let target = spec.target.clone().or_else(|| list.target.clone().filter(|_| same_service && same_protocol));
    if matches!(protocol, Protocol::Json10 | Protocol::Json11) && target.is_none() {
        mistakes.add(
            spec.operation.span(),
            "a request over `json-1.0` or `json-1.1` needs `target`, the prefix of X-Amz-Target",
            None,
        );
    }
    if matches!(protocol, Protocol::RestJson | Protocol::RestXml) && spec.uri.is_none() {
        mistakes.add(spec.operation.span(), "a REST request needs `uri`", None);
    }
    let service = spec.service.clone().or_else(|| list.service.clone()).unwrap_or_default();
    let endpoint = match (&spec.endpoint, same_service, &list.endpoint) {
        (Some(endpoint), _, _) | (None, true, Some(endpoint)) => mistakes.template(endpoint),
        _ => Template::literal(&service),
    };
    let matching = spec.matching.as_ref().and_then(|pairs| match pairs.get_ref().iter().next() {
        Some((column, path)) if pairs.get_ref().len() == 1 => {
            let path = mistakes.parsed(&Spanned::new(pairs.span(), path.clone()), Path::parse);
            Some((column.clone(), path))
        }
        _ => {
            mistakes.add(pairs.span(), "`match` takes one pair: asset column = path in the follow-up's item", None);
            None
        }
    });
    let table = spec.answer.as_ref().map(|table| {
        let is_whole = name.get_ref() != "list" && spec.matching.is_none();
        if spec.items.is_some() || is_whole {
            let message = "the lines of `answer` are the items of `list` or of a request with `match`";
            mistakes.add(table.span(), message, spec.items.is_some().then(|| "leave out `items`".to_owned()));
        }
        let AnswerSpec { path, encoding, null } = table.get_ref();
        AnswerTable { path: mistakes.parsed(path, Path::parse), encoding: *encoding, null: null.clone() }
    });
    let until = spec.until.iter().map(|(path, values)| (mistakes.parsed(path, Path::parse), values.clone())).collect();
    Request {
        name: name.get_ref().clone(),
        per,
        service,
        endpoint,
        protocol,
        version,
        target,
        operation: spec.operation.get_ref().clone(),
        method: spec.method.clone().unwrap_or_else(|| "GET".to_owned()),
        uri: spec.uri.as_ref().map_or_else(|| Template::literal("/"), |uri| mistakes.template(uri)),
        input: spec.input.clone(),
        page_size: spec.page.as_ref().map(|page| page.size.clone()).unwrap_or_default(),
        next_page: next_page(mistakes, name, spec.page.as_ref()),
        nested: spec.nested.as_ref().is_some_and(|nested| *nested.get_ref()),
        items: spec.items.as_ref().map(|items| mistakes.parsed(items, Path::parse)),
        table,
        until,
        not_yet: spec.not_yet.iter().map(|error| ErrorMatch::parse(error)).collect(),
        filter: spec
            .filter
            .iter()
            .map(|(path, values)| {
                let values = values.iter().map(|value| mistakes.template(value)).collect();
                (mistakes.parsed(path, Path::parse), values)
            })
            .collect(),
        matching,
        permission,
        absent: spec.absent.iter().map(|error| ErrorMatch::parse(error)).collect(),
        gone: spec.gone.iter().map(|error| ErrorMatch::parse(error)).collect(),
        optional: spec.optional,
    }
}

fn next_page(mistakes: &mut Mistakes<'_>, name: &Spanned<String>, page: Option<&PageSpec>) -> NextPage {
    let Some(page) = page else { return NextPage::None };
    let tokens = || page.next.iter().map(|(input, path)| (input.clone(), path));
    match (&page.number, &page.link, page.next.is_empty()) {
        (None, None, true) => NextPage::None,
        (None, None, false) => NextPage::Token {
            tokens: tokens().map(|(input, path)| (input, mistakes.parsed(path, Path::parse))).collect(),
            more: page.more.as_ref().map(|more| mistakes.parsed(more, Path::parse)),
        },
        (Some(number), None, true) => NextPage::Number(number.clone()),
        (None, Some(link), true) => NextPage::Link(mistakes.parsed(link, Path::parse)),
        _ => {
            mistakes.add(name.span(), "a request pages by one of `next`, `number` and `link`", None);
            NextPage::None
        }
    }
}

fn columns(
    mistakes: &mut Mistakes<'_>,
    specs: &IndexMap<Spanned<String>, ColumnSpec>,
    requests: &IndexMap<String, Request>,
) -> Vec<Column> {
    let mut columns = Vec::with_capacity(specs.len());
    for (name, spec) in specs {
        let text = name.get_ref();
        if AssetType::new(text).is_err() {
            mistakes.add(name.span(), format!("`{text}` is no column name (lower-case letters, digits and `_`)"), None);
        }
        let common = FRONT_COLUMNS.iter().chain(&BACK_COLUMNS).chain(&HISTORY_COLUMNS).any(|common| common == text);
        if common && text != "tags" {
            mistakes.add(name.span(), format!("duplicate column `{text}`: every asset table has it"), None);
        }
        if spec.doc.as_ref().is_none_or(|doc| doc.get_ref().trim().is_empty()) {
            mistakes.add(
                name.span(),
                format!("column `{text}` has no meaning"),
                Some("add `doc = \"…\"`: what it says, its unit, what null means".to_owned()),
            );
        }
        let column_type = ColumnType::parse(spec.r#type.get_ref()).unwrap_or_else(|(offset, message)| {
            let start = spec.r#type.span().start + 1 + offset;
            mistakes.add(start..start + 1, message, None);
            ColumnType::String
        });
        if text == "tags" && column_type != ColumnType::Map {
            mistakes.add(spec.r#type.span(), "`tags` is a map in every table", None);
        }
        if let Some(words) = &spec.words
            && (column_type != ColumnType::String || words.get_ref().is_empty())
        {
            mistakes.add(words.span(), "`words` is for a `string`: words of the answer = words of the table", None);
        }
        let from = spec.from.as_ref().map_or("list", |from| from.get_ref().as_str());
        let request = requests.get(from);
        if let (None, Some(from), false) = (request, &spec.from, requests.is_empty()) {
            let near = nearest(from.get_ref(), requests.keys().map(String::as_str))
                .map(|near| format!("did you mean `{near}`?"));
            mistakes.add(from.span(), format!("no request is named `{}`", from.get_ref()), near);
        }
        let style =
            if request.is_some_and(|request| request.protocol == Protocol::Ec2) { Case::Lower } else { Case::Upper };
        let case = spec.case.unwrap_or(style);
        let derived = derive::of_spec(mistakes, name, spec);
        let path = match &spec.path {
            _ if derived.is_some() => Path::default(),
            Some(path) => mistakes.parsed(path, Path::parse),
            None => Path::member(&case.apply(text), matches!(column_type, ColumnType::List(_)) || spec.entry.is_some()),
        };
        columns.push(Column {
            name: text.clone(),
            column_type,
            path,
            from: from.to_owned(),
            key: spec.key,
            format: spec.format,
            derived,
            entry: spec.entry.clone(),
            words: spec.words.as_ref().map(|words| words.get_ref().clone()).unwrap_or_default(),
            case,
            doc: spec.doc.as_ref().map(|doc| doc.get_ref().clone()).unwrap_or_default(),
        });
    }
    derive::requests(mistakes, specs, &mut columns);
    columns
}

/// Checks that a template's places can be filled: by the scope, a column that `list` feeds, or a parent.
fn places(
    mistakes: &mut Mistakes<'_>,
    span: std::ops::Range<usize>,
    template: &Template,
    definition: &AssetTypeDef,
    request: Option<&Request>,
) {
    for place in template.names() {
        let (head, tail) = place.split_once('.').map_or((place, None), |(head, tail)| (head, Some(tail)));
        let parent = request.is_some_and(|request| request.per == Per::Parent(head.to_owned()));
        let fed = |column: &Column| request.is_none() || column.from == "list" && column.derived.is_none();
        let column = definition
            .column(head)
            .filter(|column| fed(column) && tail.is_some() == (column.column_type == ColumnType::Map));
        if SCOPE_PLACES.contains(&place) || parent || column.is_some() {
            continue;
        }
        let names = definition.columns.iter().filter(|column| fed(column)).map(|column| column.name.as_str());
        let help = nearest(head, names.chain(SCOPE_PLACES)).map(|near| format!("did you mean `{{{near}}}`?"));
        let what = if request.is_some() { "a column that `list` feeds" } else { "a column" };
        mistakes.add(span.clone(), format!("`{{{place}}}` is not {what}, `partition`, `region` or `account_id`"), help);
    }
}

/// Checks the places of every request's input, path and `match`.
fn inputs(mistakes: &mut Mistakes<'_>, specs: &IndexMap<Spanned<String>, RequestSpec>, definition: &AssetTypeDef) {
    for (name, spec) in specs {
        let Some(request) = definition.requests.get(name.get_ref()) else { continue };
        let span = spec.operation.span();
        if let Some((column, _)) = &request.matching
            && definition.column(column).is_none_or(|column| column.from != "list" || column.derived.is_some())
        {
            mistakes.add(span.clone(), format!("`match` names `{column}`, which is no column that `list` feeds"), None);
        }
        places(
            mistakes,
            spec.uri.as_ref().map_or(span.clone(), Spanned::span),
            &request.uri,
            definition,
            Some(request),
        );
        let mut texts = Vec::new();
        texts_of(&toml::Value::Table(request.input.clone()), &mut texts);
        for text in texts {
            match Template::parse(&text) {
                Ok(template) => places(mistakes, span.clone(), &template, definition, Some(request)),
                Err(message) => mistakes.add(span.clone(), format!("in `input`: {message}"), None),
            }
        }
    }
}

fn texts_of(value: &toml::Value, texts: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => texts.push(text.clone()),
        toml::Value::Array(items) => items.iter().for_each(|item| texts_of(item, texts)),
        toml::Value::Table(table) => table.iter().for_each(|(_, item)| texts_of(item, texts)),
        _ => {}
    }
}
