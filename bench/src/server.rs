//! The program under test, as a process that can be killed.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::http::Client;

/// How it is started.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The program.
    pub binary: PathBuf,
    /// A folder of our own: configuration, data, log.
    pub folder: PathBuf,
    /// A PostgreSQL URL instead of the SQLite file in the folder.
    pub postgres: Option<String>,
    /// Where the stand-in model listens.
    pub model: SocketAddr,
    /// Where the counting server listens.
    pub tools: SocketAddr,
    /// The port of the API, the same at every start.
    pub port: u16,
    /// The API key of an installation of several servers; without one the program is started for development, and makes
    /// its own.
    pub key: Option<String>,
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
}

impl Setup {
    /// Where the API is.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The server's log, of all its lives.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Writes the configuration: the stand-in model as a provider, the counting server granted.
    pub(crate) fn write(&self) -> Result<()> {
        fs::create_dir_all(self.data())?;
        // the shortest lease there is: on PostgreSQL a restarted node waits for that of its dead predecessor
        let postgres = |url| format!("[store]\nurl = \"{url}\"\n\n[execution]\nlease_seconds = 5\n\n");
        let store = self.postgres.as_ref().map(postgres).unwrap_or_default();
        let text = format!(
            "{store}[egress]\nallow_local = [\"{}\"]\n\n\
             [[models.providers]]\nname = \"mock\"\nbase_url = \"http://{}/v1/\"\n",
            self.tools, self.model
        );
        fs::write(self.config(), text).context("write the configuration")
    }

    fn config(&self) -> PathBuf {
        self.folder.join("moltforge.toml")
    }

    /// Starts the program and waits until it is ready. Says how long that took.
    pub(crate) async fn start(&self) -> Result<(Server, Duration)> {
        let begun = Instant::now();
        let mut server = self.spawn()?;
        server.until(self, "/readyz").await?;
        Ok((server, begun.elapsed()))
    }

    /// Starts the program and waits until it answers: another one may own everything.
    pub(crate) async fn stand_by(&self) -> Result<Server> {
        let mut server = self.spawn()?;
        server.until(self, "/healthz").await?;
        Ok(server)
    }

    fn spawn(&self) -> Result<Server> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = Command::new(&self.binary);
        // what is measured is not the first start, which compiles engines
        command.env("MOLTFORGE_SANDBOX__PREPARE", "false");
        match &self.key {
            None => command.args(["dev", "--port", &self.port.to_string()]),
            Some(key) => {
                command.env("MOLTFORGE_FIRST_KEY", key);
                command.args(["serve", "--listen", &self.address().to_string()])
            }
        };
        command.arg("--config").arg(self.config()).arg("--data-dir").arg(self.data());
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("start {}", self.binary.display()))?;
        Ok(Server { child })
    }

    /// The API key: the given one, or what the program made for itself.
    pub(crate) fn key(&self) -> Result<String> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let path = self.data().join("dev.key");
        Ok(fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?.trim().to_owned())
    }
}

impl Server {
    /// SIGKILL: no chance to say goodbye.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill().context("kill the server")?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGSTOP, or SIGCONT: it stands still in the middle of whatever it does, and goes on as if nothing had been.
    pub(crate) fn signal(&mut self, name: &str) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended with {status}");
        }
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        if !status.success() {
            bail!("kill -{name} ended with {status}");
        }
        Ok(())
    }

    /// Waits until it answers this with success.
    pub(crate) async fn until(&mut self, setup: &Setup, path: &str) -> Result<()> {
        let client = Client::new(setup.address(), String::new(), Duration::from_secs(2))?;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_mins(1) {
            if client.send("GET", path, "", b"").await.is_ok_and(|response| response.good()) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", tail(&setup.log()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the server is not ready after a minute:\n{}", tail(&setup.log()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// A port that nobody uses now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?.local_addr()?.port())
}

/// A new folder for one run of the harness.
pub(crate) fn folder(under: Option<&Path>, seed: u64) -> Result<PathBuf> {
    let under = under.map_or_else(std::env::temp_dir, Path::to_owned);
    let folder = under.join(format!("moltforge-kill-{seed}-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    File::create(folder.join("server.log"))?;
    Ok(folder)
}
