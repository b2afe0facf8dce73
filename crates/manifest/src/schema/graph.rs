//! A schema as a graph: its sub-schemas, and which of them apply to the same value or to a part of it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::diagnostic::{child, item};

/// One sub-schema.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Where it stands in the schema.
    pub(super) pointer: String,
    /// What it costs by itself, without its sub-schemas.
    pub(super) own: u64,
    /// Those that apply to the same value.
    pub(super) same: Vec<usize>,
    /// Those that apply to an object's members and names.
    pub(super) members: Parts,
    /// Those that apply to an array's items.
    pub(super) items: Parts,
    /// It has to find out which parts other keywords have looked at, and so evaluates those again.
    pub(super) again: bool,
    /// The patterns that it tries.
    pub(super) patterns: usize,
}

/// The sub-schemas for the parts of a value.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// At most one of these applies to one part: `properties`, `prefixItems`.
    pub(super) named: Vec<usize>,
    /// Any of these may apply beside a named one: `patternProperties`.
    pub(super) beside: Vec<usize>,
    /// Applies where none of those does: `additionalProperties`, `items`.
    pub(super) rest: Vec<usize>,
    /// Apply to every part: `contains`, `propertyNames`, `unevaluatedItems`.
    pub(super) every: Vec<usize>,
}

/// The graph of `schema`: the first node is the root. Definitions that nothing refers to are in it as well.
///
/// # Errors
/// Where and why a reference or an anchor cannot be followed.
pub(super) fn read(schema: &Value) -> Result<Vec<Node>, (String, String)> {
    let mut graph =
        Graph { schema, nodes: Vec::new(), known: HashMap::new(), todo: Vec::new(), anchors: HashMap::new() };
    let mut references = Vec::new();
    graph.node(String::new(), schema);
    // a reference may lead to a place that nothing else takes for a schema, and that may refer further
    loop {
        while let Some((at, value)) = graph.todo.pop() {
            graph.expand(at, value, &mut references)?;
        }
        let Some((from, target)) = references.pop() else { break };
        let to = graph.resolve(from, target)?;
        if let (Some(to), Some(node)) = (to, graph.nodes.get_mut(from)) {
            node.same.push(to);
        }
    }
    Ok(graph.nodes)
}

struct Graph<'a> {
    schema: &'a Value,
    nodes: Vec<Node>,
    known: HashMap<String, usize>,
    todo: Vec<(usize, &'a Value)>,
    anchors: HashMap<&'a str, usize>,
}

impl<'a> Graph<'a> {
    fn node(&mut self, pointer: String, value: &'a Value) -> usize {
        if let Some(known) = self.known.get(&pointer) {
            return *known;
        }
        let at = self.nodes.len();
        self.known.insert(pointer.clone(), at);
        self.nodes.push(Node { pointer, own: 1, ..Node::default() });
        self.todo.push((at, value));
        at
    }

    fn expand(
        &mut self,
        at: usize,
        value: &'a Value,
        references: &mut Vec<(usize, &'a str)>,
    ) -> Result<(), (String, String)> {
        let Value::Object(map) = value else { return Ok(()) };
        let pointer = self.nodes[at].pointer.clone();
        if !pointer.is_empty() && map.contains_key("$id") {
            return Err((child(&pointer, "$id"), "a part of a schema cannot be a resource of its own".to_owned()));
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = map.get(keyword).and_then(Value::as_str)
                && self.anchors.insert(name, at).is_some_and(|other| other != at)
            {
                return Err((child(&pointer, keyword), "another part of the schema has this anchor".to_owned()));
            }
        }
        for keyword in ["$ref", "$dynamicRef"] {
            references.extend(map.get(keyword).and_then(Value::as_str).map(|target| (at, target)));
        }
        for keyword in ["$defs", "definitions"] {
            self.table(&pointer, map, keyword);
        }
        let mut node = Node { pointer: pointer.clone(), own: own(map), ..Node::default() };
        node.again = map.contains_key("unevaluatedProperties") || map.contains_key("unevaluatedItems");
        node.patterns = usize::from(map.contains_key("pattern"));
        for keyword in ["allOf", "anyOf", "oneOf"] {
            node.same.extend(self.list(&pointer, map, keyword));
        }
        for keyword in ["not", "if", "then", "else", "contentSchema"] {
            node.same.extend(self.one(&pointer, map, keyword));
        }
        // `dependencies` is from before 2020-12 and still understood
        for keyword in ["dependentSchemas", "dependencies"] {
            node.same.extend(self.table(&pointer, map, keyword));
        }
        node.members.named = self.table(&pointer, map, "properties");
        node.members.beside = self.table(&pointer, map, "patternProperties");
        node.patterns += node.members.beside.len();
        node.members.rest = self.one(&pointer, map, "additionalProperties");
        for keyword in ["propertyNames", "unevaluatedProperties"] {
            node.members.every.extend(self.one(&pointer, map, keyword));
        }
        node.items.named = self.list(&pointer, map, "prefixItems");
        node.items.rest = self.one(&pointer, map, "items");
        for keyword in ["contains", "unevaluatedItems", "additionalItems"] {
            node.items.every.extend(self.one(&pointer, map, keyword));
        }
        self.nodes[at] = node;
        Ok(())
    }

    fn one(&mut self, pointer: &str, map: &'a Map<String, Value>, keyword: &str) -> Vec<usize> {
        map.get(keyword).map(|value| self.node(child(pointer, keyword), value)).into_iter().collect()
    }

    fn list(&mut self, pointer: &str, map: &'a Map<String, Value>, keyword: &str) -> Vec<usize> {
        let Some(Value::Array(values)) = map.get(keyword) else { return Vec::new() };
        let here = child(pointer, keyword);
        values.iter().enumerate().map(|(at, value)| self.node(item(&here, at), value)).collect()
    }

    fn table(&mut self, pointer: &str, map: &'a Map<String, Value>, keyword: &str) -> Vec<usize> {
        let Some(Value::Object(values)) = map.get(keyword) else { return Vec::new() };
        let here = child(pointer, keyword);
        values.iter().map(|(name, value)| self.node(child(&here, name), value)).collect()
    }

    /// The node that a reference means. None for one that leaves the schema: building it refuses that.
    fn resolve(&mut self, from: usize, target: &'a str) -> Result<Option<usize>, (String, String)> {
        let Some(fragment) = target.strip_prefix('#') else { return Ok(None) };
        let fragment = percent(fragment);
        if !fragment.is_empty() && !fragment.starts_with('/') {
            if let Some(at) = self.anchors.get(fragment.as_str()) {
                return Ok(Some(*at));
            }
        } else if let Some(value) = self.schema.pointer(&fragment) {
            return Ok(Some(self.node(fragment, value)));
        }
        let shown: String = target.chars().take(80).collect();
        Err((self.nodes[from].pointer.clone(), format!("nothing is at {shown:?}, which is referred to here")))
    }
}

/// What a sub-schema costs by itself: one, and more for keywords that go through a list each time.
fn own(map: &Map<String, Value>) -> u64 {
    let length = |keyword: &str| map.get(keyword).and_then(Value::as_array).map_or(0, |list| list.len() as u64);
    let dependent = map
        .get("dependentRequired")
        .and_then(Value::as_object)
        .map_or(0, |table| table.values().map(|list| 1 + list.as_array().map_or(0, |list| list.len() as u64)).sum());
    1 + length("enum") / 32 + length("required") / 8 + dependent / 8
}

/// A fragment without its percent-encoding.
fn percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
