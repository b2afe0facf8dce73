//! The compile process: a component in, machine code out.

/// The exit code that says: the component is bad, and standard error says why.
pub(crate) const REFUSED: u8 = 3;

/// The largest component.
pub(crate) const COMPONENT_MAX: u64 = 128 << 20;
