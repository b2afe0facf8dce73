//! Runs the compile process.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use moltforge_jail::{Enforcement, Group};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::groups::ProcessGroups;
use super::spawn::{self, clear, kill, said};
use crate::compile::COMPONENT_MAX;
use crate::component::Refusal;
use crate::confine::{Arguments, COMPILE_MEMORY, COMPILE_SECONDS};
use crate::error::Error;

/// The largest compiled image.
const IMAGE_MAX: u64 = 512 << 20;

/// Its limits end it earlier; this is for a process that is stuck.
const TIMEOUT: Duration = Duration::from_mins(15);

/// How to start the process.
#[derive(Debug, Clone)]
pub(crate) struct Compiler {
    pub(crate) program: PathBuf,
    pub(crate) subcommand: Vec<OsString>,
    pub(crate) enforcement: Enforcement,
    pub(crate) groups: ProcessGroups,
}

impl Compiler {
    /// The compiled image of a component. That of a user is looked at first, and less is spent on it.
    pub(crate) async fn compile(&self, component: &[u8], is_component: bool) -> Result<Vec<u8>, Error> {
        if component.len() as u64 > COMPONENT_MAX {
            let reason = format!("it has {} bytes, at most {COMPONENT_MAX}", component.len());
            return Err(Error::Refused { refusal: Refusal::Limit, reason });
        }
        tokio::time::timeout(TIMEOUT, self.run(component, is_component))
            .await
            .unwrap_or_else(|_| Err(Error::Compile(format!("nothing within {} s", TIMEOUT.as_secs()))))
    }

    async fn run(&self, component: &[u8], is_component: bool) -> Result<Vec<u8>, Error> {
        let failed = |error: std::io::Error| Error::Compile(error.to_string());
        let args = Arguments { guests: 0, is_component, enforcement: self.enforcement.clone() };
        let mut link = spawn::start(&self.program, &self.subcommand, &args, self.groups.compiler()).map_err(failed)?;
        let errors = tokio::spawn(said(link.child.stderr.take()));
        let (from, mut to) = link.socket.split();
        let mut image = Vec::new();
        let mut from = from.take(IMAGE_MAX + 1);
        let write = async {
            // one that ends early says why on its standard error
            let _ = to.write_all(component).await;
            let _ = to.shutdown().await;
        };
        let ((), read) = tokio::join!(write, from.read_to_end(&mut image));
        // a process that is killed resets the socket
        let read = read.map(drop);
        if image.len() as u64 > IMAGE_MAX {
            kill(&mut link.child);
            let reason = format!("its code has more than {IMAGE_MAX} bytes");
            return Err(Error::Refused { refusal: Refusal::Limit, reason });
        }
        let status = link.child.wait().await.map_err(failed)?;
        let group = link.group.take();
        let ran_out = group.as_ref().and_then(Group::out_of_memory).is_some_and(|times| times > 0);
        if let Some(group) = group {
            tokio::spawn(clear(group));
        }
        if ran_out {
            let reason = "compiling it needs more memory than there is for that".to_owned();
            return Err(Error::Refused { refusal: Refusal::Limit, reason });
        }
        let message = errors.await.unwrap_or_default();
        let refusal = status.code().and_then(Refusal::of_exit);
        match (status.code(), refusal) {
            (Some(0), _) => read.map(|()| image).map_err(failed),
            (_, Some(refusal)) => Err(Error::Refused { refusal, reason: message }),
            // the kernel ends what takes too long, it ends itself when it gets no more memory
            (None, None) if is_component && ends_at_a_limit(status) => {
                let most = format!("{COMPILE_SECONDS} seconds of processor time or {COMPILE_MEMORY} bytes of memory");
                let reason = format!("compiling it takes more than {most}");
                Err(Error::Refused { refusal: Refusal::Limit, reason })
            }
            _ => Err(Error::Compile(format!("{status}: {message}"))),
        }
    }
}

fn ends_at_a_limit(status: ExitStatus) -> bool {
    let limits = [Signal::KILL, Signal::XCPU, Signal::ABORT, Signal::SEGV, Signal::BUS];
    status.signal().is_some_and(|signal| limits.iter().any(|limit| limit.as_raw() == signal))
}
