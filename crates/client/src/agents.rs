//! `/v1/agents`, with their versions and deployments.

use futures::Stream;
use http::header::{HeaderName, IF_MATCH};
use moltforge_api::agents::{Agent, CreateAgent, DeleteAgent, ListAgents};
use moltforge_api::deployments::{Deploy, Deployment, Rollback};
use moltforge_api::versions::{DiffQuery, Version, VersionDiff};
use moltforge_api::{AgentConfig, Page, PageQuery};
use serde_json::Value;

use crate::request::Request;
use crate::{Client, Error, pages};

/// The agents of the caller's project. `agent` is a name or an id everywhere.
#[derive(Debug, Clone, Copy)]
pub struct Agents<'a> {
    pub(crate) client: &'a Client,
}

impl Agents<'_> {
    /// `POST /v1/agents`: a new agent with version 1. `idempotency_key` makes it safe to repeat.
    pub async fn create(self, config: &AgentConfig, idempotency_key: Option<&str>) -> Result<Agent, Error> {
        let request = Request::post(&["v1", "agents"])?.idempotency_key(idempotency_key)?;
        self.client.json(request.json(&CreateAgent { config: config.clone() })?).await
    }

    /// `POST /v1/agents` with an agent file (TOML). What is wrong with it comes back with its line and column.
    pub async fn create_toml(self, source: &str, idempotency_key: Option<&str>) -> Result<Agent, Error> {
        let request = Request::post(&["v1", "agents"])?.idempotency_key(idempotency_key)?;
        self.client.json(request.body("application/toml", source.to_owned().into())).await
    }

    /// `GET /v1/agents/{agent}`
    pub async fn get(self, agent: &str) -> Result<Agent, Error> {
        self.client.json(Request::get(&["v1", "agents", agent])?).await
    }

    /// `PUT /v1/agents/{agent}`: the whole configuration; a new version only if it differs, a new agent if there is none.
    pub async fn put(self, agent: &str, config: &AgentConfig) -> Result<Agent, Error> {
        let mut request = Request::put(&["v1", "agents", agent])?.json(&CreateAgent { config: config.clone() })?;
        request.repeatable = true;
        self.client.json(request).await
    }

    /// `PATCH /v1/agents/{agent}`: a JSON Merge Patch (RFC 7396) on the configuration, based on version `if_match`.
    pub async fn patch(self, agent: &str, if_match: u32, patch: &Value) -> Result<Agent, Error> {
        let bytes = serde_json::to_vec(patch).map_err(|e| Error::Argument(format!("cannot write the patch: {e}")))?;
        let request = Request::patch(&["v1", "agents", agent])?
            .body("application/merge-patch+json", bytes.into())
            .header(IF_MATCH, &format!("\"{if_match}\""))?;
        self.client.json(request).await
    }

    /// `DELETE /v1/agents/{agent}`. `cancel_executions` stops its live executions first; else their presence refuses it.
    pub async fn delete(self, agent: &str, cancel_executions: bool) -> Result<(), Error> {
        let query = DeleteAgent { executions: cancel_executions.then(|| "cancel".to_owned()) };
        self.client.nothing(Request::delete(&["v1", "agents", agent])?.query(&query)?).await
    }

    /// `GET /v1/agents`: one page.
    pub async fn list(self, filter: &ListAgents) -> Result<Page<Agent>, Error> {
        self.client.json(Request::get(&["v1", "agents"])?.query(filter)?).await
    }

    /// `GET /v1/agents`: all pages, fetched as the stream is read.
    pub fn list_all(self, filter: ListAgents) -> impl Stream<Item = Result<Agent, Error>> + Send + 'static {
        let client = self.client.clone();
        pages::all(filter.cursor.clone(), move |cursor| {
            let (client, filter) = (client.clone(), ListAgents { cursor, ..filter.clone() });
            async move { client.agents().list(&filter).await }
        })
    }

    /// `GET /v1/agents/{agent}/versions`: one page, newest first.
    pub async fn versions(self, agent: &str, page: &PageQuery) -> Result<Page<Version>, Error> {
        self.client.json(Request::get(&["v1", "agents", agent, "versions"])?.query(page)?).await
    }

    /// `GET /v1/agents/{agent}/versions/{version}`
    pub async fn version(self, agent: &str, version: u32) -> Result<Version, Error> {
        self.client.json(Request::get(&["v1", "agents", agent, "versions", &version.to_string()])?).await
    }

    /// `GET /v1/agents/{agent}/versions/{version}/diff`: against another version, the one before when `None`.
    pub async fn diff(self, agent: &str, version: u32, against: Option<u32>) -> Result<VersionDiff, Error> {
        let request = Request::get(&["v1", "agents", agent, "versions", &version.to_string(), "diff"])?;
        self.client.json(request.query(&DiffQuery { against })?).await
    }

    /// `GET /v1/agents/{agent}/deployments`: one page of its history, newest first.
    pub async fn deployments(self, agent: &str, page: &PageQuery) -> Result<Page<Deployment>, Error> {
        self.client.json(Request::get(&["v1", "agents", agent, "deployments"])?.query(page)?).await
    }

    /// `POST /v1/agents/{agent}/deployments`: makes a version live. `idempotency_key` makes it safe to repeat.
    pub async fn deploy(self, agent: &str, body: &Deploy, idempotency_key: Option<&str>) -> Result<Deployment, Error> {
        let request = Request::post(&["v1", "agents", agent, "deployments"])?.idempotency_key(idempotency_key)?;
        self.client.json(request.json(body)?).await
    }

    /// `DELETE /v1/agents/{agent}/deployments/{environment}`: nothing is live there any more; running executions go on.
    pub async fn undeploy(self, agent: &str, environment: &str) -> Result<(), Error> {
        self.client.nothing(Request::delete(&["v1", "agents", agent, "deployments", environment])?).await
    }

    /// `POST /v1/agents/{agent}/rollback`: an earlier version is live again. `idempotency_key` makes it safe to repeat.
    pub async fn rollback(
        self,
        agent: &str,
        body: &Rollback,
        idempotency_key: Option<&str>,
    ) -> Result<Deployment, Error> {
        let request = Request::post(&["v1", "agents", agent, "rollback"])?.idempotency_key(idempotency_key)?;
        self.client.json(request.json(body)?).await
    }

    /// `GET /v1/agents/{agent}/state`: one page of its durable keys and values.
    pub async fn state(self, agent: &str, page: &PageQuery) -> Result<Page<Value>, Error> {
        self.client.json(Request::get(&["v1", "agents", agent, "state"])?.query(page)?).await
    }

    /// `GET /v1/agents/{agent}` as an agent file, with the comments gone and the fields in order.
    pub async fn get_toml(self, agent: &str) -> Result<String, Error> {
        let request = Request::get(&["v1", "agents", agent])?;
        self.client.text(request.header(HeaderName::from_static("accept"), "application/toml")?).await
    }
}
