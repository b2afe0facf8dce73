//! The world of agents, as Rust.
#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated from agent.wit")]

wit_bindgen::generate!({
    path: "../wit",
    world: "agent",
    pub_export_macro: true,
});
