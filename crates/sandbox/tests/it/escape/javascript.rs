//! What JavaScript programs try.

mod calls;
mod clocks;
mod limits;
mod memory;
mod modules;
mod realms;
mod sizes;
mod stack;
mod tricks;

use serde_json::json;

use super::attempt::make;
use super::outcome::Outcome;

/// It got what it wanted, and says so.
fn mine(outcome: &Outcome) -> bool {
    outcome.output() == Some(&json!("mine"))
}

#[tokio::test]
async fn nothing_gets_out_of_javascript() {
    crate::world::prepared(&moltforge_sandbox::Image::JavaScript).await;
    let all = [
        modules::all(),
        realms::all(),
        tricks::all(),
        clocks::all(),
        calls::all(),
        limits::all(),
        memory::all(),
        stack::all(),
        sizes::all(),
    ];
    make("javascript", all.into_iter().flatten().collect()).await;
}
