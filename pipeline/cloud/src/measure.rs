//! Numbers about calls. Services are few; accounts and regions are in spans and logs, not in labels.

use std::time::Duration;

use tracing::{Span, info_span};

use crate::transport::CallLabel;

/// Outcome of a call that was answered.
pub(crate) const ANSWERED: &str = "ok";

/// Counts a call that ended.
pub(crate) fn called(label: &CallLabel, outcome: &'static str, took: Duration) {
    let service = label.service.clone();
    metrics::counter!("pacbot_collect_requests_total", "service" => service.clone(), "outcome" => outcome).increment(1);
    metrics::histogram!("pacbot_request_duration_seconds", "service" => service).record(took.as_secs_f64());
}

/// Counts an answer that said: too fast.
pub(crate) fn throttled(label: &CallLabel) {
    metrics::counter!("pacbot_throttled_total", "service" => label.service.clone()).increment(1);
}

/// The span of a call. There are many: whoever takes spans takes a sample of these.
pub(crate) fn span(label: &CallLabel) -> Span {
    info_span!(
        "request", account = %label.account, region = %label.region, service = label.service, operation = label.operation
    )
}
