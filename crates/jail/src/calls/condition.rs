//! Conditions on the arguments of a system call.

use seccompiler::{BackendError, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

/// All of these.
pub(super) fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(Vec::from(conditions))
}

/// One rule for each value of an `int`.
pub(super) fn one_of(argument: u8, values: &[i32]) -> Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| rule([int(argument, *value)?])).collect()
}

/// An `int` is this: the kernel looks at no more than half of the register.
pub(super) fn int(argument: u8, value: i32) -> Result<SeccompCondition, BackendError> {
    let value = u64::from(value.cast_unsigned());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// A whole register is this, whatever the ignored bits are.
pub(super) fn word(argument: u8, value: u64, ignored: u64) -> Result<SeccompCondition, BackendError> {
    masked(argument, !ignored, value)
}

/// The argument has all of these bits.
pub(super) fn has_all_of(argument: u8, bits: i32) -> Result<SeccompCondition, BackendError> {
    let bits = u64::from(bits.cast_unsigned());
    masked(argument, bits, bits)
}

/// The argument has none of these bits.
pub(super) fn has_none_of(argument: u8, bits: i32) -> Result<SeccompCondition, BackendError> {
    masked(argument, u64::from(bits.cast_unsigned()), 0)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask), value)
}
