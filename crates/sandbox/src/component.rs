//! Components that users bring: what the server takes, seen before one is compiled.
//!
//! Runs in the compile process. That imports and exports have the right names is seen here, and said with the whole list;
//! that they have the right types is seen by the worker when it links them.

use wasmparser::{ComponentExternalKind, ComponentTypeRef, Parser, Payload, TypeBounds};

/// The interfaces of the world `moltforge:agent` that this server has, all of one version.
const INTERFACES: [&str; 13] = [
    "calls",
    "llm",
    "tools",
    "http",
    "state",
    "events",
    "agents",
    "approvals",
    "signals",
    "timers",
    "log",
    "clock",
    "random",
];
const PACKAGE: &str = "moltforge:agent";
/// A later version of the same number after the first dot adds things, and takes nothing away.
const VERSION: &str = "0.1";

/// What a standard library may import though nobody uses it. The worker answers: see `worker/wasi.rs`.
const WASI: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];
const WASI_VERSION: &str = "0.2";

/// Names these rules. A component that was compiled under others is looked at again.
pub(crate) const TAKEN: &str = "moltforge:agent@0.1, wasi@0.2";

/// The export that is called.
const RUN: &str = "run";

/// So many names are listed in a message.
const LISTED: usize = 40;

/// Why a component is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is none, or it cannot be compiled.
    Invalid,
    /// It imports what there is not.
    Imports,
    /// It has no `run`.
    Exports,
    /// It is too large, or compiling it takes too much.
    Limit,
}

impl Refusal {
    const ALL: [Self; 4] = [Self::Invalid, Self::Imports, Self::Exports, Self::Limit];

    /// Its name in errors.
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "component_invalid",
            Self::Imports => "component_imports",
            Self::Exports => "component_exports",
            Self::Limit => "component_limit",
        }
    }

    /// The exit code of a compile process that says so.
    pub(crate) fn exit(self) -> u8 {
        10 + self as u8
    }

    pub(crate) fn of_exit(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| i32::from(refusal.exit()) == code)
    }
}

/// Not taken, and why.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Refusal, pub(crate) String);

fn refused<T>(refusal: Refusal, reason: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(refusal, reason.into()))
}

/// Whether this server takes the component.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Refused> {
    if Parser::is_core_wasm(bytes) {
        let advice = "compile for wasm32-wasip2, or make one of it with `wasm-tools component new`";
        return refused(Refusal::Invalid, format!("it is a module and not a component: {advice}"));
    }
    if !Parser::is_component(bytes) {
        return refused(Refusal::Invalid, "it is not WebAssembly");
    }
    let names = names(bytes).map_err(|error| Refused(Refusal::Invalid, error.to_string()))?;
    let unknown: Vec<_> = names.imports.iter().filter(|import| !is_known(import)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let listed = unknown[..unknown.len().min(LISTED)].join(", ");
        let list = match unknown.len().saturating_sub(LISTED) {
            0 => listed,
            more => format!("{listed} and {more} more"),
        };
        let taken = format!("a component imports {PACKAGE}@{VERSION} and nothing else");
        return refused(Refusal::Imports, format!("it imports {list}; {taken}"));
    }
    if !names.functions.iter().any(|name| name == RUN) {
        let list = if names.exports.is_empty() { "nothing".to_owned() } else { names.exports.join(", ") };
        return refused(Refusal::Exports, format!("it exports no function `{RUN}`; it exports {list}"));
    }
    Ok(())
}

#[derive(Default)]
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
    /// Those of the exports that are functions.
    functions: Vec<String>,
}

/// What the component itself imports and exports, not what is inside of it.
fn names(bytes: &[u8]) -> wasmparser::Result<Names> {
    let mut names = Names::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import?;
                    // a name for a type that stands in an import before it
                    if !matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                        names.imports.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export?;
                    let name = export.name.name.to_owned();
                    if export.kind == ComponentExternalKind::Func {
                        names.functions.push(name.clone());
                    }
                    if names.exports.len() < LISTED {
                        names.exports.push(name);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

fn is_known(import: &str) -> bool {
    let Some((name, version)) = import.split_once('@') else { return false };
    let is = |track: &str| version.strip_prefix(track).is_some_and(|rest| rest.starts_with('.'));
    if let Some(interface) = name.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('/')) {
        return INTERFACES.contains(&interface) && is(VERSION);
    }
    WASI.contains(&name) && is(WASI_VERSION)
}

#[cfg(test)]
mod tests;
