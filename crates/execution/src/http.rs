//! `/v1/executions`: a file per group of operations.

mod approvals;
mod commands;
mod effects;
mod events;
mod executions;
mod holds;
mod hooks;
mod long;
mod triggers;

use moltforge_api::ProblemItem;
use moltforge_http::ApiError;
use moltforge_types::ExecutionId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Error;
use crate::executions::Executions;
use crate::triggers::Triggers;

/// The routes of the execution service.
pub fn router(executions: Executions) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(executions::list, executions::start))
        .routes(routes!(executions::get))
        .routes(routes!(executions::steps))
        .routes(routes!(events::events))
        .routes(routes!(commands::pause))
        .routes(routes!(commands::resume))
        .routes(routes!(commands::cancel))
        .routes(routes!(commands::kill))
        .routes(routes!(executions::receipt))
        .routes(routes!(executions::tree))
        .routes(routes!(holds::list))
        .routes(routes!(holds::set_agent, holds::lift_agent))
        .routes(routes!(holds::set_project, holds::lift_project))
        .routes(routes!(commands::signal))
        .routes(routes!(effects::list))
        .routes(routes!(effects::probe))
        .routes(routes!(effects::decide))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::count))
        .routes(routes!(approvals::get))
        .routes(routes!(approvals::decide))
        .routes(routes!(approvals::callback))
        .routes(routes!(long::fork))
        .routes(routes!(long::replay))
        .with_state(executions)
}

/// The routes of triggers, webhooks and events.
pub fn triggers_router(triggers: Triggers) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(triggers::list, triggers::create))
        .routes(routes!(triggers::get, triggers::patch, triggers::delete))
        .routes(routes!(triggers::pause))
        .routes(routes!(triggers::resume))
        .routes(routes!(triggers::fire))
        .routes(routes!(triggers::fires))
        .routes(routes!(triggers::rotate))
        .routes(routes!(hooks::receive))
        .routes(routes!(hooks::publish))
        .with_state(triggers)
}

/// An id from a path: text that is no id names no execution.
fn execution_id(text: &str) -> Result<ExecutionId, Error> {
    text.parse().map_err(|_| Error::ExecutionNotFound(text.chars().take(80).collect()))
}

/// An error with the places of the body that it is about.
pub(crate) fn problem(error: Error) -> ApiError {
    let items = match &error {
        Error::InputInvalid(errors) => errors
            .iter()
            .map(|(pointer, message)| ProblemItem {
                pointer: format!("/input{pointer}"),
                message: message.clone(),
                line: None,
                column: None,
            })
            .collect(),
        Error::TriggerInvalid(faults) => faults
            .iter()
            .map(|(pointer, message)| ProblemItem {
                pointer: format!("/config{pointer}"),
                message: message.clone(),
                line: None,
                column: None,
            })
            .collect(),
        Error::FieldInvalid { field, message } if field.starts_with('/') => {
            vec![ProblemItem { pointer: (*field).to_owned(), message: message.clone(), line: None, column: None }]
        }
        _ => Vec::new(),
    };
    let wait = error.retry_after();
    let problem = ApiError::with_items(error, items);
    match wait {
        Some(wait) => problem.retry_after(wait),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;
    use std::time::Duration;

    #[test]
    fn a_refused_start_says_when_to_come_back() {
        let seconds = Duration::from_secs;
        for (error, after) in [
            (Error::QueueTooOld { waited: seconds(40), retry_after: seconds(17) }, "17"),
            (Error::QueueFull { retry_after: seconds(3) }, "3"),
            (Error::TriggerQueueFull, "10"),
        ] {
            let response = problem(error).into_response();
            assert_eq!(response.status(), 429);
            assert_eq!(response.headers()["retry-after"], after);
        }
    }
}
