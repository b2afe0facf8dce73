//! A throw-away PostgreSQL: its own folder, a free port on loopback, gone when its user is gone.
//!
//! A process of its own holds the server for as long as its standard input is open. Whatever happens to the command
//! that started it (an error, Ctrl-C, SIGKILL), the pipe closes, the server stops and its folder is removed.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::apt;
use crate::process;

const READY_WITHIN: Duration = Duration::from_mins(1);

/// A running server. Dropping it stops it.
pub(crate) struct Postgres {
    holder: Child,
    url: String,
}

impl Postgres {
    /// Starts one for tests, which syncs nothing, and installs PostgreSQL first where it is missing.
    pub(crate) fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// Starts one whose commits are on the disk before they are answered: for measuring.
    pub(crate) fn start_durable() -> Result<Self> {
        Self::start_with(&["--durable"])
    }

    fn start_with(arguments: &[&str]) -> Result<Self> {
        if programs().is_none() {
            apt::install("PostgreSQL", &["postgresql"])?;
        }
        let mut command = Command::new(std::env::current_exe().context("find our own program")?);
        command.arg("hold-postgres").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        // a Ctrl-C goes to the terminal's group: the holder must outlive it to clean up
        command.process_group(0);
        let mut holder = command.spawn().context("start the holder of PostgreSQL")?;
        let mut url = String::new();
        if let Some(stdout) = &mut holder.stdout {
            BufReader::new(stdout).read_line(&mut url)?;
        }
        let url = url.trim().to_owned();
        if url.is_empty() {
            let status = holder.wait()?;
            bail!("PostgreSQL did not start ({status}); its log is above");
        }
        println!("  PostgreSQL at {url}");
        Ok(Self { holder, url })
    }

    /// Where it listens, as superuser.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// One of PostgreSQL's own programs.
    pub(crate) fn program(name: &str) -> PathBuf {
        programs().unwrap_or_default().join(name)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// The holder's side: starts the server, prints its URL, waits for the end of standard input, stops it.
pub(crate) fn hold(durable: bool) -> Result<()> {
    let programs = programs().context("find PostgreSQL's programs")?;
    let folder = std::env::temp_dir().join(format!("moltforge-postgres-{}", std::process::id()));
    fs::DirBuilder::new().mode(0o700).create(&folder).with_context(|| format!("create {}", folder.display()))?;
    let cluster = Cluster { programs, owner: owner()?, folder, durable };
    let result = cluster.serve();
    let removed = fs::remove_dir_all(&cluster.folder).with_context(|| format!("remove {}", cluster.folder.display()));
    result.and(removed)
}

struct Cluster {
    programs: PathBuf,
    /// User and group to run as: PostgreSQL refuses root.
    owner: Option<(u32, u32)>,
    folder: PathBuf,
    /// Whether a commit waits for the disk.
    durable: bool,
}

impl Cluster {
    fn serve(&self) -> Result<()> {
        if let Some((user, group)) = self.owner {
            chown(&self.folder, Some(user), Some(group)).context("hand the folder to the user postgres")?;
        }
        let data = self.folder.join("data");
        let mut initdb = self.command("initdb");
        initdb.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let made = initdb.output().context("start initdb")?;
        if !made.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&made.stderr).trim());
        }
        let port = free_port()?;
        let log = self.folder.join("log");
        let mut server = self.command("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(&self.folder).args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
        server.args(["-c", "max_connections=400"]);
        if !self.durable {
            // nothing here outlives the tests
            for setting in ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] {
                server.args(["-c", setting]);
            }
        }
        server.stdout(Stdio::null()).stderr(fs::File::create(&log)?);
        let mut server = server.spawn().context("start PostgreSQL")?;
        if let Err(error) = self.wait(&mut server, port) {
            let _ = server.kill();
            let _ = server.wait();
            eprintln!("{}", fs::read_to_string(&log).unwrap_or_default());
            return Err(error);
        }
        println!("postgres://postgres@127.0.0.1:{port}/postgres");
        std::io::stdout().flush()?;
        std::io::stdin().read_to_end(&mut Vec::new())?;
        let mut stop = self.command("pg_ctl");
        stop.arg("-D").arg(&data).args(["-m", "immediate", "-w", "-s", "stop"]);
        if !process::succeeds(stop) {
            server.kill()?;
        }
        server.wait()?;
        Ok(())
    }

    fn wait(&self, server: &mut Child, port: u16) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            let mut asked = self.command("pg_isready");
            asked.args(["-q", "-h", "127.0.0.1", "-U", "postgres", "-p", &port.to_string()]);
            if process::succeeds(asked) {
                return Ok(());
            }
            if let Some(status) = server.try_wait()? {
                bail!("PostgreSQL ended with {status}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("PostgreSQL is not ready after {} s", READY_WITHIN.as_secs())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(&self.folder).stdin(Stdio::null());
        // a group of its own, so that nobody's Ctrl-C reaches it
        command.process_group(0);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

/// Where `initdb` is: Debian keeps it out of the path. The newest version wins.
fn programs() -> Option<PathBuf> {
    let complete = |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let version = |folder: &PathBuf| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = installed.filter(|folder| complete(&folder.join("bin"))).max_by_key(version);
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest.map(|folder| folder.join("bin")).or_else(|| std::env::split_paths(&path).find(|folder| complete(folder)))
}

/// The user and group of `postgres` when we are root.
fn owner() -> Result<Option<(u32, u32)>> {
    if !process::is_root() {
        return Ok(None);
    }
    let id = |flag: &str| -> Result<u32> {
        let mut command = process::command("id");
        command.args([flag, "postgres"]);
        process::output(command).context("find the user postgres")?.parse().context("read its id")
    };
    Ok(Some((id("-u")?, id("-g")?)))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}
