//! Copies and proofs: a fork from a step, and a replay of the whole journal.

use axum::extract::Path;
use maud::{Markup, html};
use moltforge_api::executions::{Execution, ForkExecution, ReplayExecution, Replayed, Step};

use super::{Asked, load};
use crate::browser::Browser;
use crate::components::form::{Confirm, confirm, field, note};
use crate::components::icon::{Icon, icon};
use crate::components::json;
use crate::flash::Flash;
use crate::pages::{Form, Result};
use crate::{Error, finish, paths, text};

/// `POST /executions/{execution}/fork`
pub(crate) async fn fork(browser: Browser, Path(id): Path<String>, form: Form) -> Result {
    let at_step = form.number("at_step")?.ok_or_else(|| Error::Form("a fork needs a step".to_owned()))?;
    let body = ForkExecution { at_step, input: None, version: form.number("version")?, note: form.filled("note") };
    let key = form.filled("form_key");
    let forked = browser.client.executions().fork(&id, &body, key.as_deref()).await?;
    Ok(finish::done(&paths::execution(&forked.execution_id), Flash::Forked))
}

/// `POST /executions/{execution}/replay`: changes nothing, so its answer is the page itself.
pub(crate) async fn replay(browser: Browser, Path(id): Path<String>, form: Form) -> Result {
    let body = ReplayExecution { version: form.number("version")? };
    let replayed = browser.client.executions().replay(&id, &body).await?;
    let mut page = load(&browser, &id, &Asked::default()).await?;
    page.replayed = Some(replayed);
    Ok(browser.page(&page).await)
}

/// The button that starts a copy of the steps before a model's step; nothing for other steps.
pub(super) fn fork_button(execution: &Execution, step: &Step, form_key: &str) -> Markup {
    if step.kind != "model" {
        return html! {};
    }
    let step = step.step;
    let id = |name: &str| format!("fork-{step}-{name}");
    let (version_id, note_id) = (id("version"), id("note"));
    let version =
        html! { input id=(version_id) name="version" type="number" min="1" value=(execution.version) required; };
    let button = confirm(&Confirm {
        id: &format!("fork-{step}"),
        label: "Fork from here",
        icon: Some(Icon::Play),
        class: "quiet",
        question: &format!("Start a copy that goes on from step {step}?"),
        consequence: html! { p { "A new execution begins with a copy of the steps before. What they did is not done again; from this step on it goes its own way, for real." } },
        action: &paths::execution_action(&execution.execution_id, "fork"),
        fields: html! {
            input type="hidden" name="at_step" value=(step);
            input type="hidden" name="form_key" value={ (form_key) "-" (step) };
            (field(&version_id, "Version that goes on", None, None, &version))
            (note(&note_id, "Why (optional, kept in its history)"))
        },
        yes: "Yes, fork it",
        danger: false,
    });
    html! { div class="buttons" { (button) } }
}

/// The button that replays, and what the last replay found.
pub(super) fn replay_section(execution: &Execution, replayed: Option<&Replayed>) -> Markup {
    html! {
        section class="card" aria-labelledby="replay-title" {
            div class="card-head" {
                h2 id="replay-title" { "Replay" }
                form method="post" action=(paths::execution_action(&execution.execution_id, "replay")) {
                    button type="submit" class="quiet" { (icon(Icon::Retry)) span { "Replay" } }
                }
            }
            @match replayed {
                None => p class="dim" { "Runs the journal through the engine again and compares every entry. Nothing is called, nothing is written." },
                Some(replayed) => (outcome(replayed)),
            }
        }
    }
}

fn outcome(replayed: &Replayed) -> Markup {
    html! {
        @if replayed.identical {
            p class="callout tone-good" id="replayed" { (icon(Icon::Check)) "Identical: all " (text::grouped(replayed.entries)) " entries" " come out of v" (replayed.version) " as they are recorded." }
        } @else {
            p class="callout tone-warn" id="replayed" { (icon(Icon::Alert)) "Different: the first " (text::grouped(replayed.entries)) " entries are as recorded, the next one is not, with v" (replayed.version) "." }
        }
        @if let Some(difference) = &replayed.difference {
            p { "Entry " (difference.seq) ": " (text::one_line(&difference.message, 500)) }
            @if let Some(recorded) = &difference.recorded { h3 { "Recorded" } (json::json(recorded, json::INLINE_LIMIT)) }
            @if let Some(produced) = &difference.produced { h3 { "Replayed" } (json::json(produced, json::INLINE_LIMIT)) }
        }
    }
}
