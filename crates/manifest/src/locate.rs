//! From JSON pointers to places in the source.

use std::ops::Range;

use crate::diagnostic::{At, Diagnostic, Finding};
use crate::node::{Content, Node};
use crate::position::LineIndex;

/// The diagnostics of `findings`, placed with the help of the tree they were found in and sorted by place.
pub(crate) fn place(findings: Vec<Finding>, root: &Node, source: &str) -> Vec<Diagnostic> {
    let index = LineIndex::new(source);
    let mut placed: Vec<_> = findings
        .into_iter()
        .map(|finding| {
            let (line, column, width) = index.place(&span(root, &finding));
            Diagnostic {
                pointer: finding.pointer,
                message: finding.message,
                line: Some(line),
                column: Some(column),
                width,
            }
        })
        .collect();
    placed.sort_by_key(|fault| (fault.line, fault.column));
    placed
}

/// Where a finding stands. When its pointer leads out of the tree (a missing field), the nearest parent that is there.
fn span(root: &Node, finding: &Finding) -> Range<usize> {
    // the root's own span is the whole text, which would point at nothing
    let mut found = 0..1;
    let mut node = root;
    for segment in finding.pointer.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        let next = match &node.content {
            Content::Table(_) => node.field(&name).map(|entry| {
                let whole_table = matches!(entry.node.content, Content::Table(_)) && finding.at == At::Key;
                let span = if finding.at == At::Key || whole_table { &entry.key_span } else { &entry.node.span };
                (&entry.node, span)
            }),
            Content::List(items) => {
                name.parse::<usize>().ok().and_then(|at| items.get(at)).map(|item| (item, &item.span))
            }
            _ => None,
        };
        let Some((child, span)) = next else { break };
        found = span.clone();
        node = child;
    }
    found
}
