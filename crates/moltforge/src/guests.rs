//! Guests of code agents: the hidden subcommands that are their processes, and the sandbox of a server.
//!
//! A server starts whatever its kernel allows. When it cannot confine a process, code agents alone wait, and `/readyz`,
//! the log and `moltforge doctor` say why.

mod bundles;
mod check;
mod config;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moltforge_manifest::bundle::Language;
use moltforge_sandbox::{Component, Enforcement, Event, GuestRequest, Image, Limits, Sandbox};

pub use bundles::StoredBundles;
pub use config::SandboxConfig;

/// The hidden subcommand that runs the guests of one project.
pub const WORKER: &str = "guest-worker";
/// The hidden subcommand that compiles one image.
pub const COMPILER: &str = "guest-compile";

/// What the look at the confinement belongs to; no project's id.
const PROBE: &str = "probe";
/// An empty component: it compiles at once, and a guest of it fails as soon as its worker is ready.
const EMPTY: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// What runs the code agents of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CodeAgents {
    sandbox: Result<Sandbox, Arc<str>>,
    states: Arc<Mutex<BTreeMap<&'static str, State>>>,
}

/// How far the server is with something that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Beginning,
    Ready,
    Failed(String),
}

/// The name of the confinement among the states; the others are languages.
const CONFINEMENT: &str = "confinement";

impl CodeAgents {
    /// Opens the sandbox, and looks in the background whether this kernel confines processes.
    pub fn start(config: &SandboxConfig, data_dir: &Path) -> Self {
        let sandbox = if config.enabled {
            Sandbox::new(config.sandbox(data_dir)).map_err(|error| Arc::from(error.to_string()))
        } else {
            Err(Arc::from("`sandbox.enabled` is false"))
        };
        let started = Self { sandbox, states: Arc::default() };
        match &started.sandbox {
            Err(reason) if config.enabled => tracing::error!(%reason, "code agents cannot run here"),
            Err(_) => {}
            Ok(sandbox) => started.watch(sandbox.clone(), config.clone()),
        }
        started
    }

    /// The sandbox, or why there is none.
    pub fn sandbox(&self) -> Result<&Sandbox, &str> {
        self.sandbox.as_ref().map_err(|reason| &**reason)
    }

    /// What keeps code agents waiting, in words.
    pub fn status(&self) -> String {
        if let Err(reason) = &self.sandbox {
            return format!("cannot run here: {reason}");
        }
        let states = self.states();
        let failed = states.iter().find_map(|(name, state)| match state {
            State::Failed(reason) => Some(format!("{name}: {reason}")),
            State::Beginning | State::Ready => None,
        });
        let begins: Vec<_> =
            states.iter().filter(|(_, state)| **state == State::Beginning).map(|(name, _)| *name).collect();
        match failed {
            Some(reason) => format!("cannot run here: {reason}"),
            None if begins.is_empty() => "programs are taken, and this build runs none yet".to_owned(),
            None => format!("preparing {}", begins.join(", ")),
        }
    }

    /// Compiles the engine of a language in the background, if that has not happened yet. Returns whether it has.
    pub(crate) fn prepare(&self, language: Language) -> bool {
        let (Ok(sandbox), Some(image)) = (&self.sandbox, engine(language)) else { return false };
        if sandbox.is_prepared(PROBE, &image) {
            self.set(language.as_str(), State::Ready);
            return true;
        }
        if self.states().get(language.as_str()) == Some(&State::Beginning) {
            return false;
        }
        self.set(language.as_str(), State::Beginning);
        let (this, sandbox) = (self.clone(), sandbox.clone());
        tokio::spawn(async move {
            tracing::info!(language = language.as_str(), "compiling the engine of code agents for this machine");
            let state = match sandbox.prepare(PROBE, &image).await {
                Ok(()) => State::Ready,
                Err(error) => State::Failed(error.to_string()),
            };
            if let State::Failed(reason) = &state {
                tracing::error!(language = language.as_str(), %reason, "code agents cannot run here");
            }
            this.set(language.as_str(), state);
        });
        false
    }

    /// Looks at the confinement, then prepares what the configuration says.
    fn watch(&self, sandbox: Sandbox, config: SandboxConfig) {
        self.set(CONFINEMENT, State::Beginning);
        let this = self.clone();
        tokio::spawn(async move {
            if let Some(reason) = &config.best_effort_because {
                tracing::warn!(%reason, "code agents run less confined than they should, for this reason");
            }
            match probe(&sandbox).await {
                Ok(()) => this.set(CONFINEMENT, State::Ready),
                Err(reason) => {
                    tracing::error!(%reason, "code agents cannot run here");
                    return this.set(CONFINEMENT, State::Failed(reason));
                }
            }
            if config.prepare {
                for language in Language::ALL {
                    this.prepare(language);
                }
            }
        });
    }

    fn set(&self, name: &'static str, state: State) {
        self.states().insert(name, state);
    }

    fn states(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The engine that comes with the program for a language.
fn engine(language: Language) -> Option<Image> {
    match language {
        Language::JavaScript => Some(Image::JavaScript),
        Language::TypeScript | Language::Python | Language::Component => None,
    }
}

/// Starts both kinds of processes once.
///
/// # Errors
/// What the kernel refuses, and what to do about it.
pub(crate) async fn probe(sandbox: &Sandbox) -> Result<(), String> {
    let image = Image::Component(Arc::new(Component::new(EMPTY.to_vec())));
    sandbox.prepare(PROBE, &image).await.map_err(|error| error.to_string())?;
    let mut guest = sandbox.run(request(PROBE, image)).await.map_err(|error| error.to_string())?;
    match guest.next().await {
        Event::Lost(reason) => Err(reason),
        // it has nothing to run, and that it says so is what was to be seen
        Event::Failed { .. } | Event::Ended(_) | Event::Asked(_) => Ok(()),
    }
}

/// A guest without files, the smallest there can be.
fn request(project: &str, image: Image) -> GuestRequest {
    GuestRequest {
        project: project.to_owned(),
        image,
        files: Vec::new(),
        entry: String::new(),
        input: "null".to_owned(),
        seed: [0; 32],
        now: 0,
        limits: Limits { cpu: Duration::from_secs(5), ..Limits::default() },
        reserve: 16 << 20,
        completions: Vec::new(),
    }
}

/// What becomes of a step of the confinement that the kernel refuses.
fn enforcement(because: Option<&String>) -> Enforcement {
    because.map_or(Enforcement::Required, |reason| Enforcement::BestEffort { reason: reason.clone() })
}
