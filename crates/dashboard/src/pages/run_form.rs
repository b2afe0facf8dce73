//! The form that starts an execution: fields from the agent's input schema, or JSON.

use maud::{Markup, html};
use moltforge_api::ProblemItem;
use moltforge_api::agents::Agent;
use moltforge_api::executions::StartExecution;
use serde_json::Value;

use super::Form;
use crate::components::form::{described, field};
use crate::components::icon::{Icon, icon};
use crate::components::schema_form::{self, Typed};
use crate::{paths, text};

/// What was sent before, and what was wrong with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunForm {
    /// What was typed, after a failed try.
    pub(crate) typed: Option<Typed>,
    /// What is wrong with it; pointers into the request's body.
    pub(crate) problems: Vec<ProblemItem>,
    /// What is wrong as a whole.
    pub(crate) error: Option<String>,
    /// Makes sending twice start once.
    pub(crate) form_key: String,
}

impl RunForm {
    /// The form of an agent.
    pub(crate) fn write(&self, agent: &Agent) -> Markup {
        let list = agent.config.input_schema.as_ref().and_then(schema_form::read);
        let by_json = self.typed.as_ref().is_some_and(|typed| typed.get("mode").is_some_and(|mode| mode != "fields"));
        html! {
            @if let Some(error) = &self.error {
                p class="callout tone-bad" role="alert" { (icon(Icon::Alert)) span { (text::one_line(error, 500)) } }
            }
            (self.unplaced(list.is_some() && !by_json))
            @match list {
                Some(list) => {
                    form method="post" action=(paths::agent_action(&agent.name, "run")) {
                        (self.hidden("fields"))
                        (schema_form::fields(&list, self.typed.as_ref().filter(|_| !by_json), &self.problems))
                        (self.target(agent, "target"))
                        (submit())
                    }
                    details class="raw" id="run-json" open[by_json] {
                        summary { "Write the input as JSON instead" }
                        (self.raw(agent, &serde_json::to_string_pretty(&example(agent)).unwrap_or_default()))
                    }
                },
                None => (self.free(agent)),
            }
        }
    }

    /// Problems that no field shows: of the whole, or of fields that the schema's form does not have.
    fn unplaced(&self, fields: bool) -> Markup {
        let list: Vec<_> =
            self.problems.iter().filter(|item| !fields || item.pointer.len() <= "/input/".len()).collect();
        html! {
            @if !list.is_empty() {
                ul class="problems" {
                    @for item in list.iter().take(20) { li { code { (item.pointer) } " " (text::one_line(&item.message, 500)) } }
                }
            }
        }
    }

    fn hidden(&self, mode: &str) -> Markup {
        html! {
            input type="hidden" name="form_key" value=(self.form_key);
            input type="hidden" name="mode" value=(mode);
        }
    }

    fn typed(&self, name: &str) -> &str {
        self.typed.as_ref().and_then(|typed| typed.get(name)).map(String::as_str).unwrap_or_default()
    }

    /// Which version runs: what is live somewhere, or the latest.
    fn target(&self, agent: &Agent, id: &str) -> Markup {
        let chosen = self.typed("target");
        let control = html! {
            select id=(id) name="target" {
                @for deployment in &agent.deployments {
                    @let value = format!("environment:{}", deployment.environment);
                    option value=(value) selected[value == chosen] { (deployment.environment) " (v" (deployment.version) ")" }
                }
                @let value = format!("version:{}", agent.latest_version);
                option value=(value) selected[value == chosen] { "latest version (v" (agent.latest_version) ")" }
            }
        };
        field(id, "Version to run", None, None, &control)
    }

    fn raw(&self, agent: &Agent, initial: &str) -> Markup {
        let value = if self.typed("mode") == "json" { self.typed("json") } else { initial };
        let control = html! {
            textarea id="json" name="json" rows="6" class="mono" spellcheck="false" required aria-describedby=[described("json", true, false)] { "\n" (value) }
        };
        html! {
            form method="post" action=(paths::agent_action(&agent.name, "run")) {
                (self.hidden("json"))
                (field("json", "Input", Some("One JSON value."), None, &control))
                (self.target(agent, "target-json"))
                (submit())
            }
        }
    }

    /// Without a schema: a text or JSON.
    fn free(&self, agent: &Agent) -> Markup {
        let as_json = self.typed("mode") == "json";
        let control = html! { textarea id="json" name="json" rows="4" { "\n" (self.typed("json")) } };
        let mode = html! {
            select id="mode" name="mode" {
                option value="text" { "a text" }
                option value="json" selected[as_json] { "JSON" }
            }
        };
        html! {
            form method="post" action=(paths::agent_action(&agent.name, "run")) {
                input type="hidden" name="form_key" value=(self.form_key);
                (field("json", "Input", None, None, &control))
                div class="row" {
                    (field("mode", "Send it as", None, None, &mode))
                    (self.target(agent, "target"))
                }
                (submit())
            }
        }
    }
}

fn submit() -> Markup {
    html! { div class="buttons" { button type="submit" class="primary" { (icon(Icon::Play)) span { "Run" } } } }
}

/// A beginning for the JSON: the schema's properties that have a default or must be there.
pub(crate) fn example(agent: &Agent) -> Value {
    let schema = agent.config.input_schema.as_ref();
    let required: Vec<_> = schema.and_then(|schema| schema.get("required")?.as_array()).into_iter().flatten().collect();
    let properties = schema.and_then(|schema| schema.get("properties")?.as_object()).into_iter().flatten();
    let wanted = properties.take(60).filter_map(|(name, property)| {
        let value = property.get("default").cloned();
        let value = value.or_else(|| required.iter().any(|wanted| *wanted == name).then(|| blank(property)));
        Some((name.clone(), value?))
    });
    Value::Object(wanted.collect())
}

fn blank(schema: &Value) -> Value {
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => Value::String(String::new()),
        Some("integer" | "number") => 0.into(),
        Some("boolean") => false.into(),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => Value::Object(serde_json::Map::new()),
        _ => Value::Null,
    }
}

/// The request that a form asks for.
pub(crate) fn read(agent: &Agent, form: &Form) -> Result<StartExecution, Vec<ProblemItem>> {
    let raw = form.0.get("json").map(String::as_str).unwrap_or_default();
    let input = match form.filled("mode").as_deref() {
        Some("fields") => {
            let list = agent.config.input_schema.as_ref().and_then(schema_form::read).unwrap_or_default();
            schema_form::collect(&list, &form.0)?
        }
        Some("json") => serde_json::from_str(raw).map_err(|error| {
            let (line, column) = (u32::try_from(error.line()).ok(), u32::try_from(error.column()).ok());
            vec![ProblemItem {
                pointer: "/input".to_owned(),
                message: format!("this is not JSON: {error}"),
                line,
                column,
            }]
        })?,
        _ if raw.is_empty() => Value::Null,
        _ => Value::String(raw.replace("\r\n", "\n")),
    };
    let target = form.filled("target").unwrap_or_default();
    Ok(StartExecution {
        agent: agent.name.clone(),
        input,
        environment: target.strip_prefix("environment:").map(str::to_owned),
        version: target.strip_prefix("version:").and_then(|number| number.parse().ok()),
        ..StartExecution::default()
    })
}
