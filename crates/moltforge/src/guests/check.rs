//! A look at a program before a version is made of it: whether it can be read at all.

use std::time::Duration;

use moltforge_agents::ProgramToCheck;
use moltforge_api::bundles::FileContent;
use moltforge_manifest::bundle::Language;
use moltforge_sandbox::{Event, FailureKind, File, GuestRequest};

use super::{CodeAgents, engine, request};

/// Whoever deploys waits no longer. What was not seen by then is seen by the first run.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most characters of what is wrong.
const MOST: usize = 2_000;

impl CodeAgents {
    /// Reads the program as its first run would, up to the first thing that it asks for, which nobody answers.
    ///
    /// # Errors
    /// What is wrong, with the file and the line where they are known. A server that cannot look says nothing.
    pub async fn check(&self, program: ProgramToCheck) -> Result<(), String> {
        let Some(language) = Language::of(&program.code) else { return Ok(()) };
        let (Ok(sandbox), Some(image)) = (self.sandbox(), engine(language)) else { return Ok(()) };
        if !self.prepare(language) {
            return Ok(());
        }
        let files = program.files.files.into_iter().filter_map(|(name, content)| match content {
            FileContent::Text(text) => Some(File { name, text }),
            FileContent::Component { .. } => None,
        });
        let project = program.project_id.to_string();
        let request = GuestRequest { files: files.collect(), entry: program.code, ..request(&project, image) };
        let look = async {
            match sandbox.run(request).await {
                Ok(mut guest) => guest.next().await,
                Err(error) => Event::Lost(error.to_string()),
            }
        };
        match tokio::time::timeout(PATIENCE, look).await {
            Ok(Event::Failed { failure, .. }) if is_unreadable(failure.kind) => {
                let text = format!("{}\n{}", failure.message, failure.stack);
                Err(text.trim().chars().take(MOST).collect())
            }
            _ => Ok(()),
        }
    }
}

fn is_unreadable(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Syntax | FailureKind::NoRun)
}
