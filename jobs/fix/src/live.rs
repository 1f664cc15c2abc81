//! The live APIs that a fix works on. Reading is free; before every single change the guard is asked again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use pacbot_cloud::{ApiRequest, Aws};
use pacbot_collect::answer_to_json;
use pacbot_schemas::{Account, Partition, Path, Region, Scope};

use crate::custom::CustomSettings;
use crate::fix::{FixError, Target};
use crate::state::Reading;

/// Says right before every change whether it may still be made.
#[async_trait]
pub trait Guard: Send + Sync {
    /// `Err` with the reason why not.
    async fn check(&self) -> Result<(), String>;
}

/// Lets nothing pass: for reading.
#[derive(Debug)]
pub struct ReadOnly;

#[async_trait]
impl Guard for ReadOnly {
    async fn check(&self) -> Result<(), String> {
        Err("nothing is changed here".to_owned())
    }
}

/// Calls to the accounts, with a guard before changes.
#[derive(Clone)]
pub struct Live {
    aws: Aws,
    partition: Partition,
    guard: Arc<dyn Guard>,
    /// Changes that the guard let pass.
    passed: Arc<AtomicU32>,
    pub(crate) custom: CustomSettings,
}

impl Live {
    /// Reads and changes by `aws`, as `guard` allows.
    #[must_use]
    pub fn new(aws: Aws, partition: Partition, guard: Arc<dyn Guard>, custom: CustomSettings) -> Self {
        Self { aws, partition, guard, passed: Arc::default(), custom }
    }

    /// The same with another guard.
    #[must_use]
    pub fn guarded(&self, guard: Arc<dyn Guard>) -> Self {
        Self { guard, passed: Arc::default(), ..self.clone() }
    }

    /// Whether anything may have been changed through this.
    pub(crate) fn has_changed(&self) -> bool {
        self.passed.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn partition(&self) -> Partition {
        self.partition
    }

    /// The target's account and region, or another region of it.
    pub(crate) fn scope(&self, target: &Target, region: Option<Region>) -> Scope {
        let id = target.account_id.clone();
        let account = Account { name: id.as_str().into(), id, partition: self.partition };
        Scope { account: Arc::new(account), region: region.unwrap_or_else(|| target.region.clone()) }
    }

    /// Asks the guard before `call`.
    ///
    /// # Errors
    ///
    /// [`FixError::Stopped`]
    pub(crate) async fn may_change(&self, call: &str) -> Result<(), FixError> {
        let checked = self.guard.check().await;
        checked.map_err(|reason| FixError::Stopped { call: call.to_owned(), reason })?;
        self.passed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Makes a call; one that changes something only if the guard allows it.
    ///
    /// # Errors
    ///
    /// [`FixError::Call`], [`FixError::Stopped`]
    pub(crate) async fn call(&self, scope: &Scope, request: ApiRequest, changes: bool) -> Result<Bytes, FixError> {
        let call = format!("{}:{}", request.service, request.operation);
        if changes {
            self.may_change(&call).await?;
        }
        let answer = self.aws.call(scope, request).await;
        answer.map(|answer| answer.body).map_err(|source| FixError::Call { call, source })
    }

    /// [`Live::call`] with the answer as JSON; what stands at `lists` is a list.
    ///
    /// # Errors
    ///
    /// As there, and [`FixError::Call`] if the answer is not of its protocol.
    pub(crate) async fn ask(
        &self,
        scope: &Scope,
        request: ApiRequest,
        lists: &[Path],
        changes: bool,
    ) -> Result<Reading, FixError> {
        let (protocol, call) = (request.protocol, format!("{}:{}", request.service, request.operation));
        let body = self.call(scope, request, changes).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        let json = answer_to_json(protocol, body, lists).map_err(|source| FixError::Call { call, source })?;
        Ok(Reading { json, text })
    }
}
