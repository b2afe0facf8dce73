//! Standard streams: what is written becomes lines of the log.

use wasmtime::component::Val;
use wasmtime::{Result, StoreContextMut};

use super::resource;
use crate::worker::host::Host;
use crate::world::EngineImports as _;

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;
/// Something that can be waited for, and is ready.
const READY: u32 = 3;

/// What a guest may write at once.
const WRITE_MAX: u64 = 4096;
/// A line that is longer is cut into several.
const LINE_MAX: usize = 8192;

/// Levels of the log.
const INFO: u8 = 1;
const WARN: u8 = 2;

/// What was written to a stream and is no whole line yet.
#[derive(Default)]
pub(crate) struct Lines {
    out: Vec<u8>,
    error: Vec<u8>,
}

impl Lines {
    fn of(&mut self, stream: u32) -> &mut Vec<u8> {
        if stream == STDERR { &mut self.error } else { &mut self.out }
    }
}

impl Host {
    fn write_line(&mut self, stream: u32, line: &[u8]) -> Result<()> {
        let level = if stream == STDERR { WARN } else { INFO };
        self.log(level, String::from_utf8_lossy(line).into_owned())
    }

    fn written(&mut self, stream: u32, bytes: impl Iterator<Item = u8>) -> Result<()> {
        for byte in bytes {
            let begun = self.lines.of(stream);
            if byte != b'\n' {
                begun.push(byte);
            }
            if byte == b'\n' || begun.len() >= LINE_MAX {
                let line = std::mem::take(begun);
                self.write_line(stream, &line)?;
            }
        }
        Ok(())
    }

    /// The lines that nobody ended.
    pub(crate) fn flush_lines(&mut self) -> Result<()> {
        for stream in [STDOUT, STDERR] {
            let line = std::mem::take(self.lines.of(stream));
            if !line.is_empty() {
                self.write_line(stream, &line)?;
            }
        }
        Ok(())
    }
}

/// What a function of streams returns, at most one value; `None` of a function that is none of them.
pub(super) fn answer(
    store: &mut StoreContextMut<'_, Host>,
    function: &str,
    params: &[Val],
    resources: &[u32],
) -> Result<Option<Vec<Val>>> {
    let name = function.split_once('#').map_or(function, |(_, name)| name);
    let ok = |value: Option<Val>| Val::Result(Ok(value.map(Box::new)));
    let value = match (name, params) {
        _ if !function.starts_with("wasi:io/") && !function.starts_with("wasi:cli/") => return Ok(None),
        ("get-stdin", _) => resource(store, STDIN)?,
        ("get-stdout", _) => resource(store, STDOUT)?,
        ("get-stderr", _) => resource(store, STDERR)?,
        ("get-terminal-stdin" | "get-terminal-stdout" | "get-terminal-stderr", _) => Val::Option(None),
        ("[method]output-stream.check-write", _) => ok(Some(Val::U64(WRITE_MAX))),
        ("[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush", [_, Val::List(bytes)]) => {
            let stream = resources.first().copied().unwrap_or(STDOUT);
            let byte = |value: &Val| if let Val::U8(byte) = value { *byte } else { 0 };
            store.data_mut().written(stream, bytes.iter().map(byte))?;
            ok(None)
        }
        ("[method]output-stream.flush" | "[method]output-stream.blocking-flush", _) => ok(None),
        ("[method]input-stream.read" | "[method]input-stream.blocking-read", _) => {
            Val::Result(Err(Some(Box::new(Val::Variant("closed".into(), None)))))
        }
        ("[method]output-stream.subscribe" | "[method]input-stream.subscribe", _) => resource(store, READY)?,
        ("[method]pollable.ready", _) => Val::Bool(true),
        ("[method]pollable.block", _) => return Ok(Some(Vec::new())),
        ("poll", [Val::List(all)]) => Val::List((0_u32..).zip(all).map(|(at, _)| Val::U32(at)).collect()),
        _ => return Ok(None),
    };
    Ok(Some(vec![value]))
}
