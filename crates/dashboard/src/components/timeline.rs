//! The steps of an execution as a waterfall: when each ran, how long, what went in and what came out.

use maud::{Markup, html};
use moltforge_api::executions::{Execution, Step};
use moltforge_types::Timestamp;
use serde_json::Value;

use super::account::is_wait;
use super::badge::look;
use super::icon::{Icon, icon};
use super::scale::{Scale, span};
use super::{json, markdown};
use crate::{text, time};

/// The list of steps; `actions` are the buttons of each.
pub(crate) fn timeline(
    execution: &Execution,
    steps: &[Step],
    now: Timestamp,
    actions: impl Fn(&Step) -> Markup,
) -> Markup {
    let scale = Scale::of(execution, steps, now);
    // what had no end of its own ended with the execution
    let end = execution.finished_at.as_deref().and_then(time::parse).unwrap_or(now);
    html! {
        (axis(&scale))
        ol class="steps" id="steps" {
            @for step in steps { (row(step, &scale, &actions(step), end)) }
        }
    }
}

/// Marks over the bars.
fn axis(scale: &Scale) -> Markup {
    let marks = [
        (0.0, "start", ""),
        (25.0, "middle", "wide"),
        (50.0, "middle", ""),
        (75.0, "middle", "wide"),
        (100.0, "end", ""),
    ];
    html! {
        svg class="defs" width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect class="hatch-ground" width="6" height="6" {}
                    rect class="hatch-line" width="2.5" height="6" {}
                }
            }
        }
        div class="axis" aria-hidden="true" {
            svg width="100%" height="20" focusable="false" {
                @for (percent, anchor, class) in marks {
                    text x={ (percent) "%" } y="11" text-anchor=(anchor) class=[(!class.is_empty()).then_some(class)] {
                        (if percent > 0.0 { time::duration(scale.at(percent)) } else { "0".to_owned() })
                    }
                }
                @for (left, right) in scale.shortened() {
                    line class="axis-short" x1={ (format!("{left:.3}")) "%" } x2={ (format!("{right:.3}")) "%" } y1="17" y2="17" {}
                }
            }
        }
        @if scale.shortened().next().is_some() { p class="note axis-note" { "Where the line is dotted, a long wait is drawn shorter." } }
    }
}

fn row(step: &Step, scale: &Scale, actions: &Markup, now: Timestamp) -> Markup {
    let id = format!("step-{}", step.step);
    let took = took(step, now);
    html! {
        li id=(id) class={ "step kind-" (kind_class(step)) } {
            details id={ (id) "-more" } {
                summary {
                    span class="step-no" { (step.step) }
                    span class="step-name" {
                        (icon(if step.kind == "model" { Icon::Model } else { Icon::Tool }))
                        b { (text::one_line(&step.name, 60)) }
                        span class="step-hint" { (hint(step, now)) }
                    }
                    span class="step-lane" { (lane(step, scale, now)) }
                    span class="step-took" { (took.map_or_else(|| "–".to_owned(), time::duration)) }
                    span class="step-state" { (state(step)) }
                }
                div class="step-body" { (body(step, now)) (actions) }
            }
        }
    }
}

fn kind_class(step: &Step) -> &'static str {
    match step.kind.as_str() {
        "model" => "model",
        _ if is_wait(&step.name) || step.state == "waiting" => "wait",
        _ => "tool",
    }
}

fn took(step: &Step, now: Timestamp) -> Option<u64> {
    step.duration_us.or_else(|| step.started_at.as_deref().map(|at| time::between(at, now)))
}

fn state(step: &Step) -> Markup {
    let (shape, tone) = look(&step.state);
    html! {
        span class={ "badge small " (tone) } { (icon(shape)) (text::words(&step.state)) }
        @if step.retries > 0 { span class="tag" { (text::count(step.retries as usize, "retry")) } }
    }
}

/// The bar. An unfinished step reaches to now.
fn lane(step: &Step, scale: &Scale, now: Timestamp) -> Markup {
    let place = span(step, now.as_micros()).map(|(from, to)| (scale.percent(from), scale.percent(to)));
    let ended = step.duration_us.is_some();
    html! {
        svg width="100%" height="14" aria-hidden="true" focusable="false" {
            line class="lane-line" x1="0" x2="100%" y1="7" y2="7" {}
            @if let Some((left, right)) = place {
                // a bar is never too thin to be seen, and never leaves the lane
                @let width = (right - left).max(0.7);
                @let left = left.min(100.0 - width);
                rect class={ "bar bar-" (kind_class(step)) " bar-" (step_class(&step.state)) @if !ended { " bar-open" } }
                    fill=[(kind_class(step) == "wait").then_some("url(#hatch)")]
                    x={ (format!("{left:.3}")) "%" } width={ (format!("{width:.3}")) "%" } y="2" height="10" rx="3" {}
            }
        }
    }
}

/// A state as a class: only the known ones, since a state is text from the API.
fn step_class(state: &str) -> &'static str {
    match state {
        "running" => "running",
        "waiting" => "waiting",
        "succeeded" => "succeeded",
        "failed" => "failed",
        "unknown" => "unknown",
        _ => "cancelled",
    }
}

/// A few words on what the step is about: the arguments of a tool, the text or the calls of a model.
fn hint(step: &Step, now: Timestamp) -> Markup {
    html! {
        @if let Some(waiting_for) = &step.waiting_for { (time::readable(&text::one_line(waiting_for, 120), now)) }
        @else { (about(step)) }
    }
}

fn about(step: &Step) -> String {
    if let Some(error) = &step.error {
        return text::one_line(&error.message, 80);
    }
    if step.kind == "model" {
        let Some(output) = &step.output else { return String::new() };
        let calls = tool_calls(output);
        if calls.is_empty() {
            return text::one_line(reply_text(output), 80);
        }
        let names: Vec<_> = calls.iter().map(|call| call.tool).collect();
        return text::one_line(&format!("→ {}", names.join(", ")), 80);
    }
    step.input.as_ref().map(|input| json::brief(input, 80)).unwrap_or_default()
}

struct Call<'a> {
    tool: &'a str,
    arguments: &'a Value,
}

fn tool_calls(output: &Value) -> Vec<Call<'_>> {
    let calls = output.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    calls
        .iter()
        .filter_map(|call| {
            Some(Call { tool: call.get("tool")?.as_str()?, arguments: call.get("arguments").unwrap_or(&Value::Null) })
        })
        .collect()
}

fn reply_text(output: &Value) -> &str {
    output.as_str().or_else(|| output.get("text").and_then(Value::as_str)).unwrap_or_default()
}

fn body(step: &Step, now: Timestamp) -> Markup {
    html! {
        dl class="facts" {
            @if let Some(at) = &step.started_at { div { dt { "Began" } dd { (time::absolute(at)) } } }
            @if let Some(us) = step.duration_us { div { dt { "Took" } dd { (time::duration(us)) } } }
            @if let Some(usage) = &step.usage {
                div {
                    dt { "Tokens" }
                    dd {
                        (text::grouped(usage.input_tokens)) " in"
                        @if usage.cached_tokens > 0 { " (" (text::grouped(usage.cached_tokens)) " cached)" }
                        ", " (text::grouped(usage.output_tokens)) " out"
                    }
                }
            }
            @if step.retries > 0 { div { dt { "Retries" } dd { (step.retries) } } }
            @if let Some(waiting_for) = &step.waiting_for { div { dt { "Waits for" } dd { (time::readable(&text::one_line(waiting_for, 200), now)) } } }
        }
        @if let Some(input) = &step.input {
            h3 { (if step.kind == "model" { "Input" } else { "Arguments" }) }
            (json::json(input, json::INLINE_LIMIT))
        }
        @if let Some(error) = &step.error {
            h3 { "Error" }
            p class="error-line" { code { (error.code) } " " (text::one_line(&error.message, 2_000)) }
        }
        @if let Some(output) = &step.output {
            @if step.kind == "model" { (reply(output)) } @else { h3 { "Result" } (json::json(output, json::INLINE_LIMIT)) }
        }
    }
}

/// A model's reply: its text as clean Markdown and the calls that it asks for.
fn reply(output: &Value) -> Markup {
    let words = reply_text(output);
    let calls = tool_calls(output);
    html! {
        @if !words.is_empty() { h3 { "Text" } (markdown::markdown(words, json::INLINE_LIMIT)) }
        @if !calls.is_empty() {
            h3 { "Calls" }
            ul class="calls" {
                @for call in &calls {
                    li { code { (call.tool) } " " span class="dim" { (text::one_line(&arguments(call.arguments), 200)) } }
                }
            }
        }
        @if words.is_empty() && calls.is_empty() { h3 { "Reply" } (json::json(output, json::INLINE_LIMIT)) }
    }
}

fn arguments(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
