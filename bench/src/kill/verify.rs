//! The proof: every accepted run, every event of it, every request that a tool or the model saw.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::task::JoinSet;

use super::hands;
use super::runs::{Run, Runs};
use crate::counting::Counting;
use crate::http::Client;
use crate::model::Model;
use crate::plan;

/// How many faults of one kind are printed.
const SHOWN: usize = 5;

/// What was checked, and what did not hold.
#[derive(Default)]
pub(super) struct Report {
    checks: BTreeMap<&'static str, Vec<String>>,
    /// Requests that the keyed tool saw.
    pub keyed_requests: u64,
    /// Requests that the tool saw that must not be repeated.
    pub once_requests: u64,
}

const ACCEPTED: &str = "every accepted run exists, under one id";
const ENDED: &str = "every run ended as planned";
const DENSE: &str = "every journal is dense, ends once, and nothing follows its end";
const STEPS: &str = "no step was finished twice";
const KEYED: &str = "every keyed effect happened once";
const ONCE: &str = "no call that must not be repeated was sent twice";
const CHILDREN: &str = "every child and every event started one execution, and it ended as planned";
const ASKED: &str = "no call began that a person was asked about and had not approved";
const HELD: &str = "what was paused stayed so until its resume";
/// After an acknowledged stop nothing new leaves, of the run or of what is below it.
pub(super) const STOPPED: &str = "nothing came from a run after its stop was acknowledged";
/// What was on its way to a server that is slow to read it.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
const MODEL: &str = "the model was asked for no finished turn again";

impl Report {
    /// Whether everything held.
    pub(super) fn good(&self) -> bool {
        !self.checks.is_empty() && self.checks.values().all(Vec::is_empty)
    }

    /// A line per check, then the closing line that the runner counts.
    pub(super) fn print(&self) {
        for (check, faults) in &self.checks {
            println!("  {} {check}", if faults.is_empty() { "ok    " } else { "FAILED" });
            for fault in faults.iter().take(SHOWN) {
                println!("         {fault}");
            }
            if faults.len() > SHOWN {
                println!("         and {} more", faults.len() - SHOWN);
            }
        }
        let failed = self.checks.values().filter(|faults| !faults.is_empty()).count();
        println!("{} passed, {failed} failed", self.checks.len() - failed);
    }

    /// So many requests to the model were on the wire when their sender lost everything: each may repeat a turn.
    pub(super) fn excuse_turns(&mut self, late: u64) {
        if let Some(faults) = self.checks.get_mut(MODEL).filter(|faults| faults.len() as u64 <= late) {
            faults.clear();
        }
    }

    /// So many requests may have been on the wire when their sender was stopped.
    pub(super) fn excuse_stops(&mut self, late: usize) {
        if let Some(faults) = self.checks.get_mut(STOPPED).filter(|faults| faults.len() <= late) {
            faults.clear();
        }
    }

    pub(super) fn add(&mut self, check: &'static str, faults: impl IntoIterator<Item = String>) {
        self.checks.entry(check).or_default().extend(faults);
    }
}

/// Looks at everything.
pub(super) async fn all(client: &Arc<Client>, runs: &Arc<Runs>, model: &Model, counting: &Counting) -> Result<Report> {
    let mut report = Report::default();
    for check in [ACCEPTED, ENDED, CHILDREN, DENSE, STEPS, KEYED, ONCE, ASKED, HELD, STOPPED, MODEL] {
        report.add(check, []);
    }
    let mut accepted = runs.all();
    if accepted.is_empty() {
        report.add(ACCEPTED, ["no run was accepted: nothing was tested".to_owned()]);
    }
    report.add(ACCEPTED, runs.odd());
    report.add(HELD, runs.broken());
    let children = ids(client, &accepted, &mut report).await?;
    report.add(MODEL, model.repeated());
    stops(&mut report, &accepted, counting);
    accepted.extend(children);
    effects(&mut report, &accepted, counting);

    let mut tasks = JoinSet::new();
    let work = Arc::new(std::sync::Mutex::new(accepted));
    for _ in 0..16 {
        let (client, work) = (client.clone(), work.clone());
        tasks.spawn(async move {
            let mut found = Vec::new();
            loop {
                let next = work.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
                let Some(run) = next else { return Ok::<_, anyhow::Error>(found) };
                found.extend(one(&client, &run).await.with_context(|| format!("{} {}", run.id, run.execution))?);
            }
        });
    }
    while let Some(found) = tasks.join_next().await {
        for (check, fault) in found.context("a checking task")?? {
            report.add(check, [fault]);
        }
    }
    Ok(report)
}

/// The server's list and ours must be the same set, and what our runs have started. That.
async fn ids(client: &Client, accepted: &[Run], report: &mut Report) -> Result<Vec<Run>> {
    let mut listed = BTreeSet::new();
    let mut started: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut path = "/v1/executions?limit=200".to_owned();
    loop {
        let page = client.get(&path).await?;
        let items = page["items"].as_array().context("a list of executions")?;
        for item in items {
            let id = item["execution_id"].as_str().context("an id")?.to_owned();
            if matches!(item["trigger"].as_str(), Some("agent" | "event")) {
                started.entry(hands::told(item).unwrap_or_default().to_owned()).or_default().push(id);
            } else {
                listed.insert(id);
            }
        }
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/executions?limit=200&cursor={next}");
    }
    let ours: BTreeSet<_> = accepted.iter().map(|run| run.execution.clone()).collect();
    let lost = ours.difference(&listed).map(|id| format!("{id} was accepted and is not listed"));
    let extra = listed.difference(&ours).map(|id| format!("{id} is listed and belongs to no accepted run"));
    let mut faults: Vec<_> = lost.chain(extra).collect();
    if ours.len() != accepted.len() {
        faults.push(format!("{} runs share {} executions", accepted.len(), ours.len()));
    }
    report.add(ACCEPTED, faults);
    let mut children = Vec::new();
    for run in accepted {
        let events = if run.plan == "event" { plan::event(&run.id).to_vec() } else { Vec::new() };
        for (name, plan) in plan::children(run.plan, &run.id).into_iter().chain(events) {
            let found = started.remove(&name).unwrap_or_default();
            // one that was stopped may not have come so far
            if found.len() > 1 || found.is_empty() && !plan::is_stopped(run.plan) {
                report.add(CHILDREN, [format!("{name} ({plan}): {found:?}")]);
            }
            let child = |execution| Run { id: name.clone(), plan, execution, stopped: run.stopped };
            children.extend(found.into_iter().map(child));
        }
    }
    report.add(CHILDREN, started.into_iter().map(|(name, found)| format!("{name}: nobody started {found:?}")));
    Ok(children)
}

/// What came too late from a run that somebody was told to be stopped, and from its children.
fn stops(report: &mut Report, accepted: &[Run], counting: &Counting) {
    let seen = counting.keyed();
    for run in accepted {
        let Some(stopped) = run.stopped else { continue };
        let children = plan::children(run.plan, &run.id).into_iter().map(|(name, _)| name);
        for name in children.chain([run.id.clone()]) {
            let late = seen.iter().filter(|((of, _), seen)| {
                *of == name && seen.latest.is_some_and(|latest| latest > stopped + ON_ITS_WAY)
            });
            report.add(STOPPED, late.map(|((of, n), _)| format!("{of} call {n}")));
        }
    }
}

fn effects(report: &mut Report, accepted: &[Run], counting: &Counting) {
    let (keyed, once) = (counting.keyed(), counting.once());
    report.keyed_requests = keyed.values().map(|seen| seen.requests).sum();
    report.once_requests = once.values().map(|seen| seen.requests).sum();
    for ((run, n), seen) in &keyed {
        if seen.keys.len() != 1 || seen.keys.contains("") {
            report.add(KEYED, [format!("{run} call {n}: the keys {:?}", seen.keys)]);
        }
    }
    for ((run, n), seen) in &once {
        if seen.requests != 1 {
            report.add(ONCE, [format!("{run} call {n}: sent {} times", seen.requests)]);
        }
    }
    for run in accepted {
        let expected = plan::effects(run.plan).0;
        let happened = keyed.keys().filter(|(of, _)| *of == run.id).count();
        // how far a stop lets one come depends on when it comes
        let stopped = run.stopped.is_some();
        if happened > expected || happened < expected && !stopped {
            report.add(KEYED, [format!("{} ({}): {happened} effects of {expected}", run.id, run.plan)]);
        }
    }
}

async fn one(client: &Client, run: &Run) -> Result<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    let name = format!("{} ({}, {})", run.id, run.plan, run.execution);
    let execution = client.get(&format!("/v1/executions/{}", run.execution)).await?;
    let words = plan::last_words(&run.id);
    let is_child = run.id.contains('-');
    let completed = execution["state"] == "completed" && execution["output"] == Value::String(words);
    let cancelled = execution["state"] == "cancelled" && run.stopped.is_some();
    // a child may have come to its own end before the stop came
    if !(cancelled || completed && (is_child || !plan::is_stopped(run.plan))) {
        let (error, check) = (&execution["error"], if is_child { CHILDREN } else { ENDED });
        found.push((check, format!("{name}: {} with {} {error}", execution["state"], execution["output"])));
    }
    let events = client.get(&format!("/v1/executions/{}/events?limit=1000", run.execution)).await?;
    let events = events["items"].as_array().context("a list of events")?;
    let kind =
        |event: &Value| event["type"].as_str().unwrap_or_default().trim_start_matches("io.moltforge.").to_owned();
    let kinds: Vec<_> = events.iter().map(kind).collect();
    let dense = events
        .iter()
        .enumerate()
        .all(|(index, event)| event["id"].as_str().and_then(|id| id.parse().ok()) == Some(index + 1));
    let is_end =
        |kind: &String| matches!(kind.as_str(), "execution.completed" | "execution.failed" | "execution.cancelled");
    let ends = kinds.iter().filter(|kind| is_end(kind)).count();
    if !dense
        || ends != 1
        || !kinds.last().is_some_and(is_end)
        || execution["seq"].as_u64() != Some(events.len() as u64)
    {
        found.push((DENSE, format!("{name}: {kinds:?}")));
    }
    if run.plan == "ask" {
        let place = |wanted: &str| kinds.iter().position(|kind| kind == wanted);
        let decided = kinds.iter().filter(|kind| *kind == "approval.decided").count();
        // the first call that it makes is the one that it asks about
        let begun = place("tool.invoked").zip(place("approval.decided"));
        if decided != 1 || begun.is_none_or(|(begun, decided)| begun < decided) {
            found.push((ASKED, format!("{name}: {kinds:?}")));
        }
    }
    let mut finished: BTreeMap<u64, u32> = BTreeMap::new();
    for (event, kind) in events.iter().zip(&kinds) {
        if matches!(kind.as_str(), "model.completed" | "tool.succeeded" | "tool.failed") {
            *finished.entry(event["data"]["step"].as_u64().unwrap_or(0)).or_default() += 1;
        }
    }
    for (step, times) in finished.iter().filter(|(step, times)| **times > 1 || **step == 0) {
        found.push((STEPS, format!("{name}: step {step} was finished {times} times")));
    }
    Ok(found)
}
