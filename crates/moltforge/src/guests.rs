//! Guests of code agents: the hidden subcommands that are their processes, and the sandbox of a server.
//!
//! A server starts whatever its kernel allows. When it cannot confine a process, code agents alone wait, and `/readyz`,
//! the log and `moltforge doctor` say why.

mod bundles;
mod check;
mod config;
mod explain;
mod files;
mod meters;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moltforge_manifest::bundle::Language;
use moltforge_sandbox::{Enforcement, Event, GuestRequest, Image, Limits, Sandbox};

pub use bundles::StoredBundles;
pub use config::SandboxConfig;
pub(crate) use explain::explained;
pub use meters::{Metered, Meters, Used};

/// The hidden subcommand that runs the guests of one project.
pub const WORKER: &str = "guest-worker";
/// The hidden subcommand that compiles one image.
pub const COMPILER: &str = "guest-compile";

/// What the look at the confinement belongs to; no project's id.
const PROBE: &str = "probe";

/// What runs the code agents of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CodeAgents {
    sandbox: Result<Sandbox, Arc<str>>,
    states: Arc<Mutex<BTreeMap<&'static str, State>>>,
    meters: Meters,
    /// Why processes may be less confined than they should be.
    best_effort_because: Option<Arc<str>>,
}

/// Between two looks whether an engine is ready.
const LOOK: Duration = Duration::from_millis(20);
/// Before what failed is tried again, the confinement or the engines, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

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
        let best_effort_because = config.best_effort_because.as_deref().map(Arc::from);
        let started = Self { sandbox, states: Arc::default(), meters: Meters::default(), best_effort_because };
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

    /// What their programs use.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// What keeps code agents waiting, in words; `ok` and what limits their processes when nothing does.
    pub fn status(&self) -> String {
        if let Err(reason) = &self.sandbox {
            return format!("cannot run here: {reason}");
        }
        let states = self.states();
        // a run may have compiled an engine meanwhile
        let failed = states.iter().find_map(|(name, state)| match state {
            State::Failed(reason) if !self.is_compiled(name) => Some(format!("{name}: {reason}")),
            _ => None,
        });
        let begins: Vec<_> =
            states.iter().filter(|(_, state)| **state == State::Beginning).map(|(name, _)| *name).collect();
        match failed {
            Some(reason) => format!("cannot run here: {reason}"),
            None if begins.is_empty() => {
                let ok = self.best_effort_because.as_ref().map_or_else(
                    || "ok".to_owned(),
                    |reason| format!("ok, but they may be less confined than they should: {reason}"),
                );
                format!("{ok}; {}", self.sandbox.as_ref().map(Sandbox::groups).unwrap_or_default())
            }
            None => format!("preparing {}", begins.join(", ")),
        }
    }

    fn is_compiled(&self, name: &str) -> bool {
        let mut images = Language::ALL.into_iter().filter(|language| language.as_str() == name).filter_map(image);
        let Ok(sandbox) = &self.sandbox else { return false };
        images.any(|image| sandbox.is_prepared(PROBE, &image))
    }

    /// Compiles the engine of a language in the background, if that has not happened yet. Returns whether it has.
    pub(crate) fn prepare(&self, language: Language) -> bool {
        let (Ok(sandbox), Some(image)) = (&self.sandbox, image(language)) else { return false };
        if sandbox.is_prepared(PROBE, &image) {
            self.set(language.as_str(), State::Ready);
            return true;
        }
        if self.states().get(language.as_str()) == Some(&State::Beginning) {
            return false;
        }
        self.set(language.as_str(), State::Beginning);
        let this = self.clone();
        tokio::spawn(async move { this.compile(language).await });
        false
    }

    /// Compiles the engine of a language, or finds it compiled. Returns whether it is there.
    async fn compile(&self, language: Language) -> bool {
        let (Ok(sandbox), Some(image)) = (&self.sandbox, image(language)) else { return true };
        self.set(language.as_str(), State::Beginning);
        tracing::info!(language = language.as_str(), "the engine of code agents is looked for, or compiled");
        let state = match sandbox.prepare(PROBE, &image).await {
            Ok(()) => State::Ready,
            Err(error) => State::Failed(error.to_string()),
        };
        if let State::Failed(reason) = &state {
            tracing::error!(language = language.as_str(), %reason, "code agents cannot run here");
        } else {
            tracing::info!(language = language.as_str(), "the engine of code agents is ready");
        }
        let is_ready = state == State::Ready;
        self.set(language.as_str(), state);
        is_ready
    }

    /// Compiles all engines, one after another: what most agents need comes first. What fails is tried again, less and
    /// less often.
    async fn compile_all(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut all = true;
            for language in Language::ALL {
                all &= self.compile(language).await;
            }
            if all {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits for an engine that was compiled before: that one is only read and checked.
    pub(crate) async fn is_ready_within(&self, limit: Duration, language: Language) -> bool {
        let ready = async {
            if self.prepare(language) {
                return true;
            }
            loop {
                tokio::time::sleep(LOOK).await;
                match self.states().get(language.as_str()) {
                    Some(State::Ready) => return true,
                    Some(State::Beginning) => {}
                    Some(State::Failed(_)) | None => return false,
                }
            }
        };
        tokio::time::timeout(limit, ready).await.unwrap_or(false)
    }

    /// Looks at the confinement, then prepares what the configuration says.
    fn watch(&self, sandbox: Sandbox, config: SandboxConfig) {
        self.set(CONFINEMENT, State::Beginning);
        let this = self.clone();
        tokio::spawn(async move {
            if let Some(reason) = &config.best_effort_because {
                tracing::warn!(%reason, "code agents run less confined than they should, for this reason");
            }
            let mut pause = FIRST_PAUSE;
            // a full disk or a machine that is too busy is not so for ever
            while let Err(reason) = probe(&sandbox).await {
                tracing::error!(%reason, "code agents cannot run here");
                this.set(CONFINEMENT, State::Failed(reason));
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            this.set(CONFINEMENT, State::Ready);
            if config.prepare {
                this.compile_all().await;
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

/// What runs the programs of a language, among the engines that come with the program: TypeScript is JavaScript's.
fn engine(language: Language) -> Option<(Language, Image)> {
    match language {
        Language::JavaScript | Language::TypeScript => Some((Language::JavaScript, Image::JavaScript)),
        Language::Python => Some((Language::Python, Image::Python)),
        Language::Component => None,
    }
}

/// The image that comes with the program for a language: its engine, or what strips its types.
fn image(language: Language) -> Option<Image> {
    match language {
        Language::JavaScript => Some(Image::JavaScript),
        Language::TypeScript => Some(Image::TypeScript),
        Language::Python => Some(Image::Python),
        Language::Component => None,
    }
}

/// Starts both kinds of processes once.
///
/// # Errors
/// What the kernel refuses, and what to do about it.
pub(crate) async fn probe(sandbox: &Sandbox) -> Result<(), String> {
    sandbox.prepare(PROBE, &Image::Empty).await.map_err(|error| error.to_string())?;
    // alone: its worker is gone a second later, and a server without code agents has only itself in memory
    let looks = GuestRequest { alone: true, ..request(PROBE, Image::Empty) };
    let mut guest = sandbox.run(looks).await.map_err(|error| error.to_string())?;
    match guest.next().await {
        Event::Lost(reason) => Err(reason),
        // it has nothing to run, and that it says so is what was to be seen
        Event::Failed { .. } | Event::Ended(_) | Event::Asked(_) | Event::Evicted { .. } => Ok(()),
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
        alone: false,
        completions: Vec::new(),
    }
}

/// What becomes of a step of the confinement that the kernel refuses.
fn enforcement(because: Option<&String>) -> Enforcement {
    because.map_or(Enforcement::Required, |reason| Enforcement::BestEffort { reason: reason.clone() })
}
