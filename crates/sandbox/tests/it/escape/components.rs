//! What components try: forged handles, lies about memory, functions that never return, features and names that there are
//! not, and compiled code that is not theirs.

mod abi;
mod begins;
mod bombs;
mod cache;
mod features;
mod handles;
mod imports;
mod limits;
mod realloc;
mod wat;

use std::sync::Arc;

use moltforge_sandbox::{Component, GuestRequest, Image};
use serde_json::json;

use self::wat::Parts;
use super::attempt::{Attempt, Ends, make};
use super::outcome::{Outcome, Program};
use crate::world::agent;

/// It got what it wanted, and says so.
fn mine(outcome: &Outcome) -> bool {
    outcome.output() == Some(&json!("mine"))
}

fn request(component: Vec<u8>) -> GuestRequest {
    let image = Image::Component(Arc::new(Component::new(component)));
    let limits = moltforge_sandbox::Limits { cpu: std::time::Duration::from_millis(500), ..agent("").limits };
    GuestRequest { image, files: vec![], entry: String::new(), limits, ..agent("") }
}

/// An attempt and its control, which differ in one part of a component.
struct Pair {
    name: &'static str,
    category: &'static str,
    tried: &'static str,
    ends: Ends,
    bad: Parts,
    control_is: &'static str,
    good: Parts,
}

impl Pair {
    fn attempt(&self) -> Attempt {
        Attempt {
            name: self.name.to_owned(),
            category: self.category,
            tried: self.tried.to_owned(),
            ends: self.ends,
            check: mine,
            program: Program::Brought(request(self.bad.component())),
            control: Program::Brought(request(self.good.component())),
            control_is: self.control_is.to_owned(),
        }
    }
}

fn attempts(pairs: &[Pair]) -> Vec<Attempt> {
    pairs.iter().map(Pair::attempt).collect()
}

#[tokio::test]
async fn nothing_gets_out_of_components() {
    // for the neighbours
    crate::world::prepared(&Image::JavaScript).await;
    let all = [
        handles::all(),
        abi::all(),
        realloc::all(),
        begins::all(),
        limits::all(),
        features::all(),
        bombs::all(),
        imports::all(),
        cache::all(),
    ];
    make("components", all.into_iter().flatten().collect()).await;
}
