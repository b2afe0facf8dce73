//! Writes the fields as inputs.

use std::fmt::Write as _;

use maud::{Markup, html};
use moltforge_api::ProblemItem;
use serde_json::Value;

use super::{Field, Kind, PREFIX, Typed};
use crate::components::form::{described, field};
use crate::text;

/// The inputs, with what was typed before and what was wrong with it. Pointers of `errors` begin with `/input`.
pub(crate) fn fields(list: &[Field], typed: Option<&Typed>, errors: &[ProblemItem]) -> Markup {
    html! { @for item in list { (one(item, typed, errors)) } }
}

fn one(item: &Field, typed: Option<&Typed>, errors: &[ProblemItem]) -> Markup {
    if let Kind::Group(inner) = &item.kind {
        return html! {
            fieldset {
                legend { (text::one_line(&item.label, 120)) }
                @if !item.description.is_empty() { p class="hint" { (text::one_line(&item.description, 500)) } }
                (fields(inner, typed, errors))
            }
        };
    }
    let name = format!("{PREFIX}{}", item.pointer);
    let id = identifier(&name);
    let error =
        errors.iter().find(|e| e.pointer.strip_prefix("/input") == Some(&item.pointer)).map(|e| e.message.as_str());
    let hint = hint(item);
    let value = typed.map_or_else(|| initial(item), |typed| typed.get(&name).cloned().unwrap_or_default());
    let input = Input {
        item,
        id: &id,
        name: &name,
        value: &value,
        described: described(&id, hint.is_some(), error.is_some()),
        wrong: error.is_some(),
    };
    let label = format!("{}{}", text::one_line(&item.label, 120), if item.required { "" } else { " (optional)" });
    if item.kind == Kind::Flag {
        return html! {
            div class="field flag" {
                (input.flag())
                label for=(id) { (text::one_line(&item.label, 120)) }
                @if let Some(hint) = &hint { p class="hint" id={ (id) "-hint" } { (hint) } }
            }
        };
    }
    field(&id, &label, hint.as_deref(), error, &input.control())
}

/// A name as an id: letters, digits and hyphens, distinct for distinct names.
fn identifier(name: &str) -> String {
    let mut id = String::from("f-");
    for c in name.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => id.push(c),
            '/' => id.push('-'),
            other => {
                // writing into a String cannot fail
                let _ = write!(id, "_{:x}", u32::from(other));
            }
        }
    }
    id
}

fn hint(item: &Field) -> Option<String> {
    let more = match &item.kind {
        Kind::Lines { numbers: true } => "One number per line.",
        Kind::Lines { .. } => "One entry per line.",
        Kind::Json => "As JSON.",
        _ => "",
    };
    let parts: Vec<_> =
        [text::one_line(&item.description, 500), more.to_owned()].into_iter().filter(|p| !p.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn initial(item: &Field) -> String {
    match (&item.kind, &item.default) {
        (_, None) => String::new(),
        (Kind::Choice(_) | Kind::Json, Some(value)) => value.to_string(),
        (Kind::Lines { .. }, Some(Value::Array(entries))) => entries.iter().map(plain).collect::<Vec<_>>().join("\n"),
        (_, Some(value)) => plain(value),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

struct Input<'a> {
    item: &'a Field,
    id: &'a str,
    name: &'a str,
    value: &'a str,
    described: Option<String>,
    wrong: bool,
}

impl Input<'_> {
    fn control(&self) -> Markup {
        let invalid = self.wrong.then_some("true");
        let Self { item, id, name, value, described, .. } = self;
        match &item.kind {
            Kind::Text { long: true, min_length, max_length, .. } => html! {
                textarea id=(id) name=(name) rows="2" required[item.required && min_length.is_some_and(|least| least > 0)]
                    minlength=[min_length] maxlength=[max_length] aria-describedby=[described] aria-invalid=[invalid] { "\n" (value) }
            },
            Kind::Text { input_type, min_length, max_length, .. } => html! {
                input id=(id) name=(name) type=(input_type) value=(value) required[item.required && min_length.is_some_and(|least| least > 0)]
                    minlength=[min_length] maxlength=[max_length] aria-describedby=[described] aria-invalid=[invalid];
            },
            Kind::Number { whole, minimum, maximum } => html! {
                input id=(id) name=(name) type="number" inputmode=(if *whole { "numeric" } else { "decimal" }) step=(if *whole { "1" } else { "any" })
                    value=(value) min=[minimum] max=[maximum] required[item.required] aria-describedby=[described] aria-invalid=[invalid];
            },
            Kind::Choice(choices) => html! {
                select id=(id) name=(name) aria-describedby=[described] aria-invalid=[invalid] {
                    @if !item.required { option value="" { "– none –" } }
                    @for choice in choices {
                        @let json = choice.to_string();
                        option value=(json) selected[json == *value] { (text::one_line(&plain(choice), 120)) }
                    }
                }
            },
            Kind::Lines { .. } | Kind::Json | Kind::Flag | Kind::Group(_) => html! {
                textarea id=(id) name=(name) rows="3" class="mono" spellcheck="false" aria-describedby=[described] aria-invalid=[invalid] { "\n" (value) }
            },
        }
    }

    fn flag(&self) -> Markup {
        html! {
            input id=(self.id) name=(self.name) type="checkbox" value="true" checked[self.value == "true"] aria-describedby=[&self.described];
        }
    }
}
