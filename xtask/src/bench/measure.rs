//! The measurements.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::ours::Ours;
use super::usage::{self, Usage};
use super::whole::Effort;
use super::workload::{self, Model, Target};
use crate::workspace;

/// The numbers of clients.
pub(super) const CLIENTS: [u64; 4] = [1, 16, 64, 256];

/// Somebody who serves workload W.
pub(super) trait Subject {
    /// For tables.
    fn name(&self) -> &'static str;
    /// The roots of its process trees.
    fn processes(&self) -> Vec<u32>;
    /// One run, from request to answer.
    fn run(&self) -> Target;
    /// The start of a run that then waits for a signal.
    fn suspend(&self) -> Target;
}

/// Latency of sequential runs, milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Latency {
    pub name: &'static str,
    pub p50: f64,
    pub p99: f64,
}

/// Runs per second at a number of clients.
#[derive(Debug, Clone)]
pub(super) struct Throughput {
    pub name: &'static str,
    pub clients: u64,
    pub per_second: f64,
    pub least: f64,
    pub most: f64,
    pub p99: f64,
    /// CPU of all server processes, milliseconds per run.
    pub cpu_ms: f64,
}

/// Many suspended executions.
#[derive(Debug, Clone)]
pub(super) struct Suspended {
    pub name: &'static str,
    pub count: u64,
    pub starts_per_second: f64,
    pub before_mib: f64,
    pub after_mib: f64,
    /// Of one core, while all are suspended.
    pub cpu_percent: f64,
}

/// Starts of the program.
#[derive(Debug, Clone)]
pub(super) struct Starts {
    pub first_ms: f64,
    pub second_ms: f64,
    pub idle_mib: f64,
    pub binary_mib: f64,
}

/// What a step costs early and late in one execution.
#[derive(Debug, Clone)]
pub(super) struct Growth {
    pub early_bytes: f64,
    pub late_bytes: f64,
    pub early_us: f64,
    pub late_us: f64,
}

/// Passes in turns; the median pass counts.
pub(super) fn latency(subjects: &[&dyn Subject], effort: Effort) -> Result<Vec<Latency>> {
    let mut passes: Vec<Vec<(f64, f64)>> = vec![Vec::new(); subjects.len()];
    for _ in 0..effort.rounds {
        for (subject, passes) in subjects.iter().zip(&mut passes) {
            let line = workload::load("latency", &subject.run(), &[("count", effort.count)])?;
            passes.push((number(&line["latency"]["p50_ms"]), number(&line["latency"]["p99_ms"])));
        }
    }
    let figures = subjects.iter().zip(passes).map(|(subject, passes)| Latency {
        name: subject.name(),
        p50: median(passes.iter().map(|pass| pass.0)),
        p99: median(passes.iter().map(|pass| pass.1)),
    });
    Ok(figures.collect())
}

/// Passes in turns at each number of clients.
pub(super) fn throughput(subjects: &[&dyn Subject], effort: Effort) -> Result<Vec<Throughput>> {
    let mut figures = Vec::new();
    for clients in CLIENTS {
        let mut passes: Vec<Vec<(f64, f64, f64)>> = vec![Vec::new(); subjects.len()];
        for _ in 0..effort.rounds {
            for (subject, passes) in subjects.iter().zip(&mut passes) {
                let settings = [("clients", clients), ("seconds", effort.seconds), ("warm", 1)];
                let before = usage::of(&subject.processes());
                let line = workload::load("throughput", &subject.run(), &settings)?;
                let cpu = usage::of(&subject.processes()).cpu_ms - before.cpu_ms;
                let rate = number(&line["per_second"]);
                // the warm-up's runs are in the CPU time too
                let runs = number(&line["runs"]) + number(&line["warm_runs"]);
                passes.push((rate, number(&line["latency"]["p99_ms"]), cpu / runs.max(1.0)));
            }
        }
        for (subject, passes) in subjects.iter().zip(passes) {
            let rates = || passes.iter().map(|pass| pass.0);
            figures.push(Throughput {
                name: subject.name(),
                clients,
                per_second: median(rates()),
                least: rates().fold(f64::INFINITY, f64::min),
                most: rates().fold(0.0, f64::max),
                p99: median(passes.iter().map(|pass| pass.1)),
                cpu_ms: median(passes.iter().map(|pass| pass.2)),
            });
        }
    }
    Ok(figures)
}

/// Starts runs that wait for a signal and looks at what they cost.
pub(super) fn suspended(subjects: &[&dyn Subject], effort: Effort) -> Result<Vec<Suspended>> {
    let mut figures = Vec::new();
    for subject in subjects {
        let before = usage::of(&subject.processes());
        let line = workload::load("start", &subject.suspend(), &[("count", effort.suspended), ("clients", 16)])?;
        std::thread::sleep(Duration::from_secs(10));
        let after = usage::of(&subject.processes());
        let window = Duration::from_secs(5);
        std::thread::sleep(window);
        let cpu = usage::of(&subject.processes()).cpu_ms - after.cpu_ms;
        figures.push(Suspended {
            name: subject.name(),
            count: effort.suspended,
            starts_per_second: number(&line["per_second"]),
            before_mib: before.pss_mib,
            after_mib: after.pss_mib,
            cpu_percent: cpu / (window.as_secs_f64() * 10.0),
        });
    }
    Ok(figures)
}

/// First and later starts of an own data folder, idle memory five seconds after a start, size of the program.
pub(super) fn starts(folder: &Path, model: &Model) -> Result<Starts> {
    let data = folder.join("data/starts");
    let first = Ours::start(&data, model)?;
    let first_ms = first.ready.as_secs_f64() * 1000.0;
    drop(first);
    let mut later = Vec::new();
    let mut idle = Usage::default();
    for round in 0..5 {
        let again = Ours::start(&data, model)?;
        later.push(again.ready.as_secs_f64() * 1000.0);
        if round == 4 {
            std::thread::sleep(Duration::from_secs(5));
            idle = usage::of(&again.processes());
        }
    }
    let size = fs::metadata(workspace::built("release", "moltforge")).context("look at the program")?.len();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let binary_mib = size as f64 / 1_048_576.0;
    Ok(Starts { first_ms, second_ms: median(later), idle_mib: idle.pss_mib, binary_mib })
}

/// Executions with 1,000 tool calls, one after another: what a step costs early and late. The median of five.
pub(super) fn growth(ours: &Ours) -> Result<Growth> {
    let passes = (0..5).map(|_| long_execution(ours)).collect::<Result<Vec<_>>>()?;
    let middle = |of: fn(&Growth) -> f64| median(passes.iter().map(of));
    Ok(Growth {
        early_bytes: middle(|pass| pass.early_bytes),
        late_bytes: middle(|pass| pass.late_bytes),
        early_us: middle(|pass| pass.early_us),
        late_us: middle(|pass| pass.late_us),
    })
}

fn long_execution(ours: &Ours) -> Result<Growth> {
    let started = ours.json("POST", "/v1/executions", &json!({ "agent": "long", "input": "go" }))?;
    let id = started["execution_id"].as_str().context("an execution id")?;
    let begun = Instant::now();
    loop {
        let execution = ours.json("GET", &format!("/v1/executions/{id}"), &Value::Null)?;
        match execution["state"].as_str() {
            Some("completed") => break,
            Some("failed" | "paused" | "cancelled") => bail!("the long execution ended badly: {execution}"),
            _ if begun.elapsed() > Duration::from_mins(3) => bail!("the long execution does not end: {execution}"),
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    let mut events = Vec::new();
    let mut after = 0;
    loop {
        let page = ours.json("GET", &format!("/v1/executions/{id}/events?limit=1000&after={after}"), &Value::Null)?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        let Some(last) = items.last().and_then(|event| event["id"].as_str()?.parse::<u64>().ok()) else { break };
        after = last;
        events.extend(items);
    }
    let (early_bytes, early_us) = window(&events, 1)?;
    let (late_bytes, late_us) = window(&events, 1900)?;
    Ok(Growth { early_bytes, late_bytes, early_us, late_us })
}

/// Bytes and microseconds per step over the hundred steps from `from` on. A turn is a model step and a tool step.
fn window(events: &[Value], from: u64) -> Result<(f64, f64)> {
    let inside = |step: &Value| step.as_u64().is_some_and(|step| (from..from + 100).contains(&step));
    let inside: Vec<_> = events.iter().filter(|event| inside(&event["data"]["step"])).collect();
    let (Some(first), Some(last)) = (inside.first(), inside.last()) else { bail!("no events from step {from} on") };
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let bytes = inside.iter().map(|event| event["data"].to_string().len()).sum::<usize>() as f64;
    Ok((bytes / 100.0, (micros(&last["time"])? - micros(&first["time"])?) / 100.0))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Microseconds within the day of `2026-01-02T03:04:05.000006Z`; enough for differences within one execution.
pub(super) fn micros(time: &Value) -> Result<f64> {
    let text = time.as_str().and_then(|text| text.split_once('T')).context("a time")?.1.trim_end_matches('Z');
    let mut parts = text.split(':').map(|part| part.parse::<f64>().unwrap_or(0.0));
    let mut next = || parts.next().unwrap_or(0.0);
    Ok(((next() * 60.0 + next()) * 60.0 + next()) * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_times() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        let at = micros(&json!("2026-01-02T01:00:01.000500Z")).unwrap();
        assert!((at - 3_601_000_500.0).abs() < 1.0, "{at}");
    }
}
