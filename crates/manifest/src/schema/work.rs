//! How much work a schema makes, bounded before anything is validated with it.
//!
//! A definition that uses the next one twice, which uses the next one twice, is short and means a number of evaluations
//! that no server finishes. What is counted here is how many sub-schemas are evaluated *against one part of a value*,
//! with every reference followed: the whole work is then at most that number for each part of the value, however deep the
//! value and even where a schema refers to itself.

use serde_json::Value;

use super::graph::{self, Node, Parts};

/// The most sub-schemas that one part of a value may be checked against.
pub(super) const MAX_WORK: u64 = 1_000;

/// The deepest that sub-schemas may apply within one another, references followed and with a value of any depth: what the
/// stack of a thread holds.
const MAX_DEPTH: usize = 600;

/// The deepest value that is ever validated: `serde_json` reads no deeper one.
const MAX_VALUE_DEPTH: usize = 128;

/// The most regular expressions in one schema; each may take up to a megabyte.
const MAX_PATTERNS: usize = 100;

/// Refuses a schema that makes too much work, and says otherwise how many sub-schemas at most one part of a value is
/// checked against.
///
/// # Errors
/// Where within the schema, and why.
pub(super) fn check(schema: &Value) -> Result<u64, (String, String)> {
    let nodes = graph::read(schema)?;
    patterns(&nodes)?;
    let order = order(&nodes)?;
    let mut work = vec![0_u64; nodes.len()];
    let mut depth = vec![0_usize; nodes.len()];
    let mut most = 0;
    for level in 0..=MAX_VALUE_DEPTH {
        let (above_work, above_depth) = (work.clone(), depth.clone());
        for at in &order {
            let Some(node) = nodes.get(*at) else { continue };
            let own = if level == 0 { node.own } else { 0 };
            let parts = if level == 0 { 0 } else { of_parts(node, &above_work) };
            let same = node.same.iter().fold(0, |sum: u64, of| sum.saturating_add(value(&work, *of)));
            let same = same.saturating_mul(if node.again { 4 } else { 1 });
            let sum = own.saturating_add(same).saturating_add(parts);
            let deepest = node.same.iter().map(|of| value(&depth, *of)).max().unwrap_or(0);
            let below = if level == 0 { 0 } else { node.parts().map(|of| value(&above_depth, of)).max().unwrap_or(0) };
            let deep = 1 + deepest.max(below);
            most = most.max(sum);
            if sum > MAX_WORK {
                return Err((node.pointer.clone(), too_much(level)));
            }
            if deep > MAX_DEPTH {
                let message = format!(
                    "sub-schemas apply within one another more than {MAX_DEPTH} deep, references followed; make the chain \
                     of references shorter"
                );
                return Err((node.pointer.clone(), message));
            }
            if let (Some(work), Some(depth)) = (work.get_mut(*at), depth.get_mut(*at)) {
                (*work, *depth) = (sum, deep);
            }
        }
        if level > 0 && work.iter().all(|work| *work == 0) {
            break;
        }
    }
    Ok(most)
}

fn too_much(level: usize) -> String {
    let what = if level == 0 { "a value".to_owned() } else { format!("a part {level} levels deep in a value") };
    format!(
        "this means that {what} is checked against more than {MAX_WORK} sub-schemas, references followed; let each value \
         be described once"
    )
}

fn patterns(nodes: &[Node]) -> Result<(), (String, String)> {
    let mut patterns = 0;
    for node in nodes {
        patterns += node.patterns;
        if patterns > MAX_PATTERNS {
            return Err((node.pointer.clone(), format!("more than {MAX_PATTERNS} patterns are in this schema")));
        }
    }
    Ok(())
}

impl Node {
    fn parts(&self) -> impl Iterator<Item = usize> {
        [&self.members, &self.items]
            .into_iter()
            .flat_map(|parts| [&parts.named, &parts.beside, &parts.rest, &parts.every])
            .flatten()
            .copied()
    }
}

/// A value is an object or an array, so that the larger of the two counts.
fn of_parts(node: &Node, work: &[u64]) -> u64 {
    of_part(&node.members, work).max(of_part(&node.items, work))
}

fn of_part(parts: &Parts, work: &[u64]) -> u64 {
    let sum = |list: &[usize]| list.iter().fold(0, |sum: u64, of| sum.saturating_add(value(work, *of)));
    let named = parts.named.iter().map(|of| value(work, *of)).max().unwrap_or(0);
    named.saturating_add(sum(&parts.beside)).max(sum(&parts.rest)).saturating_add(sum(&parts.every))
}

fn value<T: Copy + Default>(of: &[T], at: usize) -> T {
    of.get(at).copied().unwrap_or_default()
}

/// The nodes, each after all that apply to the same value as itself.
fn order(nodes: &[Node]) -> Result<Vec<usize>, (String, String)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        Open,
        Done,
    }
    let mut seen = vec![Seen::No; nodes.len()];
    let mut order = Vec::with_capacity(nodes.len());
    for start in 0..nodes.len() {
        // a stack of its own: chains of references may be long
        let mut open = vec![(start, 0)];
        while let Some((at, next)) = open.pop() {
            if next == 0 {
                match seen[at] {
                    Seen::Done => continue,
                    Seen::Open => {
                        let message = "this schema applies to the same value as itself, without an end; refer to it from \
                                       `properties` or `items`";
                        return Err((nodes[at].pointer.clone(), message.to_owned()));
                    }
                    Seen::No => seen[at] = Seen::Open,
                }
            }
            if let Some(to) = nodes[at].same.get(next) {
                open.push((at, next + 1));
                open.push((*to, 0));
            } else {
                seen[at] = Seen::Done;
                order.push(at);
            }
        }
    }
    Ok(order)
}
