//! The frame of every page: head, navigation, skip link, messages.

use maud::{DOCTYPE, Markup, html};

use super::icon::{Icon, icon, mark};
use crate::assets;
use crate::flash::Flash;
use crate::paths::pattern;

/// The part of the dashboard that a page belongs to, marked in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// `/`
    Overview,
    /// `/agents/...`
    Agents,
    /// `/executions/...`
    Executions,
    /// `/triggers/...`
    Triggers,
    /// `/approvals/...`
    Approvals,
    /// `/keys`
    Keys,
    /// Pages without a place in the navigation.
    None,
}

/// What a page says about itself to its frame.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// In the browser's title bar.
    pub(crate) title: String,
    /// Where it belongs.
    pub(crate) section: Section,
    /// What just happened.
    pub(crate) flash: Option<Flash>,
    /// Whether to show the navigation: not on the sign-in page.
    pub(crate) signed_in: bool,
    /// How many calls wait for a person, beside the link that leads to them.
    pub(crate) pending: u64,
}

impl Frame {
    /// A page for somebody who is signed in.
    pub(crate) fn new(title: impl Into<String>, section: Section) -> Self {
        Self { title: title.into(), section, flash: None, signed_in: true, pending: 0 }
    }
}

/// The whole document.
pub(crate) fn document(frame: &Frame, body: &Markup) -> Markup {
    let assets = assets::catalogue();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (frame.title) " · MoltForge" }
                link rel="icon" type="image/svg+xml" href=(assets.url("icon.svg"));
                link rel="stylesheet" href=(assets.url("base.css"));
                link rel="stylesheet" href=(assets.url("parts.css"));
                link rel="stylesheet" href=(assets.url("pages.css"));
                script src=(assets.url("theme.js")) {}
                script type="module" src=(assets.url("live.js")) {}
            }
            body class=(if frame.signed_in { "app" } else { "bare" }) {
                a class="skip" href="#main" { "Skip to content" }
                @if frame.signed_in { (side(frame)) }
                main id="main" tabindex="-1" {
                    @if let Some(flash) = frame.flash {
                        p class="flash" role="status" { (icon(Icon::Check)) span { (flash.message()) } }
                    }
                    (body)
                }
                p id="announce" class="unseen" role="status" aria-live="polite" {}
            }
        }
    }
}

fn side(frame: &Frame) -> Markup {
    let links = [
        (Section::Overview, pattern::OVERVIEW, Icon::Overview, "Overview"),
        (Section::Agents, pattern::AGENTS, Icon::Agent, "Agents"),
        (Section::Executions, pattern::EXECUTIONS, Icon::Execution, "Executions"),
        (Section::Triggers, pattern::TRIGGERS, Icon::Clock, "Triggers"),
        (Section::Approvals, pattern::APPROVALS, Icon::Check, "Approvals"),
        (Section::Keys, pattern::KEYS, Icon::Key, "Keys"),
    ];
    html! {
        header class="side" {
            div class="side-in" {
                a class="brand" href=(pattern::OVERVIEW) { (mark()) span { "MoltForge" } }
                nav aria-label="Main" {
                    ul {
                        @for (place, path, shape, name) in links {
                            li {
                                a href=(path) aria-current=[(place == frame.section).then_some("page")] {
                                    (icon(shape)) span { (name) }
                                    @if place == Section::Approvals { (waiting(frame.pending)) }
                                }
                            }
                        }
                    }
                }
                div class="side-foot" {
                    button type="button" class="quiet" data-theme-toggle hidden { (icon(Icon::Contrast)) span { "Theme: system" } }
                    form method="post" action=(pattern::SIGN_OUT) {
                        button type="submit" class="quiet" { (icon(Icon::Leave)) span { "Sign out" } }
                    }
                }
            }
        }
    }
}

/// How many wait, beside a link. Always there, so that a page that refreshes itself finds it.
fn waiting(pending: u64) -> Markup {
    html! {
        span id="pending" data-live="pending" {
            @if pending > 0 {
                span class="count" { @if pending > 999 { "999+" } @else { (pending) } } span class="unseen" { " waiting" }
            }
        }
    }
}

/// The heading of a page, with the way back and what can be done here.
pub(crate) fn heading(back: Option<(&str, &str)>, title: &Markup, actions: Option<&Markup>) -> Markup {
    html! {
        div class="heading" {
            div {
                @if let Some((path, name)) = back {
                    p class="back" { a href=(path) { "← " (name) } }
                }
                h1 { (title) }
            }
            @if let Some(actions) = actions { div class="actions" { (actions) } }
        }
    }
}

/// A place where nothing is yet: what it is for and what to do next.
pub(crate) fn empty(title: &str, next: &Markup) -> Markup {
    html! { div class="empty" { p class="empty-title" { (title) } div { (next) } } }
}
