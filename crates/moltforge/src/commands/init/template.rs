//! What `moltforge init` begins with.

use rust_embed::RustEmbed;

/// A template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Template {
    /// Greets; offline, no key needed
    Hello,
    /// Calls built-in tools and keeps state; offline
    Tools,
    /// Calls an HTTP endpoint of yours as a tool
    Http,
    /// Waits for a person's signal; offline
    Waiter,
    /// A program in JavaScript; offline
    Javascript,
    /// A program in Python; offline
    Python,
    /// A program in Rust, compiled to a WebAssembly component; offline
    Rust,
}

/// The SDK for Rust, and the world that it is for: not on a registry yet, so it comes along.
#[derive(RustEmbed)]
#[folder = "../../sdk/rust/src"]
struct Sdk;

impl Template {
    fn text(self) -> &'static str {
        match self {
            Self::Hello => include_str!("../../../templates/hello.toml"),
            Self::Tools => include_str!("../../../templates/tools.toml"),
            Self::Http => include_str!("../../../templates/http.toml"),
            Self::Waiter => include_str!("../../../templates/waiter.toml"),
            Self::Javascript => include_str!("../../../templates/javascript/agent.toml"),
            Self::Python => include_str!("../../../templates/python/agent.toml"),
            Self::Rust => include_str!("../../../templates/rust/agent.toml"),
        }
    }

    /// The agent's file.
    pub(super) fn file(self, name: &str) -> String {
        self.text().replace("AGENT_NAME", name)
    }

    /// The files beside the agent's file: the program, and what an editor or a compiler wants.
    pub(super) fn files(self) -> Vec<(String, String)> {
        let given: &[(&str, &str)] = match self {
            Self::Hello | Self::Tools | Self::Http | Self::Waiter => &[],
            Self::Javascript => &[
                ("agent.js", include_str!("../../../templates/javascript/agent.js")),
                ("jsconfig.json", include_str!("../../../templates/javascript/jsconfig.json")),
                ("moltforge.d.ts", include_str!("../../../templates/javascript/moltforge.d.ts")),
            ],
            Self::Python => &[
                ("agent.py", include_str!("../../../templates/python/agent.py")),
                ("moltforge.pyi", include_str!("../../../templates/python/moltforge.pyi")),
            ],
            Self::Rust => &[
                (".cargo/config.toml", include_str!("../../../templates/rust/cargo-config.toml")),
                (".gitignore", "/target\n"),
                ("Cargo.toml", include_str!("../../../templates/rust/Cargo.toml.txt")),
                ("src/lib.rs", include_str!("../../../templates/rust/agent.rs")),
            ],
        };
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let mut files: Vec<_> = given.iter().map(owned).collect();
        if self == Self::Rust {
            let text = |name: &str| String::from_utf8(Sdk::get(name)?.data.into()).ok();
            files.extend(Sdk::iter().filter_map(|name| Some((format!("sdk/rust/src/{name}"), text(&name)?))));
            let manifest = include_str!("../../../../../sdk/rust/Cargo.toml");
            files.push(("sdk/rust/Cargo.toml".to_owned(), manifest.to_owned()));
            files.push(("sdk/wit/agent.wit".to_owned(), include_str!("../../../../../sdk/wit/agent.wit").to_owned()));
        }
        files
    }

    /// What must be done before it can be deployed.
    pub(super) fn build(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["rustup target add wasm32-wasip2", "cargo build --release"],
            _ => &[],
        }
    }

    /// An input to try it with.
    pub(super) fn input(self) -> &'static str {
        match self {
            Self::Hello | Self::Javascript | Self::Python | Self::Rust => r#"{"name": "Ada"}"#,
            Self::Tools => r#"{"a": 2, "b": 40}"#,
            Self::Http => r#"{"city": "Berlin"}"#,
            Self::Waiter => r#"{"topic": "the release"}"#,
        }
    }
}

#[cfg(test)]
mod editors;
