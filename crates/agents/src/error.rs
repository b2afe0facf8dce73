//! What can go wrong with agents, versions and deployments.

use moltforge_api::ProblemItem;
use moltforge_manifest::Diagnostic;
use moltforge_types::{EnvironmentName, Fault, Kind, NameError};

use crate::ProgramFault;

/// A refused or failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such agent in the caller's project.
    #[error("there is no agent {0:?}")]
    AgentNotFound(String),
    /// Another agent of the project has the name.
    #[error("cannot create the agent {0:?}: the project has one of this name")]
    AgentNameTaken(String),
    /// An agent keeps its name.
    #[error("cannot rename the agent {from:?} to {to:?}: a name is for good; create another agent")]
    AgentNameImmutable {
        /// Its name.
        from: String,
        /// The name in the configuration.
        to: String,
    },
    /// The configuration breaks rules; the problem's items say where.
    #[error("the agent is not valid: {}", summary(.0))]
    AgentInvalid(Vec<ProblemItem>),
    /// The bundle breaks rules; the problem's items say where.
    #[error("the bundle is not valid: {}", summary(.0))]
    BundleInvalid(Vec<ProblemItem>),
    /// The bytes are not those of the hash in the path.
    #[error("the hash of the bundle is {hash}, and the path names {named}")]
    BundleHashMismatch {
        /// In the path.
        named: String,
        /// Of the body.
        hash: String,
    },
    /// The project has no such bundle.
    #[error("the project has no bundle {0:?}")]
    BundleNotFound(String),
    /// The project would have more bundles than it may.
    #[error("cannot store the bundle: a project has at most {count} with {bytes} bytes together")]
    BundleLimit {
        /// The most bundles.
        count: u64,
        /// The most bytes of all.
        bytes: u64,
    },
    /// A bundle could not be compressed, or a stored one is not what it was.
    #[error("the bundle is damaged")]
    BundleDamaged(#[source] std::io::Error),
    /// The program cannot be run.
    #[error("the program cannot be run: {0}")]
    ProgramInvalid(ProgramFault),
    /// The agent is deleted: its history can be read, and nothing can be changed.
    #[error("the agent {0:?} is deleted")]
    AgentDeleted(String),
    /// The agent still has executions that have not ended.
    #[error(
        "cannot delete the agent {name:?}: it has {} live; wait for them, cancel them, or repeat the request with \
         ?executions=cancel",
        executions(*.live)
    )]
    AgentHasLiveExecutions {
        /// The agent.
        name: String,
        /// How many, counted no further than [`COUNTED`].
        live: u64,
    },
    /// The agent is deleted, and some of its executions could not be cancelled.
    #[error(
        "the agent {agent_id} is deleted, but its executions could not be cancelled: repeat the request with this id"
    )]
    ExecutionsNotCancelled {
        /// The agent.
        agent_id: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The update is based on a version that is not the latest.
    #[error("the update is based on version {based_on} of the agent {name:?}, whose latest is {latest}")]
    VersionChanged {
        /// The agent.
        name: String,
        /// What `If-Match` said.
        based_on: u32,
        /// The latest version.
        latest: u32,
    },
    /// The agent has no version of this number.
    #[error("the agent {name:?} has no version {version}")]
    VersionNotFound {
        /// The agent.
        name: String,
        /// The number.
        version: u32,
    },
    /// The version's model is none that the operator has configured.
    #[error("cannot deploy version {version} of the agent {name:?}: {reason}")]
    ModelUnknown {
        /// The agent.
        name: String,
        /// The version.
        version: u32,
        /// Which model, and which there are.
        reason: String,
    },
    /// Not the name of an environment.
    #[error("cannot name an environment like this: {0}")]
    EnvironmentInvalid(#[source] NameError),
    /// The agent is live in as many environments as are allowed.
    #[error(
        "cannot deploy the agent {name:?} to {environment}: it is live in {limit} environments, the most that are allowed"
    )]
    EnvironmentLimit {
        /// The agent.
        name: String,
        /// The environment.
        environment: EnvironmentName,
        /// The most environments.
        limit: usize,
    },
    /// A trigger that a request made has the name of one that the version declares.
    #[error("cannot deploy to {environment}: the agent has another trigger named {name:?} there; rename or delete it")]
    TriggerNameTaken {
        /// The trigger's name.
        name: String,
        /// The environment.
        environment: EnvironmentName,
    },
    /// The project would have more triggers than it may.
    #[error("cannot deploy: a project has at most {all} triggers, of which {events} wait for events")]
    TriggerLimit {
        /// The most of all kinds.
        all: u64,
        /// The most that wait for events.
        events: u64,
    },
    /// Nothing is live there.
    #[error("nothing of the agent {name:?} is live in {environment:?}")]
    DeploymentNotFound {
        /// The agent.
        name: String,
        /// The environment.
        environment: String,
    },
    /// There is nothing to go back to.
    #[error("cannot roll back the agent {name:?} in {environment}: {reason}")]
    NoEarlierDeployment {
        /// The agent.
        name: String,
        /// The environment.
        environment: EnvironmentName,
        /// Which deployments there are.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] moltforge_store::Error),
    /// A stored configuration cannot be read.
    #[error("cannot read version {version} of the agent {agent_id}")]
    Unreadable {
        /// The agent.
        agent_id: String,
        /// The version.
        version: u32,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Work that was handed to another thread was lost.
    #[error("work on another thread was lost")]
    Lost(#[source] tokio::task::JoinError),
}

/// Live executions are counted up to this number; more are told as "at least".
pub(crate) const COUNTED: u32 = 1_000;

impl Error {
    /// From the faults of a bundle.
    pub(crate) fn bundle_invalid(faults: Vec<Diagnostic>) -> Self {
        Self::BundleInvalid(faults.into_iter().map(ProblemItem::from).collect())
    }

    /// From the faults of a configuration, whose place in the request's body is `prefix`.
    pub(crate) fn invalid(faults: Vec<Diagnostic>, prefix: &str) -> Self {
        let items = faults.into_iter().map(|fault| {
            let mut item = ProblemItem::from(fault);
            item.pointer.insert_str(0, prefix);
            item
        });
        Self::AgentInvalid(items.collect())
    }
}

fn summary(items: &[ProblemItem]) -> String {
    let Some(first) = items.first() else { return "no reason given".to_owned() };
    let place = match (first.line, first.column) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: "),
        _ if first.pointer.is_empty() => String::new(),
        _ => format!("{}: ", first.pointer),
    };
    let more = match items.len() {
        1 => String::new(),
        2 => " (and one more fault)".to_owned(),
        n => format!(" (and {} more faults)", n - 1),
    };
    format!("{place}{}{more}", first.message)
}

fn executions(live: u64) -> String {
    match live {
        1 => "1 execution that is".to_owned(),
        n if n >= u64::from(COUNTED) => format!("at least {n} executions that are"),
        n => format!("{n} executions that are"),
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::AgentNotFound(_)
            | Self::BundleNotFound(_)
            | Self::VersionNotFound { .. }
            | Self::DeploymentNotFound { .. } => Kind::NotFound,
            Self::AgentNameTaken(_)
            | Self::BundleLimit { .. }
            | Self::AgentHasLiveExecutions { .. }
            | Self::EnvironmentLimit { .. }
            | Self::TriggerNameTaken { .. }
            | Self::TriggerLimit { .. }
            | Self::NoEarlierDeployment { .. } => Kind::Conflict,
            Self::AgentNameImmutable { .. }
            | Self::AgentInvalid(_)
            | Self::BundleInvalid(_)
            | Self::BundleHashMismatch { .. }
            | Self::ProgramInvalid(_)
            | Self::ModelUnknown { .. }
            | Self::EnvironmentInvalid(_) => Kind::Invalid,
            Self::AgentDeleted(_) => Kind::Gone,
            Self::VersionChanged { .. } => Kind::PreconditionFailed,
            Self::ExecutionsNotCancelled { .. } => Kind::Unavailable,
            Self::Store(error) => error.kind(),
            Self::Unreadable { .. } | Self::BundleDamaged(_) | Self::Lost(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::AgentNotFound(_) => "agent_not_found",
            Self::AgentNameTaken(_) => "agent_name_taken",
            Self::AgentNameImmutable { .. } => "agent_name_immutable",
            Self::AgentInvalid(_) => "agent_invalid",
            Self::BundleInvalid(_) => "bundle_invalid",
            Self::BundleHashMismatch { .. } => "bundle_hash_mismatch",
            Self::BundleNotFound(_) => "bundle_not_found",
            Self::BundleLimit { .. } => "bundle_limit",
            Self::BundleDamaged(_) => "bundle_damaged",
            Self::ProgramInvalid(fault) => fault.code,
            Self::AgentDeleted(_) => "agent_deleted",
            Self::AgentHasLiveExecutions { .. } => "agent_has_live_executions",
            Self::ExecutionsNotCancelled { .. } => "executions_not_cancelled",
            Self::VersionChanged { .. } => "version_changed",
            Self::VersionNotFound { .. } => "version_not_found",
            Self::ModelUnknown { .. } => "model_unknown",
            Self::EnvironmentInvalid(_) => "environment_invalid",
            Self::EnvironmentLimit { .. } => "environment_limit",
            Self::TriggerNameTaken { .. } => "trigger_name_taken",
            Self::TriggerLimit { .. } => "trigger_limit",
            Self::DeploymentNotFound { .. } => "deployment_not_found",
            Self::NoEarlierDeployment { .. } => "no_earlier_deployment",
            Self::Store(error) => error.code(),
            Self::Unreadable { .. } => "version_unreadable",
            Self::Lost(_) => "diff_failed",
        }
    }
}
