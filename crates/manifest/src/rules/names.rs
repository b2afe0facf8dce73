//! Names of tools.

/// The tools that every server has. A tool is reachable for an agent only when its file lists it.
pub const BUILT_IN_TOOLS: [&str; 13] = [
    "agents.call",
    "agents.start",
    "agents.wait",
    "approvals.request",
    "events.emit",
    "http.fetch",
    "math.add",
    "signals.wait",
    "state.delete",
    "state.get",
    "state.set",
    "time.now",
    "time.sleep",
];

/// The longest name of a tool, in characters: what the models' providers accept.
pub(crate) const MAX_TOOL_NAME: usize = 64;

/// The model that every server has; no provider can take its name.
pub const SCRIPTED_MODEL: &str = "scripted";

/// What is wrong with the name of a model provider, if anything is. It stands before the slash of a model's name, and
/// the operator's configuration uses the same rule.
///
/// # Errors
/// What is wrong and what is allowed.
pub fn check_provider_name(name: &str) -> Result<(), &'static str> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    let fits =
        (1..=63).contains(&name.len()) && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(plain);
    if !fits {
        return Err("a name has 1 to 63 lower-case letters, digits, `-` and `_`, and starts with a letter");
    }
    if name == SCRIPTED_MODEL { Err("the name is taken by the built-in model") } else { Ok(()) }
}

/// What is wrong with the name of a declared tool, if anything is.
pub(crate) fn declared_tool(name: &str) -> Result<(), String> {
    let segment = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if name.len() > MAX_TOOL_NAME || !name.split('.').all(segment) {
        return Err(format!(
            "a tool's name has at most {MAX_TOOL_NAME} characters: segments of lower-case letters, digits and `_`, each \
             starting with a letter, joined by dots, e.g. `weather.today`; got {:?}",
            name.chars().take(80).collect::<String>()
        ));
    }
    let space = name.split('.').next().unwrap_or_default();
    match BUILT_IN_TOOLS.into_iter().find(|tool| tool.split('.').next() == Some(space)) {
        Some(tool) => Err(format!("names that start with `{space}.` are kept for built-in tools such as `{tool}`")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers() {
        for good in ["a", "openai", "my_proxy", "local-2", &"a".repeat(63)] {
            assert_eq!(check_provider_name(good), Ok(()), "{good}");
        }
        for bad in ["", "A", "1a", "_a", "-a", "a.b", "a/b", "a b", "\u{e9}", "scripted", &"a".repeat(64)] {
            assert!(check_provider_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules() {
        for good in ["a", "weather.today", "a1.b_2.c", "timer.start", &"a".repeat(64)] {
            assert_eq!(declared_tool(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "A", "1a", "a-b", "_a", "a b", "math.add", "time", &"a".repeat(65)] {
            assert!(declared_tool(bad).is_err(), "{bad}");
        }
    }
}
