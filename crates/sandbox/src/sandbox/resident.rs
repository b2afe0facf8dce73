//! The memory that a process really uses, as the kernel counts it.

use std::fs;

/// Bytes of memory that are a worker's own: not those of files, which it shares. `supervisor` is the process that the
/// server started; the worker is below it.
pub(super) fn resident(supervisor: u32) -> Option<u64> {
    let mut bytes = own(supervisor)?;
    let below = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).unwrap_or_default();
    for child in below.split_whitespace().filter_map(|id| id.parse().ok()) {
        bytes += own(child).unwrap_or(0);
    }
    Some(bytes)
}

/// Of one process: its resident pages without those that belong to files.
fn own(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let mut pages = text.split(' ').skip(1).map(|number| number.parse::<u64>().ok());
    let (all, shared) = (pages.next()??, pages.next()??);
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    Some(all.saturating_sub(shared) * page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_counts() {
        let me = std::process::id();
        let before = own(me).unwrap();
        let much = vec![1_u8; 64 << 20];
        let after = own(me).unwrap();
        assert!(after > before + (60 << 20), "{before} {after}");
        drop(much);
    }
}
