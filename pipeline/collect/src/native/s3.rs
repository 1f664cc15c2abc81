//! S3 buckets: listed for the account, then asked in their own regions, over `aws-sdk-s3`.
//!
//! Answers are JSON with the member names of the S3 API. A bucket's region is found once; all its other
//! requests wait for it, since S3 answers for a bucket in its region only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures::future::BoxFuture;
use http::Method;
use pacbot_cloud::{ApiRequest, Aws, CallError, CallErrorKind};
use pacbot_schemas::{Protocol, Region, Scope};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::coverage::failure;
use crate::decode::xml_to_json;
use crate::source::{Ask, Page, Source};

mod answers;

/// Where the first region of AWS was before regions had names; the API still says so by saying nothing.
const FIRST_REGION: &str = "us-east-1";

/// Reads the buckets of one account.
pub(crate) struct S3Source {
    aws: Aws,
    scope: Scope,
    clients: Mutex<HashMap<Region, Client>>,
    regions: Mutex<HashMap<String, Arc<OnceCell<Region>>>>,
}

impl S3Source {
    pub(crate) fn new(aws: &Aws, scope: &Scope) -> Self {
        Self { aws: aws.clone(), scope: scope.clone(), clients: Mutex::default(), regions: Mutex::default() }
    }

    fn client(&self, region: &Region) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.clone()).or_insert_with(|| {
            // With the bucket in the path, emulators need no names in DNS and recordings no hosts.
            let config = aws_sdk_s3::config::Builder::from(&self.aws.sdk_config(&self.scope, region));
            Client::from_conf(config.force_path_style(true).build())
        });
        client.clone()
    }

    async fn list(&self) -> Result<(Value, u64), CallError> {
        let client = self.client(&self.scope.region);
        let (mut buckets, mut token, mut calls) = (Vec::new(), None::<String>, 0);
        loop {
            // Without a page size S3 lists all buckets at once, which older permissions and emulators want.
            let page = client.list_buckets().set_continuation_token(token.clone()).send().await;
            let page = page.map_err(|error| CallError::from_sdk(&error))?;
            calls += 1;
            buckets.extend(page.buckets().iter().map(answers::bucket));
            let next = page.continuation_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if next.is_some() && next == token {
                return Err(failure(CallErrorKind::NotAnApi, "the API repeats its page token"));
            }
            if next.is_none() {
                return Ok((json!({ "Buckets": buckets }), calls));
            }
            token = next;
        }
    }

    /// The region of a bucket; only who asks first calls.
    async fn region(&self, bucket: &str) -> Result<Region, CallError> {
        let cell = {
            let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
            regions.entry(bucket.to_owned()).or_default().clone()
        };
        cell.get_or_try_init(|| self.ask_region(bucket)).await.cloned()
    }

    async fn ask_region(&self, bucket: &str) -> Result<Region, CallError> {
        let client = self.client(&self.scope.region);
        let refused = match client.get_bucket_location().bucket(bucket).send().await {
            Ok(answer) => {
                let name = match answer.location_constraint().map(|location| location.as_str()) {
                    None | Some("") => FIRST_REGION,
                    Some("EU") => "eu-west-1",
                    Some(name) => name,
                };
                return Region::new(name).map_err(|error| failure(CallErrorKind::NotAnApi, error));
            }
            Err(error) => error,
        };
        let error = CallError::from_sdk(&refused);
        if error.code.as_deref() == Some("NoSuchBucket") || error.kind == CallErrorKind::Credentials {
            return Err(error);
        }
        if let Some(region) = told_region(&refused) {
            return Ok(region);
        }
        // Even who may not see a bucket is told its region.
        let head = client.head_bucket().bucket(bucket).send().await;
        let region = match &head {
            Ok(head) => head.bucket_region().and_then(|name| Region::new(name).ok()),
            Err(error) => told_region(error),
        };
        region.ok_or(error)
    }

    /// Asked without the SDK, which refuses the answer of emulators: they give its root another name.
    async fn versioning(&self, bucket: &str, region: Region) -> Result<(Value, u64), CallError> {
        let request = ApiRequest {
            service: "s3".to_owned(),
            endpoint: "s3".to_owned(),
            protocol: Protocol::RestXml,
            api_version: None,
            target_prefix: None,
            operation: "GetBucketVersioning".to_owned(),
            method: Method::GET,
            uri: format!("/{bucket}"),
            params: vec![("versioning".to_owned(), String::new())],
            body: None,
            link: None,
        };
        let scope = Scope { account: self.scope.account.clone(), region };
        let answer = self.aws.call(&scope, request).await?;
        let json = xml_to_json(answer.body).map_err(|error| failure(CallErrorKind::NotAnApi, error))?;
        Ok((answers::versioning(&json), u64::from(answer.attempts)))
    }

    async fn answer(&self, ask: Ask<'_>) -> Result<(Value, u64), CallError> {
        if ask.request.name == "list" {
            return self.list().await;
        }
        let Some(bucket) = ask.values.get("bucket_name") else {
            return Err(failure(CallErrorKind::Request, "a bucket without a name cannot be asked about"));
        };
        let region = self.region(&bucket).await?;
        if ask.request.name == "location" {
            return Ok((json!({ "LocationConstraint": region }), 1));
        }
        if ask.request.name == "versioning" {
            return self.versioning(&bucket, region).await;
        }
        let answer = answers::answer(&self.client(&region), &bucket, &ask.request.name).await;
        let unknown = || failure(CallErrorKind::Request, format!("S3 has no request `{}`", ask.request.name));
        Ok((answer.unwrap_or_else(|| Err(unknown()))?, 1))
    }
}

impl Source for S3Source {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Page, CallError>> {
        Box::pin(async move {
            let (answer, calls) = self.answer(ask).await?;
            Ok(Page { body: answer.to_string().into(), calls })
        })
    }
}

/// The bucket's region in the header of a refusal or redirect.
fn told_region<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<Region> {
    Region::new(error.raw_response()?.headers().get("x-amz-bucket-region")?).ok()
}

#[cfg(test)]
mod tests;
