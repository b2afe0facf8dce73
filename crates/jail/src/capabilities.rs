//! Capabilities: none, in any set, and no way to get one.

use rustix::thread::{
    CapabilitiesSecureBits as Bits, CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
};

use crate::error::{AtStep as _, JailError, Step};

const NONE: CapabilitySets = CapabilitySets {
    effective: CapabilitySet::empty(),
    permitted: CapabilitySet::empty(),
    inheritable: CapabilitySet::empty(),
};

/// Gives all of them up.
pub(crate) fn drop_all() -> Result<(), JailError> {
    let step = Step::Capabilities;
    let held = capabilities(None).at(step, "read them")?;
    // who may not change the bounding set has nothing that it bounds
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for bit in 0..u64::BITS {
            let one = CapabilitySet::from_bits_retain(1 << bit);
            match capability_is_in_bounding_set(one) {
                Ok(true) => remove_capability_from_bounding_set(one).at(step, "narrow the bounding set")?,
                Ok(false) => {}
                // past the last one that this kernel knows
                Err(_) => break,
            }
        }
        let bits = Bits::NO_ROOT
            | Bits::NO_ROOT_LOCKED
            | Bits::NO_SETUID_FIXUP
            | Bits::NO_SETUID_FIXUP_LOCKED
            | Bits::NO_CAP_AMBIENT_RAISE
            | Bits::NO_CAP_AMBIENT_RAISE_LOCKED;
        set_capabilities_secure_bits(bits).at(step, "lock them")?;
    }
    clear_ambient_capability_set().at(step, "clear the ambient set")?;
    set_capabilities(None, NONE).at(step, "drop them")
}

/// Whether there is one.
pub(crate) fn has_any() -> Result<bool, JailError> {
    Ok(capabilities(None).at(Step::Check, "read the capabilities")? != NONE)
}
