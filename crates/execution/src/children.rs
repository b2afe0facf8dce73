//! Starting a child for its parent: as a start of the API, with the id that the parent chose as its key.

use std::sync::Arc;
use std::time::Duration;

use moltforge_api::executions::StartExecution;
use moltforge_types::execution::shard_of;
use moltforge_types::journal::ErrorInfo;
use moltforge_types::{ExecutionId, Fault as _, Kind, Origin, ProjectId};
use serde_json::Value;

use crate::engine::Start;
use crate::error::Error;
use crate::shard::message::Request;
use crate::shard::router::Router;
use crate::shard::shared::Shared;

/// Between two tries while the node cannot take the child: doubles up to the second.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// A child to be.
#[derive(Clone)]
pub(crate) struct Child {
    pub(crate) project_id: ProjectId,
    pub(crate) id: ExecutionId,
    pub(crate) agent: String,
    pub(crate) environment: Option<String>,
    pub(crate) input: Value,
    pub(crate) origin: Origin,
}

/// The shard of a child: its parent knows it from the id.
pub(crate) fn shard_of_child(id: ExecutionId) -> u16 {
    shard_of(id.to_string().as_bytes())
}

/// Starts it, or says why it cannot be started. What passes (a full queue, a node that stops, a slow disk) is waited for.
pub(crate) async fn start(shared: &Arc<Shared>, router: &Router, child: Child) -> Result<(), ErrorInfo> {
    let mut pause = RETRY_FIRST;
    loop {
        match try_start(shared, router, child.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::RateLimited | Kind::Internal) => {
                tracing::debug!(child = %child.id, %error, "a child cannot be started yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_MAX);
            }
            Err(Error::InputInvalid(errors)) => {
                let faults: Vec<_> = errors.iter().map(|(at, what)| format!("{at}: {what}")).collect();
                let message = format!("the input does not fit the agent's schema: {}", faults.join("; "));
                return Err(ErrorInfo::new("input_invalid", message));
            }
            Err(error) => return Err(ErrorInfo::new(error.code(), error.to_string())),
        }
    }
}

async fn try_start(shared: &Arc<Shared>, router: &Router, child: Child) -> Result<(), Error> {
    let Child { project_id, id, agent, environment, input, origin } = child;
    // the owner remembers recent keys, the store all of them
    let key = format!("child:{id}");
    if shared.journal.reads().execution_of_key(project_id, &key).await?.is_some() {
        return Ok(());
    }
    let request = StartExecution { agent, environment, ..StartExecution::default() };
    let (spec, environment) = shared.directory.resolve(shared, project_id, &request).await?;
    let input = spec.with_defaults(input);
    let errors = spec.input_errors(&input);
    if !errors.is_empty() {
        return Err(Error::InputInvalid(errors));
    }
    let begin = Start { id, spec, environment, input, trigger: "agent", origin, request_hash: None, copied: None };
    let place = shard_of_child(id);
    let make =
        |reply| Request::Start { start: Box::new(begin), idempotency_key: Some(key), shard: place, wait: false, reply };
    router.ask(place, make).await.map(|_| ())
}
