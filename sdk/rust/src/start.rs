//! From the export of the world to the author's function. For the macro [`export!`](crate::export) alone.

use std::any::Any;
use std::fmt::Display;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::moltforge::agent::{calls, log};
use crate::{Error, call};

pub use crate::bindings::{self, Guest, export};

/// What `run` of the world returns.
pub type Outcome = Result<String, calls::Error>;

/// Runs an agent to its end.
pub fn start<I, O, E, F>(input: &str, run: impl FnOnce(I) -> F) -> Outcome
where
    I: DeserializeOwned,
    O: Serialize,
    E: Display + 'static,
    F: Future<Output = Result<O, E>>,
{
    // without it nobody would hear why
    std::panic::set_hook(Box::new(|info| log::fatal(&info.to_string())));
    let input = serde_json::from_str(input).map_err(|error| Error::new("input_unreadable", error.to_string()))?;
    let output = drive(run(input)).map_err(shown)?;
    serde_json::to_string(&output).map_err(|error| Error::from(error).into())
}

/// Polls until it is done, and hands over one answer in between.
fn drive<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
        if !call::wait() {
            log::fatal("run waits for something that nothing will bring: no call is open");
        }
    }
}

fn shown<E: Display + 'static>(error: E) -> Error {
    match (&error as &dyn Any).downcast_ref::<Error>() {
        Some(own) => own.clone(),
        // the whole chain of errors that have one
        None => Error::new("failed", format!("{error:#}")),
    }
}
