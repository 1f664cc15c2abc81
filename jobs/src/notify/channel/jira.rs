//! Tickets in Jira, in the cloud or on a server. A ticket carries the issue's id as a label.

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use url::Url;

use super::http::{Answer, Client, exchange};
use super::ticket::{NewTicket, Ticket, Tracker};
use super::{Failure, SendError};
use crate::notify::secret::Secret;
use crate::notify::settings::JiraSettings;

/// A summary has at most so many characters.
const SUMMARY_CHARS: usize = 250;

/// Jira.
pub(crate) struct Jira {
    client: Client,
    url: Url,
    token: Secret,
    settings: JiraSettings,
}

impl Jira {
    pub(crate) fn new(client: Client, url: Url, token: Secret, settings: JiraSettings) -> Self {
        Self { client, url, token, settings }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, SendError> {
        let mut url = self.url.clone();
        url.path_segments_mut()
            .map_err(|()| SendError::new(Failure::Channel, "its URL takes no path"))?
            .pop_if_empty()
            .extend(path.split('/'));
        let request = self.client.request(method, url)?;
        let request = match &self.settings.user {
            Some(user) => request.basic_auth(user, Some(self.token.reveal())),
            None => request.bearer_auth(self.token.reveal()),
        };
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.to_string()),
            None => request,
        };
        exchange(request).await
    }

    async fn transition(&self, ticket: &Ticket, name: &str) -> Result<(), SendError> {
        let path = format!("rest/api/2/issue/{}/transitions", ticket.id);
        let offered = self.call(Method::GET, &path, None).await?.json();
        let offered = offered["transitions"].as_array().cloned().unwrap_or_default();
        let is_it =
            |transition: &&Value| transition["name"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name));
        let Some(transition) = offered.iter().find(is_it) else {
            let names: Vec<&str> = offered.iter().filter_map(|transition| transition["name"].as_str()).collect();
            let reason = format!("{} has no transition `{name}` now; it has {}", ticket.key, names.join(", "));
            return Err(SendError::new(Failure::Refused, reason));
        };
        let body = json!({ "transition": { "id": transition["id"] } });
        self.call(Method::POST, &path, Some(&body)).await.map(drop)
    }
}

#[async_trait]
impl Tracker for Jira {
    /// The cloud's search is some seconds behind; a server's is not.
    fn finds_late(&self) -> bool {
        self.settings.cloud
    }

    async fn find(&self, external_id: &str) -> Result<Option<Ticket>, SendError> {
        let project = self.settings.project.replace(['\\', '"'], "");
        let jql = format!("project = \"{project}\" AND labels = \"{external_id}\" ORDER BY created ASC");
        // The cloud has no `search` any more, a server no `search/jql` yet.
        let path = if self.settings.cloud { "rest/api/3/search/jql" } else { "rest/api/2/search" };
        let body = json!({ "jql": jql, "fields": ["status"], "maxResults": 1 });
        let found = self.call(Method::POST, path, Some(&body)).await?.json();
        let Some(issues) = found["issues"].as_array() else {
            return Err(SendError::new(Failure::Channel, "the search's answer has no `issues`"));
        };
        Ok(issues.first().and_then(|issue| {
            Some(Ticket {
                id: issue["id"].as_str()?.to_owned(),
                key: issue["key"].as_str()?.to_owned(),
                is_closed: issue["fields"]["status"]["statusCategory"]["key"] == "done",
            })
        }))
    }

    async fn create(&self, ticket: NewTicket<'_>) -> Result<String, SendError> {
        let summary: String = ticket.title.chars().take(SUMMARY_CHARS).collect();
        let body = json!({
            "fields": {
                "project": { "key": self.settings.project },
                "issuetype": { "name": self.settings.issue_type },
                "summary": summary,
                "description": ticket.text,
                "labels": ["pacbot", ticket.external_id, format!("pacbot-{}", ticket.severity)],
            },
        });
        let made = self.call(Method::POST, "rest/api/2/issue", Some(&body)).await?.json();
        Ok(made["key"].as_str().unwrap_or("a ticket").to_owned())
    }

    async fn comment(&self, ticket: &Ticket, text: &str) -> Result<(), SendError> {
        let path = format!("rest/api/2/issue/{}/comment", ticket.id);
        self.call(Method::POST, &path, Some(&json!({ "body": text }))).await.map(drop)
    }

    /// The transition comes first: after a kill between the two, the ticket is found closed and left alone.
    async fn close(&self, ticket: &Ticket, text: &str) -> Result<(), SendError> {
        if let Some(name) = &self.settings.close_transition {
            self.transition(ticket, name).await?;
        }
        self.comment(ticket, text).await
    }

    async fn reopen(&self, ticket: &Ticket, text: &str) -> Result<(), SendError> {
        if let Some(name) = &self.settings.reopen_transition {
            self.transition(ticket, name).await?;
        }
        self.comment(ticket, text).await
    }
}
