//! Teams: an adaptive card to the webhook of a workflow.

use async_trait::async_trait;
use serde_json::{Value, json};
use url::Url;

use super::http::Client;
use super::{Channel, SendError};
use crate::notify::brief::{Brief, MAY_REPEAT};
use crate::notify::event::Told;
use crate::notify::message::Message;
use crate::notify::settings::NotifySettings;

/// Teams.
pub(crate) struct Teams {
    client: Client,
    url: Url,
    settings: NotifySettings,
}

impl Teams {
    pub(crate) fn new(client: Client, url: Url, settings: &NotifySettings) -> Self {
        Self { client, url, settings: settings.clone() }
    }
}

/// Text blocks read a part of Markdown: its characters stand for themselves.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_{}[]()#+-!|<>~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn block(told: &Told) -> Value {
    let severity = told.severity.map(|severity| format!(" {severity}")).unwrap_or_default();
    let headline = escaped(&told.headline);
    let headline = match &told.link {
        Some(link) => format!("[{headline}]({link})"),
        None => headline,
    };
    let details: Vec<String> = told.details.iter().map(|detail| escaped(detail)).collect();
    json!({
        "type": "Container", "separator": true,
        "items": [
            { "type": "TextBlock", "wrap": true, "text": format!("**{}{severity}** {headline}", escaped(&told.label)) },
            { "type": "TextBlock", "wrap": true, "isSubtle": true, "size": "Small", "spacing": "None", "text": details.join("\n\n") },
        ],
    })
}

/// The card, in the envelope that workflows take.
fn body(message: &Message, settings: &NotifySettings) -> Value {
    let brief = Brief::of(message, settings);
    let text =
        |text: String| json!({ "type": "TextBlock", "wrap": true, "isSubtle": true, "size": "Small", "text": text });
    let mut items = vec![json!({
        "type": "TextBlock", "wrap": true, "size": "Medium", "weight": "Bolder", "text": escaped(&brief.title),
    })];
    if !brief.facts.is_empty() {
        let facts = brief.facts.iter().map(|(name, value)| json!({ "title": escaped(name), "value": escaped(value) }));
        items.push(json!({ "type": "FactSet", "facts": facts.collect::<Vec<_>>() }));
    }
    items.extend(brief.lines.iter().map(block));
    if brief.more > 0 {
        items.push(text(format!("and {} more", brief.more)));
    }
    if brief.may_repeat {
        items.push(text(MAY_REPEAT.to_owned()));
    }
    items.push(text(format!("message {}", message.id)));
    let link = brief.link.map(|link| json!({ "type": "Action.OpenUrl", "title": "Report", "url": link }));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard", "version": "1.4", "msteams": { "width": "Full" },
                "body": items,
                "actions": link.into_iter().collect::<Vec<_>>(),
            },
        }],
    })
}

#[async_trait]
impl Channel for Teams {
    async fn send(&self, message: &Message) -> Result<String, SendError> {
        let answer = self.client.post(self.url.clone(), &body(message, &self.settings)).await?;
        Ok(answer.status.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_assets_are_no_markdown() {
        assert_eq!(escaped("[x](http://evil) **b** <i>"), "\\[x\\]\\(http://evil\\) \\*\\*b\\*\\* \\<i\\>");
    }
}
