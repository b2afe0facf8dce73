//! A form from a JSON Schema (2020-12), and the JSON from a form.
//!
//! What the form cannot say (references, alternatives, deep nesting) becomes one field that takes JSON. What the schema
//! demands is checked by the API; its answers come back beside the fields.

mod collect;
mod fields;
mod schema;

pub(crate) use collect::collect;
pub(crate) use fields::fields;
pub(crate) use schema::{Field, Kind, read};

/// The prefix of every input's name; the rest is the JSON pointer into the input.
pub(crate) const PREFIX: &str = "input";

/// What somebody typed, by the input's name.
pub(crate) type Typed = std::collections::HashMap<String, String>;

#[cfg(test)]
mod tests;
