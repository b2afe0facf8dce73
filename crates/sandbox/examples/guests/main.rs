//! What guests cost in the sandbox alone, without a server: `cargo run --release -p moltforge-sandbox --example guests -- DIR`.
//!
//! `cargo xtask bench guests` starts it. The output is Markdown for docs/benchmarks.md; what is compared is taken in turns.
//! Nothing is asserted: times belong to the machine. The same program is its own workers and compile processes, as the
//! server is.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod alive;
mod bare;
mod calls;
mod figures;
mod floors;
mod interruption;
mod memory;
mod node;
mod programs;
mod replay;
mod starts;
mod virtual_wasi;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Whatever went wrong: the program ends with it.
pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How much is measured.
pub(crate) struct Effort {
    /// Where compiled images are kept.
    pub(crate) dir: PathBuf,
    /// Small numbers: to try the program itself.
    pub(crate) quick: bool,
    /// A component beside the engines that come with the program.
    pub(crate) component: Option<PathBuf>,
    /// Only this part.
    pub(crate) only: Option<String>,
}

impl Effort {
    /// The number, or the one of a quick run.
    pub(crate) fn of(&self, whole: usize, quick: usize) -> usize {
        if self.quick { quick } else { whole }
    }

    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failed> {
        let mut effort = Self { dir: std::env::temp_dir(), quick: false, component: None, only: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--dir" => effort.dir = value()?.into(),
                "--component" => effort.component = Some(value()?.into()),
                "--only" => effort.only = Some(value()?),
                "--quick" => effort.quick = true,
                other => return Err(format!("expected --dir, --component, --only or --quick, got {other:?}").into()),
            }
        }
        Ok(effort)
    }
}

fn main() -> ExitCode {
    // before anything else happens in a process that is to be confined
    match std::env::args().nth(1).as_deref() {
        Some("worker") => return moltforge_sandbox::worker::main(std::env::args_os().skip(2)),
        Some("compile") => return moltforge_sandbox::compile::main(std::env::args_os().skip(2)),
        Some("echo") => return floors::echo(),
        _ => {}
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Failed> {
    let effort = Effort::read(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let node = node::Node::start(&effort).await?;
        let wanted = |part: &str| effort.only.as_ref().is_none_or(|only| only == part);
        if wanted("starts") {
            starts::run(&node, &effort).await?;
        }
        if wanted("calls") {
            calls::run(&node, &effort).await?;
        }
        if wanted("replay") {
            replay::run(&node, &effort).await?;
        }
        if wanted("interruption") {
            interruption::run(&node, &effort).await?;
        }
        if wanted("alive") {
            alive::run(&effort).await?;
        }
        Ok(())
    })
}

/// What is not small: the program itself, for its processes.
pub(crate) fn program() -> &'static Path {
    Path::new("/proc/self/exe")
}
