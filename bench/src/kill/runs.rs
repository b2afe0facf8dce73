//! The load: tasks that start runs and never forget one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;

use super::{agents, hands};
use crate::chance::Chance;
use crate::http::{Client, Response};
use crate::plan::PLANS;

/// One run that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Its name, also its idempotency key.
    pub id: String,
    /// What it does.
    pub plan: &'static str,
    /// The execution's id, from the first answer.
    pub execution: String,
    /// When its stop was acknowledged.
    pub stopped: Option<Instant>,
}

/// All runs that were accepted, and what was odd on the way.
#[derive(Default)]
pub(super) struct Runs {
    accepted: Mutex<Vec<Run>>,
    /// Answers that no server should give: another id for the same key, a refusal.
    odd: Mutex<Vec<String>>,
    /// What was not as it was acknowledged to be: a paused run that went on.
    broken: Mutex<Vec<String>>,
    number: AtomicU64,
    repeated: AtomicU64,
    stopped: AtomicBool,
}

impl Runs {
    /// How many were accepted.
    pub(super) fn accepted(&self) -> usize {
        self.all().len()
    }

    /// Every accepted run.
    pub(super) fn all(&self) -> Vec<Run> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was odd.
    pub(super) fn odd(&self) -> Vec<String> {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What an acknowledged pause did not hold.
    pub(super) fn broken(&self) -> Vec<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A held run is not held.
    pub(super) fn breaks(&self, what: String) {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// The stop of a run was acknowledged now.
    pub(super) fn stopped(&self, id: &str) {
        let mut all = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = all.iter_mut().rev().find(|run| run.id == id) {
            run.stopped = Some(Instant::now());
        }
    }

    /// Requests that were sent again because no answer came.
    pub(super) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// No more new runs.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn note(&self, oddity: String) {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).push(oddity);
    }

    /// Sends until an answer comes: a killed server gives none. A refusal is noted.
    pub(super) async fn until_answered(
        &self,
        client: &Client,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Option<Response> {
        // longer than any restart may take
        for attempt in 0..3000 {
            match client.send("POST", path, headers, body).await {
                Ok(response) if response.good() => return Some(response),
                // a command without a key: one that was not answered had its effect
                Ok(response) if response.status == 409 && attempt > 0 && headers.is_empty() => return Some(response),
                Ok(response) if matches!(response.status, 429 | 502 | 503 | 504) => {}
                Ok(response) => {
                    self.note(format!("POST {path}: {} {}", response.status, response.text()));
                    return None;
                }
                Err(_) => client.forget(),
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.note(format!("POST {path}: no answer after many attempts"));
        None
    }

    async fn one(&self, client: &Client, chance: &Chance) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let id = format!("r{number}");
        let plan = usize::try_from(chance.below(PLANS.len() as u64)).map_or("math", |index| PLANS[index]);
        // half of the clients wait for the end, as somebody does who wants the answer
        let waits = number.is_multiple_of(2) && !hands::has_a_hand(plan);
        let prefer = if waits { "prefer: wait=5\r\n" } else { "" };
        let headers = format!("idempotency-key: {id}\r\n{prefer}");
        let body = json!({ "agent": agents::NAME, "input": format!("run:{id} plan:{plan}") }).to_string();
        let Some(response) = self.until_answered(client, "/v1/executions", &headers, body.as_bytes()).await else {
            return;
        };
        let execution = response.json().ok().and_then(|body| Some(body["execution_id"].as_str()?.to_owned()));
        let Some(execution) = execution else {
            return self.note(format!("{id}: no execution id in {}", response.text()));
        };
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).push(Run {
            id: id.clone(),
            plan,
            execution: execution.clone(),
            stopped: None,
        });
        hands::lend(self, client, chance, &id, plan, &execution).await;
        // an acknowledged key is asked for once more: it must name the same execution
        if number.is_multiple_of(16)
            && let Some(again) = self.until_answered(client, "/v1/executions", &headers, body.as_bytes()).await
            && again.json().ok().and_then(|body| Some(body["execution_id"].as_str()?.to_owned())) != Some(execution)
        {
            self.note(format!("{id}: the same key named another execution"));
        }
    }
}

/// Starts the load.
pub(super) fn spawn(clients: u64, runs: &Arc<Runs>, client: &Arc<Client>, chance: &Arc<Chance>) -> Vec<JoinHandle<()>> {
    let task = |_| {
        let (runs, client, chance) = (runs.clone(), client.clone(), chance.clone());
        tokio::spawn(async move {
            while !runs.stopped.load(Ordering::Relaxed) {
                runs.one(&client, &chance).await;
                tokio::time::sleep(chance.millis(0, 40)).await;
            }
        })
    };
    (0..clients).map(task).collect()
}
