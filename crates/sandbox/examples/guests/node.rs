//! A sandbox as a server has it, and what an engine does with its guests.

use std::path::Path;
use std::time::{Duration, Instant};

use moltforge_sandbox::{Asked, Completion, Config, Enforcement, Event, Guest, GuestRequest, Sandbox};

use crate::programs::{Language, component, guest, javascript, python};
use crate::{Effort, Failed, program};

/// No project needs to be there.
pub(crate) const PROJECT: &str = "bench";

/// The sandbox of a node, and the languages that are measured on it.
pub(crate) struct Node {
    pub(crate) sandbox: Sandbox,
    pub(crate) languages: Vec<Language>,
}

impl Node {
    /// Starts it and compiles what is needed.
    pub(crate) async fn start(effort: &Effort) -> Result<Self, Failed> {
        let enforcement = enforcement(&effort.dir).await;
        let profile = if cfg!(debug_assertions) { "not optimised: the figures mean little" } else { "release" };
        println!("- build: {profile}");
        match &enforcement {
            Enforcement::Required => println!("- workers: confined"),
            Enforcement::BestEffort { reason } => println!("- workers: confined as far as it goes; {reason}"),
        }
        let sandbox = open(&effort.dir, enforcement, 5_000)?;
        let mut languages = vec![javascript(), python()];
        if let Some(path) = &effort.component {
            languages.push(component(path)?);
        }
        for language in &languages {
            let begun = Instant::now();
            sandbox.prepare(PROJECT, &language.image).await?;
            println!("- {} is compiled or found after {:.1} s", language.name, begun.elapsed().as_secs_f64());
        }
        println!();
        Ok(Self { sandbox, languages })
    }
}

/// A sandbox whose processes are this program. `guests`: of one worker.
pub(crate) fn open(dir: &Path, enforcement: Enforcement, guests: u32) -> Result<Sandbox, Failed> {
    Ok(Sandbox::new(Config {
        program: program().to_owned(),
        worker: vec!["worker".into()],
        compiler: vec!["compile".into()],
        cache: dir.join("guests"),
        enforcement,
        memory: 1 << 40,
        guests: 100_000,
        guests_per_project: guests,
        cpu_milli: None,
        idle: Duration::from_secs(2),
        silence: Duration::from_secs(30),
    })?)
}

/// Everything, where the kernel has everything.
pub(crate) async fn enforcement(dir: &Path) -> Enforcement {
    let whole = async {
        let sandbox = open(dir, Enforcement::Required, 8)?;
        let language = javascript();
        first(&sandbox, guest("probe", &language, language.once, "1")).await.map(drop)
    };
    match whole.await {
        Ok(()) => Enforcement::Required,
        Err(error) => Enforcement::BestEffort { reason: error.to_string() },
    }
}

/// Runs a guest until it asks for something. Says how long that took, from the request on.
pub(crate) async fn first(sandbox: &Sandbox, request: GuestRequest) -> Result<(Duration, Guest, Asked), Failed> {
    let begun = Instant::now();
    let mut guest = sandbox.run(request).await?;
    let asked = waits(&mut guest).await?;
    Ok((begun.elapsed(), guest, asked))
}

/// Until it waits for an answer.
pub(crate) async fn waits(guest: &mut Guest) -> Result<Asked, Failed> {
    let mut all = Asked::default();
    loop {
        match guest.next().await {
            Event::Asked(asked) => {
                all.calls.extend(asked.calls);
                (all.consumed, all.blocked) = (asked.consumed, asked.blocked);
                if all.blocked {
                    return Ok(all);
                }
            }
            other => return Err(format!("a guest does not wait: {other:?}").into()),
        }
    }
}

/// The answer to a call.
pub(crate) fn answer(id: u32) -> Completion {
    let at = 1_700_000_000_000_000 + u64::from(id);
    Completion { id, at, value: Ok(format!("{{\"tool\":\"echo\",\"id\":{id},\"text\":\"fifty bytes or so\"}}")) }
}
