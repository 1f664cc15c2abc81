//! The real network: one pool of connections, time-outs for every phase, and a bound on each body.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};

use crate::error::with_causes;
use crate::settings::LimitSettings;
use crate::transport::{CallLabel, Transport, TransportError};

/// Sends requests over HTTPS.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    client: reqwest::Client,
    max_body_bytes: usize,
}

impl HttpTransport {
    /// A pool of connections with the time-outs and the body limit of `settings`.
    ///
    /// # Errors
    ///
    /// [`TransportError::Connect`] if TLS cannot be set up.
    pub fn new(settings: &LimitSettings) -> Result<Self, TransportError> {
        let client = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout)
            .timeout(settings.total_timeout)
            .pool_max_idle_per_host(settings.concurrency.get())
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(connect)?;
        Ok(Self { client, max_body_bytes: settings.max_body_bytes.get() })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(connect)?;
        let mut answer = self.client.execute(request).await.map_err(connect)?;
        let limit = TransportError::TooLarge { limit_bytes: self.max_body_bytes };
        let announced = answer.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if announced > self.max_body_bytes {
            return Err(limit);
        }
        let mut body = BytesMut::with_capacity(announced);
        while let Some(chunk) = answer.chunk().await.map_err(cut_short)? {
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(limit);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, _: &CallLabel, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.exchange(request).await
    }
}

/// A failure before the answer's head was there. Without the URL, whose query may hold a signature.
fn connect(error: reqwest::Error) -> TransportError {
    let timed_out = error.is_timeout();
    let message = with_causes(&error.without_url());
    if timed_out { TransportError::Timeout { message } } else { TransportError::Connect { message } }
}

/// A failure while the body was read.
fn cut_short(error: reqwest::Error) -> TransportError {
    let timed_out = error.is_timeout();
    let message = with_causes(&error.without_url());
    if timed_out { TransportError::Timeout { message } } else { TransportError::Truncated { message } }
}

#[cfg(test)]
mod tests;
