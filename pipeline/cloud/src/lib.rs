//! Calls cloud APIs: signed, throttled, retried, with credentials for every account.
//!
//! [`Aws::call`] answers with the bytes of one page or with a [`CallError`] whose kind says what to make
//! of it. All requests leave through one [`Transport`], so a [`Recorder`] sees every exchange and a
//! [`Replay`] needs no network and no credentials.
//!
//! Nothing here knows asset types, paging, Arrow or a lake; see the crate `collect`.

mod api_error;
mod aws;
mod caller;
mod clock;
mod credentials;
mod default_chain;
mod endpoint;
mod error;
mod http_transport;
mod keyring;
mod limiter;
mod measure;
mod organization;
mod reach;
mod recorder;
mod recording;
mod redact;
mod replay;
mod request;
mod retry;
mod sdk;
mod settings;
mod signing;
#[cfg(test)]
mod testing;
mod transport;
mod xml;

pub use aws::{Ambient, Aws};
pub use clock::{Clock, SystemClock};
pub use error::{CallError, CallErrorKind};
pub use http_transport::HttpTransport;
pub use pacbot_schemas::Protocol;
pub use reach::{Reach, ReachSource, ReachStatus};
pub use recorder::Recorder;
pub use recording::{RecordingError, RecordingInfo};
pub use replay::Replay;
pub use request::{Answer, ApiRequest};
pub use settings::{AccountSettings, AwsSettings, ExternalId, LimitSettings, OrganizationSettings, SettingsError};
pub use transport::{CallLabel, Transport, TransportError};
