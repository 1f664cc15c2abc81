//! Signed links by which a recipient says that they want no more of a subscription's messages.
//!
//! A token is `SUBSCRIPTION.HASH.SIGNATURE`: the hash is of subscription and recipient, so no address stands in a link
//! or in a server's log; the signature (HMAC-SHA256) is by a secret of the deployment. A token does not expire, as the
//! mail that holds it does not either, and can only ever do one thing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pacbot_lake::{Lake, to_batch};
use serde::Serialize;
use sha2::Sha256;
use url::Url;

use super::NotifyError;
use super::message::hash;
use super::secret::Secret;
use super::settings::NotifySettings;

/// What a signature is for: the same secret signs nothing else by accident.
const PURPOSE: &[u8] = b"pacbot-unsubscribe-1\0";

/// How often a writer that was overtaken tries again.
const ATTEMPTS: u32 = 20;

/// Why a token is refused. Which of its parts is wrong is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is not one of ours, or was changed")]
pub struct InvalidToken;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unsubscription {
    /// The subscription.
    pub subscription: String,
    /// A hash of subscription and recipient.
    pub recipient_hash: String,
}

impl Unsubscription {
    /// For a subscription and a recipient.
    #[must_use]
    pub fn of(subscription: &str, recipient: &str) -> Self {
        // Mail servers take an address in any case, and so does this.
        let recipient_hash = hash(&["recipient", subscription, &recipient.to_lowercase()]);
        Self { subscription: subscription.to_owned(), recipient_hash }
    }

    /// The token, signed.
    #[must_use]
    pub fn token(&self, secret: &Secret) -> String {
        let signature = self.mac(secret).finalize().into_bytes();
        let subscription = URL_SAFE_NO_PAD.encode(&self.subscription);
        format!("{subscription}.{}.{}", self.recipient_hash, URL_SAFE_NO_PAD.encode(signature))
    }

    /// Reads a token and checks its signature, in constant time.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`]
    pub fn verify(token: &str, secret: &Secret) -> Result<Self, InvalidToken> {
        let mut parts = token.trim().split('.');
        let (Some(subscription), Some(recipient_hash), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidToken);
        };
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidToken);
        let subscription = String::from_utf8(decoded(subscription)?).map_err(|_| InvalidToken)?;
        let said = Self { subscription, recipient_hash: recipient_hash.to_owned() };
        said.mac(secret).verify_slice(&decoded(signature)?).map_err(|_| InvalidToken)?;
        Ok(said)
    }

    fn mac(&self, secret: &Secret) -> Hmac<Sha256> {
        let mut mac = keyed(secret);
        mac.update(PURPOSE);
        mac.update(self.subscription.as_bytes());
        mac.update(b"\0");
        mac.update(self.recipient_hash.as_bytes());
        mac
    }

    /// Notes it in the lake; doing it twice changes nothing more that counts.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Lake`]
    pub async fn save(&self, lake: &Lake, now: DateTime<Utc>) -> Result<(), NotifyError> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(flatten)]
            said: &'a Unsubscription,
            at: DateTime<Utc>,
            actor: &'static str,
        }
        let row = Row { said: self, at: now, actor: "link" };
        let batch = to_batch("unsubscriptions", lake.schema_of("unsubscriptions")?, &[row])?;
        for _ in 0..ATTEMPTS {
            let version = lake.table("unsubscriptions").await?.map(|table| table.version());
            let rows = futures::stream::iter([Ok(batch.clone())]);
            if lake.commit_on("unsubscriptions", version, rows, false, now).await?.is_some() {
                return Ok(());
            }
        }
        Err(NotifyError::Contention)
    }
}

/// An HMAC with a secret's bytes as key.
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
pub(crate) fn keyed(secret: &Secret) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.reveal().as_bytes()).expect("a key of any length")
}

/// The link for one recipient; `None` without a portal or a secret.
pub(crate) fn link(
    settings: &NotifySettings,
    secret: Option<&Secret>,
    subscription: &str,
    recipient: &str,
) -> Option<Url> {
    let mut link = settings.link(&["unsubscribe"])?;
    let token = Unsubscription::of(subscription, recipient).token(secret?);
    link.query_pairs_mut().append_pair("token", &token);
    Some(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_changed_is_refused() {
        let secret = Secret::from("a secret".to_owned());
        let said = Unsubscription::of("team", "Ada@Example.org");
        let token = said.token(&secret);
        assert_eq!(Unsubscription::verify(&token, &secret), Ok(said.clone()));
        assert_eq!(said, Unsubscription::of("team", "ada@example.org"));
        assert!(!token.to_lowercase().contains("ada"), "{token}");
        let other = Unsubscription::of("other", "ada@example.org").token(&secret);
        let parts: Vec<&str> = token.split('.').collect();
        let foreign: Vec<&str> = other.split('.').collect();
        let changed = [
            format!("{}.{}.{}", foreign[0], parts[1], parts[2]),
            format!("{}.{}.{}", parts[0], foreign[1], parts[2]),
            format!("{}.{}.{}", parts[0], parts[1], foreign[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}", parts[0], parts[1]),
            format!("{token}.x"),
            token[..token.len() - 2].to_owned(),
            String::new(),
        ];
        for token in changed {
            assert_eq!(Unsubscription::verify(&token, &secret), Err(InvalidToken), "{token}");
        }
        assert_eq!(Unsubscription::verify(&token, &Secret::from("another".to_owned())), Err(InvalidToken));
    }
}
