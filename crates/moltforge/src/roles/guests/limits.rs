//! What a guest may use, from its agent's configuration.

use moltforge_api::AgentConfig;
use moltforge_sandbox::{Image, Limits};
use moltforge_types::journal::ErrorInfo;

const MIB: u64 = 1 << 20;

/// The limits of a version's guests.
pub(super) fn of(config: &AgentConfig) -> Result<Limits, ErrorInfo> {
    let invalid = |message: String| ErrorInfo::new("version_invalid", message);
    let mut limits = Limits::default();
    if let Some(memory) = &config.limits.memory {
        limits.memory = moltforge_manifest::parse_size(memory).map_err(invalid)?;
    }
    if let Some(cpu) = &config.limits.cpu {
        limits.cpu = moltforge_manifest::parse_duration(cpu).map_err(invalid)?;
    }
    if let Some(output) = &config.limits.output {
        let bytes = moltforge_manifest::parse_size(output).map_err(invalid)?;
        limits.output = u32::try_from(bytes).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(limits)
}

/// What admission counts for a guest at its start: what an engine and a small program take. More is reserved before the
/// guest gets it, and `needs` is what it had before, when it had to leave for others.
pub(super) fn reserve(image: &Image, limits: &Limits, needs: Option<u64>) -> u64 {
    let usual = match image {
        Image::JavaScript => MIB / 2,
        Image::Python => 4 * MIB,
        Image::TypeScript | Image::Component(_) | Image::Empty => MIB,
    };
    usual.max(needs.unwrap_or(0)).min(limits.memory)
}
