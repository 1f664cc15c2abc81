//! The numbers of a scheduler and of its jobs' processes, and the address where Prometheus asks for them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use pacbot_jobs::JobRun;
use tokio::net::TcpListener;

use super::exposition::{CONTENT_TYPE, Exposition};
use crate::execution::say;

/// Who opens a connection and says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Numbers of this process and of those that it started. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Scrapes(Arc<Inner>);

struct Inner {
    /// Absent where nobody wants numbers.
    own: Option<PrometheusHandle>,
    of_jobs: Mutex<Exposition>,
    /// Where jobs leave theirs.
    folder: Option<tempfile::TempDir>,
    textfile: Option<PathBuf>,
}

impl Scrapes {
    pub(crate) fn new(own: Option<PrometheusHandle>, textfile: Option<PathBuf>) -> std::io::Result<Self> {
        let folder = own.as_ref().map(|_| tempfile::tempdir()).transpose()?;
        Ok(Self(Arc::new(Inner { own, of_jobs: Mutex::default(), folder, textfile })))
    }

    /// The file in which a run leaves its numbers, if anybody wants them.
    pub(crate) fn awaited(&self, run: &JobRun) -> Option<PathBuf> {
        let name = format!("{}-{}-{}.prom", run.job, run.scheduled_for.timestamp_micros(), run.attempt);
        self.0.folder.as_ref().map(|folder| folder.path().join(name))
    }

    /// Takes what a run left. One that was killed left nothing.
    pub(crate) fn absorb(&self, run: &JobRun) {
        let Some(file) = self.awaited(run) else { return };
        if let Ok(text) = std::fs::read_to_string(&file) {
            self.0.of_jobs.lock().unwrap_or_else(PoisonError::into_inner).add(&text);
            // It goes with the folder at the latest.
            drop(std::fs::remove_file(&file));
        }
        if let (Some(file), Some(text)) = (&self.0.textfile, self.text())
            && let Err(error) = super::replace(file, &text)
        {
            say(&format!("the metrics could not be written: {error:#}"));
        }
    }

    /// All of it as text, if anybody wants it.
    pub(crate) fn text(&self) -> Option<String> {
        let own = self.0.own.as_ref()?;
        let mut all = self.0.of_jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        own.run_upkeep();
        all.add(&own.render());
        Some(all.to_text())
    }

    /// Answers at `address` as long as this process lives.
    pub(crate) async fn serve(&self, address: SocketAddr) -> anyhow::Result<()> {
        let listener = TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
        say(&format!("metrics at http://{}/metrics", listener.local_addr()?));
        let scrapes = self.clone();
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of file handles, most likely: others close theirs.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                };
                let scrapes = scrapes.clone();
                let service = service_fn(move |request| {
                    let answer = scrapes.answer(&request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(PATIENCE)
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    connection.await.inspect_err(|error| tracing::debug!(%error, "a scrape broke off"))
                });
            }
        });
        Ok(())
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let mut answer = Response::new(Full::default());
        match (request.uri().path(), self.text()) {
            ("/metrics", Some(text)) => {
                *answer.body_mut() = Full::from(text);
                answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(CONTENT_TYPE));
            }
            _ => *answer.status_mut() = StatusCode::NOT_FOUND,
        }
        answer
    }
}
