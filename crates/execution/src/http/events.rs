//! Events of one execution: a page, or a stream that can be resumed and has no gaps.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::Stream;
use moltforge_api::executions::{ListEvents, StepChunk};
use moltforge_api::{Page, Problem};
use moltforge_bus::{Notice, Subscription, execution_event};
use moltforge_http::{ApiResult, Caller, Json, Path, Query};
use moltforge_types::event::CloudEvent;
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, ProjectId, Scope};
use serde_json::Value;

use super::{execution_id, problem};
use crate::engine::Recorded;
use crate::error::Error;
use crate::executions::Executions;

/// Entries read at a time.
const PAGE: u32 = 200;
/// The journal is asked at least this often, whatever the hints say.
const POLL: Duration = Duration::from_secs(1);
/// A comment line that keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Lists or streams the events of an execution: CloudEvents 1.0, ids dense from 1.
#[utoipa::path(
    get, path = "/v1/executions/{execution}/events", operation_id = "executions.events", tag = "executions",
    params(
        ("execution" = String, Path, description = "`exe_...`"),
        ListEvents,
        ("last-event-id" = Option<u64>, Header, description = "Resume a stream after this event"),
    ),
    responses(
        (status = 200, description = "A page, oldest first; with `Accept: text/event-stream` a stream of events and provisional `step.chunk`s",
            content((Page<Value> = "application/json"), (StepChunk = "text/event-stream"))),
        (status = 400, description = "query_invalid, limit_invalid, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:read`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
    )
)]
pub(super) async fn events(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
    Query(query): Query<ListEvents>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let project_id = caller.require(Scope::ExecutionsRead)?.project_id;
    let id = execution_id(&execution)?;
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    if text("accept").is_some_and(|accept| accept.contains("text/event-stream")) {
        let after = match text("last-event-id") {
            // an empty one is what a browser has before its first event
            None | Some("") => query.after.unwrap_or(0),
            Some(text) => text.parse().map_err(|_| {
                let message = format!("expected the id of an event, a number, got {text:.40?}");
                problem(Error::FieldInvalid { field: "last-event-id", message })
            })?,
        };
        // registered before the first look, so that nothing falls between
        let subscription = executions.watch(id);
        executions.get(project_id, id).await.map_err(problem)?;
        let stream = stream(executions, project_id, id, after, subscription);
        return Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response());
    }
    executions.get(project_id, id).await.map_err(problem)?;
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=1_000).contains(&limit) {
        let message = format!("expected 1 to 1000, got {limit}");
        return Err(problem(Error::FieldInvalid { field: "limit", message }));
    }
    let entries = executions.entries(id, query.after.unwrap_or(0), limit).await.map_err(problem)?;
    let next = (entries.len() == limit as usize).then(|| entries.last().map(|last| last.seq.to_string())).flatten();
    let items: Vec<CloudEvent> = entries.iter().map(|entry| event_of(project_id, id, entry)).collect();
    Ok(Json(Page { items, next }).into_response())
}

fn event_of(project_id: ProjectId, id: ExecutionId, recorded: &Recorded) -> CloudEvent {
    execution_event(project_id, id, recorded.seq, recorded.at, &recorded.entry)
}

/// The position of one stream.
struct Position {
    executions: Executions,
    project_id: ProjectId,
    id: ExecutionId,
    /// The latest event that was sent.
    after: u64,
    subscription: Subscription,
    /// Read and not sent yet.
    ready: std::collections::VecDeque<Recorded>,
    /// The journal may hold more.
    stale: bool,
    ended: bool,
}

fn stream(
    executions: Executions,
    project_id: ProjectId,
    id: ExecutionId,
    after: u64,
    subscription: Subscription,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let ready = std::collections::VecDeque::new();
    let position = Position { executions, project_id, id, after, subscription, ready, stale: true, ended: false };
    futures::stream::unfold(position, |mut position| async move {
        let event = position.next().await?;
        Some((Ok(event), position))
    })
}

impl Position {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(recorded) = self.ready.pop_front() {
                if recorded.seq <= self.after {
                    continue;
                }
                if recorded.seq == self.after + 1 {
                    return Some(self.send(&recorded));
                }
                // a hint came ahead of what was sent: the journal has what lies between
                self.ready.clear();
                self.stale = true;
            }
            if self.ended {
                return None;
            }
            if self.stale && !self.read().await {
                return None;
            }
            if self.ready.is_empty()
                && let Some(chunk) = self.wait().await
            {
                return Some(chunk);
            }
        }
    }

    fn send(&mut self, recorded: &Recorded) -> Event {
        self.after = recorded.seq;
        self.ended = matches!(recorded.entry, Entry::Completed { .. } | Entry::Failed { .. } | Entry::Cancelled { .. });
        let event = event_of(self.project_id, self.id, recorded);
        let data = serde_json::to_string(&event).unwrap_or_default();
        Event::default().id(event.id).event(recorded.entry.event_type()).data(data)
    }

    /// Reads the next page of the journal. `false` when it cannot be read: the stream ends, and a client resumes it.
    async fn read(&mut self) -> bool {
        match self.executions.entries(self.id, self.after, PAGE).await {
            Ok(entries) => {
                self.stale = entries.len() == PAGE as usize;
                // resumed at the end of an execution that has ended: there is nothing to wait for
                if entries.is_empty() {
                    self.ended = match self.executions.get(self.project_id, self.id).await {
                        Ok(view) => view.finished_at.is_some() && view.seq <= self.after,
                        Err(_) => return false,
                    };
                }
                self.ready.extend(entries);
                true
            }
            Err(error) => {
                tracing::warn!(execution_id = %self.id, %error, "cannot read events for a stream");
                false
            }
        }
    }

    /// Waits for a hint. Returns a chunk to send; committed entries go to `ready`.
    async fn wait(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        match tokio::time::timeout(POLL, self.subscription.next()).await {
            Ok(Notice::Committed(entries)) => {
                self.ready.extend(entries.iter().map(|committed| Recorded {
                    seq: committed.seq,
                    at: committed.at,
                    entry: committed.entry.clone(),
                }));
                None
            }
            Ok(Notice::Chunk { step, attempt, offset, text }) => {
                let chunk = StepChunk { step, attempt, offset, text: text.to_string() };
                let data = serde_json::to_string(&chunk).unwrap_or_default();
                Some(Event::default().event("step.chunk").data(data))
            }
            Ok(Notice::Missed) | Err(_) => {
                self.stale = true;
                None
            }
        }
    }
}
