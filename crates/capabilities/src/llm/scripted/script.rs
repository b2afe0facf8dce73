//! A script, compiled: replies by turn, texts cut into literals and places.

use std::time::Duration;

use moltforge_api::AgentConfig;
use moltforge_manifest::parse_duration;
use serde_json::{Map, Value};

use super::template::{MAX_RENDERED, Scope, Text};

/// The replies of one agent.
#[derive(Debug)]
pub(super) struct Script {
    /// Each with the last turn that it serves.
    replies: Vec<(u64, Reply)>,
}

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) text: Text,
    pub(super) calls: Vec<Call>,
    pub(super) delay: Duration,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) tool: String,
    pub(super) arguments: Arguments,
}

/// Arguments of a call: JSON text as it is, or a tree with places.
#[derive(Debug)]
pub(super) enum Arguments {
    Literal(String),
    Tree(Node),
}

#[derive(Debug)]
pub(super) enum Node {
    Literal(Value),
    Text(Text),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Script {
    /// Compiles the script of an agent, or says which template is wrong.
    pub(super) fn compile(config: &AgentConfig) -> Result<Self, String> {
        let mut last_turn = 0;
        let mut replies = Vec::with_capacity(config.script.len());
        for (at, reply) in config.script.iter().enumerate() {
            let place = |error: String| format!("script, reply {}: {error}", at + 1);
            let delay = reply.delay.as_deref().map(parse_duration).transpose().map_err(place)?;
            let calls = reply
                .calls
                .iter()
                .map(|call| Ok(Call { tool: call.tool.clone(), arguments: Arguments::compile(&call.arguments)? }));
            let calls = calls.collect::<Result<_, String>>().map_err(place)?;
            let text = Text::compile(&reply.text).map_err(place)?;
            last_turn += u64::from(reply.repeat.unwrap_or(1));
            replies.push((last_turn, Reply { text, calls, delay: delay.unwrap_or_default() }));
        }
        Ok(Self { replies })
    }

    /// The reply for a turn, from 1.
    pub(super) fn reply(&self, turn: u32) -> Option<&Reply> {
        let at = self.replies.partition_point(|(last_turn, _)| *last_turn < u64::from(turn));
        self.replies.get(at).map(|(_, reply)| reply)
    }
}

impl Arguments {
    fn compile(value: &Value) -> Result<Self, String> {
        Ok(match Node::compile(value)? {
            Node::Literal(Value::Null) => Self::Literal("{}".to_owned()),
            Node::Literal(value) => Self::Literal(value.to_string()),
            tree => Self::Tree(tree),
        })
    }

    /// The arguments as JSON text.
    pub(super) fn render(&self, scope: &Scope<'_>) -> Result<String, String> {
        let text = match self {
            Self::Literal(text) => text.clone(),
            Self::Tree(tree) => tree.render(scope)?.to_string(),
        };
        if text.len() > MAX_RENDERED {
            return Err(format!("the arguments have more than {MAX_RENDERED} bytes"));
        }
        Ok(text)
    }
}

impl Node {
    fn compile(value: &Value) -> Result<Self, String> {
        let node = match value {
            Value::String(text) => match Text::compile(text)? {
                Text::Literal(text) => Self::Literal(Value::String(text)),
                text => Self::Text(text),
            },
            Value::Array(items) => Self::List(items.iter().map(Self::compile).collect::<Result<_, _>>()?),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| Ok((name.clone(), Self::compile(value)?));
                Self::Object(fields.iter().map(field).collect::<Result<_, String>>()?)
            }
            value => Self::Literal(value.clone()),
        };
        // what has no places is one literal, however deep
        let literal = match &node {
            Self::List(items) => items.iter().all(Self::is_literal),
            Self::Object(fields) => fields.iter().all(|(_, node)| node.is_literal()),
            _ => return Ok(node),
        };
        Ok(if literal { Self::Literal(node.into_literal()) } else { node })
    }

    fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    fn into_literal(self) -> Value {
        match self {
            Self::Literal(value) => value,
            Self::List(items) => items.into_iter().map(Self::into_literal).collect(),
            Self::Object(fields) => {
                Value::Object(fields.into_iter().map(|(name, node)| (name, node.into_literal())).collect())
            }
            Self::Text(_) => Value::Null,
        }
    }

    fn render(&self, scope: &Scope<'_>) -> Result<Value, String> {
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::Text(text) => text.value(scope)?,
            Self::List(items) => items.iter().map(|item| item.render(scope)).collect::<Result<_, _>>()?,
            Self::Object(fields) => {
                let mut object = Map::new();
                for (name, node) in fields {
                    object.insert(name.clone(), node.render(scope)?);
                }
                Value::Object(object)
            }
        })
    }
}
