//! The only door to the network: one HTTP exchange, and the label that says whose it is.
//!
//! A [`Transport`] sends a signed request once. It neither signs nor retries nor limits, and an HTTP error
//! status is an answer to it, not an error.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use pacbot_schemas::{AccountId, Region};

/// The service name under which the credential chain's own requests (IMDS, SSO, …) are labelled.
pub(crate) const CREDENTIALS_SERVICE: &str = "credentials";

/// What an exchange belongs to: the key of recordings and limits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallLabel {
    /// The account that is asked; `base` where only the base credentials are known yet.
    pub account: AccountId,
    /// The region of the scope, or `global`.
    pub region: Region,
    /// The service's signing name.
    pub service: String,
    /// The operation's name.
    pub operation: String,
}

impl fmt::Display for CallLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} in {}/{}", self.service, self.operation, self.account, self.region)
    }
}

/// Why an exchange gave no answer. Plain text inside, so that a recorded outage replays as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection, a TLS failure, a connection that was reset before an answer began.
    #[error("no connection: {message}")]
    Connect {
        /// The cause.
        message: String,
    },
    /// A time-out of any phase passed.
    #[error("timed out: {message}")]
    Timeout {
        /// The cause.
        message: String,
    },
    /// The body ended before its announced end.
    #[error("the body is truncated: {message}")]
    Truncated {
        /// The cause.
        message: String,
    },
    /// The body is longer than configured.
    #[error("the body is longer than {limit_bytes} bytes")]
    TooLarge {
        /// The configured limit.
        limit_bytes: usize,
    },
    /// A replay holds no such exchange.
    #[error("not recorded: {exchange}")]
    NotRecorded {
        /// What was asked for.
        exchange: String,
    },
}

/// Sends one request and reads the whole answer.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends `request`, which is signed and has an absolute URI, and yields the answer with its whole body.
    ///
    /// An answer of any status is `Ok`. Redirects are not followed, since a signature holds for one host.
    ///
    /// # Errors
    ///
    /// [`TransportError`] if no whole answer came.
    async fn send(
        &self,
        call: &CallLabel,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError>;

    /// Whether answers come from a recording. Then no credentials are looked for (requests are signed with
    /// dummies), nothing is limited, and retries do not wait.
    fn is_replay(&self) -> bool {
        false
    }
}
