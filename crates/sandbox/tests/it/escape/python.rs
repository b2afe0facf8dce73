//! What Python programs try.
//!
//! Most controls are the same lines in this machine's own Python: it does what the sandbox must not.

mod limits;
mod machine;
mod runtime;

use moltforge_sandbox::{GuestRequest, Image};

use super::attempt::make;
use crate::world::{agent, file};

/// An agent of one file.
fn python(source: &str) -> GuestRequest {
    GuestRequest { image: Image::Python, files: vec![file("agent.py", source)], entry: "agent.py".into(), ..agent("") }
}

#[tokio::test]
async fn nothing_gets_out_of_python() {
    crate::world::prepared(&Image::Python).await;
    make("python", [machine::all(), runtime::all(), limits::all()].into_iter().flatten().collect()).await;
}
