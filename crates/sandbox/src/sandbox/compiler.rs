//! Runs the compile process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::compile::{COMPONENT_MAX, REFUSED};
use crate::error::Error;

/// The largest compiled image.
const IMAGE_MAX: u64 = 512 << 20;

/// Its limits end it earlier; this is for a process that is stuck.
const TIMEOUT: Duration = Duration::from_secs(900);

/// How to start the process.
#[derive(Debug, Clone)]
pub(crate) struct Compiler {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
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
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::Compile("no pipes".to_owned()));
        };
        let (mut image, mut message) = (Vec::new(), Vec::new());
        let (mut stdout, mut stderr) = (stdout.take(IMAGE_MAX + 1), stderr.take(16 << 10));
        let write = async {
            // one that ends early says why on its standard error
            let _ = stdin.write_all(component).await;
            drop(stdin);
        };
        let ((), read, said) = tokio::join!(write, stdout.read_to_end(&mut image), stderr.read_to_end(&mut message));
        read.and(said).map_err(failed)?;
        if image.len() as u64 > IMAGE_MAX {
            return Err(Error::Refused(format!("its code has more than {IMAGE_MAX} bytes")));
        }
        let status = child.wait().await.map_err(failed)?;
        let message = String::from_utf8_lossy(&message).trim().to_owned();
        match status.code() {
            Some(0) => Ok(image),
            Some(code) if code == i32::from(REFUSED) => Err(Error::Refused(message)),
            _ => Err(Error::Compile(format!("{status}: {message}"))),
        }
    }
}
