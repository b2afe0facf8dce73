//! What editors are told about the module `moltforge` is what it is, in both languages and in the SDK for Rust.

use std::collections::{BTreeMap, BTreeSet};

const JAVASCRIPT: &str = include_str!("../../../../../sandbox/guests/javascript/prelude/api.js");
const PYTHON: &str = include_str!("../../../../../sandbox/guests/python/moltforge.py");
const JAVASCRIPT_TYPES: &str = include_str!("../../../../templates/javascript/moltforge.d.ts");
const PYTHON_TYPES: &str = include_str!("../../../../templates/python/moltforge.pyi");

/// Capabilities, and the functions of each.
type Names = BTreeMap<String, BTreeSet<String>>;

/// The identifier that a line begins with.
fn word(line: &str) -> &str {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// A method of an object of JavaScript or of its types.
fn method(line: &str, indent: &str) -> Option<String> {
    let line = line.strip_prefix(indent)?;
    let name = word(line);
    let is_one = !name.is_empty() && line[name.len()..].starts_with('(') && !["if", "return"].contains(&name);
    is_one.then(|| name.to_owned())
}

fn javascript() -> Names {
    let mut names = Names::new();
    let mut current = String::new();
    for line in JAVASCRIPT.lines() {
        if let Some(rest) = line.strip_prefix("export const ") {
            current = word(rest).to_owned();
            names.entry(current.clone()).or_default();
        }
        if let (Some(name), Some(functions)) = (method(line, "  "), names.get_mut(&current)) {
            functions.insert(name);
        }
    }
    // functions that are made in one line
    let levels = ["debug", "info", "warn", "error"].map(str::to_owned);
    names.insert("log".to_owned(), levels.into());
    names
}

fn javascript_types() -> Names {
    let mut names = Names::new();
    let mut current = String::new();
    for line in JAVASCRIPT_TYPES.lines() {
        if let Some(rest) = line.strip_prefix("  const ") {
            current = word(rest).to_owned();
            let in_line = rest.split_once('{').and_then(|(_, methods)| method(methods.trim_start(), ""));
            names.entry(current.clone()).or_default().extend(in_line);
        }
        if let (Some(name), Some(functions)) = (method(line, "    "), names.get_mut(&current)) {
            functions.insert(name);
        }
    }
    names
}

/// Public methods of the classes behind `tools`, `llm` and so on, by the name without its underscore.
fn python(text: &str) -> Names {
    let mut names = Names::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("class ") {
            current = word(rest).trim_start_matches('_').to_lowercase();
            names.entry(current.clone()).or_default();
        }
        if let (Some(name), Some(functions)) = (function(line), names.get_mut(&current)) {
            functions.insert(name.to_owned());
        }
    }
    names
}

/// A method of a class of Python, or another name for one.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("    ")?;
    let defined = line.strip_prefix("async ").unwrap_or(line).strip_prefix("def ");
    let is_alias = line.ends_with(" = __call__") || line.ends_with(" = warning");
    let name = word(defined.or_else(|| is_alias.then_some(line))?);
    (!name.is_empty() && !name.starts_with('_')).then_some(name)
}

#[test]
fn types_for_editors_are_those_of_the_module() {
    assert_eq!(javascript(), javascript_types());
    let (module, mut types) = (python(PYTHON), python(PYTHON_TYPES));
    assert!(module["llm"].contains("stream") && module["log"].contains("warn"), "{module:?}");
    // it comes from elsewhere; and what is only a shape
    types.retain(|name, _| module.contains_key(name));
    assert_eq!(module, types);
}

#[test]
fn a_capability_is_called_the_same_in_all_languages() {
    let (javascript, python) = (javascript(), python(PYTHON));
    for (capability, functions) in &javascript {
        if capability == "context" {
            continue;
        }
        let missing: Vec<_> = functions.difference(&python[capability]).collect();
        assert!(missing.is_empty(), "Python's {capability} has no {missing:?}");
        let rust = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/rust/src");
        let rust = std::fs::read_to_string(rust.join(format!("{capability}.rs"))).unwrap();
        for function in functions {
            let is_there = ["(", "<"].iter().any(|next| rust.contains(&format!("\npub fn {function}{next}")));
            assert!(is_there, "Rust's {capability} has no {function}");
        }
    }
    let wit = include_str!("../../../../../../sdk/wit/agent.wit");
    for capability in javascript.keys().filter(|name| *name != "context") {
        assert!(wit.contains(&format!("interface {capability} {{")), "the world has no {capability}");
    }
}
