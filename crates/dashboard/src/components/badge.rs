//! The state of a thing: a shape, a word and a colour, so that the colour is never alone.

use maud::{Markup, html};

use super::icon::{Icon, icon};
use crate::text;

/// How a state looks: its icon and its tone, which is a CSS class.
pub(crate) fn look(state: &str) -> (Icon, &'static str) {
    match state {
        "scheduled" => (Icon::Dot, "tone-idle"),
        "running" => (Icon::Play, "tone-run"),
        "suspended" | "waiting" | "pending" | "intended" => (Icon::Clock, "tone-wait"),
        "backing_off" => (Icon::Retry, "tone-warn"),
        "paused" => (Icon::Pause, "tone-warn"),
        "completed" | "succeeded" | "live" | "active" | "started" | "approved" => (Icon::Check, "tone-good"),
        "failed" | "refused" | "rejected" => (Icon::Cross, "tone-bad"),
        "inactive" | "skipped" | "cancelled" | "undeployed" | "superseded" | "revoked" | "expired" | "deleted" => {
            (Icon::Stop, "tone-idle")
        }
        _ => (Icon::Question, "tone-warn"),
    }
}

/// A badge with the state's word.
pub(crate) fn badge(state: &str) -> Markup {
    let (shape, tone) = look(state);
    html! { span class={ "badge " (tone) } { (icon(shape)) (text::one_line(&text::words(state), 40)) } }
}

/// A neutral tag, such as an environment's name.
pub(crate) fn tag(word: &str) -> Markup {
    html! { span class="tag" { (word) } }
}

/// Who did something: an id in short, with the whole in its title.
pub(crate) fn actor(who: &str) -> Markup {
    let id = who.split_once('_').is_some_and(|(kind, rest)| kind.len() == 3 && rest.len() == 26);
    html! {
        @if id { span title=(who) { (&who[..3]) " " code class="id" { (text::tail(who)) } } }
        @else { (text::one_line(who, 60)) }
    }
}
