//! A file per command. Each has its arguments and one function that does it.

pub mod agents;
pub mod approvals;
pub mod argument;
pub mod cancel;
pub mod completion;
pub mod deploy;
pub mod dev;
pub mod difference;
pub mod doctor;
pub mod effects;
pub mod executions;
pub mod explain;
pub mod holds;
pub mod init;
pub mod keys;
pub mod kill;
pub mod pause;
pub mod receipt;
pub mod resume;
pub mod rollback;
pub mod run;
pub mod serve;
pub mod show;
pub mod signal;
pub mod target;
pub mod timeline;
pub mod triggers;
pub mod undeploy;
pub mod validate;
pub mod versions;

use std::future::Future;

use crate::Error;
use crate::output::{Attempt as _, Exit, Failure};

/// On this thread alone: a client waits more than it works.
pub fn block_on(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| Error::start("the runtime", e)).attempt(|| "start".to_owned())?.block_on(command)
}

/// On all cores.
pub fn block_on_many(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Error::start("the runtime", e)).attempt(|| "start".to_owned())?;
    let exit = runtime.block_on(command);
    // what was told to stop at once does not wait for what still blocks a thread
    runtime.shutdown_background();
    exit
}
