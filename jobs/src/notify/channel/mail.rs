//! Mail, through a mail server or into a folder.

use std::io::ErrorKind::{self, ConnectionRefused, HostUnreachable, InvalidData, NetworkUnreachable};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::http::with_causes;
use super::{Channel, ChannelError, Failure, SendError};
use crate::notify::message::Message;
use crate::notify::settings::{NotifySettings, SmtpSettings, SmtpTls};
use crate::notify::template::Templates;

/// For each command of the protocol.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Answers by which a server refuses whoever signs in, not a message (RFC 4954).
const SIGN_IN: [&str; 4] = ["530", "534", "535", "538"];

/// Mails.
pub(crate) struct Mail {
    templates: Templates,
    from: Mailbox,
    way: Way,
}

enum Way {
    Server(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Folder(PathBuf),
}

impl Mail {
    pub(crate) fn open(name: &str, settings: &NotifySettings) -> Result<Self, ChannelError> {
        let way = match &settings.smtp {
            Some(smtp) => Way::Server(Box::new(server(name, smtp)?)),
            None => Way::Folder(settings.eml_folder.clone()),
        };
        Ok(Self { templates: Templates::new(settings), from: settings.from.clone(), way })
    }
}

fn server(name: &str, smtp: &SmtpSettings) -> Result<AsyncSmtpTransport<Tokio1Executor>, ChannelError> {
    let wrong = |reason: String| ChannelError::Settings { channel: name.to_owned(), reason };
    let is_here = ["localhost", "127.0.0.1", "::1"].contains(&smtp.host.as_str());
    if smtp.tls == SmtpTls::None && smtp.password.is_some() && !is_here {
        return Err(wrong(format!("a password would go to `{}` unencrypted; use tls", smtp.host)));
    }
    let mut tls = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        let failed = |error: String| wrong(format!("`{}` is no certificate: {error}", path.display()));
        let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| failed(with_causes(&error)))?);
    }
    let tls = tls.build().map_err(|error| wrong(with_causes(&error)))?;
    let (tls, port) = match smtp.tls {
        SmtpTls::Starttls => (Tls::Required(tls), 587),
        SmtpTls::Implicit => (Tls::Wrapper(tls), 465),
        SmtpTls::None => (Tls::None, 25),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host.clone())
        .tls(tls)
        .port(smtp.port.unwrap_or(port))
        .timeout(Some(TIMEOUT));
    match (&smtp.user, &smtp.password) {
        (Some(user), Some(password)) => {
            let secret = |source| ChannelError::Secret { channel: name.to_owned(), source };
            let password = password.resolve().map_err(secret)?;
            builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        (None, None) => {}
        _ => return Err(wrong("`user` and `password` come together".to_owned())),
    }
    Ok(builder.build())
}

/// The mail: text and HTML, with the headers that mail programs look for.
pub(crate) fn mail(message: &Message, from: &Mailbox, templates: &Templates) -> Result<lettre::Message, SendError> {
    let refused = |reason: String| SendError::new(Failure::Refused, reason);
    // The address itself stays out of what is logged.
    let to: Mailbox = message.recipient.parse().map_err(|_| refused("the recipient is no mail address".to_owned()))?;
    let rendered = templates.mail(message).map_err(|error| refused(with_causes(&error)))?;
    let header = |name: &'static str, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
    let mut builder = lettre::Message::builder()
        .from(from.clone())
        .to(to)
        .subject(message.content.subject())
        .date(message.queued_at.into())
        // The same for a repeat, so that mail programs show one.
        .message_id(Some(format!("<{}.pacbot@{}>", message.id, from.email.domain())))
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
        .raw_header(header("X-PacBot-Message", message.id.to_string()));
    if message.may_repeat {
        builder = builder.raw_header(header("X-PacBot-May-Repeat", "yes".to_owned()));
    }
    if let Some(link) = &message.unsubscribe {
        // RFC 8058: one click in the mail program, which posts to the link.
        builder = builder
            .raw_header(header("List-Unsubscribe", format!("<{link}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    let body = MultiPart::alternative_plain_html(rendered.text, rendered.html);
    builder.multipart(body).map_err(|error| refused(error.to_string()))
}

/// A mail that is written and not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFile {
    /// Its HTML.
    pub html: String,
    /// Its text.
    pub text: String,
    /// All of it, as an `.eml` file holds it.
    pub mail: Vec<u8>,
}

/// Writes a message as a mail.
///
/// # Errors
///
/// [`SendError`] for a recipient that is no address.
pub fn mail_file(message: &Message, settings: &NotifySettings) -> Result<MailFile, SendError> {
    let templates = Templates::new(settings);
    let rendered = templates.mail(message).map_err(|error| SendError::new(Failure::Refused, with_causes(&error)))?;
    let mail = mail(message, &settings.from, &templates)?.formatted();
    Ok(MailFile { html: rendered.html, text: rendered.text, mail })
}

#[async_trait]
impl Channel for Mail {
    async fn send(&self, message: &Message) -> Result<String, SendError> {
        let mail = mail(message, &self.from, &self.templates)?;
        match &self.way {
            Way::Server(server) => match server.send(mail).await {
                Ok(answer) => Ok(format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" "))),
                Err(error) => Err(SendError::new(meaning(&error), with_causes(&error))),
            },
            Way::Folder(folder) => {
                let name = format!("{}.eml", message.id);
                save(folder, &name, &mail.formatted())
                    .await
                    .map_err(|error| SendError::new(Failure::Channel, format!("`{}`: {error}", folder.display())))?;
                Ok(name)
            }
        }
    }
}

fn meaning(error: &lettre::transport::smtp::Error) -> Failure {
    let is_sign_in = error.status().is_some_and(|code| SIGN_IN.contains(&code.to_string().as_str()));
    // A certificate that is not trusted is told as data that makes no sense.
    let is_untrusted = has_cause(error, &[InvalidData]);
    if is_sign_in || is_untrusted || error.is_tls() || error.is_client() {
        Failure::Channel
    } else if error.is_permanent() {
        Failure::Refused
    } else if error.is_transient() || has_cause(error, &[ConnectionRefused, HostUnreachable, NetworkUnreachable]) {
        Failure::Later(None)
    } else {
        Failure::Unclear
    }
}

fn has_cause(error: &dyn std::error::Error, kinds: &[ErrorKind]) -> bool {
    let causes = std::iter::successors(error.source(), |error| error.source());
    let mut kinds_of = causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind));
    kinds_of.any(|kind| kinds.contains(&kind))
}

/// A whole file or none: a repeat replaces what a kill left.
async fn save(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let partial = folder.join(format!(".{name}.partial"));
    tokio::fs::write(&partial, bytes).await?;
    tokio::fs::rename(&partial, folder.join(name)).await
}
