//! The built program as a process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The program with an environment of its own.
pub(crate) fn moltforge(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moltforge"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).env("NO_COLOR", "1");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("MOLTFORGE_") || name.starts_with("OPENAI_") {
            command.env_remove(name);
        }
    }
    // engines are compiled once for all tests; the kernel of a test machine may lack something
    command.env("MOLTFORGE_SANDBOX__CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/images"));
    command.env("MOLTFORGE_SANDBOX__PREPARE", "false");
    // whatever a program did, it must do again
    command.env("MOLTFORGE_EXECUTION__REPLAY_AT_ONCE", "true");
    command.env("MOLTFORGE_SANDBOX__BEST_EFFORT_BECAUSE", "tests of something else");
    command
}

/// Runs it to its end.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Done {
    Done::of(moltforge(folder, args).output().unwrap())
}

#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self.out
    }

    pub(crate) fn json(self) -> serde_json::Value {
        let out = self.ok();
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
    }
}

/// A `moltforge dev` on a free port; killed when dropped.
pub(crate) struct Dev {
    child: Child,
    lines: mpsc::Receiver<String>,
    pub(crate) url: String,
    pub(crate) document: serde_json::Value,
}

impl Dev {
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        Self::start_in(folder, &[], args)
    }

    /// Started by another command, which gets this one as its last arguments.
    pub(crate) fn start_in(folder: &Path, starter: &[String], args: &[&str]) -> Self {
        let mut all = vec!["dev", "--port", "0", "--output", "json"];
        all.extend(args);
        let mut command = moltforge(folder, &all);
        if let Some((program, words)) = starter.split_first() {
            let inner = command;
            command = Command::new(program);
            command
                .args(words)
                .arg(inner.get_program())
                .args(inner.get_args())
                .current_dir(folder)
                .stdin(Stdio::null());
            for (name, value) in inner.get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let document: serde_json::Value = serde_json::from_str(&first).unwrap_or_else(|e| {
            let _ = child.kill();
            panic!("{e}: {first:?} {:?}", lines.iter().collect::<Vec<String>>());
        });
        let url = document["url"].as_str().unwrap().to_owned();
        Self { child, lines, url, document }
    }

    /// Waits until a line on stderr holds `text`.
    pub(crate) fn line(&self, text: &str) -> String {
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(20)) {
            replays_the_same(&line);
            if line.contains(text) {
                return line;
            }
            seen.push(line);
        }
        panic!("{text:?} was not said; this was: {}", seen.join("\n"));
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(1)) {
            replays_the_same(&line);
        }
    }
}

/// Fails when the server says that a program did something else when it was replayed at once.
fn replays_the_same(line: &str) {
    let differs = line.contains("replayed at once, a program does something else");
    assert!(!differs || std::thread::panicking(), "{line}");
}

/// The processes in which this server runs programs.
fn workers(server: u32) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let workers = all.filter(|path| {
        let read = |file: &str| fs::read_to_string(path.join(file)).unwrap_or_default();
        let stat = read("stat");
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        parent == Some(server) && read("cmdline").contains("guest-worker")
    });
    workers.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// Whether one of them has used so much processor time.
pub(crate) fn computes(server: u32, time: Duration) -> bool {
    // each has one child, the first process of its namespace
    let mut inner = workers(server).into_iter().filter_map(|outer| outer.parse().ok()).flat_map(workers);
    inner.any(|worker| {
        let stat = fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        let fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
        // in hundredths of a second: of the process, and of the kernel for it
        let ticks: u64 = fields.skip(12).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10) >= time
    })
}

/// Ends them.
pub(crate) fn kill_workers(server: u32) {
    for worker in workers(server) {
        let _ = Command::new("kill").args(["-9", &worker]).status();
    }
}

/// Asks until there is an answer.
pub(crate) fn until_within<T>(patience: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < patience, "{what}: not in time");
        // a real wait: the real program works meanwhile
        std::thread::sleep(Duration::from_millis(50));
    }
}
