//! Slack: an incoming webhook, or `chat.postMessage` with a bot's token.

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use url::Url;

use super::http::{Client, exchange};
use super::{Channel, Failure, SendError};
use crate::notify::brief::{Brief, MAY_REPEAT};
use crate::notify::event::Told;
use crate::notify::message::Message;
use crate::notify::secret::Secret;
use crate::notify::settings::NotifySettings;

const API: &str = "https://slack.com/api/";

/// A block's text may have 3,000 characters; of a line, a chat wants less.
const LINE_CHARS: usize = 300;

/// A section has at most ten fields.
const FIELDS: usize = 10;

/// Slack.
pub(crate) struct Slack {
    client: Client,
    way: Way,
    settings: NotifySettings,
}

enum Way {
    Webhook(Url),
    Bot { token: Secret, post: Url },
}

impl Slack {
    pub(crate) fn new(
        client: Client,
        url: Option<Url>,
        token: Option<Secret>,
        api: Option<Url>,
        settings: &NotifySettings,
    ) -> Result<Self, String> {
        let way = match (url, token) {
            (Some(url), None) => Way::Webhook(url),
            (None, Some(token)) => {
                let api = api.map_or_else(|| Url::parse(API), Ok).map_err(|error| error.to_string())?;
                Way::Bot { token, post: api.join("chat.postMessage").map_err(|error| error.to_string())? }
            }
            _ => return Err("it needs either `url` or `token`".to_owned()),
        };
        Ok(Self { client, way, settings: settings.clone() })
    }
}

/// Slack's three characters with a meaning, and nothing that would call people.
fn escaped(text: &str) -> String {
    let text: String = text.chars().take(LINE_CHARS).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn line(told: &Told) -> String {
    let severity = told.severity.map(|severity| format!(" {severity}")).unwrap_or_default();
    let headline = escaped(&told.headline);
    let headline = match &told.link {
        // A bar would end the address.
        Some(link) => format!("<{}|{}>", escaped(link).replace('|', "%7C"), headline.replace('|', "¦")),
        None => headline,
    };
    let detail = told.details.first().map(|detail| format!("\n{}", escaped(detail))).unwrap_or_default();
    format!("*{}{severity}* {headline}{detail}", escaped(&told.label))
}

/// The message as blocks, and as one line for notifications.
fn body(message: &Message, settings: &NotifySettings) -> Value {
    let brief = Brief::of(message, settings);
    let section = |text: String| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    let mut blocks = vec![section(format!("*{}*", escaped(&brief.title)))];
    for facts in brief.facts.chunks(FIELDS) {
        let fields = facts.iter().map(|(name, value)| {
            json!({ "type": "mrkdwn", "text": format!("{} {}", escaped(name), escaped(value)).trim_end() })
        });
        blocks.push(json!({ "type": "section", "fields": fields.collect::<Vec<_>>() }));
    }
    blocks.extend(brief.lines.iter().map(|told| section(line(told))));
    let more = (brief.more > 0).then(|| format!("and {} more", brief.more));
    let link = brief.link.as_ref().map(|link| format!("<{}|report>", escaped(link)));
    let repeat = brief.may_repeat.then(|| MAY_REPEAT.to_owned());
    let id = Some(format!("message {}", message.id));
    let context: Vec<String> = [more, link, repeat, id].into_iter().flatten().collect();
    blocks.push(json!({
        "type": "context", "elements": [{ "type": "mrkdwn", "text": context.join(" · ") }],
    }));
    json!({ "text": escaped(&brief.title), "blocks": blocks })
}

#[async_trait]
impl Channel for Slack {
    async fn send(&self, message: &Message) -> Result<String, SendError> {
        let mut body = body(message, &self.settings);
        match &self.way {
            Way::Webhook(url) => self.client.post(url.clone(), &body).await.map(|answer| answer.text),
            Way::Bot { token, post } => {
                body["channel"] = message.recipient.as_str().into();
                let request = self.client.request(Method::POST, post.clone())?;
                let request = request
                    .header(CONTENT_TYPE, "application/json; charset=utf-8")
                    .header(AUTHORIZATION, format!("Bearer {}", token.reveal()));
                let answer = exchange(request.body(body.to_string())).await?.json();
                if answer["ok"] == true {
                    return Ok(format!(
                        "{} {}",
                        answer["channel"].as_str().unwrap_or_default(),
                        answer["ts"].as_str().unwrap_or_default()
                    ));
                }
                let error = answer["error"].as_str().unwrap_or("no JSON").to_owned();
                let failure = match error.as_str() {
                    "channel_not_found" | "is_archived" | "not_in_channel" | "msg_too_long" => Failure::Refused,
                    "ratelimited" | "rate_limited" => Failure::Later(None),
                    "internal_error" | "fatal_error" | "request_timeout" => Failure::Unclear,
                    _ => Failure::Channel,
                };
                Err(SendError::new(failure, format!("Slack says `{error}`")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_assets_call_nobody() {
        let told = Told {
            label: "opened".to_owned(),
            severity: None,
            headline: "<!channel> a|b & c".to_owned(),
            details: Vec::new(),
            link: Some("https://example.org/issues/1".to_owned()),
        };
        assert_eq!(line(&told), "*opened* <https://example.org/issues/1|&lt;!channel&gt; a¦b &amp; c>");
    }
}
