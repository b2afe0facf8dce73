//! Forms: labelled inputs, and actions that ask once more before they happen. All of it works without JavaScript: the
//! question is a native popover.

use maud::{Markup, html};

use super::icon::{Icon, icon};

/// One labelled input: `control` must carry `id`, and name `{id}-hint` and `{id}-error` in `aria-describedby` as
/// [`described`] gives it.
pub(crate) fn field(id: &str, label: &str, hint: Option<&str>, error: Option<&str>, control: &Markup) -> Markup {
    html! {
        div class={ "field" @if error.is_some() { " wrong" } } {
            label for=(id) { (label) }
            @if let Some(hint) = hint { p class="hint" id={ (id) "-hint" } { (hint) } }
            (control)
            @if let Some(error) = error {
                p class="error" id={ (id) "-error" } { (icon(Icon::Alert)) span { (error) } }
            }
        }
    }
}

/// A short text for people, which is kept with what it is about.
pub(crate) fn note(id: &str, label: &str) -> Markup {
    field(id, label, None, None, &html! { input id=(id) name="note" maxlength="1000" autocomplete="off"; })
}

/// The value of `aria-describedby` for a field with a hint or an error.
pub(crate) fn described(id: &str, hint: bool, error: bool) -> Option<String> {
    match (hint, error) {
        (true, true) => Some(format!("{id}-hint {id}-error")),
        (true, false) => Some(format!("{id}-hint")),
        (false, true) => Some(format!("{id}-error")),
        (false, false) => None,
    }
}

/// An action that asks before it happens.
pub(crate) struct Confirm<'a> {
    /// Unique on the page.
    pub(crate) id: &'a str,
    /// On the button that asks, e.g. `Cancel`.
    pub(crate) label: &'a str,
    /// Beside the label.
    pub(crate) icon: Option<Icon>,
    /// Class of the asking button: `quiet`, `danger`, `primary`, or none.
    pub(crate) class: &'a str,
    /// The question.
    pub(crate) question: &'a str,
    /// What will happen.
    pub(crate) consequence: Markup,
    /// Where the form goes.
    pub(crate) action: &'a str,
    /// Inputs within the form.
    pub(crate) fields: Markup,
    /// On the button that does it, e.g. `Yes, cancel it`.
    pub(crate) yes: &'a str,
    /// Whether it destroys something.
    pub(crate) danger: bool,
}

/// The button and its question.
pub(crate) fn confirm(ask: &Confirm<'_>) -> Markup {
    let title = format!("{}-title", ask.id);
    html! {
        button type="button" class=(ask.class) popovertarget=(ask.id) aria-haspopup="dialog" {
            @if let Some(shape) = ask.icon { (icon(shape)) }
            span { (ask.label) }
        }
        div class="ask" id=(ask.id) popover role="dialog" aria-labelledby=(title) tabindex="-1" autofocus {
            h2 id=(title) { (ask.question) }
            div class="ask-text" { (ask.consequence) }
            form method="post" action=(ask.action) {
                (ask.fields)
                div class="buttons" {
                    button type="submit" class=(if ask.danger { "danger" } else { "primary" }) { (ask.yes) }
                    button type="button" popovertarget=(ask.id) popovertargetaction="hide" { "No" }
                }
            }
        }
    }
}
