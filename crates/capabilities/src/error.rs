//! What can be wrong with the operator's configuration of models, or with a model's name.

use moltforge_types::{Fault, Kind};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model's name is neither `scripted` nor `<provider>/<model>` with a configured provider.
    #[error(
        "model {model:?} names no configured provider: expected \"scripted\" or \"<provider>/<model>\" with one of: {known}"
    )]
    ModelUnknown {
        /// The name as given.
        model: String,
        /// The configured providers, joined.
        known: String,
    },
    /// A provider's configuration is wrong.
    #[error("provider {name:?}: {reason}")]
    ProviderInvalid {
        /// The provider's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::ModelUnknown { .. } => "model_unknown",
            Self::ProviderInvalid { .. } => "provider_invalid",
        }
    }
}
