//! Which fields an agent's configuration has, and what each of them takes. A test compares this with the wire contract.

use std::ops::RangeInclusive;

/// What a value must be.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A text.
    Text,
    /// One of some texts.
    Choice(&'static [&'static str]),
    /// A whole number in a range.
    Integer(RangeInclusive<u64>),
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A list of values of one shape.
    List(&'static Shape),
    /// A table with exactly these fields.
    Table(&'static [Field]),
    /// A table of texts under names of the author's choice.
    Texts,
    /// A table with anything in it: a JSON Schema.
    Schema,
    /// Anything that both TOML and JSON can say.
    Any,
}

/// One field of a table.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) needed: Needed,
}

/// When a field must be there.
#[derive(Debug)]
pub(crate) enum Needed {
    /// Always.
    Always,
    /// Never.
    Never,
    /// When the field of this name beside it has this text.
    When(&'static str, &'static str),
}

const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, needed: Needed::Always }
}

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, needed: Needed::Never }
}

const fn required_of(kind: &'static str, name: &'static str, shape: Shape) -> Field {
    Field { name, shape, needed: Needed::When("kind", kind) }
}

/// Bounds of whole numbers, shared with the rules.
pub(crate) mod bounds {
    use std::ops::RangeInclusive;

    pub(crate) const TURNS: RangeInclusive<u64> = 1..=10_000;
    pub(crate) const TOOL_CALLS: RangeInclusive<u64> = 0..=50_000;
    pub(crate) const TOKENS: RangeInclusive<u64> = 1..=1_000_000_000_000;
    pub(crate) const ATTEMPTS: RangeInclusive<u64> = 1..=1_000;
    pub(crate) const CONCURRENCY: RangeInclusive<u64> = 1..=1_000_000;
    pub(crate) const CHILDREN: RangeInclusive<u64> = 0..=100;
    pub(crate) const PRIORITY: RangeInclusive<u64> = 0..=moltforge_types::origin::MAX_PRIORITY as u64;
    pub(crate) const MAX_OUTPUT_TOKENS: RangeInclusive<u64> = 1..=1_000_000;
    pub(crate) const REPEAT: RangeInclusive<u64> = 1..=50_000;
}

/// The whole of an agent file.
pub(crate) const AGENT: Shape = Shape::Table(&[
    required("name", Shape::Text),
    optional("description", Shape::Text),
    required("kind", Shape::Choice(&["prompt", "code"])),
    required_of("code", "code", Shape::Text),
    optional("bundle", Shape::Text),
    required_of("prompt", "model", Shape::Text),
    optional("instructions", Shape::Text),
    optional("tools", Shape::List(&Shape::Text)),
    optional("hosts", Shape::List(&Shape::Text)),
    optional("agents", Shape::List(&Shape::Text)),
    optional("input_schema", Shape::Schema),
    optional("output_schema", Shape::Schema),
    optional("limits", LIMITS),
    optional("priority", Shape::Integer(bounds::PRIORITY)),
    optional("parameters", PARAMETERS),
    optional("triggers", Shape::List(&TRIGGER)),
    optional("tool", Shape::List(&TOOL)),
    optional("approvals", Shape::List(&APPROVAL)),
    optional("script", Shape::List(&REPLY)),
]);

const LIMITS: Shape = Shape::Table(&[
    optional("wall", Shape::Text),
    optional("turns", Shape::Integer(bounds::TURNS)),
    optional("tool_calls", Shape::Integer(bounds::TOOL_CALLS)),
    optional("tokens", Shape::Integer(bounds::TOKENS)),
    optional("attempts", Shape::Integer(bounds::ATTEMPTS)),
    optional("concurrency", Shape::Integer(bounds::CONCURRENCY)),
    optional("key_concurrency", Shape::Integer(bounds::CONCURRENCY)),
    optional("children", Shape::Integer(bounds::CHILDREN)),
    optional("memory", Shape::Text),
    optional("cpu", Shape::Text),
    optional("output", Shape::Text),
]);

const PARAMETERS: Shape = Shape::Table(&[
    optional("temperature", Shape::Number),
    optional("max_output_tokens", Shape::Integer(bounds::MAX_OUTPUT_TOKENS)),
]);

const TOOL: Shape = Shape::Table(&[
    required("name", Shape::Text),
    required("description", Shape::Text),
    required("url", Shape::Text),
    optional("method", Shape::Text),
    optional("headers", Shape::Texts),
    required("parameters", Shape::Schema),
    optional("effect", Shape::Text),
    optional("timeout", Shape::Text),
    optional("concurrency", Shape::Integer(bounds::CONCURRENCY)),
    optional("probe", PROBE),
]);

const PROBE: Shape = Shape::Table(&[
    required("url", Shape::Text),
    optional("headers", Shape::Texts),
    optional("field", Shape::Text),
    optional("done", Shape::List(&Shape::Text)),
    optional("not_done", Shape::List(&Shape::Text)),
    optional("result", Shape::Text),
    optional("settle", Shape::Text),
]);

const APPROVAL: Shape = Shape::Table(&[
    required("tools", Shape::List(&Shape::Text)),
    optional("approvers", Shape::List(&Shape::Text)),
    optional("expires", Shape::Text),
    optional("on_expiry", Shape::Choice(&["reject", "pause"])),
    optional("escalate_after", Shape::Text),
    optional("escalate_to", Shape::List(&Shape::Text)),
    optional("when", CONDITION),
]);

const CONDITION: Shape = Shape::Table(&[
    required("argument", Shape::Text),
    optional("above", Shape::Number),
    optional("below", Shape::Number),
    optional("equals", Shape::Any),
    optional("not_equals", Shape::Any),
]);

const TRIGGER: Shape = Shape::Table(&[
    optional("name", Shape::Text),
    optional("schedule", Shape::Text),
    optional("timezone", Shape::Text),
    optional("missed", Shape::Text),
    optional("jitter", Shape::Text),
    optional("event", Shape::Text),
    optional("topic", Shape::Text),
    optional("filter", Shape::Schema),
    optional("webhook", Shape::Flag),
    optional("concurrency", Shape::Text),
    optional("input", Shape::Any),
]);

const REPLY: Shape = Shape::Table(&[
    optional("text", Shape::Text),
    optional("calls", Shape::List(&CALL)),
    optional("delay", Shape::Text),
    optional("repeat", Shape::Integer(bounds::REPEAT)),
]);

const CALL: Shape = Shape::Table(&[required("tool", Shape::Text), optional("arguments", Shape::Any)]);

/// Top-level fields that a reader of the design may expect and that this server does not understand. They are refused by
/// name, because ignoring a budget or a trigger would be worse than not having it.
pub(crate) const NOT_YET: [&str; 2] = ["budget", "process"];

#[cfg(test)]
mod tests {
    use super::*;
    use moltforge_api::config::{
        AgentConfig, ApprovalCondition, ApprovalPolicy, HttpTool, Limits, ModelParameters, Probe, ScriptedCall,
        ScriptedReply, TriggerConfig,
    };
    use utoipa::PartialSchema;

    fn fields<T: PartialSchema>() -> Vec<(String, bool)> {
        let schema = serde_json::to_value(T::schema()).unwrap();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
        let names = schema["properties"].as_object().unwrap().keys();
        let mut fields: Vec<_> = names.map(|name| (name.clone(), required.contains(&name.as_str()))).collect();
        fields.sort();
        fields
    }

    fn known(shape: &Shape) -> Vec<(String, bool)> {
        let Shape::Table(fields) = shape else { panic!("{shape:?} is not a table") };
        let mut fields: Vec<_> =
            fields.iter().map(|field| (field.name.to_owned(), matches!(field.needed, Needed::Always))).collect();
        fields.sort();
        fields
    }

    #[test]
    fn the_wire_contract_has_the_same_fields() {
        assert_eq!(known(&AGENT), fields::<AgentConfig>());
        assert_eq!(known(&LIMITS), fields::<Limits>());
        assert_eq!(known(&PARAMETERS), fields::<ModelParameters>());
        assert_eq!(known(&TOOL), fields::<HttpTool>());
        assert_eq!(known(&TRIGGER), fields::<TriggerConfig>());
        assert_eq!(known(&PROBE), fields::<Probe>());
        assert_eq!(known(&APPROVAL), fields::<ApprovalPolicy>());
        assert_eq!(known(&CONDITION), fields::<ApprovalCondition>());
        assert_eq!(known(&REPLY), fields::<ScriptedReply>());
        assert_eq!(known(&CALL), fields::<ScriptedCall>());
    }
}
