//! Guests of code agents in the sandbox: what executions ask of a guest, in the words of the sandbox.

mod failures;
mod limits;
mod said;
mod waits;

use std::sync::Arc;

use async_trait::async_trait;
use moltforge_execution::guests::{Bundle, Bundles, Guest, GuestEvent, GuestStart, Guests, Heard, Image, SourceFile};
use moltforge_manifest::bundle::Language;
use moltforge_sandbox::commands::Made;
use moltforge_sandbox::{Cancelled, Commands, Completion, Event, File, GuestRequest, Sandbox};
use moltforge_types::journal::ErrorInfo;
use moltforge_types::{ExecutionId, ProjectId, Timestamp};

use self::said::Said;
use self::waits::{Place, Stage, Waits};
use crate::guests::{Metered, Meters};

/// After so many losses of its process a computing guest gets one of its own: it may have been a neighbour.
const SUSPECT: u32 = 2;
/// After so many it fails.
const CRASHES: u32 = 5;

/// Runs guests in the sandbox of this server.
pub(super) struct Sandboxed {
    sandbox: Sandbox,
    bundles: Arc<dyn Bundles>,
    meters: Meters,
    waits: Waits,
}

impl Sandboxed {
    /// With the programs that are kept there.
    pub(super) fn new(sandbox: Sandbox, bundles: Arc<dyn Bundles>, meters: Meters) -> Self {
        Self { sandbox, bundles, meters, waits: Waits::default() }
    }
}

impl Sandboxed {
    /// Waits for what strips types, so that an execution says that it does.
    async fn typescript(&self, project_id: ProjectId, place: &Place) -> Result<(), GuestEvent> {
        let (project, image) = (project_id.to_string(), moltforge_sandbox::Image::TypeScript);
        if !self.sandbox.is_prepared(&project, &image) {
            place.is_at(Stage::Engine(waits::engine(&image)));
            self.sandbox.prepare(&project, &image).await.map_err(|error| failures::not_started(&error))?;
            place.is_at(Stage::Program);
        }
        Ok(())
    }
}

/// Nobody runs guests here, for this reason.
pub(super) struct Absent(pub(super) String);

#[async_trait]
impl Guests for Absent {
    async fn guest(&self, _: GuestStart) -> Result<Box<dyn Guest>, GuestEvent> {
        let message = format!("this server runs no code agents: {}", self.0);
        Err(GuestEvent::Lost(ErrorInfo::new("sandbox_unavailable", message)))
    }
}

#[async_trait]
impl Guests for Sandboxed {
    async fn guest(&self, start: GuestStart) -> Result<Box<dyn Guest>, GuestEvent> {
        let place = self.waits.begin(start.execution_id);
        let needs = self.waits.needs(start.execution_id);
        if start.config.code.as_deref().and_then(Language::of) == Some(Language::TypeScript) {
            self.typescript(start.project_id, &place).await?;
        }
        let bundle = self.bundles.bundle(start.project_id, &start.config).await?;
        let calls = start.life.calls.iter().map(|made| Made {
            id: made.id,
            name: made.name.clone(),
            args: *made.arguments.as_bytes(),
            after: made.after,
        });
        let cancelled = start.life.cancelled.iter().map(|one| Cancelled { id: one.id, after: one.after });
        let commands = Commands::new(calls.collect(), cancelled.collect());
        let said = Said::new(commands, start.life.logged);
        let (project_id, config) = (start.project_id, Arc::clone(&start.config));
        let crashes = self.waits.crashes(start.execution_id);
        if crashes >= CRASHES {
            place.ended();
            return Err(failures::crashes(crashes));
        }
        let (image, limits) = (image(&bundle), limits::of(&start.config).map_err(GuestEvent::Failed)?);
        let reserve = limits::reserve(&image, &limits, needs);
        let failed = |error: moltforge_sandbox::Error| failures::not_started(&error);
        let project = project_id.to_string();
        place.is_at(Stage::Engine(waits::engine(&image)));
        self.sandbox.prepare(&project, &image).await.map_err(failed)?;
        place.is_at(Stage::Room(project_id));
        let room = self.sandbox.enter(&project, micros(start.now), reserve).await.map_err(failed)?;
        // who waits in line holds no copy of its files
        let built = GuestRequest { alone: crashes >= SUSPECT, ..request(&bundle, start, image, limits, reserve) };
        let guest = self.sandbox.run_in(room, built).await.map_err(failed)?;
        place.is_at(Stage::Runs(guest.meter()));
        let metered = self.meters.count(project_id, &config.name, guest.meter());
        Ok(Box::new(Live { guest, said, place, computes: true, _metered: metered }))
    }

    fn waits_for(&self, execution_id: ExecutionId) -> Option<String> {
        let of_project = |project_id: ProjectId| self.sandbox.guests_of(&project_id.to_string());
        self.waits.words(execution_id, self.sandbox.load(), of_project)
    }
}

fn image(bundle: &Bundle) -> moltforge_sandbox::Image {
    match &bundle.image {
        Image::JavaScript => moltforge_sandbox::Image::JavaScript,
        Image::Python => moltforge_sandbox::Image::Python,
        Image::Component { bytes, sha256 } => {
            let component = moltforge_sandbox::Component::hashed(Arc::clone(bytes), *sha256);
            moltforge_sandbox::Image::Component(Arc::new(component))
        }
    }
}

fn request(
    bundle: &Bundle,
    start: GuestStart,
    image: moltforge_sandbox::Image,
    limits: moltforge_sandbox::Limits,
    reserve: u64,
) -> GuestRequest {
    GuestRequest {
        project: start.project_id.to_string(),
        image,
        files: files(bundle),
        entry: bundle.entry.clone(),
        input: start.input.to_string(),
        seed: start.seed,
        now: micros(start.now),
        limits,
        reserve,
        alone: false,
        completions: start.life.heard.into_iter().map(completion).collect(),
    }
}

/// The files of a program, shared: many guests may wait for their turn to be sent to a worker.
fn files(bundle: &Bundle) -> Vec<File> {
    let file = |file: &SourceFile| File { name: Arc::clone(&file.name), text: Arc::clone(&file.text) };
    bundle.files.iter().map(file).collect()
}

fn micros(time: Timestamp) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(0)
}

fn completion(heard: Heard) -> Completion {
    let Heard { id, at, ok, content } = heard;
    let value = if ok { Ok(content) } else { Err(content) };
    Completion { id, at: micros(at), value }
}

/// A guest in the sandbox.
struct Live {
    guest: moltforge_sandbox::Guest,
    said: Said,
    place: Place,
    /// It does not wait for an answer.
    computes: bool,
    /// It is counted for as long as it is there.
    _metered: Metered,
}

#[async_trait]
impl Guest for Live {
    async fn next(&mut self) -> GuestEvent {
        loop {
            if let Some(event) = self.said.next() {
                if matches!(&event, GuestEvent::Asked { calls, .. } if !calls.is_empty()) {
                    self.place.goes_on();
                }
                return event;
            }
            let event = self.guest.next().await;
            match &event {
                Event::Asked(asked) => self.computes = !asked.blocked,
                Event::Evicted { memory } => self.place.had(*memory),
                // it has not run, and the server lacks something
                Event::Lost(reason) if !self.guest.has_begun() => return failures::no_process(reason),
                Event::Lost(_) if self.computes => self.place.crashed(),
                // it did nothing that could have brought its process down
                Event::Lost(_) => return GuestEvent::Parked,
                Event::Ended(_) | Event::Failed { .. } => self.place.ended(),
            }
            self.said.happened(event);
        }
    }

    fn hear(&mut self, heard: Heard) {
        self.computes = true;
        if let Err(error) = self.guest.deliver(completion(heard)) {
            self.said.say(failures::not_started(&error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_of_a_program_share_its_text() {
        let file = SourceFile { name: "agent.js".into(), text: "export default () => 1".into() };
        let bundle = Bundle { image: Image::JavaScript, files: vec![file], entry: "agent.js".to_owned() };
        assert!(Arc::ptr_eq(&files(&bundle)[0].text, &bundle.files[0].text));
    }
}
