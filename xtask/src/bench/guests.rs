//! Guests of code agents: in the sandbox alone, then through the whole program.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::How;
use super::engine::folder;
use super::measure::{Subject as _, median, micros};
use super::ours::Ours;
use super::usage;
use super::wire::Connection;
use crate::{process, workspace};

/// Calls of the program that calls often.
const CALLS: usize = 100;

/// One of the tests, in Rust. An input that is a number is how often it calls.
const COMPONENT: &str = "crates/sandbox/tests/components/agent.wasm";

const JAVASCRIPT: &str = "import { state } from 'moltforge';
export default async function run(times) {
  for (let k = 0; k < times; k++) await state.get('key');
  return times;
}
";
const PYTHON: &str = "from moltforge import state

async def run(times):
    for k in range(times):
        await state.get('key')
    return times
";

/// Both parts. The figures of the sandbox alone come from a program of its crate.
pub(super) fn run(how: &How, component: Option<&Path>) -> Result<String> {
    let mut build = process::cargo();
    // at once: what they share is then compiled once
    build.args(["build", "--profile", &how.profile, "-p", "moltforge", "-p", "moltforge-sandbox", "--bins"]);
    build.args(["--example", "guests"]);
    process::run(build)?;
    let dir = folder(how)?;
    let mut alone = process::command(workspace::built(&how.profile, "examples/guests"));
    // compiled images stay there from one time to the next
    alone.arg("--dir").arg(dir.with_file_name("images"));
    if how.quick {
        alone.arg("--quick");
    }
    let component = component.map_or_else(|| workspace::root().join(COMPONENT), Path::to_owned);
    let component = fs::canonicalize(component).context("find the component")?;
    alone.arg("--component").arg(&component);
    println!("  $ {}", process::shown(&alone));
    let alone = process::output(alone)?;
    println!("{alone}");
    let through = through(how, &dir, &fs::read(component)?)?;
    println!("\n{through}");
    Ok(format!("#### In the sandbox alone\n\n{alone}\n\n#### Through the program\n\n{through}"))
}

/// Executions over HTTP: one connection, one after another.
fn through(how: &How, dir: &Path, component: &[u8]) -> Result<String> {
    let data = dir.join("guests");
    let _ = fs::remove_dir_all(&data);
    let images = dir.with_file_name("images").join("program");
    let config = format!("[sandbox]\ncache_dir = {:?}\n", images.display().to_string());
    let server = Ours::start_with(&data, &config, &workspace::built(&how.profile, "moltforge"))?;
    let idle = usage::of(&server.processes());
    let (javascript, python) = (JAVASCRIPT.as_bytes(), PYTHON.as_bytes());
    let programs =
        [("javascript", "agent.js", javascript), ("python", "agent.py", python), ("rust", "agent.wasm", component)];
    for (name, file, source) in programs {
        deploy(&server, &data, name, file, source)?;
        // the first one waits until the engine is compiled
        until_completed(&server, name)?;
    }
    let mut text = String::from("| over HTTP, with everything on | number | p50 ms | p99 ms |\n|---|---|---|---|\n");
    let rounds = if how.quick { 10 } else { 300 };
    let mut row = |what: &str, times: &[f64]| {
        let _ = writeln!(text, "| {what} | {} | {:.2} | {:.2} |", times.len(), at(times, 0.5), at(times, 0.99));
    };
    let mut calls = Vec::new();
    for (agent, name) in [("javascript", "JavaScript"), ("python", "Python"), ("rust", "Rust (component)")] {
        let one = runs(&server, agent, 1, rounds)?;
        row(&format!("{name}: from the request to the journal's entry of its first call"), &one.first);
        row(&format!("{name}: from the request to the answer, no call"), &runs(&server, agent, 0, rounds)?.whole);
        row(&format!("{name}: the same with one call of `state.get`"), &one.whole);
        let many = runs(&server, agent, CALLS, rounds / 10)?;
        row(&format!("{name}: the same with {CALLS} calls, one after another"), &many.whole);
        #[expect(clippy::cast_precision_loss, reason = "a hundred")]
        let each = (at(&many.whole, 0.5) - at(&one.whole, 0.5)) / (CALLS - 1) as f64;
        calls.push(format!("{name} {each:.2} ms"));
    }
    row("&nbsp; the disk: overwrite 8 KiB + fdatasync", &syncs(&data)?);
    let _ = writeln!(text, "\nA durable call, from one to the next: {}.", calls.join(", "));
    let now = usage::of(&server.processes());
    let _ = writeln!(
        text,
        "Memory of the server with its processes (PSS): {:.0} MiB before the first code agent, {:.0} MiB after these.",
        idle.pss_mib, now.pss_mib
    );
    Ok(text)
}

/// Deploys a program with the command that people use.
fn deploy(server: &Ours, data: &Path, name: &str, file: &str, source: &[u8]) -> Result<()> {
    let folder: PathBuf = data.join("agents").join(name);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(file), source)?;
    let manifest = format!("name = {name:?}\nkind = \"code\"\ncode = {file:?}\ntools = [\"state.get\"]\n");
    fs::write(folder.join("agent.toml"), manifest)?;
    server.cli(&["deploy".as_ref(), folder.as_os_str()])
}

fn until_completed(server: &Ours, agent: &str) -> Result<()> {
    let begun = Instant::now();
    let mut connection = Connection::open(server.address())?;
    while begun.elapsed() < Duration::from_mins(10) {
        if execute(server, &mut connection, agent, 0)?["state"] == "completed" {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    bail!("{agent} does not run")
}

/// Times of executions, milliseconds.
#[derive(Default)]
struct Runs {
    /// From the request to its answer.
    whole: Vec<f64>,
    /// From the request to the journal's entry of the first call.
    first: Vec<f64>,
}

fn runs(server: &Ours, agent: &str, calls: usize, rounds: usize) -> Result<Runs> {
    let mut runs = Runs::default();
    let mut begun = BTreeMap::new();
    let mut connection = Connection::open(server.address())?;
    for _ in 0..rounds {
        #[expect(clippy::disallowed_methods, reason = "compared with times that the server wrote")]
        let (at, clock) = (SystemTime::now(), Instant::now());
        let execution = execute(server, &mut connection, agent, calls)?;
        runs.whole.push(clock.elapsed().as_secs_f64() * 1e3);
        if execution["state"] != "completed" {
            bail!("{agent} ended badly: {execution}");
        }
        begun.insert(execution["execution_id"].as_str().unwrap_or_default().to_owned(), at);
    }
    if calls == 1 {
        for (id, at) in begun {
            let events = server.json("GET", &format!("/v1/executions/{id}/events?limit=100"), &Value::Null)?;
            let events = events["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            let asked = |event: &&Value| event["type"].as_str().is_some_and(|kind| kind.ends_with("guest.asked"));
            let asked = events.iter().find(asked).context("it asked for nothing")?;
            let day = 86_400.0 * 1e6;
            let at = at.duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64() * 1e6 % day;
            // a run may begin before midnight
            runs.first.push((micros(&asked["time"])? - at).rem_euclid(day) / 1e3);
        }
    }
    Ok(runs)
}

fn execute(server: &Ours, connection: &mut Connection, agent: &str, calls: usize) -> Result<Value> {
    let headers = [server.authorization(), "prefer: wait=60".to_owned()];
    let body = json!({ "agent": agent, "input": calls }).to_string();
    connection.json("POST", "/v1/executions", &headers, &body)
}

/// What a commit costs at least on this disk, milliseconds.
fn syncs(folder: &Path) -> Result<Vec<f64>> {
    let path = folder.join("sync");
    let mut file = fs::File::create(&path)?;
    let page = [7; 8192];
    file.write_all(&page)?;
    file.sync_all()?;
    let mut times = Vec::new();
    for _ in 0..300 {
        let begun = Instant::now();
        file.rewind()?;
        file.write_all(&page)?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    fs::remove_file(path)?;
    Ok(times)
}

/// The value below which that share lies.
fn at(times: &[f64], share: f64) -> f64 {
    if (share - 0.5).abs() < f64::EPSILON {
        return median(times.iter().copied());
    }
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a short list"
    )]
    let place = (sorted.len().saturating_sub(1) as f64 * share) as usize;
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        let times: Vec<f64> = (0..101).map(f64::from).collect();
        assert!((at(&times, 0.5) - 50.0).abs() < f64::EPSILON);
        assert!((at(&times, 0.99) - 99.0).abs() < f64::EPSILON);
    }
}
