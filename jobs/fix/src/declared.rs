//! Fixes that are fix files.

use async_trait::async_trait;
use indexmap::IndexMap;
use pacbot_collect::{Lookup, template_call};
use pacbot_schemas::{Protocol, Region, Template};
use serde_json::{Map, Value};

use crate::condition::all_hold;
use crate::custom::{command, webhook};
use crate::definition::{Definition, Step, StepCall};
use crate::facts::Facts;
use crate::fix::{About, Fix, FixError, Job, Made, State};
use crate::state::{FieldType, Reading};

/// A fix file at work.
#[derive(Debug)]
pub(crate) struct DeclaredFix {
    definition: Definition,
}

/// Whether a step only looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Read,
    Apply,
    Undo,
}

impl Stage {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Apply => "apply",
            Self::Undo => "undo",
        }
    }
}

impl DeclaredFix {
    pub(crate) fn new(definition: Definition) -> Self {
        Self { definition }
    }

    fn region(&self, facts: &Facts) -> Result<Option<Region>, FixError> {
        let Some(template) = &self.definition.region else { return Ok(None) };
        let text = template.fill(|name| facts.text(name)).unwrap_or_default();
        Region::new(&text).map(Some).map_err(|error| FixError::unexpected(error.to_string()))
    }

    /// Makes one call; `None` for an error that says that there is nothing.
    async fn call(
        &self,
        job: Job<'_>,
        name: &str,
        step: &Step,
        facts: &Facts,
        stage: Stage,
    ) -> Result<Option<Reading>, FixError> {
        match &step.call {
            StepCall::Request { request, body } => {
                let failed = |source| FixError::Call { call: request.operation.clone(), source };
                let mut call = template_call(request, facts).map_err(failed)?;
                if let Some(body) = body {
                    call.body = Some(self.body(body, request.protocol, facts)?.into());
                }
                for (from, to) in &step.replace {
                    let fill = |template: &Template| template.fill(|name| facts.text(name));
                    if let (Some(from), Some(to)) = (fill(from), fill(to)) {
                        call.params
                            .iter_mut()
                            .filter(|(_, value)| *value == from)
                            .for_each(|(_, value)| value.clone_from(&to));
                        if let Some(body) = &mut call.body {
                            replace(body, &from, &to);
                        }
                    }
                }
                let lists = if stage == Stage::Read { self.definition.lists_of(name) } else { Vec::new() };
                let scope = job.live.scope(job.target, self.region(facts)?);
                match job.live.ask(&scope, call, &lists, stage != Stage::Read).await {
                    Ok(reading) => Ok(Some(reading)),
                    Err(FixError::Call { source, .. }) if is_absent(&request.absent, &source) => Ok(None),
                    Err(error) => Err(error),
                }
            }
            StepCall::Webhook { url, secret, limit } => {
                webhook::post(job, url, secret, *limit, facts, stage).await.map(Some)
            }
            StepCall::Command { arguments, limit } => {
                command::run(job, arguments, *limit, facts, stage).await.map(Some)
            }
        }
    }

    /// A body of text. Values are escaped where it is XML, but for whole answers that are put back.
    fn body(&self, body: &Template, protocol: Protocol, facts: &Facts) -> Result<String, FixError> {
        let is_whole = |name: &str| {
            let field = name.strip_prefix("state.").and_then(|field| self.definition.state.get(field));
            field.is_some_and(|field| field.r#type == FieldType::Text)
        };
        let filled = body.fill(|name| {
            let text = facts.text(name)?;
            Some(if protocol.is_xml() && !is_whole(name) { escaped(&text).into() } else { text })
        });
        filled.ok_or_else(|| FixError::unexpected(format!("the body `{body}` has a placeholder without a value")))
    }

    /// Makes the steps whose conditions hold, in order; yields their answers by name.
    async fn steps(
        &self,
        job: Job<'_>,
        steps: &IndexMap<String, Step>,
        mut facts: Facts,
        mut made: Made,
        stage: Stage,
    ) -> Result<Made, FixError> {
        for (name, step) in steps {
            facts = facts.with_made(&made);
            let holds = all_hold(&step.when, &facts);
            if !holds.map_err(|source| FixError::Call { call: name.clone(), source })? {
                continue;
            }
            let mut answers = Vec::new();
            for item in items(step, &facts) {
                let mut facts = facts.clone();
                if let Some(item) = item {
                    facts.set("item", item);
                }
                let answer = self.call(job, name, step, &facts, stage).await?;
                answers.push(answer.map_or(Value::Null, |answer| answer.json));
            }
            let answer = if step.each.is_some() { answers.into() } else { answers.pop().unwrap_or(Value::Null) };
            made.insert(name.clone(), answer);
        }
        Ok(made)
    }

    fn told(steps: &IndexMap<String, Step>, facts: &Facts) -> Result<Vec<String>, FixError> {
        let mut lines = Vec::new();
        for (name, step) in steps {
            let holds = all_hold(&step.when, facts);
            if !holds.map_err(|source| FixError::Call { call: name.clone(), source })? {
                continue;
            }
            for item in items(step, facts) {
                let mut facts = facts.clone();
                if let Some(item) = item {
                    facts.set("item", item);
                }
                lines.push(line(step, &facts));
            }
        }
        Ok(lines)
    }
}

#[async_trait]
impl Fix for DeclaredFix {
    fn about(&self) -> &About {
        &self.definition.about
    }

    async fn read(&self, job: Job<'_>, made: &Made) -> Result<State, FixError> {
        let mut facts = Facts::of(job).with_made(made);
        let (mut readings, mut answers) = (std::collections::BTreeMap::new(), Map::new());
        for (name, step) in &self.definition.read {
            let holds = all_hold(&step.when, &facts);
            if holds.map_err(|source| FixError::Call { call: name.clone(), source })? {
                let reading = self.call(job, name, step, &facts, Stage::Read).await?;
                // A later step may ask for what an earlier one answered.
                answers.insert(name.clone(), reading.as_ref().map_or(Value::Null, |reading| reading.json.clone()));
                facts.set("read", Value::Object(answers.clone()));
                readings.insert(name.as_str(), reading);
            }
        }
        let mut state = Map::new();
        for (name, field) in &self.definition.state {
            let reading = readings.get(field.from.as_str()).and_then(Option::as_ref);
            state.insert(name.clone(), field.value(name, reading, job.target.account_id.as_str())?);
        }
        Ok(State(state))
    }

    fn is_good(&self, job: Job<'_>, state: &State) -> Result<bool, FixError> {
        let facts = Facts::of(job).with_state(state);
        all_hold(&self.definition.good, &facts).map_err(|source| FixError::Call { call: "good".to_owned(), source })
    }

    fn changes(&self, job: Job<'_>, before: &State) -> Result<Vec<String>, FixError> {
        let facts = Facts::of(job).with_state(before);
        for refusal in &self.definition.refuse {
            let holds = all_hold(&refusal.when, &facts);
            if holds.map_err(|source| FixError::Call { call: "refuse".to_owned(), source })? {
                let because =
                    Template::parse(&refusal.because).ok().and_then(|text| text.fill(|name| facts.text(name)));
                return Err(FixError::Refused { reason: because.unwrap_or_else(|| refusal.because.clone()) });
            }
        }
        Self::told(&self.definition.apply, &facts)
    }

    async fn apply(&self, job: Job<'_>, before: &State) -> Result<Made, FixError> {
        let facts = Facts::of(job).with_state(before);
        self.steps(job, &self.definition.apply, facts, Made::new(), Stage::Apply).await
    }

    async fn undo(&self, job: Job<'_>, before: &State, now: &State, made: &Made) -> Result<Made, FixError> {
        for (name, field) in &self.definition.state {
            if !field.r#type.fits(before.0.get(name).unwrap_or(&Value::Null)) {
                return Err(FixError::unexpected(format!("the stored `{name}` is not of its type")));
            }
        }
        let mut facts = Facts::of(job).with_state(before);
        facts.set("now", Value::Object(now.0.clone()));
        self.steps(job, &self.definition.undo, facts, made.clone(), Stage::Undo).await
    }

    fn differences(&self, before: &State, now: &State) -> Vec<String> {
        let restored = self.definition.state.iter().filter(|(_, field)| field.restored);
        restored.map(|(name, _)| name).filter(|name| before.0.get(*name) != now.0.get(*name)).cloned().collect()
    }
}

fn is_absent(meant: &[pacbot_schemas::ErrorMatch], error: &pacbot_cloud::CallError) -> bool {
    error.code.as_ref().is_some_and(|code| meant.iter().any(|meant| meant.fits(code, &error.message)))
}

/// `None` once for a step that is made once.
fn items(step: &Step, facts: &Facts) -> Vec<Option<Value>> {
    let Some(each) = &step.each else { return vec![None] };
    let items = facts.get(each).and_then(Value::as_array).cloned().unwrap_or_default();
    items.into_iter().map(Some).collect()
}

/// A call, for people.
fn line(step: &Step, facts: &Facts) -> String {
    // What will only be made by an earlier step has no value yet.
    let fill = |template: &Template| {
        template.fill(|name| Some(facts.text(name).unwrap_or_else(|| format!("<{name}>").into())))
    };
    match &step.call {
        StepCall::Request { request, body } => {
            let filled = template_call(request, facts);
            let told = match (filled, body) {
                (Ok(call), None) => match call.body {
                    Some(body) => body.to_string(),
                    None => {
                        call.params.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
                    }
                },
                (_, Some(body)) => fill(body).unwrap_or_default(),
                (Err(_), None) => toml::Value::Table(request.input.clone()).to_string(),
            };
            format!("{}:{} {told}", request.service, request.operation).trim_end().to_owned()
        }
        StepCall::Webhook { url, .. } => format!("POST {}", fill(url).unwrap_or_default()),
        StepCall::Command { arguments, .. } => {
            arguments.iter().map(|argument| fill(argument).unwrap_or_default()).collect::<Vec<_>>().join(" ")
        }
    }
}

fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, from, to)),
        _ => {}
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
