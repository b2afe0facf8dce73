//! Agent files: parsed, checked, written back and named by content.
//!
//! [`parse_toml`] reads an `agent.toml` and finds *every* fault in it, each with its line and column and with what is
//! allowed there. [`parse_json`] does the same for a JSON body, with pointers alone, and [`check`] repeats the rules on a
//! value that is in hand. The server and the command line use the same functions, so that they never disagree.
//!
//! How it works: the text becomes a tree that remembers its places ([`node`]); [`shape`] says which fields there are and
//! [`walk`] compares the two; [`rules`] then checks what the fields say. Rules speak in JSON pointers alone, and
//! [`locate`] finds their places in the tree.
//!
//! **Never here:** input or output of any kind, knowledge of what a model or a tool does when it runs.

pub mod bundle;
mod canonical;
mod depth;
mod diagnostic;
mod duration;
mod locate;
mod node;
mod parse;
mod position;
mod render;
mod rules;
pub mod schema;
mod shape;
mod size;
mod suggest;
mod text;
pub mod trigger;
mod walk;

pub use canonical::{canonical_json, canonical_value, content_hash, sorted};
pub use diagnostic::Diagnostic;
pub use duration::{MAX_DURATION, format_duration, parse_duration};
pub use parse::{check, parse_json, parse_toml, parse_toml_bytes};
pub use render::{Snippet, render};
pub use rules::default_approval_expiry;
pub use rules::names::{BUILT_IN_TOOLS, SCRIPTED_MODEL, check_provider_name};
pub use size::{format_size, parse_size};
pub use text::to_toml;

/// The largest agent file, in bytes; also the largest canonical configuration.
pub const MAX_FILE_BYTES: usize = 256 * 1024;

/// The deepest nesting of a configuration, in levels of tables and lists.
pub const MAX_NESTING: usize = 32;

/// The most faults that one call reports; one more says how many were left out.
pub const MAX_DIAGNOSTICS: usize = 100;
