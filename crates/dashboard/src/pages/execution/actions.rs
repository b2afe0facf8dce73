//! Pause, resume, cancel, kill, signal: the buttons and what they do.

use axum::extract::Path;
use maud::{Markup, html};
use moltforge_api::executions::{CancelExecution, Execution, PauseExecution, ResumeExecution, SignalExecution};
use serde_json::Value;

use crate::browser::Browser;
use crate::components::form::{Confirm, confirm, field, note};
use crate::components::icon::{Icon, icon};
use crate::flash::Flash;
use crate::pages::{Form, Result};
use crate::{Error, finish, paths};

/// `POST /executions/{execution}/pause`
pub(crate) async fn pause(browser: Browser, Path(id): Path<String>) -> Result {
    browser.client.executions().pause(&id, &PauseExecution::default()).await?;
    Ok(finish::done(&paths::execution(&id), Flash::Paused))
}

/// `POST /executions/{execution}/resume`
pub(crate) async fn resume(browser: Browser, Path(id): Path<String>, form: Form) -> Result {
    let body = ResumeExecution { unknown_effects: form.filled("unknown_effects") };
    browser.client.executions().resume(&id, &body).await?;
    Ok(finish::done(&paths::execution(&id), Flash::Resumed))
}

/// `POST /executions/{execution}/cancel`
pub(crate) async fn cancel(browser: Browser, Path(id): Path<String>, form: Form) -> Result {
    browser.client.executions().cancel(&id, &CancelExecution { note: form.filled("note") }).await?;
    Ok(finish::done(&paths::execution(&id), Flash::Cancelled))
}

/// `POST /executions/{execution}/kill`
pub(crate) async fn kill(browser: Browser, Path(id): Path<String>, form: Form) -> Result {
    browser.client.executions().kill(&id, &CancelExecution { note: form.filled("note") }).await?;
    Ok(finish::done(&paths::execution(&id), Flash::Killed))
}

/// `POST /executions/{execution}/signal`
pub(crate) async fn signal(browser: Browser, Path(id): Path<String>, form: Form) -> Result {
    let name = form.filled("name").ok_or_else(|| Error::Form("a signal needs a name".to_owned()))?;
    let payload = match form.filled("payload") {
        None => Value::Null,
        Some(text) => {
            serde_json::from_str(&text).map_err(|e| Error::Form(format!("what the signal carries is not JSON: {e}")))?
        }
    };
    let key = form.filled("form_key");
    browser.client.executions().signal(&id, &SignalExecution { name, payload }, key.as_deref()).await?;
    Ok(finish::done(&paths::execution(&id), Flash::Signalled))
}

/// What can be done in the state that it is in.
pub(super) fn buttons(execution: &Execution) -> Markup {
    let id = &execution.execution_id;
    let ended = execution.finished_at.is_some();
    let paused = execution.state == "paused";
    html! {
        @if !ended && !paused {
            form method="post" action=(paths::execution_action(id, "pause")) {
                button type="submit" id="pause" { (icon(Icon::Pause)) span { "Pause" } }
            }
        }
        // one that is held goes on with its agent; one with an unknown effect asks for a choice
        @if paused && !matches!(execution.reason.as_deref(), Some("effect_unknown" | "held")) {
            form method="post" action=(paths::execution_action(id, "resume")) {
                button type="submit" id="resume" class="primary" { (icon(Icon::Play)) span { "Resume" } }
            }
        }
        @if !ended { (cancel_button(id)) (kill_button(id)) }
    }
}

fn cancel_button(id: &str) -> Markup {
    confirm(&Confirm {
        id: "cancel",
        label: "Cancel",
        icon: Some(Icon::Stop),
        class: "danger-quiet",
        question: "Cancel this execution?",
        consequence: html! { p { "It stops for good, with everything below it. Calls on their way get a moment to end, finished steps stay in its history. To hold it for a while, pause it instead." } },
        action: &paths::execution_action(id, "cancel"),
        fields: note("cancel-note", "Why (optional, kept in its history)"),
        yes: "Yes, cancel it",
        danger: true,
    })
}

fn kill_button(id: &str) -> Markup {
    confirm(&Confirm {
        id: "kill",
        label: "Kill",
        icon: Some(Icon::Cross),
        class: "danger-quiet",
        question: "Kill this execution and everything below it?",
        consequence: html! { p { "It ends at once, with all of its children. Calls on their way are not waited for: their outcome is unknown, and the receipt names them." } },
        action: &paths::execution_action(id, "kill"),
        fields: note("kill-note", "Why (optional, kept in its history)"),
        yes: "Yes, kill it",
        danger: true,
    })
}

/// The choice that an unknown outcome asks for.
pub(super) fn unknown_choice(execution: &Execution) -> Markup {
    let action = paths::execution_action(&execution.execution_id, "resume");
    html! {
        div class="buttons" {
            form method="post" action=(action) {
                input type="hidden" name="unknown_effects" value="fail";
                button type="submit" class="primary" id="resume-fail" { "Tell the model that it failed" }
            }
            form method="post" action=(action) {
                input type="hidden" name="unknown_effects" value="retry";
                button type="submit" id="resume-retry" { (icon(Icon::Retry)) span { "Send it again" } }
            }
        }
    }
}

/// The form that answers a wait for a signal.
pub(super) fn signal_form(id: &str, name: &str, form_key: &str) -> Markup {
    let payload = html! { textarea id="signal-payload" name="payload" rows="2" class="mono" spellcheck="false" aria-describedby="signal-payload-hint" placeholder="null" {} };
    let name = html! { input id="signal-name" name="name" value=(name) required maxlength="100" spellcheck="false"; };
    html! {
        form class="signal" method="post" action=(paths::execution_action(id, "signal")) {
            input type="hidden" name="form_key" value=(form_key);
            (field("signal-name", "Signal", None, None, &name))
            (field("signal-payload", "What it carries", Some("JSON; nothing when empty. A text stands in double quotes."), None, &payload))
            div class="buttons" { button type="submit" class="primary" { "Send the signal" } }
        }
    }
}
