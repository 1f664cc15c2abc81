//! The `[notify]` table of the configuration: who writes, and through which channels.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use lettre::message::Mailbox;
use serde::Deserialize;
use url::Url;

use super::secret::SecretRef;

/// The channel that is there without being configured: mail.
pub const MAIL: &str = "mail";

/// How people are told.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifySettings {
    /// Who the mails are from.
    #[serde(deserialize_with = "mailbox")]
    pub from: Mailbox,
    /// The mail server; without one, mails are files in `eml_folder`.
    pub smtp: Option<SmtpSettings>,
    /// Where mails go as files when there is no mail server.
    pub eml_folder: PathBuf,
    /// The portal, or whatever answers its paths. Without it, messages have no links.
    pub link_base: Option<Url>,
    /// What links to unsubscribe are signed with. Without it, mails have none.
    pub unsubscribe_secret: Option<SecretRef>,
    /// How many changes or rows of one kind a message names; the others are counted.
    pub named: usize,
    /// How many days before its end an exception is told of.
    pub expiring_days: u32,
    /// Channels by name.
    pub channels: BTreeMap<String, ChannelSettings>,
}

impl Default for NotifySettings {
    fn default() -> Self {
        let address = lettre::Address::new("pacbot", "localhost.localdomain");
        #[expect(clippy::expect_used, reason = "a constant that a test reads")]
        let address = address.expect("the default address is one");
        Self {
            from: Mailbox::new(Some("PacBot".to_owned()), address),
            smtp: None,
            eml_folder: "mails".into(),
            link_base: None,
            unsubscribe_secret: None,
            named: 5,
            expiring_days: 14,
            channels: BTreeMap::new(),
        }
    }
}

impl NotifySettings {
    /// The settings of a channel.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&ChannelSettings> {
        const IMPLIED: &ChannelSettings = &ChannelSettings::Mail {};
        self.channels.get(name).or_else(|| (name == MAIL).then_some(IMPLIED))
    }

    /// The names of all channels.
    pub fn channel_names(&self) -> impl Iterator<Item = &str> {
        let implied = (!self.channels.contains_key(MAIL)).then_some(MAIL);
        implied.into_iter().chain(self.channels.keys().map(String::as_str))
    }

    /// A link to a path of the portal.
    #[must_use]
    pub fn link(&self, segments: &[&str]) -> Option<Url> {
        let mut link = self.link_base.clone()?;
        link.path_segments_mut().ok()?.pop_if_empty().extend(segments);
        Some(link)
    }
}

/// A mail server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// Its name.
    pub host: String,
    /// Its port; 587, 465 or 25 by `tls`.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    #[serde(default)]
    pub tls: SmtpTls,
    /// Who signs in.
    pub user: Option<String>,
    /// Their password.
    pub password: Option<SecretRef>,
    /// A certificate (PEM) that is trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmtpTls {
    /// After the greeting; a server that does not offer it gets nothing.
    #[default]
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all: for a relay on this machine.
    None,
}

/// One channel.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum ChannelSettings {
    /// Mails, by `[notify] smtp` or `eml_folder`.
    Mail {},
    /// Slack: an incoming webhook, or a bot's token whose messages go to the subscription's recipients.
    Slack {
        /// The webhook.
        url: Option<Address>,
        /// The bot's token.
        token: Option<SecretRef>,
        /// Where the API is, for a token.
        api: Option<Address>,
        /// Whether the address may be one of a private network.
        #[serde(default)]
        allow_private: bool,
    },
    /// Teams: the webhook of a workflow, which takes an adaptive card.
    Teams {
        /// The webhook.
        url: Address,
        /// Whether the address may be one of a private network.
        #[serde(default)]
        allow_private: bool,
    },
    /// Any program: JSON as `docs/webhook.schema.json` says.
    Webhook {
        /// Where it is posted.
        url: Address,
        /// What it is signed with.
        secret: Option<SecretRef>,
        /// Whether the address may be one of a private network.
        #[serde(default)]
        allow_private: bool,
    },
    /// A ticket for each issue in Jira.
    Jira(JiraSettings),
    /// A ticket for each issue in ServiceNow.
    ServiceNow(ServiceNowSettings),
}

/// Tickets in Jira.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JiraSettings {
    /// The site.
    pub url: Address,
    /// The project's key.
    pub project: String,
    /// The type of the tickets.
    #[serde(default = "task")]
    pub issue_type: String,
    /// Who signs in, in the cloud; a server's token has none.
    pub user: Option<String>,
    /// The API token.
    pub token: SecretRef,
    /// Whether the site is Jira Cloud; else it is a server.
    #[serde(default = "yes")]
    pub cloud: bool,
    /// The transition that closes a ticket; without one, a comment says that the issue closed.
    pub close_transition: Option<String>,
    /// The transition that opens a closed ticket again.
    pub reopen_transition: Option<String>,
    /// Whether the address may be one of a private network.
    #[serde(default)]
    pub allow_private: bool,
}

/// Tickets in ServiceNow.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceNowSettings {
    /// The instance.
    pub url: Address,
    /// The table.
    #[serde(default = "incident")]
    pub table: String,
    /// Who signs in.
    pub user: String,
    /// Their password.
    pub password: SecretRef,
    /// The state of a ticket whose issue closed: by default, resolved.
    #[serde(default = "resolved")]
    pub closed_state: String,
    /// The state of a ticket whose issue opened again: by default, in progress.
    #[serde(default = "in_progress")]
    pub open_state: String,
    /// The code that a resolved ticket needs.
    #[serde(default = "solved")]
    pub close_code: String,
    /// Whether the address may be one of a private network.
    #[serde(default)]
    pub allow_private: bool,
}

impl ChannelSettings {
    /// Whether it keeps a ticket for each issue, instead of taking messages.
    #[must_use]
    pub fn is_tickets(&self) -> bool {
        matches!(self, Self::Jira(_) | Self::ServiceNow(_))
    }

    /// Whether a message needs a recipient; else the channel itself is one.
    #[must_use]
    pub fn needs_recipients(&self) -> bool {
        matches!(self, Self::Mail {} | Self::Slack { url: None, .. })
    }
}

/// A URL, or where one is that must not be written down (a chat's webhook is a key to the chat).
#[derive(Clone)]
pub enum Address {
    /// Written down.
    Plain(Url),
    /// By reference.
    Secret(SecretRef),
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The path of a chat's webhook is its key.
            Self::Plain(url) => write!(f, "{}://{}/…", url.scheme(), url.host_str().unwrap_or_default()),
            Self::Secret(secret) => secret.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.starts_with("http://") || text.starts_with("https://") {
            return Url::parse(&text).map(Self::Plain).map_err(serde::de::Error::custom);
        }
        SecretRef::deserialize(serde::de::value::StringDeserializer::<D::Error>::new(text)).map(Self::Secret)
    }
}

fn mailbox<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Mailbox, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn task() -> String {
    "Task".to_owned()
}

fn yes() -> bool {
    true
}

fn incident() -> String {
    "incident".to_owned()
}

fn resolved() -> String {
    "6".to_owned()
}

fn in_progress() -> String {
    "2".to_owned()
}

fn solved() -> String {
    "Solution provided".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_secrets_and_show_none() {
        let settings: NotifySettings = toml::from_str(
            r#"
            from = "Compliance <pacbot@example.org>"
            smtp = { host = "mail.example.org", user = "pacbot", password = "env:SMTP_PASSWORD" }
            [channels.ops]
            kind = "slack"
            url = "https://hooks.slack.com/services/T0/B0/verysecret"
            [channels.board]
            kind = "jira"
            url = "https://example.atlassian.net"
            project = "SEC"
            token = "file:/run/secrets/jira"
            "#,
        )
        .unwrap();
        let shown = format!("{settings:?}");
        assert!(!shown.contains("verysecret") && shown.contains("env:SMTP_PASSWORD"), "{shown}");
        assert_eq!(settings.channel_names().collect::<Vec<_>>(), ["mail", "board", "ops"]);
        assert!(settings.channel("board").unwrap().is_tickets());
        assert!(settings.channel("mail").unwrap().needs_recipients());
    }

    #[test]
    fn links_keep_the_base_and_escape_the_rest() {
        let mut settings = NotifySettings::default();
        assert_eq!(settings.link(&["issues", "1"]), None);
        settings.link_base = Some(Url::parse("https://pacbot.example.org/portal/").unwrap());
        let link = settings.link(&["issues", "a/b c"]).unwrap();
        assert_eq!(link.as_str(), "https://pacbot.example.org/portal/issues/a%2Fb%20c");
    }
}
