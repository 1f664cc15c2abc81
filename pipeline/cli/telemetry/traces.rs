//! Spans as OTLP: protobuf over HTTP, by the client that calls the clouds too.

use std::collections::HashMap;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample};
use serde::Deserialize;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// Variables that name a collector, as all programs with OpenTelemetry read them.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The variables by which a process says to its children which span they belong to.
const CARRIER: [&str; 2] = ["traceparent", "tracestate"];

/// The span of one call; there are far more of these than of all others.
const REQUEST: &str = "request";

/// Where spans go.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TracesSettings {
    /// The collector's address, without `/v1/traces`.
    otlp: Option<String>,
    /// The share of calls to the cloud that are traced.
    requests: f64,
}

impl Default for TracesSettings {
    fn default() -> Self {
        Self { otlp: None, requests: 0.01 }
    }
}

/// Sends spans, if the configuration or the environment says where.
pub(crate) fn provider(settings: &TracesSettings) -> anyhow::Result<Option<SdkTracerProvider>> {
    let is_in_environment = ENDPOINTS.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if settings.otlp.is_none() && !is_in_environment {
        return Ok(None);
    }
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(10)).build()?;
    let client = Carrier { client, runtime: tokio::runtime::Handle::current() };
    let mut exporter = SpanExporter::builder().with_http().with_http_client(client).with_protocol(Protocol::HttpBinary);
    if let Some(otlp) = &settings.otlp {
        exporter = exporter.with_endpoint(format!("{}/v1/traces", otlp.trim_end_matches('/')));
    }
    let resource = Resource::builder()
        .with_service_name("pacbot")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter.build().context("`[traces] otlp` is no address")?)
        .with_sampler(Requests(settings.requests))
        .with_resource(resource)
        .build();
    Ok(Some(provider))
}

/// Our own spans, whatever `RUST_LOG` says about logs.
pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S> {
    let is_ours =
        filter_fn(|metadata| metadata.target().starts_with("pacbot") && *metadata.level() <= LevelFilter::INFO);
    tracing_opentelemetry::layer().with_tracer(provider.tracer("pacbot")).with_filter(is_ours)
}

/// The span of this process: below that of its scheduler, if it has one.
pub(crate) fn root_span(command: &str) -> Span {
    let span = info_span!("pacbot", otel.name = format!("pacbot {command}"), run = tracing::field::Empty);
    let carrier: HashMap<String, String> = CARRIER
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name.to_ascii_uppercase()).ok()?)))
        .collect();
    // An error means that nobody listens to spans.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
    span
}

/// What tells a child process which span it belongs to.
pub(crate) fn carrier() -> HashMap<String, String> {
    let context = Span::current().context();
    let mut carrier = HashMap::new();
    if context.span().span_context().is_valid() {
        TraceContextPropagator::new().inject_context(&context, &mut carrier);
    }
    carrier.into_iter().map(|(name, value)| (name.to_ascii_uppercase(), value)).collect()
}

/// Takes all spans, but only a share of those of calls.
#[derive(Debug, Clone)]
struct Requests(f64);

impl ShouldSample for Requests {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let all = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
        let mut result = all.should_sample(parent, trace_id, name, kind, attributes, links);
        if name == REQUEST && rand::random::<f64>() >= self.0 {
            result.decision = SamplingDecision::Drop;
        }
        result
    }
}

/// Carries spans from the exporter's own thread by the program's runtime.
#[derive(Debug)]
struct Carrier {
    client: reqwest::Client,
    runtime: tokio::runtime::Handle,
}

#[async_trait]
impl HttpClient for Carrier {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let answer = client.execute(request.try_into()?).await?;
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = answer.bytes().await?;
            Ok::<_, reqwest::Error>(response)
        });
        Ok(sent.await?.map_err(reqwest::Error::without_url)?)
    }
}
