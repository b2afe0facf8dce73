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
        cpu_milli: None,
        guests: 200,
        guests_per_project: 100,
        idle: Duration::from_secs(30),
        silence: Duration::from_secs(30),
    }
}

pub(crate) fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_moltforge-sandbox-process").into()
}

pub(crate) fn sandbox() -> Sandbox {
    Sandbox::new(config()).unwrap()
}

/// Compiles an engine unless that has happened. Tests are processes, and one of them at a time compiles.
pub(crate) async fn prepared(image: &Image) {
    let folder = config().cache;
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::File::create(folder.with_extension("lock")).unwrap();
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.unwrap().unwrap();
    sandbox().prepare("proj_1", image).await.unwrap();
    drop(lock);
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
        alone: false,
        completions: vec![],
    }
}

pub(crate) fn file(name: &str, text: &str) -> File {
    File { name: name.into(), text: text.into() }
}
