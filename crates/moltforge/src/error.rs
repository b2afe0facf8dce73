//! What can go wrong in the program itself. What the server says arrives as `moltforge_client::Error`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use moltforge_manifest::{Diagnostic, Snippet};
use moltforge_types::{Fault, Kind};

use crate::output::failure::Item;

/// A failure of the program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process listens there.
    #[error("port {} of {} is in use by another program", .0.port(), .0.ip())]
    PortInUse(SocketAddr),
    /// The address cannot be listened on.
    #[error("listening on {address} failed")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `dev` is for this machine alone.
    #[error("{0} is not a loopback address, and a development server is for this machine alone")]
    NotLoopback(std::net::IpAddr),
    /// The configuration is wrong.
    #[error("the configuration is not valid: {}", .0.join("; "))]
    ConfigInvalid(Vec<String>),
    /// A file cannot be read.
    #[error("reading {} failed", .path.display())]
    FileUnreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("writing {} failed", .path.display())]
    FileUnwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is something already.
    #[error("{} is there already", .0.display())]
    FileExists(PathBuf),
    /// An agent file is wrong.
    #[error("{} is not a valid agent file", .path.display())]
    AgentFileInvalid {
        /// Which.
        path: PathBuf,
        /// Its text.
        source_text: String,
        /// Every fault.
        diagnostics: Vec<Diagnostic>,
    },
    /// A file of a program cannot be taken along, or something that it imports.
    #[error("{} cannot be part of a program", .path.display())]
    ProgramInvalid {
        /// Which.
        path: PathBuf,
        /// Its text.
        source_text: String,
        /// Every fault.
        diagnostics: Vec<Diagnostic>,
    },
    /// No agent file was found.
    #[error("there is no agent file in {}", .0.display())]
    NoAgentFile(PathBuf),
    /// The command line cannot be understood.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What may be typed.
        hint: String,
    },
    /// An argument does not say what it should.
    #[error("{name}: {message}")]
    ArgumentInvalid {
        /// Which argument.
        name: &'static str,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// A program that a role needs is not usable, or a part did not start.
    #[error("starting {part} failed")]
    Start {
        /// Which part.
        part: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::PortInUse(_) | Self::FileExists(_) => Kind::Conflict,
            Self::NotLoopback(_)
            | Self::ConfigInvalid(_)
            | Self::AgentFileInvalid { .. }
            | Self::ProgramInvalid { .. }
            | Self::NoAgentFile(_)
            | Self::FileUnreadable { .. }
            | Self::Usage { .. }
            | Self::ArgumentInvalid { .. } => Kind::Invalid,
            Self::Listen { .. } | Self::Start { .. } | Self::FileUnwritable { .. } => Kind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::PortInUse(_) => "port_in_use",
            Self::Listen { .. } => "listen_failed",
            Self::NotLoopback(_) => "not_loopback",
            Self::ConfigInvalid(_) => "config_invalid",
            Self::FileUnreadable { .. } => "file_unreadable",
            Self::FileUnwritable { .. } => "file_unwritable",
            Self::FileExists(_) => "file_exists",
            Self::AgentFileInvalid { .. } => "agent_file_invalid",
            Self::ProgramInvalid { .. } => "program_invalid",
            Self::NoAgentFile(_) => "no_agent_file",
            Self::Usage { .. } => "usage",
            Self::ArgumentInvalid { .. } => "argument_invalid",
            Self::Start { .. } => "start_failed",
        }
    }
}

impl Error {
    /// What to do next, where the error knows.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::PortInUse(address) => {
                let next = address.port().checked_add(1).unwrap_or(8420);
                format!(
                    "choose another port with `dev --port {next}` or `serve --listen {}:{next}` (0 takes any free one), or \
                     stop the other program",
                    address.ip()
                )
            }
            Self::NotLoopback(_) => {
                "`moltforge serve` listens on other addresses, with keys that you make yourself".to_owned()
            }
            Self::FileExists(_) => "choose another folder, or remove it first".to_owned(),
            Self::NoAgentFile(_) => "name a file, or make one with `moltforge init`".to_owned(),
            Self::Usage { hint, .. } => hint.clone(),
            Self::ConfigInvalid(_) => "docs/configuration.md lists every key".to_owned(),
            _ => return None,
        })
    }

    /// The faulty places, drawn.
    pub fn snippets(&self) -> Vec<String> {
        let (Self::AgentFileInvalid { path, source_text, diagnostics }
        | Self::ProgramInvalid { path, source_text, diagnostics }) = self
        else {
            return Vec::new();
        };
        let file = path.display().to_string();
        diagnostics.iter().map(|fault| Snippet::new(&file, source_text, fault).to_string()).collect()
    }

    /// The faults of a file, for programs.
    pub fn items(&self) -> Vec<Item> {
        let (Self::AgentFileInvalid { path, diagnostics, .. } | Self::ProgramInvalid { path, diagnostics, .. }) = self
        else {
            return Vec::new();
        };
        let file = path.display().to_string();
        diagnostics.iter().map(|fault| Item { file: Some(file.clone()), problem: fault.clone().into() }).collect()
    }

    /// An argument that does not say what it should.
    pub fn argument(name: &'static str, message: impl Into<String>) -> Self {
        Self::ArgumentInvalid { name, message: message.into() }
    }

    /// A part that did not start.
    pub fn start(part: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Start { part, source: source.into() }
    }
}
