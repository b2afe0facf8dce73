//! Messages of a worker, byte by byte: a liar needs no types.

/// The kinds of messages.
pub(super) const ASKED: u8 = 1;
pub(super) const ENDED: u8 = 2;
pub(super) const FAILED: u8 = 3;
pub(super) const USED: u8 = 4;

/// A number as postcard writes it.
pub(super) fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// Bytes with their count, as postcard writes a text.
pub(super) fn text(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [number(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A frame around a message.
pub(super) fn frame(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_le_bytes(), message].concat()
}

/// What a guest asked for, in the parts of its message.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) guest: u64,
    pub(super) calls: Vec<Vec<u8>>,
    pub(super) cancelled: Vec<(u64, u64)>,
    pub(super) logs: Vec<Vec<u8>>,
    pub(super) consumed: u64,
    pub(super) blocked: bool,
    pub(super) usage: Vec<u8>,
}

impl Default for Asked {
    /// A guest that asks for nothing and waits.
    fn default() -> Self {
        let usage = usage(1 << 20, 0);
        Self { guest: 1, calls: vec![], cancelled: vec![], logs: vec![], consumed: 0, blocked: true, usage }
    }
}

impl Asked {
    /// Without its guest and its usage, as other messages hold it.
    pub(super) fn inner(&self) -> Vec<u8> {
        let list = |items: &[Vec<u8>]| [number(items.len() as u64), items.concat()].concat();
        let cancelled: Vec<_> =
            self.cancelled.iter().map(|(id, after)| [number(*id), number(*after)].concat()).collect();
        let (calls, logs) = (list(&self.calls), list(&self.logs));
        [calls, list(&cancelled), logs, number(self.consumed), vec![self.blocked.into()]].concat()
    }

    /// As a frame.
    pub(super) fn frame(&self) -> Vec<u8> {
        frame(&[vec![ASKED], number(self.guest), self.inner(), self.usage.clone()].concat())
    }
}

/// A call, asked for when so many completions had been consumed.
pub(super) fn call(id: u64, name: impl AsRef<[u8]>, args: impl AsRef<[u8]>, after: u64) -> Vec<u8> {
    [number(id), text(name), text(args), number(after)].concat()
}

/// A log.
pub(super) fn log(level: u8, message: impl AsRef<[u8]>, after: u64) -> Vec<u8> {
    [vec![level], text(message), number(after)].concat()
}

/// Bytes of memory and milliseconds on a processor.
pub(super) fn usage(memory: u64, milliseconds: u64) -> Vec<u8> {
    [number(memory), number(milliseconds / 1000), number(milliseconds % 1000 * 1_000_000)].concat()
}

/// The last words of a guest that has asked for nothing.
pub(super) fn nothing() -> Vec<u8> {
    Asked { blocked: false, ..Asked::default() }.inner()
}

/// A guest that returned this.
pub(super) fn ended(guest: u64, output: impl AsRef<[u8]>) -> Vec<u8> {
    frame(&[vec![ENDED], number(guest), text(output), nothing(), usage(0, 0)].concat())
}

/// A guest that failed by an exception.
pub(super) fn failed(message: &str, stack: &str) -> Vec<u8> {
    frame(&[vec![FAILED, 1, 1], text(message), text(stack), nothing(), usage(0, 0)].concat())
}

/// A guest that computes.
pub(super) fn used(guest: u64, usage: &[u8]) -> Vec<u8> {
    frame(&[vec![USED], number(guest), usage.to_vec()].concat())
}
