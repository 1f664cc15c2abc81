//! Messages as HTML and text. Templates are MJML and text files beside this one, filled by `minijinja`, which escapes
//! whatever stands in HTML; `mrml` makes HTML for mail programs of the MJML.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, context};
use serde::Serialize;

use super::brief::MAY_REPEAT;
use super::digest::Digest;
use super::event::Told;
use super::message::{Content, Message};
use super::settings::NotifySettings;
use super::words;

const FILES: &[(&str, &str)] = &[
    ("layout.mjml", include_str!("template/layout.mjml")),
    ("parts.mjml", include_str!("template/parts.mjml")),
    ("digest.mjml", include_str!("template/digest.mjml")),
    ("events.mjml", include_str!("template/events.mjml")),
    ("notice.mjml", include_str!("template/notice.mjml")),
    ("test.mjml", include_str!("template/test.mjml")),
    ("layout.txt", include_str!("template/layout.txt")),
    ("parts.txt", include_str!("template/parts.txt")),
    ("digest.txt", include_str!("template/digest.txt")),
    ("events.txt", include_str!("template/events.txt")),
    ("notice.txt", include_str!("template/notice.txt")),
    ("test.txt", include_str!("template/test.txt")),
    ("ticket.txt", include_str!("template/ticket.txt")),
];

/// Why a message could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A template could not be filled.
    #[error("template `{name}` cannot be filled")]
    Fill {
        /// The template.
        name: String,
        /// The cause.
        source: Error,
    },
    /// A filled template is no MJML.
    #[error("template `{name}` is no MJML")]
    Parse {
        /// The template.
        name: String,
        /// The cause.
        source: Box<mrml::prelude::parser::Error>,
    },
    /// HTML could not be made.
    #[error("template `{name}` cannot be rendered")]
    Render {
        /// The template.
        name: String,
        /// The cause.
        source: mrml::prelude::render::Error,
    },
}

/// The parts of a digest that are lists of what happened, in words.
#[derive(Serialize)]
struct DigestWords {
    changes: Vec<ChangesWords>,
    unjudged: Vec<Told>,
    expiring: Vec<Told>,
}

#[derive(Serialize)]
struct ChangesWords {
    words: String,
    count: u64,
    told: Vec<Told>,
}

impl DigestWords {
    fn of(digest: &Digest, settings: &NotifySettings) -> Self {
        let changes = digest.changes.iter().map(|changes| ChangesWords {
            words: words::cause(&changes.cause).to_owned(),
            count: changes.count,
            told: changes.named.iter().map(|change| change.told(settings)).collect(),
        });
        Self {
            changes: changes.collect(),
            unjudged: digest.unjudged.rows.iter().map(|outage| outage.told(settings)).collect(),
            expiring: digest.expiring.rows.iter().map(|row| row.told(settings)).collect(),
        }
    }
}

/// A mail's two bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// For mail programs that show HTML.
    pub html: String,
    /// For those that do not, and for people who prefer it.
    pub text: String,
}

/// The templates, with what they need of the settings.
pub struct Templates {
    environment: Environment<'static>,
    settings: NotifySettings,
}

impl Templates {
    /// Makes the templates ready.
    #[must_use]
    pub fn new(settings: &NotifySettings) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Only changed delimiters could be refused.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default();
        environment.set_syntax(syntax);
        environment.set_auto_escape_callback(|name| match name.ends_with(".mjml") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        environment
            .set_loader(|name| Ok(FILES.iter().find(|(file, _)| *file == name).map(|(_, text)| Cow::Borrowed(*text))));
        environment.add_filter("percent", words::percent);
        environment.add_filter("minute", minute);
        environment.add_filter("cause", |cause: String| words::cause(&cause).to_owned());
        environment.add_function("account", |name: Option<String>, id: String| words::account(name.as_deref(), &id));
        environment.add_function("points", points);
        let links = settings.clone();
        environment.add_function("link", move |first: String, second: Option<String>| {
            let segments: Vec<&str> = [Some(first.as_str()), second.as_deref()].into_iter().flatten().collect();
            links.link(&segments).map(String::from)
        });
        Self { environment, settings: settings.clone() }
    }

    /// A mail.
    ///
    /// # Errors
    ///
    /// [`TemplateError`], which tests keep from happening.
    pub fn mail(&self, message: &Message) -> Result<Rendered, TemplateError> {
        let name = match &message.content {
            Content::Digest(_) => "digest",
            Content::Events(_) | Content::Ticket(_) => "events",
            Content::Notice(_) => "notice",
            Content::Test { .. } => "test",
        };
        let file = format!("{name}.mjml");
        let mjml = self.filled(&file, message)?;
        let parsed = mrml::parse(&mjml)
            .map_err(|source| TemplateError::Parse { name: file.clone(), source: Box::new(source) })?;
        // Without its default fonts, which mail programs would load from another's server.
        let options = mrml::prelude::render::RenderOptions { fonts: Default::default(), ..Default::default() };
        let html = parsed.element.render(&options).map_err(|source| TemplateError::Render { name: file, source })?;
        Ok(Rendered { html, text: self.filled(&format!("{name}.txt"), message)? })
    }

    /// The text of a ticket.
    ///
    /// # Errors
    ///
    /// As for [`Self::mail`].
    pub fn ticket(&self, message: &Message) -> Result<String, TemplateError> {
        self.filled("ticket.txt", message)
    }

    fn filled(&self, name: &str, message: &Message) -> Result<String, TemplateError> {
        let failed = |source| TemplateError::Fill { name: name.to_owned(), source };
        let settings = &self.settings;
        let told: Vec<Told> = match &message.content {
            Content::Events(events) => events.events.iter().map(|event| event.told(settings)).collect(),
            Content::Ticket(issue) => vec![issue.told(settings)],
            Content::Notice(notice) => vec![notice.told(settings)],
            Content::Digest(_) | Content::Test { .. } => Vec::new(),
        };
        let unnamed: u64 = match &message.content {
            Content::Events(events) => events.counts.iter().map(|count| count.unnamed).sum(),
            _ => 0,
        };
        let digest = match &message.content {
            Content::Digest(digest) => Some(DigestWords::of(digest, settings)),
            _ => None,
        };
        let filling = context! {
            message => context! {
                id => message.id.as_str(),
                subject => message.content.subject(),
                subscription => message.subscription.as_str(),
                repeat => message.may_repeat.then_some(MAY_REPEAT),
                unsubscribe => message.unsubscribe.as_ref().map(url::Url::as_str),
            },
            content => Serde(&message.content),
            told => Serde(told),
            unnamed => unnamed,
            digest => Serde(digest),
            severities => context! { critical => "#b42318", high => "#c2410c", medium => "#92610a", low => "#52606d" },
        };
        self.environment.get_template(name).and_then(|template| template.render(filling)).map_err(failed)
    }
}

fn minute(at: String) -> Result<String, Error> {
    let at: DateTime<Utc> = at.parse().map_err(|_| Error::new(ErrorKind::InvalidOperation, "that is no time"))?;
    Ok(words::minute(at))
}

/// How a score changed, in words.
fn points(now: Option<f64>, before: Option<f64>) -> String {
    match now.zip(before) {
        None => "no earlier value".to_owned(),
        Some((now, before)) => {
            let change = ((now - before) * 10.0).round() / 10.0;
            if change > 0.0 {
                format!("up {change:.1} points")
            } else if change < 0.0 {
                format!("down {:.1} points", -change)
            } else {
                "unchanged".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests;
