//! What an inmate must know of the world outside: where there is something to be had.

use std::path::PathBuf;
use std::str::FromStr;

/// Names and values, as arguments.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts(Vec<(String, String)>);

impl Facts {
    pub(crate) fn with(mut self, name: &str, value: &(impl ToString + ?Sized)) -> Self {
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn parse(arguments: &[String]) -> Self {
        let pairs = arguments.iter().filter_map(|argument| argument.split_once('='));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    pub(crate) fn arguments(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, value)| format!("{name}={value}"))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("no fact {name}"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.get(name).into()
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str) -> T {
        self.get(name).parse().unwrap_or_else(|_| panic!("{name} is no number"))
    }
}
