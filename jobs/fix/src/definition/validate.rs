//! From a file's keys to a definition that can be run.

use std::ops::Range;

use super::*;

struct Mistakes<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<SourceError>,
}

impl Mistakes<'_> {
    fn add(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.found.push(SourceError::at(self.file, self.text, span, message));
    }

    fn template(&mut self, span: Range<usize>, text: &str) -> Template {
        Template::parse(text).unwrap_or_else(|message| {
            self.add(span, message);
            Template::default()
        })
    }
}

/// What placeholders of a step may name.
struct Known<'a> {
    columns: Option<Vec<&'a str>>,
    parameters: Vec<&'a str>,
    state: Vec<&'a str>,
    /// Whether there is a state yet, and what was made before.
    has_state: bool,
    /// Whether this is about undoing, where what is `now` is known too.
    is_undo: bool,
    read: Vec<String>,
    made: Vec<String>,
    item: bool,
}

impl Known<'_> {
    /// Why `name` cannot have a value.
    fn misses(&self, name: &str) -> Option<String> {
        let (head, tail) = name.split_once('.').map_or((name, ""), |(head, tail)| (head, tail));
        let first = tail.split('.').next().unwrap_or_default();
        match head {
            "item" if self.item => None,
            "item" => Some("there is no `each`".to_owned()),
            "asset" => {
                let known = self.columns.as_ref().is_none_or(|columns| columns.contains(&first));
                (!known).then(|| format!("`{first}` is no column of each of the fix's types"))
            }
            "parameter" => (!self.parameters.contains(&first)).then(|| format!("`{first}` is no parameter")),
            "read" if self.has_state => Some("only read steps look at each other".to_owned()),
            "read" => (!self.read.iter().any(|read| read == first)).then(|| format!("`{first}` was not read before")),
            "now" if !self.is_undo => Some("only undo steps know what is `now`".to_owned()),
            "now" => (!self.state.contains(&first)).then(|| format!("`{first}` is no field of `[state]`")),
            "state" if !self.has_state => Some("nothing is read yet".to_owned()),
            "state" => (!self.state.contains(&first)).then(|| format!("`{first}` is no field of `[state]`")),
            // Read again after an undo, an asset may have another id.
            "made" if !self.has_state => None,
            "made" => (!self.made.iter().any(|made| made == first)).then(|| format!("`{first}` was not made before")),
            head if HEADS.contains(&head) => None,
            _ => Some(format!("a placeholder begins with one of {}, `item` or `made`", HEADS.join(", "))),
        }
    }
}

pub(super) fn definition(
    file: &str,
    text: &str,
    spec: FileSpec,
    types: &AssetTypes,
) -> Result<Definition, Vec<SourceError>> {
    let mut mistakes = Mistakes { file, text, found: Vec::new() };
    let id = FixId::new(spec.id.get_ref())
        .map_err(|error| vec![SourceError::at(file, text, spec.id.span(), error.to_string())])?;
    let mut columns: Option<Vec<&str>> = None;
    let mut asset_types: Vec<AssetType> = Vec::new();
    for name in &spec.types {
        let Some(def) = types.get(name.get_ref()) else {
            mistakes.add(name.span(), format!("`{}` is no asset type", name.get_ref()));
            continue;
        };
        asset_types.push(def.asset_type.clone());
        let common = pacbot_schemas::FRONT_COLUMNS.iter().copied();
        let own: Vec<&str> = def.columns.iter().map(|column| column.name.as_str()).chain(common).collect();
        columns = Some(match columns {
            Some(columns) => columns.into_iter().filter(|column| own.contains(column)).collect(),
            None => own,
        });
    }
    let mut known = Known {
        columns,
        parameters: spec.parameters.keys().map(String::as_str).collect(),
        state: spec.state.keys().map(|name| name.get_ref().as_str()).collect(),
        has_state: false,
        is_undo: false,
        read: Vec::new(),
        made: Vec::new(),
        item: false,
    };
    for (name, parameter) in &spec.parameters {
        if parameter.default.as_ref().is_some_and(|default| parameter.r#type.value(default).is_none()) {
            mistakes.add(0..0, format!("the default of parameter `{name}` is not of its type"));
        }
    }
    let mut permissions = Vec::new();
    let mut read = IndexMap::new();
    for (name, step) in &spec.read {
        let step = one_step(&mut mistakes, &spec, name, step, &mut known, &mut permissions);
        known.read.push(name.get_ref().clone());
        read.insert(name.get_ref().clone(), step);
    }
    for (name, field) in &spec.state {
        if !read.contains_key(&field.from) {
            mistakes.add(name.span(), format!("`from = \"{}\"` names no read step", field.from));
        }
        if field.doc.trim().is_empty() {
            mistakes.add(name.span(), "`doc` is empty: say what the field tells");
        }
        if let Err(message) = field.list_paths() {
            mistakes.add(name.span(), message);
        }
        if let Some(default) = &field.default
            && !serde_json::to_value(default).is_ok_and(|value| field.r#type.fits(&value))
        {
            mistakes.add(name.span(), "the default is not of the field's type");
        }
    }
    known.has_state = true;
    if spec.good.is_empty() {
        mistakes.add(spec.id.span(), "there is no `[[good]]`: nobody could tell whether the fix worked");
    }
    let all = spec.good.iter().chain(spec.refuse.iter().flat_map(|refusal| &refusal.when));
    all.for_each(|condition| check_condition(&mut mistakes, condition, &known));
    for refusal in &spec.refuse {
        if let Ok(because) = Template::parse(&refusal.because) {
            check_names(&mut mistakes, 0..0, &because, &known);
        }
    }
    let mut steps = |steps: &IndexMap<toml::Spanned<String>, StepSpec>, known: &mut Known<'_>| {
        let made = steps.iter().map(|(name, step)| {
            let made = one_step(&mut mistakes, &spec, name, step, known, &mut permissions);
            known.made.push(name.get_ref().clone());
            (name.get_ref().clone(), made)
        });
        made.collect::<IndexMap<_, _>>()
    };
    let apply = steps(&spec.apply, &mut known);
    known.is_undo = true;
    let undo = steps(&spec.undo, &mut known);
    if apply.is_empty() || undo.is_empty() {
        mistakes.add(spec.id.span(), "a fix needs steps to `apply` and to `undo`");
    }
    let region = spec.region.as_ref().map(|region| mistakes.template(region.span(), region.get_ref()));
    permissions.sort();
    permissions.dedup();
    let about = About {
        id,
        title: spec.title,
        does: spec.does,
        undoes: spec.undoes,
        types: asset_types,
        permissions,
        parameters: spec.parameters,
        version: fingerprint(text),
    };
    let definition =
        Definition { about, region, read, state: names(spec.state), good: spec.good, refuse: spec.refuse, apply, undo };
    if mistakes.found.is_empty() { Ok(definition) } else { Err(mistakes.found) }
}

fn names<T>(fields: IndexMap<toml::Spanned<String>, T>) -> IndexMap<String, T> {
    fields.into_iter().map(|(name, field)| (name.into_inner(), field)).collect()
}

fn one_step(
    mistakes: &mut Mistakes<'_>,
    file: &FileSpec,
    name: &toml::Spanned<String>,
    spec: &StepSpec,
    known: &mut Known<'_>,
    permissions: &mut Vec<String>,
) -> Step {
    let span = name.span();
    known.item = spec.each.is_some();
    spec.when.iter().for_each(|condition| check_condition(mistakes, condition, known));
    if let Some(each) = &spec.each
        && let Some(why) = known.misses(each)
    {
        mistakes.add(span.clone(), format!("`each = \"{each}\"`: {why}"));
    }
    let limit = spec.timeout.unwrap_or(CUSTOM_LIMIT);
    let call = match (&spec.operation, &spec.webhook, &spec.command) {
        (Some(operation), None, None) => {
            permissions.extend(spec.permission.clone());
            request(mistakes, file, name, spec, operation, known)
        }
        (None, Some(url), None) => {
            let url = mistakes.template(span.clone(), url);
            check_names(mistakes, span.clone(), &url, known);
            if spec.secret.is_none() {
                mistakes
                    .add(span.clone(), "a webhook needs `secret = \"env:NAME\"` or `\"file:PATH\"`, which signs it");
            }
            StepCall::Webhook { url, secret: spec.secret.clone().unwrap_or_default(), limit }
        }
        (None, None, Some(arguments)) => {
            let arguments: Vec<Template> =
                arguments.iter().map(|argument| mistakes.template(span.clone(), argument)).collect();
            arguments.iter().for_each(|argument| check_names(mistakes, span.clone(), argument, known));
            if arguments.is_empty() {
                mistakes.add(span.clone(), "`command` is empty");
            }
            StepCall::Command { arguments, limit }
        }
        _ => {
            mistakes.add(span.clone(), "a step has one of `operation`, `webhook` and `command`");
            StepCall::Command { arguments: Vec::new(), limit }
        }
    };
    let replace = spec.replace.iter().map(|(from, to)| {
        let pair = (mistakes.template(span.clone(), from), mistakes.template(span.clone(), to));
        check_names(mistakes, span.clone(), &pair.0, known);
        check_names(mistakes, span.clone(), &pair.1, known);
        pair
    });
    let replace = replace.collect();
    Step { call, when: spec.when.clone(), each: spec.each.clone(), replace }
}

fn request(
    mistakes: &mut Mistakes<'_>,
    file: &FileSpec,
    name: &toml::Spanned<String>,
    spec: &StepSpec,
    operation: &str,
    known: &Known<'_>,
) -> StepCall {
    let span = name.span();
    let is_own = spec.service.is_none() || spec.service == file.service;
    let service = spec.service.clone().or_else(|| file.service.clone()).unwrap_or_default();
    let protocol = spec.protocol.or(file.protocol).unwrap_or(Protocol::Native);
    let version = spec.version.clone().or_else(|| file.version.clone().filter(|_| is_own));
    let target = spec.target.clone().or_else(|| file.target.clone().filter(|_| is_own));
    if service.is_empty() || protocol == Protocol::Native {
        mistakes.add(span.clone(), "a request needs `service` and one of the wire protocols as `protocol`");
    }
    if matches!(protocol, Protocol::Ec2 | Protocol::Query) && version.is_none() {
        mistakes.add(span.clone(), "a request over `ec2` or `query` needs `version`");
    }
    if matches!(protocol, Protocol::Json10 | Protocol::Json11) && target.is_none() {
        mistakes.add(span.clone(), "a request over `json-1.0` or `json-1.1` needs `target`");
    }
    if matches!(protocol, Protocol::RestJson | Protocol::RestXml) && spec.uri.is_none() {
        mistakes.add(span.clone(), "a REST request needs `uri`");
    }
    if spec.permission.as_ref().is_none_or(String::is_empty) {
        mistakes.add(span.clone(), "a request needs `permission`");
    }
    let endpoint = spec.endpoint.as_deref().or(file.endpoint.as_deref().filter(|_| is_own)).unwrap_or(&service);
    let endpoint = mistakes.template(span.clone(), endpoint);
    let uri = mistakes.template(span.clone(), spec.uri.as_deref().unwrap_or("/"));
    let body = spec.body.as_ref().map(|body| mistakes.template(span.clone(), body));
    for template in [Some(&endpoint), Some(&uri), body.as_ref()].into_iter().flatten() {
        check_names(mistakes, span.clone(), template, known);
    }
    check_value(mistakes, &span, &toml::Value::Table(spec.input.clone()), known);
    let request = Request {
        nested: false,
        table: None,
        until: Vec::new(),
        not_yet: Vec::new(),
        name: name.get_ref().clone(),
        per: Per::Scope,
        service,
        endpoint,
        protocol,
        version,
        target,
        operation: operation.to_owned(),
        method: spec.method.clone().unwrap_or_else(|| "GET".to_owned()),
        uri,
        input: spec.input.clone(),
        page_size: toml::Table::new(),
        next_page: NextPage::None,
        items: None,
        filter: Vec::new(),
        matching: None,
        permission: spec.permission.clone().unwrap_or_default(),
        absent: spec.absent.iter().map(|error| ErrorMatch::parse(error)).collect(),
        gone: Vec::new(),
        optional: false,
    };
    StepCall::Request { request: Box::new(request), body }
}

fn check_condition(mistakes: &mut Mistakes<'_>, condition: &Condition, known: &Known<'_>) {
    if !condition.says_something() {
        mistakes.add(0..0, format!("the condition on `{}` compares it with nothing", condition.value));
    }
    if let Some(why) = known.misses(&condition.value) {
        mistakes.add(0..0, format!("a condition looks at `{}`: {why}", condition.value));
    }
}

fn check_names(mistakes: &mut Mistakes<'_>, span: Range<usize>, template: &Template, known: &Known<'_>) {
    for name in template.names() {
        if let Some(why) = known.misses(name) {
            mistakes.add(span.clone(), format!("`{{{name}}}`: {why}"));
        }
    }
}

fn check_value(mistakes: &mut Mistakes<'_>, span: &Range<usize>, value: &toml::Value, known: &Known<'_>) {
    match value {
        toml::Value::String(text) if text.contains('{') => {
            let template = mistakes.template(span.clone(), text);
            check_names(mistakes, span.clone(), &template, known);
        }
        toml::Value::Array(items) => items.iter().for_each(|item| check_value(mistakes, span, item, known)),
        toml::Value::Table(table) => table.iter().for_each(|(_, item)| check_value(mistakes, span, item, known)),
        _ => {}
    }
}
