//! What a file is written in, told by its name.

/// What a program is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// JavaScript, as modules.
    JavaScript,
    /// TypeScript whose types can be left out.
    TypeScript,
    /// Python.
    Python,
    /// Any, compiled to a WebAssembly component.
    Component,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::JavaScript, Self::TypeScript, Self::Python, Self::Component];

    /// The language of a file of this name.
    pub fn of(name: &str) -> Option<Self> {
        let file = name.rsplit('/').next().unwrap_or(name);
        let (stem, extension) = file.rsplit_once('.')?;
        Self::ALL.into_iter().find(|language| !stem.is_empty() && language.extensions().contains(&extension))
    }

    /// How the names of its files end.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::JavaScript => &["js", "mjs"],
            Self::TypeScript => &["ts", "mts"],
            Self::Python => &["py"],
            Self::Component => &["wasm"],
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Python => "Python",
            Self::Component => "WebAssembly component",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_language() {
        for (name, language) in [
            ("agent.js", Some(Language::JavaScript)),
            ("a.b/agent.mjs", Some(Language::JavaScript)),
            ("agent.d.ts", Some(Language::TypeScript)),
            ("agent.py", Some(Language::Python)),
            ("x/agent.wasm", Some(Language::Component)),
            ("agent", None),
            ("agent.rs", None),
            (".js", None),
            ("a.js/agent", None),
        ] {
            assert_eq!(Language::of(name), language, "{name}");
        }
    }
}
