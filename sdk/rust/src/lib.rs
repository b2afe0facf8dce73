//! Agents for MoltForge in Rust.
//!
//! ```ignore
//! use moltforge_agent::{Result, http, join_all};
//!
//! moltforge_agent::export!(run);
//!
//! async fn run(cities: Vec<String>) -> Result<Vec<String>> {
//!     let asked = cities.iter().map(|city| http::get(format!("https://weather.example/{city}")));
//!     let answers = join_all(asked).await;
//!     answers.into_iter().map(|answer| answer?.text()).collect()
//! }
//! ```
//!
//! A function of a capability makes its call at once, and answers with a [`Call`]: a future of the answer. So two calls that
//! are made before the first is awaited are made in parallel. A call that is dropped is given up.
//!
//! Every call is a step of the execution's journal. After a crash `run` is started again with the same input, time and
//! random numbers, and finished calls are answered from the journal. Nothing must be done for that, and one thing must not:
//! there is no clock, no chance and no file but what is here.

pub mod agents;
pub mod approvals;
pub mod clock;
pub mod events;
pub mod http;
pub mod llm;
pub mod log;
pub mod random;
pub mod signals;
pub mod state;
pub mod timers;
pub mod tools;

#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub mod start;

mod call;
mod error;
mod join;

pub use call::Call;
pub use error::{Error, Result};
pub use join::{Either, join, join_all, race};
pub use timers::sleep;

/// Names the function that is the agent: `async fn run(input: I) -> Result<O, E>`.
///
/// `I` is deserialized from the run's input, `O` is serialized as its output. `E` is whatever can be shown: an
/// [`Error`](crate::Error), one of your own, `anyhow::Error`.
#[macro_export]
macro_rules! export {
    ($run:path) => {
        const _: () = {
            struct Agent;
            impl $crate::start::Guest for Agent {
                fn run(input: ::std::string::String) -> $crate::start::Outcome {
                    $crate::start::start(&input, $run)
                }
            }
            $crate::start::export!(Agent with_types_in $crate::start::bindings);
        };
    };
}
