//! `/v1/executions`, with their steps and events.

use std::time::Duration;

use futures::Stream;
use http::header::HeaderName;
use moltforge_api::Page;
use moltforge_api::approvals::{DecideEffect, Effect, Effects};
use moltforge_api::executions::{
    CancelExecution, Execution, ForkExecution, ListEvents, ListExecutions, ListSteps, PauseExecution, ReplayExecution,
    Replayed, ResumeExecution, SignalExecution, StartExecution, Step, StopReceipt, TreeNode,
};
use moltforge_types::event::CloudEvent;

use crate::events::{self, EventStream};
use crate::request::Request;
use crate::{Client, Error, pages};

/// How to start an execution.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// 1 to 200 visible ASCII characters. A second start with the same key and body answers with the first execution; it
    /// also lets the client try again by itself.
    pub idempotency_key: Option<String>,
    /// Hold the answer until the execution has ended or waits, this long at most (`Prefer: wait`, up to 300 s).
    pub wait: Option<Duration>,
}

/// The executions of the caller's project.
#[derive(Debug, Clone, Copy)]
pub struct Executions<'a> {
    pub(crate) client: &'a Client,
}

impl Executions<'_> {
    /// `POST /v1/executions`: accepted and durable when this answers.
    pub async fn start(self, body: &StartExecution, options: &StartOptions) -> Result<Execution, Error> {
        let mut request =
            Request::post(&["v1", "executions"])?.json(body)?.idempotency_key(options.idempotency_key.as_deref())?;
        if let Some(wait) = options.wait {
            let seconds = wait.as_secs().clamp(1, 300);
            request = request.header(HeaderName::from_static("prefer"), &format!("wait={seconds}"))?;
            request.limit = Some(Duration::from_secs(seconds + 30));
        }
        self.client.json(request).await
    }

    /// `GET /v1/executions/{execution}`
    pub async fn get(self, execution: &str) -> Result<Execution, Error> {
        self.client.json(Request::get(&["v1", "executions", execution])?).await
    }

    /// `GET /v1/executions`: one page, newest first.
    pub async fn list(self, filter: &ListExecutions) -> Result<Page<Execution>, Error> {
        self.client.json(Request::get(&["v1", "executions"])?.query(filter)?).await
    }

    /// `GET /v1/executions`: all pages, fetched as the stream is read.
    pub fn list_all(self, filter: ListExecutions) -> impl Stream<Item = Result<Execution, Error>> + Send + 'static {
        let client = self.client.clone();
        pages::all(filter.cursor.clone(), move |cursor| {
            let (client, filter) = (client.clone(), ListExecutions { cursor, ..filter.clone() });
            async move { client.executions().list(&filter).await }
        })
    }

    /// `GET /v1/executions/{execution}/steps`: one page.
    pub async fn steps(self, execution: &str, page: &ListSteps) -> Result<Page<Step>, Error> {
        self.client.json(Request::get(&["v1", "executions", execution, "steps"])?.query(page)?).await
    }

    /// `GET /v1/executions/{execution}/steps`: all pages, fetched as the stream is read.
    pub fn steps_all(self, execution: &str) -> impl Stream<Item = Result<Step, Error>> + Send + 'static {
        let (client, execution) = (self.client.clone(), execution.to_owned());
        pages::all(None, move |cursor| {
            let (client, execution) = (client.clone(), execution.clone());
            let page = ListSteps { cursor, limit: Some(200), order: None };
            async move { client.executions().steps(&execution, &page).await }
        })
    }

    /// `GET /v1/executions/{execution}/events`: one page, oldest first, of what has happened so far.
    pub async fn events_page(self, execution: &str, query: &ListEvents) -> Result<Page<CloudEvent>, Error> {
        self.client.json(Request::get(&["v1", "executions", execution, "events"])?.query(query)?).await
    }

    /// `GET /v1/executions/{execution}/events` as it happens: every event after number `after` (0 for all), in order and
    /// without gaps, with the provisional pieces of a model's text in between. It ends when the execution has ended. Over
    /// HTTP it connects again by itself; an error is the last item.
    pub fn events(self, execution: &str, after: u64) -> EventStream {
        events::stream(self.client.clone(), execution.to_owned(), after)
    }

    /// `POST /v1/executions/{execution}/pause`
    pub async fn pause(self, execution: &str, body: &PauseExecution) -> Result<Execution, Error> {
        self.client.json(Request::post(&["v1", "executions", execution, "pause"])?.json(body)?).await
    }

    /// `POST /v1/executions/{execution}/resume`
    pub async fn resume(self, execution: &str, body: &ResumeExecution) -> Result<Execution, Error> {
        self.client.json(Request::post(&["v1", "executions", execution, "resume"])?.json(body)?).await
    }

    /// `POST /v1/executions/{execution}/cancel`
    pub async fn cancel(self, execution: &str, body: &CancelExecution) -> Result<Execution, Error> {
        self.client.json(Request::post(&["v1", "executions", execution, "cancel"])?.json(body)?).await
    }

    /// `GET /v1/executions/{execution}/effects`
    pub async fn effects(self, execution: &str) -> Result<Effects, Error> {
        self.client.json(Request::get(&["v1", "executions", execution, "effects"])?).await
    }

    /// `POST /v1/executions/{execution}/effects/{step}/probe`: waits for the other side's answer.
    pub async fn probe_effect(self, execution: &str, step: u32) -> Result<Effect, Error> {
        let step = step.to_string();
        self.client.json(Request::post(&["v1", "executions", execution, "effects", &step, "probe"])?).await
    }

    /// `POST /v1/executions/{execution}/effects/{step}/decision`
    pub async fn decide_effect(self, execution: &str, step: u32, body: &DecideEffect) -> Result<Effect, Error> {
        let step = step.to_string();
        let request = Request::post(&["v1", "executions", execution, "effects", &step, "decision"])?;
        self.client.json(request.json(body)?).await
    }

    /// `POST /v1/executions/{execution}/fork`. `idempotency_key` makes it safe to repeat.
    pub async fn fork(
        self,
        execution: &str,
        body: &ForkExecution,
        idempotency_key: Option<&str>,
    ) -> Result<Execution, Error> {
        let request = Request::post(&["v1", "executions", execution, "fork"])?.idempotency_key(idempotency_key)?;
        self.client.json(request.json(body)?).await
    }

    /// `POST /v1/executions/{execution}/replay`
    pub async fn replay(self, execution: &str, body: &ReplayExecution) -> Result<Replayed, Error> {
        self.client.json(Request::post(&["v1", "executions", execution, "replay"])?.json(body)?).await
    }

    /// `POST /v1/executions/{execution}/kill`: with everything below it.
    pub async fn kill(self, execution: &str, body: &CancelExecution) -> Result<Execution, Error> {
        self.client.json(Request::post(&["v1", "executions", execution, "kill"])?.json(body)?).await
    }

    /// `GET /v1/executions/{execution}/receipt`: what a stop did.
    pub async fn receipt(self, execution: &str) -> Result<StopReceipt, Error> {
        self.client.json(Request::get(&["v1", "executions", execution, "receipt"])?).await
    }

    /// `GET /v1/executions/{execution}/tree`: it and everything below it, parents first.
    pub async fn tree(self, execution: &str) -> Result<Page<TreeNode>, Error> {
        self.client.json(Request::get(&["v1", "executions", execution, "tree"])?).await
    }

    /// `POST /v1/executions/{execution}/signals`. `idempotency_key` makes it safe to repeat.
    pub async fn signal(
        self,
        execution: &str,
        body: &SignalExecution,
        idempotency_key: Option<&str>,
    ) -> Result<Execution, Error> {
        let request = Request::post(&["v1", "executions", execution, "signals"])?.idempotency_key(idempotency_key)?;
        self.client.json(request.json(body)?).await
    }
}
