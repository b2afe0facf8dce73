//! Runs the compile process.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use moltforge_jail::Enforcement;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::groups::ProcessGroups;
use super::spawn::{self, kill, said};
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
        let groups = self.groups.clone();
        let started = spawn::start(&self.program, &self.subcommand, args, move || groups.compiler());
        let mut link = started.await.map_err(failed)?;
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
        let ran_out = link.group.ran_out();
        let message = errors.await.unwrap_or_default();
        ended(status, ran_out, is_component, message)?;
        read.map(|()| image).map_err(failed)
    }
}

/// What the end of the process says about what it compiled. `ran_out`: the kernel ended it, its memory ran out.
fn ended(status: ExitStatus, ran_out: bool, is_component: bool, message: String) -> Result<(), Error> {
    let refused = |refusal, reason| Err(Error::Refused { refusal, reason });
    match (status.code(), status.code().and_then(Refusal::of_exit)) {
        (Some(0), _) => Ok(()),
        // an engine of ours can be compiled: it is the machine that lacks something, and may not do so for ever
        _ if !is_component && ran_out => Err(Error::Compile("the memory of this machine ran out".to_owned())),
        _ if !is_component => Err(Error::Compile(format!("{status}: {message}"))),
        (_, Some(refusal)) => refused(refusal, message),
        _ if ran_out => refused(Refusal::Limit, "compiling it needs more memory than there is for that".to_owned()),
        // the kernel ends what takes too long, it ends itself when it gets no more memory
        (None, None) if ends_at_a_limit(status) => {
            let most = format!("{COMPILE_SECONDS} seconds of processor time or {COMPILE_MEMORY} bytes of memory");
            refused(Refusal::Limit, format!("compiling it takes more than {most}"))
        }
        _ => Err(Error::Compile(format!("{status}: {message}"))),
    }
}

fn ends_at_a_limit(status: ExitStatus) -> bool {
    let limits = [Signal::KILL, Signal::XCPU, Signal::ABORT, Signal::SEGV, Signal::BUS];
    status.signal().is_some_and(|signal| limits.iter().any(|limit| limit.as_raw() == signal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_refused_for_what_an_engine_is_tried_again_for() {
        let (killed, exits) = (ExitStatus::from_raw(9), |code: i32| ExitStatus::from_raw(code << 8));
        for (status, ran_out) in [(killed, true), (killed, false), (exits(137), true)] {
            let refused = ended(status, ran_out, true, String::new());
            assert!(matches!(refused, Err(Error::Refused { refusal: Refusal::Limit, .. })), "{refused:?}");
            let again = ended(status, ran_out, false, String::new());
            assert!(matches!(again, Err(Error::Compile(_))), "{again:?}");
        }
        assert!(matches!(
            ended(exits(Refusal::Invalid.exit().into()), false, false, String::new()),
            Err(Error::Compile(_))
        ));
        let said = ended(exits(Refusal::Imports.exit().into()), false, true, "x".to_owned());
        assert!(matches!(said, Err(Error::Refused { refusal: Refusal::Imports, .. })), "{said:?}");
        assert!(matches!(ended(exits(1), false, true, String::new()), Err(Error::Compile(_))));
        assert!(ended(exits(0), false, true, String::new()).is_ok());
    }
}
