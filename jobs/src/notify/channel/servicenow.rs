//! Tickets in ServiceNow, by its table API. A ticket carries the id as `correlation_id`.

use async_trait::async_trait;
use pacbot_schemas::Severity;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use url::Url;

use super::http::{Answer, Client, exchange};
use super::ticket::{NewTicket, Ticket, Tracker};
use super::{Failure, SendError};
use crate::notify::secret::Secret;
use crate::notify::settings::ServiceNowSettings;

/// States of an incident that are an end: resolved, closed, cancelled.
const ENDS: [&str; 3] = ["6", "7", "8"];

/// A short description has at most so many characters.
const SHORT_CHARS: usize = 160;

/// ServiceNow.
pub(crate) struct ServiceNow {
    client: Client,
    url: Url,
    password: Secret,
    settings: ServiceNowSettings,
}

impl ServiceNow {
    pub(crate) fn new(client: Client, url: Url, password: Secret, settings: ServiceNowSettings) -> Self {
        Self { client, url, password, settings }
    }

    async fn call(
        &self,
        method: Method,
        record: Option<&str>,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, SendError> {
        let mut url = self.url.clone();
        url.path_segments_mut()
            .map_err(|()| SendError::new(Failure::Channel, "its URL takes no path"))?
            .pop_if_empty()
            .extend(["api", "now", "table", &self.settings.table])
            .extend(record);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.client.request(method, url)?.header(ACCEPT, "application/json");
        let request = request.basic_auth(&self.settings.user, Some(self.password.reveal()));
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.to_string()),
            None => request,
        };
        exchange(request).await
    }

    async fn change(&self, ticket: &Ticket, body: &Value) -> Result<(), SendError> {
        self.call(Method::PATCH, Some(&ticket.id), &[], Some(body)).await.map(drop)
    }
}

/// Impact and urgency, from which the instance makes a priority: 1 is high.
fn urgency(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "1",
        Severity::High => "2",
        Severity::Medium | Severity::Low => "3",
    }
}

#[async_trait]
impl Tracker for ServiceNow {
    fn finds_late(&self) -> bool {
        false
    }

    async fn find(&self, external_id: &str) -> Result<Option<Ticket>, SendError> {
        let wanted = format!("correlation_id={external_id}^ORDERBYsys_created_on");
        let query =
            [("sysparm_query", wanted.as_str()), ("sysparm_fields", "sys_id,number,state"), ("sysparm_limit", "1")];
        let found = self.call(Method::GET, None, &query, None).await?.json();
        let Some(records) = found["result"].as_array() else {
            return Err(SendError::new(Failure::Channel, "the search's answer has no `result`"));
        };
        Ok(records.first().and_then(|record| {
            let state = record["state"].as_str().unwrap_or_default();
            Some(Ticket {
                id: record["sys_id"].as_str()?.to_owned(),
                key: record["number"].as_str()?.to_owned(),
                is_closed: state == self.settings.closed_state || ENDS.contains(&state),
            })
        }))
    }

    async fn create(&self, ticket: NewTicket<'_>) -> Result<String, SendError> {
        let short: String = ticket.title.chars().take(SHORT_CHARS).collect();
        let body = json!({
            "short_description": short,
            "description": ticket.text,
            "correlation_id": ticket.external_id,
            "correlation_display": "PacBot",
            "impact": urgency(ticket.severity),
            "urgency": urgency(ticket.severity),
        });
        let made = self.call(Method::POST, None, &[], Some(&body)).await?.json();
        Ok(made["result"]["number"].as_str().unwrap_or("a ticket").to_owned())
    }

    async fn comment(&self, ticket: &Ticket, text: &str) -> Result<(), SendError> {
        self.change(ticket, &json!({ "work_notes": text })).await
    }

    async fn close(&self, ticket: &Ticket, text: &str) -> Result<(), SendError> {
        let settings = &self.settings;
        let body = json!({
            "state": settings.closed_state, "close_code": settings.close_code, "close_notes": text, "work_notes": text,
        });
        self.change(ticket, &body).await
    }

    async fn reopen(&self, ticket: &Ticket, text: &str) -> Result<(), SendError> {
        self.change(ticket, &json!({ "state": self.settings.open_state, "work_notes": text })).await
    }
}
