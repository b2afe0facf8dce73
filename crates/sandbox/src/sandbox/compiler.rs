//! Runs the compile process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::spawn::{self, kill, said};
use crate::compile::{COMPONENT_MAX, REFUSED};
use crate::confine::Arguments;
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
    pub(crate) args: Arguments,
}

impl Compiler {
    /// The compiled image of a component.
    pub(crate) async fn compile(&self, component: &[u8]) -> Result<Vec<u8>, Error> {
        if component.len() as u64 > COMPONENT_MAX {
            return Err(Error::Refused(format!("it has {} bytes, at most {COMPONENT_MAX}", component.len())));
        }
        tokio::time::timeout(TIMEOUT, self.run(component))
            .await
            .unwrap_or_else(|_| Err(Error::Compile(format!("nothing within {} s", TIMEOUT.as_secs()))))
    }

    async fn run(&self, component: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |error: std::io::Error| Error::Compile(error.to_string());
        let mut link = spawn::start(&self.program, &self.subcommand, &self.args).map_err(failed)?;
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
            return Err(Error::Refused(format!("its code has more than {IMAGE_MAX} bytes")));
        }
        let status = link.child.wait().await.map_err(failed)?;
        let message = errors.await.unwrap_or_default();
        match status.code() {
            Some(0) => read.map(|()| image).map_err(failed),
            Some(code) if code == i32::from(REFUSED) => Err(Error::Refused(message)),
            _ => Err(Error::Compile(format!("{status}: {message}"))),
        }
    }
}
