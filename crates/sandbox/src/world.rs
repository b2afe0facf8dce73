//! The world of the engine images, as Rust.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated from wit/engine.wit")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "engine",
    imports: { "next": async | trappable, default: trappable },
    exports: { default: async },
});
