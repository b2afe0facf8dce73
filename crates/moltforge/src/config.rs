//! The server's configuration: composed of each crate's own part, read from a file, the environment and flags.

pub mod load;
pub mod providers;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use moltforge_capabilities::llm::ModelsConfig;
use moltforge_egress::EgressConfig;
use moltforge_gateway::GatewayConfig;
use moltforge_types::Secret;
use serde::{Deserialize, Deserializer};

use crate::Error;
use crate::guests::SandboxConfig;
use crate::logs::LogFormat;

/// The port of a server when nobody says otherwise.
pub const DEFAULT_PORT: u16 = 8420;

/// Everything that an operator can set. An empty file is a good configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the API and the dashboard listen; `127.0.0.1:8420` when absent.
    pub listen: SocketAddr,
    /// What this process does: any of `gateway`, `agents`, `execution` and `monitoring`; all when absent.
    #[serde(deserialize_with = "roles")]
    pub roles: Vec<Role>,
    /// The data folder of the embedded store; `data` when absent.
    pub data_dir: PathBuf,
    /// The store, when it is not the embedded one.
    pub store: StoreConfig,
    /// Log lines.
    pub log: LogConfig,
    /// An API key with every scope that this installation has from its first start, `mf_...`. Without one, an embedded
    /// server makes one and keeps it in `<data_dir>/first.key`. Give it by `MOLTFORGE_FIRST_KEY`, not by a file.
    pub first_key: Option<Secret>,
    /// At least 32 random bytes in base 64, from which the secrets of webhooks are derived; the same on every node. An
    /// embedded server makes one and keeps it in `<data_dir>/webhook.key`. Give it by `MOLTFORGE_WEBHOOK_KEY`, not by a
    /// file.
    pub webhook_key: Option<Secret>,
    /// Seconds that a stopping server gives its requests and executions; 30 when absent, at most 3600.
    pub drain_seconds: u64,
    /// The front door.
    pub gateway: GatewayConfig,
    /// What agents may reach.
    pub egress: EgressConfig,
    /// Providers of models.
    pub models: ModelsConfig,
    /// Limits of the execution service.
    pub execution: moltforge_execution::Config,
    /// Where and how code agents run.
    pub sandbox: SandboxConfig,
    /// What is valid and yet probably not meant.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            roles: Role::ALL.to_vec(),
            data_dir: PathBuf::from("data"),
            store: StoreConfig::default(),
            log: LogConfig::default(),
            first_key: None,
            webhook_key: None,
            drain_seconds: 30,
            gateway: GatewayConfig::default(),
            egress: EgressConfig::default(),
            models: ModelsConfig::default(),
            execution: moltforge_execution::Config::default(),
            sandbox: SandboxConfig::default(),
            warnings: Vec::new(),
        }
    }
}

/// `[store]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `postgres://user:password@host/database`; the embedded SQLite in `data_dir` when absent.
    pub url: Option<Secret>,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// A level, or `target=level` pairs with commas; `info` when absent.
    pub filter: String,
    /// `text` or `json`; `text` when absent.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Authenticates, limits and routes; serves the dashboard.
    Gateway,
    /// Agents, versions, deployments, accounts.
    Agents,
    /// Runs executions.
    Execution,
    /// Metrics, logs, alerts, audit.
    Monitoring,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Gateway, Self::Agents, Self::Execution, Self::Monitoring];
}

/// A list, or a text with commas as the environment has it.
fn roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Roles {
        Text(String),
        List(Vec<String>),
    }
    let names = match Roles::deserialize(deserializer)? {
        Roles::Text(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        Roles::List(list) => list,
    };
    names.iter().map(|name| <Role as clap::ValueEnum>::from_str(name, false).map_err(|_| unknown_role(name))).collect()
}

fn unknown_role<E: serde::de::Error>(name: &str) -> E {
    E::custom(format!("unknown role `{name}`, expected gateway, agents, execution or monitoring"))
}

impl Config {
    /// Says [`Config::warnings`] in the log, which must have been started.
    pub fn warn(&self) {
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
    }

    /// Every fault that the shape alone does not show, with its key.
    pub fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        if self.roles.is_empty() {
            faults.push("roles: name at least one of gateway, agents, execution and monitoring".to_owned());
        }
        let missing: Vec<_> = Role::ALL.iter().filter(|role| !self.roles.contains(role)).collect();
        if !self.roles.is_empty() && !missing.is_empty() {
            faults.push(format!(
                "roles: this version runs all roles in one process; add {}",
                missing.iter().map(|role| format!("{role:?}").to_lowercase()).collect::<Vec<_>>().join(", ")
            ));
        }
        if !(1..=3600).contains(&self.drain_seconds) {
            faults.push(format!("drain_seconds: expected 1 to 3600, got {}", self.drain_seconds));
        }
        if self.data_dir.as_os_str().is_empty() {
            faults.push("data_dir: expected a folder, got an empty text".to_owned());
        }
        faults.extend(self.sandbox.faults());
        if let Err(moltforge_gateway::Error::ConfigInvalid(own)) = self.gateway.check() {
            faults.extend(own.into_iter().map(|fault| format!("gateway.{fault}")));
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::ConfigInvalid(faults)) }
    }
}
