//! What a guest's failure says to the author of its program.

use moltforge_sandbox::Failure;

/// What to do about messages that do not say it themselves.
const HINTS: [(&str, &str); 6] = [
    ("there is no tool \"", "what a program may call is listed in `tools` of its agent file, `agent.toml`"),
    ("require is not defined", COMMON_JS),
    ("module is not defined", COMMON_JS),
    ("exports is not defined", COMMON_JS),
    ("Could not find export '", "when it is a type of TypeScript, import it with `import type`"),
    (
        "it is not among the agent's files",
        "a pure-Python package comes along when it lies beside the agent's file and one of the files says `import` with its \
         name: pip install --target . PACKAGE",
    ),
];
const COMMON_JS: &str = "a program is a module: write `import` and `export` in place of `require` and `module.exports`";

/// The message with the places in the author's files, nothing twice, and what to do where that is known.
pub(crate) fn explained(failure: &Failure) -> String {
    let Failure { message, stack, .. } = failure;
    let mut lines: Vec<&str> = vec![message];
    lines.extend(stack.lines().filter(|line| !line.is_empty() && line != message));
    let hint = HINTS.iter().find(|(part, _)| message.contains(part)).map(|(_, hint)| *hint);
    lines.extend(hint);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use moltforge_sandbox::FailureKind;

    use super::*;

    fn said(message: &str, stack: &str) -> String {
        let failure = Failure { kind: FailureKind::Exception, message: message.to_owned(), stack: stack.to_owned() };
        explained(&failure)
    }

    #[test]
    fn nothing_is_said_twice() {
        let stack = "Traceback:\n  File \"agent.py\", line 1\nKeyError: 'a'\n";
        assert_eq!(said("KeyError: 'a'", stack), "KeyError: 'a'\nTraceback:\n  File \"agent.py\", line 1");
        assert_eq!(said("thrown: 1", ""), "thrown: 1");
    }

    #[test]
    fn what_to_do_is_said() {
        assert!(said("ReferenceError: require is not defined", "").contains("write `import`"));
        assert!(
            said("No module named 'x': it is not among the agent's files; ...", "").contains("pip install --target")
        );
    }
}
