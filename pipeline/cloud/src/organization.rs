//! Lists the member accounts of an organization.

use http::Method;
use pacbot_schemas::{AccountId, Protocol};
use serde::Deserialize;

use crate::caller::Caller;
use crate::credentials::AccountCredentials;
use crate::endpoint::Endpoint;
use crate::error::{CallError, CallErrorKind};
use crate::reach::ReachStatus;
use crate::request::ApiRequest;
use crate::transport::CallLabel;

/// An organization has some thousands of accounts at most, in pages of 20; more is a token that never ends.
const MAX_PAGES: usize = 5_000;

/// One member account.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: AccountId,
    pub(crate) name: String,
    pub(crate) status: ReachStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    accounts: Vec<Listed>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: AccountId,
    name: Option<String>,
    /// Newer than `status`, which it replaces.
    state: Option<String>,
    status: Option<String>,
}

/// All members, in the order in which the organization lists them.
pub(crate) async fn members(
    caller: &Caller,
    label: &CallLabel,
    endpoint: &Endpoint,
    credentials: &AccountCredentials,
) -> Result<Vec<Member>, CallError> {
    let label = CallLabel { service: "organizations".into(), operation: "ListAccounts".into(), ..label.clone() };
    let mut members = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let body = token.as_ref().map(|token| serde_json::json!({ "NextToken": token }));
        let answer = caller.call(&label, endpoint, &request(body), credentials).await?;
        let page: Page = serde_json::from_slice(&answer.body).map_err(|error| {
            CallError::new(CallErrorKind::NotAnApi, format!("`organizations:ListAccounts` answers otherwise: {error}"))
        })?;
        members.extend(page.accounts.into_iter().map(member));
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(members);
        }
    }
    Err(CallError::new(CallErrorKind::NotAnApi, "`organizations:ListAccounts` does not end"))
}

fn member(listed: Listed) -> Member {
    let state = listed.state.or(listed.status);
    let status = match state.as_deref() {
        None | Some("ACTIVE") => ReachStatus::Active,
        Some(_) => ReachStatus::Suspended,
    };
    Member { name: listed.name.unwrap_or_else(|| listed.id.to_string()), id: listed.id, status }
}

fn request(body: Option<serde_json::Value>) -> ApiRequest {
    ApiRequest {
        service: "organizations".into(),
        endpoint: "organizations".into(),
        protocol: Protocol::Json11,
        api_version: None,
        target_prefix: Some("AWSOrganizationsV20161128".into()),
        operation: "ListAccounts".into(),
        method: Method::POST,
        uri: "/".into(),
        params: Vec::new(),
        body,
        link: None,
    }
}
