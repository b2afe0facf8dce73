//! Calls that change something outside: how they stand, and what an operator can do about an unknown one.

use axum::extract::Path;
use maud::{Markup, html};
use moltforge_api::approvals::{DecideEffect, Effect};
use moltforge_types::Timestamp;
use serde_json::Value;

use crate::browser::Browser;
use crate::components::badge::{actor, badge};
use crate::components::form::{field, note};
use crate::components::icon::{Icon, icon};
use crate::components::table::{column, table, wide};
use crate::flash::Flash;
use crate::pages::{Form, Result};
use crate::{Error, finish, paths, text, time};

/// `POST /executions/{execution}/effects/{step}/probe`
pub(crate) async fn probe(browser: Browser, Path((id, step)): Path<(String, u32)>) -> Result {
    browser.client.executions().probe_effect(&id, step).await?;
    Ok(finish::done(&paths::execution(&id), Flash::Probed))
}

/// `POST /executions/{execution}/effects/{step}/decision`
pub(crate) async fn decide(browser: Browser, Path((id, step)): Path<(String, u32)>, form: Form) -> Result {
    let decision = form.filled("decision").unwrap_or_default();
    let output = match form.filled("output").filter(|_| decision == "succeed") {
        None => None,
        Some(text) => Some(
            serde_json::from_str::<Value>(&text).map_err(|e| Error::Form(format!("the answer is not JSON: {e}")))?,
        ),
    };
    let body = DecideEffect { decision, output, note: form.filled("note") };
    browser.client.executions().decide_effect(&id, step, &body).await?;
    Ok(finish::done(&paths::execution(&id), Flash::EffectDecided))
}

/// The section, when there are effects.
pub(super) fn section(execution: &str, effects: &[Effect], now: Timestamp) -> Markup {
    let rows = html! {
        @for effect in effects {
            tr {
                th scope="row" { "#" (effect.step) " " (text::one_line(&effect.tool, 64)) p class="dim" { (effect.effect) } }
                td { (badge(&effect.state)) }
                td class="wide" { code class="id" { (text::one_line(&effect.idempotency_key, 80)) } }
                td class="wide" { (said(effect, now)) }
            }
        }
    };
    html! {
        @if !effects.is_empty() {
            section class="card" aria-labelledby="effects-title" {
                h2 id="effects-title" { "Effects" }
                (table("Effects", &[column("Call"), column("State"), wide("Key"), wide("Latest")], &rows))
                @for effect in effects.iter().filter(|effect| effect.state == "unknown") { (choice(execution, effect)) }
            }
        }
    }
}

fn said(effect: &Effect, now: Timestamp) -> Markup {
    html! {
        @if let Some(decided) = effect.decisions.last() {
            (decided.decision) " by " (actor(&decided.by)) " " (time::relative(&decided.at, now))
            @if let Some(note) = &decided.note { p class="dim" { (text::one_line(note, 300)) } }
        } @else if let Some(probe) = effect.probes.last() {
            "probe: " (text::words(&probe.outcome)) " " (time::relative(&probe.at, now))
            @if let Some(detail) = &probe.detail { p class="dim" { (text::one_line(detail, 300)) } }
        } @else { "sent " (text::count(effect.attempts as usize, "time")) }
    }
}

fn choice(execution: &str, effect: &Effect) -> Markup {
    let action = paths::effect_action(execution, effect.step, "decision");
    let id = |name: &str| format!("effect-{}-{name}", effect.step);
    let (output_id, note_id) = (id("output"), id("note"));
    let output =
        html! { textarea id=(output_id) name="output" rows="2" class="mono" spellcheck="false" placeholder="null" {} };
    html! {
        details {
            summary { "Decide about #" (effect.step) " " (text::one_line(&effect.tool, 64)) }
            @if effect.effect == "reconcile" {
                form method="post" action=(paths::effect_action(execution, effect.step, "probe")) {
                    button type="submit" { (icon(Icon::Question)) span { "Ask the other side now" } }
                }
            }
            form method="post" action=(action) {
                (field(&output_id, "What it answered, if it happened (JSON)", None, None, &output))
                (note(&note_id, "Why (optional, kept in its history)"))
                div class="buttons" {
                    button type="submit" name="decision" value="succeed" { (icon(Icon::Check)) span { "It happened" } }
                    button type="submit" name="decision" value="fail" { (icon(Icon::Cross)) span { "It failed" } }
                    button type="submit" name="decision" value="retry" { (icon(Icon::Retry)) span { "Send it again" } }
                }
            }
        }
    }
}
