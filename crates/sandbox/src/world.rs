//! The worlds of images, as Rust: that of the engines first.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated from WIT")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "engine",
    imports: { "next": async | trappable, default: trappable },
    exports: { default: async },
});

pub mod typescript {
    //! The world of the image that strips types.

    wasmtime::component::bindgen!({
        path: "guests/typescript/strip.wit",
        world: "typescript",
        exports: { default: async },
    });
}

pub mod agent {
    //! The public world, `moltforge:agent`.

    wasmtime::component::bindgen!({
        path: "../../sdk/wit",
        world: "agent",
        imports: {
            "moltforge:agent/calls.wait": async | trappable,
            "moltforge:agent/calls.[static]pending.take": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: { "moltforge:agent/calls.pending": crate::worker::Pending },
    });
}
