//! The ways in: a TOML text, a JSON value, a configuration in hand.

use moltforge_api::AgentConfig;
use serde_json::Value;
use toml::de::DeTable;

use crate::diagnostic::{Diagnostic, Finding};
use crate::locate;
use crate::node::Node;
use crate::position::LineIndex;
use crate::walk::walk;
use crate::{MAX_DIAGNOSTICS, MAX_FILE_BYTES, MAX_NESTING, depth, rules};

/// Reads an agent file and checks all rules.
///
/// # Errors
/// Everything that is wrong, in the order of the file, each with line and column. A file with syntax errors has only
/// these reported: what stands around them cannot be trusted.
pub fn parse_toml(source: &str) -> Result<AgentConfig, Vec<Diagnostic>> {
    if source.len() > MAX_FILE_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_FILE_BYTES} are allowed", source.len());
        return Err(vec![at_offset(source, 0, message)]);
    }
    // brackets and dots are counted before the parser recurses into them; the shape is checked exactly afterwards
    if let Some(offset) = depth::too_deep(source, 2 * MAX_NESTING) {
        return Err(vec![at_offset(source, offset, format!("nested deeper than {MAX_NESTING} levels"))]);
    }
    let (table, errors) = DeTable::parse_recoverable(source);
    if !errors.is_empty() {
        let mut faults: Vec<_> = errors.iter().map(|error| syntax(source, error)).collect();
        faults.sort_by_key(|fault| (fault.line, fault.column));
        return Err(cut(faults));
    }
    let root = Node::from_toml(&table);
    accept(&root).map_err(|findings| cut(locate::place(findings, &root, source)))
}

/// As [`parse_toml`], of bytes that came from a file or over the wire and may not be text.
///
/// # Errors
/// As [`parse_toml`]; bytes that are not UTF-8 are one fault at their place.
pub fn parse_toml_bytes(bytes: &[u8]) -> Result<AgentConfig, Vec<Diagnostic>> {
    match std::str::from_utf8(bytes) {
        Ok(source) => parse_toml(source),
        Err(error) => {
            // what stands before the first bad byte is text, and says where that byte is
            let text = String::from_utf8_lossy(&bytes[..error.valid_up_to().min(bytes.len())]);
            Err(vec![at_offset(&text, text.len(), "not text: an agent file is UTF-8".to_owned())])
        }
    }
}

/// Reads a configuration in its JSON form and checks all rules.
///
/// # Errors
/// Everything that is wrong, each with a JSON pointer into `value`.
pub fn parse_json(value: &Value) -> Result<AgentConfig, Vec<Diagnostic>> {
    accept(&Node::from_json(value)).map_err(unplaced)
}

/// Checks the rules on a configuration in hand: the same faults as [`parse_json`] of its JSON form. Empty when it is
/// good.
pub fn check(config: &AgentConfig) -> Vec<Diagnostic> {
    match serde_json::to_value(config) {
        Ok(value) => parse_json(&value).err().unwrap_or_default(),
        Err(error) => vec![Diagnostic::unplaced("", format!("the configuration has no JSON form: {error}"))],
    }
}

/// Shape first, then rules, each on what the other left sound.
fn accept(root: &Node) -> Result<AgentConfig, Vec<Finding>> {
    let walked = walk(root);
    let mut findings = walked.findings.0;
    match serde_json::from_value::<AgentConfig>(walked.value) {
        Ok(config) => {
            findings.extend(rules::check(&config).into_iter().filter(|finding| !moot(finding, &walked.replaced)));
            if findings.is_empty() { Ok(config) } else { Err(findings) }
        }
        // the walk accepts only what the type takes; a test holds the two together
        Err(error) if findings.is_empty() => {
            let mut faults = crate::diagnostic::Findings::default();
            faults.value("", format!("not an agent: {error}"));
            Err(faults.0)
        }
        Err(_) => Err(findings),
    }
}

/// Whether a rule's finding is about a stand-in or about what holds one, or rests on tools that could not all be read.
fn moot(finding: &Finding, replaced: &[String]) -> bool {
    let below = |whole: &str, part: &str| part.strip_prefix(whole).is_some_and(|rest| rest.starts_with('/'));
    let within = |pointer: &String| {
        let found = finding.pointer.as_str();
        found == pointer || below(pointer, found) || (!found.is_empty() && below(found, pointer))
    };
    let of_tools = |pointer: &String| ["/tools", "/tool"].iter().any(|list| pointer == list || below(list, pointer));
    replaced.iter().any(within) || (finding.cross && replaced.iter().any(of_tools))
}

fn syntax(source: &str, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..1);
    let (line, column, width) = LineIndex::new(source).place(&span);
    // the parser calls nothing at all a text without quotes
    let absent = span.is_empty() && error.message().starts_with("string values must be quoted");
    let reason = if absent { "a value is missing after `=`" } else { error.message().trim() };
    let message = format!("not valid TOML: {}", reason.replace('\n', "; "));
    Diagnostic { pointer: String::new(), message, line: Some(line), column: Some(column), width }
}

fn at_offset(source: &str, offset: usize, message: String) -> Diagnostic {
    let (line, column, width) = LineIndex::new(source).place(&(offset..offset + 1));
    Diagnostic { pointer: String::new(), message, line: Some(line), column: Some(column), width }
}

fn unplaced(findings: Vec<Finding>) -> Vec<Diagnostic> {
    cut(findings.into_iter().map(|finding| Diagnostic::unplaced(finding.pointer, finding.message)).collect())
}

fn cut(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if diagnostics.len() > MAX_DIAGNOSTICS {
        let more = diagnostics.len() - MAX_DIAGNOSTICS;
        diagnostics.truncate(MAX_DIAGNOSTICS);
        diagnostics.push(Diagnostic::unplaced("", format!("and {more} more faults")));
    }
    diagnostics
}
