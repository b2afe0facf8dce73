//! Whether the agent is held, and the switches.

use maud::{Markup, html};
use moltforge_api::agents::Agent;
use moltforge_api::holds::Hold;
use moltforge_types::Timestamp;

use crate::components::badge::actor;
use crate::components::form::{Confirm, confirm, field};
use crate::components::icon::{Icon, icon};
use crate::{paths, text, time};

/// The panel. `holds` are those of the agent and of the whole project.
pub(super) fn panel(agent: &Agent, holds: &[Hold], now: Timestamp) -> Markup {
    let own = holds.iter().find(|hold| hold.agent_id.is_some());
    let killed = own.is_some_and(|hold| hold.mode == "kill");
    html! {
        section class="card" id="hold" aria-labelledby="hold-title" {
            h2 id="hold-title" { "Hold" }
            @if holds.is_empty() { p class="dim" { "It is not held: executions begin and go on." } }
            @for hold in holds { (stands(hold, now)) }
            div class="buttons" {
                @if own.is_none() { (pause(agent)) }
                @if own.is_some() { (lift(agent, killed)) }
                @if !killed { (kill(agent)) }
            }
        }
    }
}

fn stands(hold: &Hold, now: Timestamp) -> Markup {
    let whole = if hold.agent_id.is_none() { "The whole project" } else { "The agent" };
    html! {
        div class={ "callout " (if hold.mode == "kill" { "tone-bad" } else { "tone-warn" }) } {
            p { (icon(if hold.mode == "kill" { Icon::Cross } else { Icon::Pause })) b {
                (whole)
                @if hold.mode == "kill" { " is stopped: its executions were killed, new ones are refused." }
                @else { " is paused: executions are held, new ones wait." }
            } }
            p class="dim" { (time::relative(&hold.created_at, now)) " by " (actor(&hold.actor)) }
            @if let Some(note) = &hold.note { p { (text::one_line(note, 1_000)) } }
        }
    }
}

fn pause(agent: &Agent) -> Markup {
    let note = html! { input id="hold-pause-note" name="note" maxlength="1000" autocomplete="off"; };
    confirm(&Confirm {
        id: "hold-pause",
        label: "Pause agent",
        icon: Some(Icon::Pause),
        class: "",
        question: &format!("Pause {}?", agent.name),
        consequence: html! { p { "Its executions are held where they are; new ones are accepted and wait. All of them go on when somebody resumes the agent." } },
        action: &paths::agent_action(paths::reference(agent), "hold"),
        fields: html! {
            input type="hidden" name="mode" value="pause";
            (field("hold-pause-note", "Why (optional)", None, None, &note))
        },
        yes: "Yes, pause it",
        danger: false,
    })
}

fn kill(agent: &Agent) -> Markup {
    let note = html! { input id="hold-kill-note" name="note" maxlength="1000" autocomplete="off"; };
    confirm(&Confirm {
        id: "hold-kill",
        label: "Kill switch",
        icon: Some(Icon::Cross),
        class: "danger-quiet",
        question: &format!("Stop everything that {} does?", agent.name),
        consequence: html! { p { "All of its executions are killed for good, with everything below them. New ones are refused until somebody resumes the agent." } },
        action: &paths::agent_action(paths::reference(agent), "hold"),
        fields: html! {
            input type="hidden" name="mode" value="kill";
            (field("hold-kill-note", "Why (optional)", None, None, &note))
        },
        yes: "Yes, stop everything",
        danger: true,
    })
}

fn lift(agent: &Agent, killed: bool) -> Markup {
    html! {
        form method="post" action=(paths::agent_action(paths::reference(agent), "lift")) {
            button type="submit" class="primary" id="hold-lift" {
                (icon(Icon::Play)) span { (if killed { "Allow new executions" } else { "Resume agent" }) }
            }
        }
    }
}
