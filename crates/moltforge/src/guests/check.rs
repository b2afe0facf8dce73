//! A look at a program before a version is made of it: whether it can be read at all.

use std::sync::Arc;
use std::time::Duration;

use moltforge_agents::{ProgramFault, ProgramToCheck};
use moltforge_manifest::bundle::{self, Language};
use moltforge_sandbox::{
    Component, Error, Event, Failure, FailureKind, File, GuestRequest, Image, Refusal, Sandbox, StripError,
};

use super::files::{has_types, plain, texts};
use super::{CodeAgents, engine, explained, request};

/// Whoever deploys waits no longer. What was not seen by then is seen by the first run.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for a component, which is compiled meanwhile. A creation as a whole is given up after 30.
const COMPILED: Duration = Duration::from_secs(20);
/// An engine of the cache is there by then.
const SOON: Duration = Duration::from_secs(2);
/// The most characters of what is wrong.
const MOST: usize = 2_000;

impl CodeAgents {
    /// Reads the program as its first run would, up to the first thing that it asks for, which nobody answers.
    ///
    /// # Errors
    /// What is wrong, with the file and the line where they are known. A server that cannot look says nothing.
    pub async fn check(&self, program: ProgramToCheck) -> Result<(), ProgramFault> {
        let (Ok(sandbox), Some(language)) = (self.sandbox(), Language::of(&program.code)) else { return Ok(()) };
        let Some((language, image)) = engine(language) else { return component(sandbox, &program).await };
        // both begin at once, if neither has yet
        let strips = has_types(&program.files).then_some(Language::TypeScript);
        for language in [Some(language), strips].into_iter().flatten() {
            self.prepare(language);
        }
        for language in [Some(language), strips].into_iter().flatten() {
            if !self.is_ready_within(SOON, language).await {
                return Ok(());
            }
        }
        match tokio::time::timeout(PATIENCE, unreadable(sandbox, program, image)).await {
            Ok(Some(failure)) => Err(ProgramFault::unreadable(cut(&explained(&failure)))),
            _ => Ok(()),
        }
    }
}

/// How the program fails before its `run` is called, if it does.
async fn unreadable(sandbox: &Sandbox, program: ProgramToCheck, image: Image) -> Option<Failure> {
    let project = program.project_id.to_string();
    let mut files = match plain(sandbox, &project, texts(program.files)).await {
        Ok(files) => files,
        Err(StripError::Refused(failure)) => return Some(failure),
        Err(StripError::Unavailable(_)) => return None,
    };
    let failure = first_failure(sandbox, &project, image.clone(), files.clone(), program.code.clone()).await?;
    match failure.kind {
        FailureKind::Syntax | FailureKind::NoRun => return Some(failure),
        // it may not like the input `null`; one that fails when it is only imported fails always
        FailureKind::Exception => {}
        _ => return None,
    }
    let importer = importer(&program.code)?;
    let entry = importer.name.to_string();
    files.push(importer);
    let failure = first_failure(sandbox, &project, image, files, entry).await?;
    matches!(failure.kind, FailureKind::Syntax | FailureKind::Exception).then_some(failure)
}

/// How it fails before it has asked for anything.
async fn first_failure(
    sandbox: &Sandbox,
    project: &str,
    image: Image,
    files: Vec<File>,
    entry: String,
) -> Option<Failure> {
    let request = GuestRequest { files, entry, ..request(project, image) };
    match sandbox.run(request).await.ok()?.next().await {
        Event::Failed { failure, .. } => Some(failure),
        Event::Ended(_) | Event::Asked(_) | Event::Lost(_) | Event::Evicted { .. } => None,
    }
}

/// A program that imports this one and does nothing.
fn importer(code: &str) -> Option<File> {
    let is_plain = |stem: &str| stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match Language::of(code)? {
        Language::JavaScript | Language::TypeScript => {
            let import = serde_json::to_string(&format!("./{code}")).ok()?;
            let text = format!("import * as program from {import};\nexport default () => {{ void program; }};\n");
            Some(File { name: "moltforge-check.js".into(), text: text.into() })
        }
        Language::Python => {
            let stem = code.strip_suffix(".py").filter(|stem| is_plain(stem))?;
            let text = format!("import {stem}\n\nasync def run(input):\n    pass\n");
            Some(File { name: "moltforge_check.py".into(), text: text.into() })
        }
        Language::Component => None,
    }
}

/// Compiles a component and links it, as its first run would.
async fn component(sandbox: &Sandbox, program: &ProgramToCheck) -> Result<(), ProgramFault> {
    let Some(bytes) = program.files.files.get(&program.code).and_then(bundle::component) else { return Ok(()) };
    let image = Image::Component(Arc::new(Component::new(bytes)));
    let project = program.project_id.to_string();
    let look = async {
        sandbox.prepare(&project, &image).await?;
        let mut guest = sandbox.run(request(&project, image)).await?;
        Ok(guest.next().await)
    };
    let failure = match tokio::time::timeout(COMPILED, look).await {
        Ok(Err(Error::Refused { refusal, reason })) => return Err(fault(refusal, &reason)),
        Ok(Ok(Event::Failed { failure, .. })) => failure,
        _ => return Ok(()),
    };
    // what else goes wrong may be due to the input
    let refusal = match failure.kind {
        FailureKind::Imports => Refusal::Imports,
        FailureKind::Exports => Refusal::Exports,
        FailureKind::Size => Refusal::Limit,
        _ => return Ok(()),
    };
    Err(fault(refusal, &failure.message))
}

fn fault(refusal: Refusal, reason: &str) -> ProgramFault {
    ProgramFault { code: refusal.code(), message: cut(reason) }
}

fn cut(text: &str) -> String {
    text.chars().take(MOST).collect()
}
