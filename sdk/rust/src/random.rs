//! Random numbers. They come from a seed of the execution: after a crash they are the same.

use crate::bindings::moltforge::agent::random;

/// Random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// Fills a slice with random bytes.
pub fn fill(bytes: &mut [u8]) {
    for part in bytes.chunks_mut(1 << 16) {
        let random = random::bytes(u32::try_from(part.len()).unwrap_or(0));
        part.copy_from_slice(&random);
    }
}

/// A random number of 64 bits.
pub fn u64() -> u64 {
    u64::from_le_bytes(bytes())
}
