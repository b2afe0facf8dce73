//! The arguments: a word, then `--name value` pairs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::Failed;

/// What to measure, and how.
pub(crate) struct Arguments {
    pub(crate) what: String,
    values: BTreeMap<String, String>,
}

impl Arguments {
    pub(crate) fn read(mut given: impl Iterator<Item = String>) -> Result<Self, Failed> {
        let what = given.next().ok_or("what is to be measured? see `cargo xtask bench --help`")?;
        let mut values = BTreeMap::new();
        while let Some(name) = given.next() {
            let name = name.strip_prefix("--").ok_or_else(|| format!("expected --name, got {name:?}"))?.to_owned();
            let value = given.next().ok_or_else(|| format!("--{name} needs a value"))?;
            values.insert(name, value);
        }
        Ok(Self { what, values })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(crate) fn number(&self, name: &str, default: usize) -> Result<usize, Failed> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("--{name}: expected a number, got {text:?}").into()),
        }
    }

    /// Where temporary files go.
    pub(crate) fn dir(&self) -> PathBuf {
        self.text("dir").map_or_else(std::env::temp_dir, PathBuf::from)
    }

    /// As they were given, for a process that goes on.
    pub(crate) fn again(&self) -> impl Iterator<Item = String> {
        self.values.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()])
    }
}
