//! The hidden subcommands of the one binary, for the tests of this crate: they need no other crate of the workspace.

use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => moltforge_sandbox::worker::main(std::env::args_os().skip(2)),
        Some("compile") => moltforge_sandbox::compile::main(std::env::args_os().skip(2)),
        Some("hostile") => hostile(),
        _ => ExitCode::FAILURE,
    }
}

/// A worker that a guest has taken over: it is ready like one of ours. When it has heard the messages of its second
/// argument (the first byte of each), it says what its first says, in hex, and then its third, for ever.
/// With the first go as many descriptors as the fourth has bytes.
fn hostile() -> ExitCode {
    let argument = |at| std::env::args().nth(at).and_then(|bytes| hex::decode(bytes).ok()).unwrap_or_default();
    let [said, cue, flood, rights] = [2, 3, 4, 5].map(argument);
    let Ok(fingerprint) = moltforge_sandbox::fingerprint() else { return ExitCode::FAILURE };
    // confined by nothing
    let report = br#"{"enforced":[],"missing":[],"reason":null,"notes":[]}"#;
    let (Ok(length), Ok(all)) = (u8::try_from(report.len()), u8::try_from(34 + report.len())) else {
        return ExitCode::FAILURE;
    };
    let ready = [&[all, 0, 0, 0, 0], fingerprint.as_slice(), &[length], report].concat();
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut socket = UnixStream::from(socket);
    let speaks = |socket: &mut UnixStream| {
        socket.write_all(&ready)?;
        // the word that lets it begin
        socket.read_exact(&mut [0])?;
        hear(socket, &cue)?;
        match rights.len() {
            0 => socket.write_all(&said)?,
            count => send_with(socket, &said, count)?,
        }
        while !flood.is_empty() {
            socket.write_all(&flood)?;
        }
        std::io::Result::Ok(())
    };
    if speaks(&mut socket).is_err() {
        return ExitCode::FAILURE;
    }
    // until the server closes
    let _ = std::io::copy(&mut socket, &mut std::io::sink());
    ExitCode::SUCCESS
}

/// Sends the bytes with so many descriptors.
fn send_with(socket: &UnixStream, bytes: &[u8], count: usize) -> std::io::Result<()> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(count))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let files = vec![socket.as_fd(); count];
    control.push(SendAncillaryMessage::ScmRights(&files));
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Reads messages until one of each kind has come, in this order.
fn hear(socket: &mut UnixStream, mut cue: &[u8]) -> std::io::Result<()> {
    while let Some((next, rest)) = cue.split_first() {
        let mut length = [0; 4];
        socket.read_exact(&mut length)?;
        let mut message = vec![0; u32::from_le_bytes(length) as usize];
        socket.read_exact(&mut message)?;
        if message.first() == Some(next) {
            cue = rest;
        }
    }
    Ok(())
}
