//! What only programs have, and what only prompts have.

use moltforge_api::AgentConfig;
use moltforge_api::config::AgentKind;

use super::positive_duration;
use crate::bundle::{self, Language};
use crate::diagnostic::Findings;
use crate::size::parse_size;

/// The least memory in which an engine starts, and the most that a program can have.
const MEMORY: (&str, &str) = ("8MiB", "256MiB");
/// What a program may return: it is kept in the journal and sent whole.
const OUTPUT: (&str, &str) = ("1KiB", "4MiB");

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    match config.kind {
        AgentKind::Prompt => prompt(config, findings),
        AgentKind::Code => code(config, findings),
    }
}

fn prompt(config: &AgentConfig, findings: &mut Findings) {
    for (pointer, is_there) in [
        ("/code", config.code.is_some()),
        ("/bundle", config.bundle.is_some()),
        ("/limits/memory", config.limits.memory.is_some()),
        ("/limits/cpu", config.limits.cpu.is_some()),
        ("/limits/output", config.limits.output.is_some()),
    ] {
        if is_there {
            let name = pointer.trim_start_matches('/').replace('/', ".");
            findings.key(pointer, format!("`{name}` is for `kind = \"code\"`; a prompt has no program"));
        }
    }
}

fn code(config: &AgentConfig, findings: &mut Findings) {
    if !config.instructions.is_empty() {
        let advice = "hand them to `llm.complete` in the program";
        findings.key("/instructions", format!("`instructions` are for `kind = \"prompt\"`; {advice}"));
    }
    if config.model.is_empty() && !config.script.is_empty() {
        findings.key("/script", "[[script]] is for `model = \"scripted\"`, and there is no `model`");
    }
    if let Some(name) = &config.code {
        let fault = bundle::check_name(name).err();
        if let Some(message) = fault.or_else(|| Language::of(name).is_none().then(unknown)) {
            findings.value("/code", message);
        }
    }
    if let Some(hash) = &config.bundle
        && !is_hash(hash)
    {
        findings.value("/bundle", "expected the SHA-256 of a bundle: 64 hexadecimal digits, in lower case");
    }
    if let Some(cpu) = &config.limits.cpu {
        positive_duration(findings, "/limits/cpu", cpu, "1h");
    }
    size(findings, "/limits/memory", config.limits.memory.as_ref(), MEMORY);
    size(findings, "/limits/output", config.limits.output.as_ref(), OUTPUT);
}

/// A size between two others.
fn size(findings: &mut Findings, pointer: &str, size: Option<&String>, (least, most): (&str, &str)) {
    let Some(size) = size else { return };
    let of = |text| parse_size(text).unwrap_or_default();
    match parse_size(size) {
        Err(message) => findings.value(pointer, message),
        Ok(bytes) if bytes < of(least) || bytes > of(most) => {
            let shown: String = size.chars().take(40).collect();
            findings.value(pointer, format!("expected \"{least}\" to \"{most}\", got {shown:?}"));
        }
        Ok(_) => {}
    }
}

fn unknown() -> String {
    let all = Language::ALL.iter().flat_map(|language| language.extensions());
    let all: Vec<_> = all.map(|extension| format!("`.{extension}`")).collect();
    format!("nothing is known about this kind of file; expected a name that ends in {}", all.join(", "))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
