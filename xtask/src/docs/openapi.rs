//! docs/reference/openapi.json: the document that a running server shows.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process;

/// The document, formatted, with the server's own address left out.
pub(super) fn document(binary: &Path) -> Result<String> {
    let folder = std::env::temp_dir().join(format!("moltforge-openapi-{}", std::process::id()));
    fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
    let asked = ask(binary, &folder);
    fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    let document: Value = serde_json::from_str(&asked?).context("the document is not JSON")?;
    Ok(format!("{document:#}\n"))
}

fn ask(binary: &Path, folder: &Path) -> Result<String> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let log = folder.join("log");
    let mut command = process::command(binary);
    command.args(["dev", "--ephemeral", "--port", &port.to_string()]).current_dir(folder);
    command.env("MOLTFORGE_SANDBOX__ENABLED", "false");
    let file = fs::File::create(&log)?;
    command.stdout(file.try_clone()?).stderr(file).stdin(Stdio::null());
    let mut server = command.spawn().context("start the program")?;
    let begun = Instant::now();
    let answer = loop {
        if let Ok(body) = get(port) {
            break Ok(body);
        }
        if server.try_wait()?.is_some() || begun.elapsed() > Duration::from_secs(30) {
            break Err(fs::read_to_string(&log).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let _ = server.kill();
    server.wait()?;
    match answer {
        Ok(body) => Ok(body),
        Err(log) => bail!("the program does not show /v1/openapi.json:\n{log}"),
    }
}

fn get(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    // HTTP/1.0: the body ends with the connection and comes in one piece
    write!(stream, "GET /v1/openapi.json HTTP/1.0\r\nhost: 127.0.0.1:{port}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    if !head.contains(" 200 ") {
        bail!("{}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}
