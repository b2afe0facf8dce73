//! The form that decides: approve, with other arguments or with the answer to a form; or reject.

use maud::{Markup, html};
use moltforge_api::ProblemItem;
use moltforge_api::approvals::{Approval, DecideApproval};
use serde_json::Value;

use super::is_question;
use crate::components::form::{described, field};
use crate::components::icon::{Icon, icon};
use crate::components::schema_form::{self, Field};
use crate::pages::Form;
use crate::{paths, text};

/// What was sent and refused, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed {
    /// What was typed.
    pub(crate) fields: Option<schema_form::Typed>,
    /// What is wrong as a whole.
    pub(crate) error: Option<String>,
    /// What is wrong with it; pointers into the answer begin with `/input`.
    pub(crate) problems: Vec<ProblemItem>,
}

/// The schema of the answer that a question asks for.
fn asked(approval: &Approval) -> Option<&Value> {
    approval.arguments.get("form").filter(|_| is_question(approval))
}

/// Its fields, when it can be shown as some.
fn answer_fields(approval: &Approval) -> Option<Vec<Field>> {
    asked(approval).and_then(schema_form::read)
}

/// The decision that a form asks for.
pub(super) fn read(approval: &Approval, form: &Form) -> Result<DecideApproval, Vec<ProblemItem>> {
    let json = |name: &str| match form.filled(name) {
        None => Ok(None),
        Some(typed) => serde_json::from_str::<Value>(&typed).map(Some).map_err(|error| {
            let message = format!("this is not JSON: {error}");
            vec![ProblemItem { pointer: format!("/{name}"), message, line: None, column: None }]
        }),
    };
    let decision = form.filled("decision").unwrap_or_default();
    let (arguments, answer) = if decision != "approve" {
        (None, None)
    } else if let Some(fields) = answer_fields(approval) {
        (None, Some(schema_form::collect(&fields, &form.0)?))
    } else {
        // what was left as it was shown was not edited
        let shown = json("shown")?;
        (json("arguments")?.filter(|edited| Some(edited) != shown.as_ref()), json("answer")?)
    };
    let call_sha256 = form.filled("call_sha256").unwrap_or_default();
    Ok(DecideApproval { decision, call_sha256, arguments, answer, note: form.filled("note") })
}

impl Typed {
    /// Something was refused.
    pub(super) fn is_refused(&self) -> bool {
        self.error.is_some() || !self.problems.is_empty()
    }

    fn problem(&self, pointer: &str) -> Option<&str> {
        self.problems.iter().find(|item| item.pointer == pointer).map(|item| item.message.as_str())
    }

    fn typed(&self, name: &str) -> Option<&str> {
        self.fields.as_ref()?.get(name).map(String::as_str)
    }

    /// The forms.
    pub(super) fn write(&self, approval: &Approval) -> Markup {
        let action = paths::decision(&approval.approval_id);
        let rejects = self.typed("decision") == Some("reject");
        let note_of = |rejecting: bool| self.typed("note").filter(|_| rejects == rejecting);
        let note = html! { input id="note" name="note" maxlength="1000" autocomplete="off" value=[note_of(false)]; };
        let why =
            html! { input id="reject-note" name="note" maxlength="1000" autocomplete="off" value=[note_of(true)]; };
        html! {
            @if let Some(error) = &self.error {
                p class="callout tone-bad" role="alert" { (icon(Icon::Alert)) span { (text::one_line(error, 500)) } }
            }
            div class="columns even" {
                section class="card" aria-labelledby="approve-title" {
                    h2 id="approve-title" { "Approve" }
                    form method="post" action=(action) {
                        input type="hidden" name="decision" value="approve";
                        input type="hidden" name="call_sha256" value=(approval.call_sha256);
                        (self.wanted(approval))
                        (field("note", "Note (optional)", None, None, &note))
                        div class="buttons" { button type="submit" class="primary" id="approve" { (icon(Icon::Check)) span { "Approve" } } }
                    }
                }
                section class="card" aria-labelledby="reject-title" {
                    h2 id="reject-title" { "Reject" }
                    form method="post" action=(action) {
                        input type="hidden" name="decision" value="reject";
                        input type="hidden" name="call_sha256" value=(approval.call_sha256);
                        (field("reject-note", "Why not (optional)", Some("The model reads it."), None, &why))
                        div class="buttons" { button type="submit" class="danger" id="reject" { (icon(Icon::Cross)) span { "Reject" } } }
                    }
                }
            }
        }
    }

    /// What an approval may or must bring.
    fn wanted(&self, approval: &Approval) -> Markup {
        let Some(fields) = answer_fields(approval) else {
            return html! {
                @if asked(approval).is_some() { (self.free_answer()) }
                @else if !is_question(approval) { (self.arguments(approval)) }
            };
        };
        schema_form::fields(&fields, self.fields.as_ref(), &self.problems)
    }

    /// An answer whose schema has no form.
    fn free_answer(&self) -> Markup {
        let wrong = self.problem("/answer");
        let control = html! {
            textarea id="answer" name="answer" rows="4" class="mono" spellcheck="false" required placeholder="{}" aria-describedby=[described("answer", true, wrong.is_some())] { "\n" (self.typed("answer").unwrap_or_default()) }
        };
        field("answer", "Your answer", Some("JSON that fits the form that was asked for."), wrong, &control)
    }

    /// The arguments, to be changed.
    fn arguments(&self, approval: &Approval) -> Markup {
        let wrong = self.problem("/arguments");
        let shown = serde_json::to_string_pretty(&approval.arguments).unwrap_or_default();
        let value = self.typed("arguments").unwrap_or(&shown);
        let control = html! {
            textarea id="arguments" name="arguments" rows="6" class="mono" spellcheck="false" aria-describedby=[described("arguments", true, wrong.is_some())] { "\n" (value) }
        };
        let hint = "JSON that fits the tool's schema. The model is told what was changed.";
        html! {
            input type="hidden" name="shown" value=(approval.arguments.to_string());
            details id="edit" open[self.is_refused()] {
                summary { "Change the arguments" }
                (field("arguments", "Arguments", Some(hint), wrong, &control))
            }
        }
    }
}
