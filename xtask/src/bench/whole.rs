//! Workload W through the whole program, beside the peer.

use std::fs;

use anyhow::{Context as _, Result};

use super::machine::Machine;
use super::measure::{self, Subject};
use super::ours::Ours;
use super::peer::Peer;
use super::report::Results;
use super::workload::{self, Model};
use crate::{process, workspace};

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Runs per latency pass.
    pub count: u64,
    /// Seconds per throughput pass.
    pub seconds: u64,
    /// Passes, in turns.
    pub rounds: usize,
    /// Executions that stay suspended.
    pub suspended: u64,
}

/// All of it. The release build, whatever profile is named: the peer is one, too.
pub(super) fn run(quick: bool, no_peer: bool, no_build: bool, machine: Machine) -> Result<String> {
    let effort = if quick {
        Effort { count: 100, seconds: 1, rounds: 1, suspended: 1000 }
    } else {
        Effort { count: 300, seconds: 3, rounds: 3, suspended: 10_000 }
    };
    if !no_build {
        let mut build = process::cargo();
        build.args(["build", "--release", "-p", "moltforge", "-p", "moltforge-workload"]);
        process::run(build)?;
    }
    let folder = workspace::target_dir().join("bench");
    let _ = fs::remove_dir_all(folder.join("data"));
    fs::create_dir_all(folder.join("data")).context("make the folder for data")?;

    let floor = workload::fsync(&folder.join("data"), if quick { 1 } else { 2 })?;
    let model = Model::start("math_add")?;
    let peer = if no_peer { None } else { Peer::start(&folder, &model) };
    let starts = measure::starts(&folder, &model)?;
    let ours = Ours::start(&folder.join("data/main"), &model)?;
    ours.deploy_all()?;

    let subjects: Vec<&dyn Subject> = match &peer {
        Some(peer) => vec![&ours, peer],
        None => vec![&ours],
    };
    let latency = measure::latency(&subjects, effort)?;
    let throughput = measure::throughput(&subjects, effort)?;
    let growth = measure::growth(&ours)?;
    let suspended = measure::suspended(&subjects, effort)?;
    let results = Results { machine, floor, starts, latency, throughput, growth, suspended, effort };
    let figures = results.figures();
    println!("\n{figures}");
    Ok(figures)
}
