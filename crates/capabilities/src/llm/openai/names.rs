//! Tools' names on the wire: providers allow letters, digits, `_` and `-`, so dots become `_`.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::tools::ToolSet;

/// The longest name on the wire.
const MAX_NAME: usize = 64;

/// The names of one agent's tools, both ways.
#[derive(Debug, Default)]
pub(super) struct Names {
    to_wire: HashMap<String, String>,
    from_wire: HashMap<String, String>,
}

impl Names {
    pub(super) fn new(tools: &ToolSet) -> Self {
        let mut names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        // names that need no change keep theirs; then the order is fixed, so that a version's wire names are as well
        names.sort_unstable_by_key(|name| (name.contains('.'), *name));
        let mut this = Self::default();
        for name in names {
            let plain = sanitise(name).into_owned();
            let mut wire = plain.clone();
            let mut count = 1;
            while this.from_wire.contains_key(&wire) {
                count += 1;
                let suffix = format!("_{count}");
                let kept: String = plain.chars().take(MAX_NAME - suffix.len()).collect();
                wire = kept + &suffix;
            }
            this.from_wire.insert(wire.clone(), name.to_owned());
            this.to_wire.insert(name.to_owned(), wire);
        }
        this
    }

    /// The name on the wire. Names that a model made up are sent back in an allowed form.
    pub(super) fn wire<'n>(&'n self, name: &'n str) -> Cow<'n, str> {
        self.to_wire.get(name).map_or_else(|| sanitise(name), |wire| Cow::Borrowed(wire.as_str()))
    }

    /// The tool's name; an unknown one as it is, for the engine to reject.
    pub(super) fn tool<'n>(&'n self, wire: &'n str) -> &'n str {
        self.from_wire.get(wire).map_or(wire, String::as_str)
    }
}

fn sanitise(name: &str) -> Cow<'_, str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(allowed) {
        return Cow::Borrowed(name);
    }
    let name: String = name.chars().take(MAX_NAME).map(|c| if allowed(c) { c } else { '_' }).collect();
    Cow::Owned(if name.is_empty() { "_".to_owned() } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tools: &[&str]) -> Names {
        let mut text = format!("name = \"a\"\nkind = \"prompt\"\nmodel = \"m\"\ntools = {tools:?}\n");
        for name in tools {
            text.push_str(
                "[[tool]]\ndescription = \"d\"\nurl = \"http://a.test\"\nparameters = { type = \"object\" }\n",
            );
            text.extend(["name = \"", name, "\"\n"]);
        }
        Names::new(&ToolSet::resolve(&toml::from_str(&text).unwrap()).unwrap())
    }

    #[test]
    fn names_survive_the_way_there_and_back() {
        let tools = ["a.b", "a_b", "a.b_2", "a_b_2", "x.y.z", "plain", "a_b_3"];
        let names = names(&tools);
        let mut seen = std::collections::HashSet::new();
        for tool in tools {
            let wire = names.wire(tool).into_owned();
            assert!(wire.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{wire}");
            assert_eq!(names.tool(&wire), tool);
            assert!(seen.insert(wire));
        }
        assert_eq!(names.wire("a_b"), "a_b");
        assert_eq!(names.wire("x.y.z"), "x_y_z");
    }

    #[test]
    fn collisions_of_long_names_stay_within_the_limit() {
        let (a, b) = (format!("{}.b", "a".repeat(62)), format!("{}_b", "a".repeat(62)));
        let names = names(&[&a, &b]);
        assert_eq!(names.wire(&b), b);
        let wire = names.wire(&a).into_owned();
        assert!(wire.len() <= 64 && names.tool(&wire) == a, "{wire}");
    }

    #[test]
    fn unknown_names_come_back_as_they_are() {
        let names = names(&["a.b"]);
        assert_eq!(names.tool("delete_everything"), "delete_everything");
        assert_eq!(names.wire("rm -rf /"), "rm_-rf__");
        assert_eq!(names.wire(""), "_");
    }
}
