//! Makes the input from what was typed.

use moltforge_api::ProblemItem;
use serde_json::{Map, Value};

use super::{Field, Kind, PREFIX, Typed};

/// The input. An optional field that was left empty is left out. What is no number or no JSON comes back as a problem
/// of its field, with a pointer that begins with `/input`, as the API's own do.
pub(crate) fn collect(fields: &[Field], typed: &Typed) -> Result<Value, Vec<ProblemItem>> {
    let mut problems = Vec::new();
    let object = object(fields, typed, &mut problems);
    if problems.is_empty() { Ok(Value::Object(object)) } else { Err(problems) }
}

fn object(fields: &[Field], typed: &Typed, problems: &mut Vec<ProblemItem>) -> Map<String, Value> {
    let mut object = Map::new();
    for field in fields {
        let typed_here = typed.get(&format!("{PREFIX}{}", field.pointer)).map(String::as_str).unwrap_or_default();
        let value = match &field.kind {
            Kind::Group(inner) => {
                let group = self::object(inner, typed, problems);
                (field.required || !group.is_empty()).then_some(Value::Object(group))
            }
            Kind::Flag => Some(Value::Bool(typed_here == "true")),
            _ if typed_here.trim().is_empty() && !(field.required && matches!(field.kind, Kind::Text { .. })) => None,
            kind => match read(kind, typed_here) {
                Ok(value) => Some(value),
                Err(message) => {
                    problems.push(ProblemItem {
                        pointer: format!("/input{}", field.pointer),
                        message,
                        line: None,
                        column: None,
                    });
                    None
                }
            },
        };
        if let Some(value) = value {
            object.insert(name(&field.pointer), value);
        }
    }
    object
}

/// The property's name: the last part of the pointer.
fn name(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
}

fn read(kind: &Kind, typed: &str) -> Result<Value, String> {
    match kind {
        // browsers send line breaks of a textarea as CR LF
        Kind::Text { .. } => Ok(Value::String(typed.replace("\r\n", "\n"))),
        Kind::Number { whole, .. } => number(typed.trim(), *whole),
        Kind::Choice(choices) => {
            let chosen = serde_json::from_str(typed).ok().filter(|chosen| choices.contains(chosen));
            chosen.ok_or_else(|| "choose one of the list".to_owned())
        }
        Kind::Lines { numbers } => {
            let lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
            let entries =
                lines.map(|line| if *numbers { number(line, false) } else { Ok(Value::String(line.to_owned())) });
            Ok(Value::Array(entries.collect::<Result<_, _>>()?))
        }
        Kind::Json | Kind::Flag | Kind::Group(_) => {
            serde_json::from_str(typed).map_err(|e| format!("this is not JSON: {e}"))
        }
    }
}

fn number(typed: &str, whole: bool) -> Result<Value, String> {
    match serde_json::from_str::<Value>(typed) {
        Ok(value) if value.is_i64() || value.is_u64() || (value.is_number() && !whole) => Ok(value),
        _ if whole => Err(format!("expected a whole number, got {:?}", crate::text::one_line(typed, 40))),
        _ => Err(format!("expected a number, got {:?}", crate::text::one_line(typed, 40))),
    }
}
