//! One call from request to answer: credentials, signature, limits, attempts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use backon::Retryable;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use tracing::{Instrument, debug};

use crate::api_error::judge;
use crate::clock::SharedClock;
use crate::credentials::AccountCredentials;
use crate::endpoint::Endpoint;
use crate::error::{CallError, CallErrorKind};
use crate::limiter::Limiter;
use crate::measure;
use crate::request::{Answer, ApiRequest};
use crate::retry::{Failure, Next, Patience, retry_after};
use crate::settings::LimitSettings;
use crate::signing::sign;
use crate::transport::{CallLabel, Transport};

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) limiter: Limiter,
    pub(crate) clock: SharedClock,
    patience: Patience,
}

impl Caller {
    pub(crate) fn new(transport: Arc<dyn Transport>, clock: SharedClock, settings: &LimitSettings) -> Self {
        let live = !transport.is_replay();
        Self {
            limiter: Limiter::new(settings, clock.clone(), live),
            patience: Patience::new(settings, live),
            transport,
            clock,
        }
    }

    /// Calls until there is an answer or no attempt is left.
    pub(crate) async fn call(
        &self,
        label: &CallLabel,
        endpoint: &Endpoint,
        request: &ApiRequest,
        credentials: &AccountCredentials,
    ) -> Result<Answer, CallError> {
        let began = self.clock.steady();
        let call = Call {
            caller: self,
            label,
            endpoint,
            request,
            unsigned: request.to_http(endpoint, &label.account)?,
            credentials,
            attempts: AtomicU32::new(0),
            renewed: AtomicBool::new(false),
        };
        let clock = self.clock.clone();
        let outcome = (|| call.attempt())
            .retry(self.patience.backoff())
            .sleep(move |wait| clock.0.sleep(wait))
            .when(|failure| self.patience.goes_on(failure, call.attempts.load(Ordering::Relaxed)))
            .adjust(|failure, bound| self.patience.wait(failure, bound));
        // Boxed: rustc cannot see through `Retry` that this function's future is `Send`.
        let outcome: BoxFuture<'_, Result<Response<Bytes>, Failure>> = Box::pin(outcome);
        let outcome = outcome.instrument(measure::span(label)).await;
        let attempts = call.attempts.load(Ordering::Relaxed);
        let (status, error) = match &outcome {
            Ok(response) => (Some(response.status().as_u16()), None),
            Err(failure) => (failure.error.status, Some(failure.error.kind.as_str())),
        };
        let took = self.clock.steady().saturating_sub(began);
        measure::called(label, error.unwrap_or(measure::ANSWERED), took);
        debug!(
            account = %label.account, region = %label.region, service = label.service,
            operation = label.operation, status, error, attempts,
            millis = took.as_millis(),
            "called"
        );
        match outcome {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                Ok(Answer { body, headers: parts.headers, attempts })
            }
            // Without an attempt, there were no credentials; the error says how often those were asked for.
            Err(failure) if attempts == 0 => Err(failure.error),
            Err(failure) => Err(CallError { attempts, ..failure.error }),
        }
    }
}

/// One call and what its attempts share.
struct Call<'a> {
    caller: &'a Caller,
    label: &'a CallLabel,
    endpoint: &'a Endpoint,
    request: &'a ApiRequest,
    unsigned: Request<Bytes>,
    credentials: &'a AccountCredentials,
    attempts: AtomicU32,
    /// Whether the credentials were renewed because an API called them expired.
    renewed: AtomicBool,
}

impl Call<'_> {
    async fn attempt(&self) -> Result<Response<Bytes>, Failure> {
        let Caller { transport, limiter, clock, .. } = self.caller;
        let keys = self.credentials.get(self.caller).await;
        let keys = keys.map_err(|error| Failure { error, retry_after: None, next: Next::Never })?;
        let permit = limiter.admit(self.label).await;
        // Signed after waiting for the limiter: a signature is valid for five minutes.
        let mut signed = self.unsigned.clone();
        sign(&mut signed, &keys, &self.request.service, &self.endpoint.signing_region, clock.now())?;
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let sent = transport.send(self.label, signed).await;
        drop(permit);
        let response = sent.map_err(CallError::from)?;
        let retry_after = retry_after(response.headers(), clock.now());
        let judged = judge(self.request.protocol, &self.request.operation, response);
        limiter.note(self.label, matches!(&judged, Err(error) if error.kind == CallErrorKind::Throttled));
        judged.map_err(|error| {
            let at_once = error.kind == CallErrorKind::Expired && !self.renewed.swap(true, Ordering::Relaxed);
            if at_once {
                self.credentials.discard(keys.access_key_id());
            }
            let next = if at_once { Next::AtOnce } else { Next::Wait };
            Failure { error, retry_after, next }
        })
    }
}

#[cfg(test)]
mod tests;
