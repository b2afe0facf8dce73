//! TypeScript becomes JavaScript: its types are stripped by a guest like any other, lines and columns stay.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Event, GuestRequest, Sandbox};
use crate::error::Error;
use crate::images::Image;
use crate::limits::Limits;
use crate::protocol::{Failure, FailureKind, File};

/// What the compiler may use for all files together.
const LIMITS: Limits = Limits {
    memory: 256 << 20,
    cpu: Duration::from_secs(30),
    output: 16 << 20,
    logs: 0,
    calls: 0,
    call: 0,
    bundle: 8 << 20,
};

/// Bytes that admission counts: what swc needs for an ordinary program.
const RESERVE: u64 = 32 << 20;

/// Why there is no JavaScript.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StripError {
    /// The files say so: not TypeScript, or what is more than types, with the file, the line and the column; or they take
    /// more than the compiler may use, with the limit.
    #[error("{}", .0.message)]
    Refused(Failure),
    /// Nobody could look. It can be tried again.
    #[error("{0}")]
    Unavailable(String),
}

impl From<Error> for StripError {
    fn from(error: Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Sandbox {
    /// The files with their types stripped, under the same names, in the same order.
    pub async fn strip(&self, project: &str, files: Vec<File>) -> Result<Vec<File>, StripError> {
        let names: Vec<Arc<str>> = files.iter().map(|file| Arc::clone(&file.name)).collect();
        let request = GuestRequest {
            project: project.to_owned(),
            image: Image::TypeScript,
            files,
            entry: String::new(),
            input: "null".to_owned(),
            seed: [0; 32],
            now: 0,
            limits: LIMITS,
            reserve: RESERVE,
            alone: false,
            completions: Vec::new(),
        };
        let mut guest = self.run(request).await?;
        let output = match guest.next().await {
            Event::Ended(end) => end.output,
            Event::Failed { failure, .. } => return Err(StripError::Refused(of_strip(failure))),
            Event::Evicted { .. } => return Err(StripError::Unavailable("others needed its room".to_owned())),
            Event::Lost(reason) => return Err(StripError::Unavailable(reason)),
            Event::Asked(_) => return Err(StripError::Unavailable("it asks for something".to_owned())),
        };
        let odd = || StripError::Unavailable("its answer cannot be read".to_owned());
        let mut texts: HashMap<String, String> = serde_json::from_str(&output).map_err(|_| odd())?;
        let mut file = |name: Arc<str>| Some(File { text: texts.remove(&*name)?.into(), name });
        names.into_iter().map(&mut file).map(|file| file.ok_or_else(odd)).collect()
    }
}

/// A failure of the compiler itself says what it was about: its author has called nothing.
fn of_strip(mut failure: Failure) -> Failure {
    if failure.kind != FailureKind::Syntax {
        failure.message.insert_str(0, "its types cannot be stripped: ");
    }
    failure
}
