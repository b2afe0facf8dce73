//! Arguments as a model wrote them: parsed, validated, and refused in words that help it to try again.

use jsonschema::Validator;
use moltforge_types::journal::ErrorInfo;
use serde_json::Value;

/// The longest arguments of one call, bytes.
const MAX_ARGUMENTS: usize = 1024 * 1024;
/// The most faults that are told at once.
const MAX_FAULTS: usize = 5;
const MAX_FAULT: usize = 300;

pub(super) fn parse(tool: &str, text: &str, schema: &Value, validator: &Validator) -> Result<Value, ErrorInfo> {
    if text.len() > MAX_ARGUMENTS {
        return Err(error(tool, &format!("they are longer than {MAX_ARGUMENTS} bytes")));
    }
    // providers send nothing at all for a call without arguments
    let text = if text.trim().is_empty() { "{}" } else { text };
    let arguments: Value = match serde_json::from_str(text) {
        Ok(arguments) => arguments,
        Err(fault) => return Err(error(tool, &format!("they are not JSON: {fault}"))),
    };
    let faults = moltforge_manifest::schema::errors(schema, validator, &arguments, MAX_FAULTS);
    if faults.is_empty() {
        return Ok(arguments);
    }
    let mut faults: Vec<String> = faults
        .into_iter()
        .map(|(at, text)| {
            let text: String = text.chars().take(MAX_FAULT).collect();
            if at.is_empty() { text } else { format!("at {at}: {text}") }
        })
        .collect();
    faults.dedup();
    Err(error(tool, &faults.join("; ")))
}

pub(super) fn error(tool: &str, reason: &str) -> ErrorInfo {
    ErrorInfo::new("tool_arguments_invalid", format!("the arguments of {tool} do not fit: {reason}"))
}
