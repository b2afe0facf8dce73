//! `moltforge validate`: checks agent files and collects their programs, and sends nothing.

use std::path::PathBuf;

use serde::Serialize;

use crate::agent_files;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, GOOD};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An agent file, a program (`agent.js`, `agent.py`), an agent's folder, or a folder of agents' folders
    #[arg(default_value = ".")]
    path: PathBuf,
}

/// One good file.
#[derive(Debug, Serialize)]
struct Valid {
    agent: String,
    path: String,
    /// The files of its program.
    files: Vec<String>,
}

/// Every file is looked at, also after one that is wrong.
pub fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let paths = agent_files::find(&args.path).attempt(|| format!("validate {}", args.path.display()))?;
    let out = context.output;
    let (mut all, mut exit) = (Vec::with_capacity(paths.len()), Exit::Done);
    for path in paths {
        match agent_files::read(&path).attempt(|| format!("validate {}", path.display())) {
            Ok(file) => all.push(Valid {
                agent: file.config.name,
                path: path.display().to_string(),
                files: file.program.map(|program| program.files).unwrap_or_default(),
            }),
            Err(failure) => {
                out.failure(&failure);
                exit = failure.exit();
            }
        }
    }
    out.data(&all, |out| {
        for valid in &all {
            out.pieces(&[(GOOD, "valid "), (ACCENT, &valid.agent), (DIM, "  "), (DIM, &valid.path)]);
            for file in &valid.files {
                out.pieces(&[(DIM, "  "), (DIM, file)]);
            }
        }
    });
    Ok(exit)
}
