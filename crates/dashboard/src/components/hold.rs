//! Whether an agent, or the whole project, is held, and the switches.

use maud::{Markup, html};
use moltforge_api::holds::Hold;
use moltforge_types::Timestamp;

use super::badge::actor;
use super::form::{Confirm, confirm, note};
use super::icon::{Icon, icon};
use crate::{paths, text, time};

/// What can be held.
pub(crate) struct Holdable<'a> {
    /// In a question: `the agent hello`.
    pub(crate) name: &'a str,
    /// On buttons: `agent`.
    pub(crate) kind: &'static str,
    /// Where a hold is posted to.
    pub(crate) hold: &'a str,
    /// Where its end is posted to.
    pub(crate) lift: &'a str,
}

/// The holds that stand, each with who, when and why.
pub(crate) fn standing(holds: &[Hold], now: Timestamp) -> Markup {
    html! {
        @for hold in holds {
            @let kill = hold.mode == "kill";
            div class={ "callout " (if kill { "tone-bad" } else { "tone-warn" }) } {
                p { (icon(if kill { Icon::Cross } else { Icon::Pause })) b {
                    @match (&hold.agent_id, &hold.agent) {
                        (Some(id), name) => { "The agent " a href=(paths::agent(id)) { (text::one_line(name.as_deref().unwrap_or(id), 63)) } }
                        (None, _) => "The whole project",
                    }
                    @if kill { " is stopped: its executions were killed, new ones are refused." }
                    @else { " is paused: executions are held, new ones wait." }
                } }
                p class="dim" { (time::relative(&hold.created_at, now)) " by " (actor(&hold.actor)) }
                @if let Some(note) = &hold.note { p { (text::one_line(note, 1_000)) } }
            }
        }
    }
}

/// The switches: `own` is the hold of what they are for.
pub(crate) fn switches(target: &Holdable<'_>, own: Option<&Hold>) -> Markup {
    let killed = own.is_some_and(|hold| hold.mode == "kill");
    html! {
        div class="buttons" {
            @match own {
                None => (pause(target)),
                Some(_) => {
                    form method="post" action=(target.lift) {
                        button type="submit" class="primary" id="hold-lift" {
                            (icon(Icon::Play)) span { @if killed { "Allow new executions" } @else { "Resume " (target.kind) } }
                        }
                    }
                }
            }
            @if !killed { (kill(target)) }
        }
    }
}

fn pause(target: &Holdable<'_>) -> Markup {
    let Holdable { name, kind, .. } = target;
    confirm(&Confirm {
        id: "hold-pause",
        label: &format!("Pause {kind}"),
        icon: Some(Icon::Pause),
        class: "",
        question: &format!("Pause {name}?"),
        consequence: html! { p { "Its executions are held where they are; new ones are accepted and wait. All of them go on when somebody resumes the " (kind) "." } },
        action: target.hold,
        fields: html! {
            input type="hidden" name="mode" value="pause";
            (note("hold-pause-note", "Why (optional)"))
        },
        yes: "Yes, pause it",
        danger: false,
    })
}

fn kill(target: &Holdable<'_>) -> Markup {
    let Holdable { name, kind, .. } = target;
    confirm(&Confirm {
        id: "hold-kill",
        label: "Kill switch",
        icon: Some(Icon::Cross),
        class: "danger-quiet",
        question: &format!("Stop everything that {name} does?"),
        consequence: html! { p { "All of its executions are killed for good, with everything below them. New ones are refused until somebody resumes the " (kind) "." } },
        action: target.hold,
        fields: html! {
            input type="hidden" name="mode" value="kill";
            (note("hold-kill-note", "Why (optional)"))
        },
        yes: "Yes, stop everything",
        danger: true,
    })
}
