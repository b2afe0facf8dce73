//! A sandbox whose processes are the program of this crate's tests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use moltforge_sandbox::{Config, Enforcement, File, GuestRequest, Image, Limits, Sandbox};

/// The settings of a small node. Compiled images are kept between runs of the tests.
pub(crate) fn config() -> Config {
    Config {
        program: program(),
        worker: vec!["worker".into()],
        compiler: vec!["compile".into()],
        cache: Path::new(env!("CARGO_TARGET_TMPDIR")).join("images"),
        enforcement: Enforcement::BestEffort { reason: "tests of something else".into() },
        memory: 4 << 30,
        guests: 200,
        guests_per_project: 100,
        idle: Duration::from_secs(30),
    }
}

pub(crate) fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_moltforge-sandbox-process").into()
}

pub(crate) fn sandbox() -> Sandbox {
    Sandbox::new(config()).unwrap()
}

/// An agent of one file.
pub(crate) fn agent(source: &str) -> GuestRequest {
    GuestRequest {
        project: "proj_1".into(),
        image: Image::JavaScript,
        files: vec![file("agent.js", source)],
        entry: "agent.js".into(),
        input: "null".into(),
        seed: [7; 32],
        now: 1_700_000_000_000_000,
        limits: Limits { cpu: Duration::from_secs(20), ..Limits::default() },
        reserve: 16 << 20,
        completions: vec![],
    }
}

pub(crate) fn file(name: &str, text: &str) -> File {
    File { name: name.into(), text: text.into() }
}
