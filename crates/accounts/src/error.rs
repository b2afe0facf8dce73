//! What can go wrong with keys, codes and sessions.

use moltforge_api::ProblemItem;
use moltforge_types::{Fault, KeyId, Kind};

/// A refused or failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such key in the caller's project.
    #[error("there is no key {0}")]
    KeyNotFound(KeyId),
    /// A field of a new key does not fit.
    #[error("cannot create the key: {}: {}", .0.pointer, .0.message)]
    KeyInvalid(ProblemItem),
    /// The new key would be able to do more than its maker.
    #[error("cannot create a key with the scope {0}: its maker does not have it")]
    KeyScopeExceeds(&'static str),
    /// The secret of no key.
    #[error("the key is not known")]
    KeyUnknown,
    /// The key's time is over.
    #[error("the key {0} has expired")]
    KeyExpired(KeyId),
    /// The key was revoked.
    #[error("the key {0} was revoked")]
    KeyRevoked(KeyId),
    /// A session is opened with a key or with a code: one of the two.
    #[error("expected either key or code")]
    SessionCredentialInvalid,
    /// The code was used, has expired or never was.
    #[error("the sign-in code was used, has expired or was never given out")]
    SignInCodeRefused,
    /// There is no session to end: the caller came with a key.
    #[error("there is no session to end: the request was made with a key")]
    SessionAbsent,
    /// MoltForge itself has no key that a code could stand for.
    #[error("a sign-in code stands for a key, and the caller has none")]
    SignInCodeNeedsKey,
    /// A key's secret that is handed in has not the form of one.
    #[error("a key's secret is mf_ and 43 characters out of letters, digits, - and _")]
    KeySecretMalformed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] moltforge_store::Error),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::KeyNotFound(_) => Kind::NotFound,
            Self::KeyInvalid(_) | Self::SessionCredentialInvalid | Self::SessionAbsent | Self::KeySecretMalformed => {
                Kind::Invalid
            }
            Self::KeyScopeExceeds(_) | Self::SignInCodeNeedsKey => Kind::Forbidden,
            Self::KeyUnknown | Self::KeyExpired(_) | Self::KeyRevoked(_) | Self::SignInCodeRefused => {
                Kind::Unauthenticated
            }
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::KeyNotFound(_) => "key_not_found",
            Self::KeyInvalid(_) => "key_invalid",
            Self::KeyScopeExceeds(_) => "key_scope_exceeds",
            Self::KeyUnknown => "key_unknown",
            Self::KeyExpired(_) => "key_expired",
            Self::KeyRevoked(_) => "key_revoked",
            Self::SessionCredentialInvalid => "session_credential_invalid",
            Self::SignInCodeRefused => "sign_in_code_refused",
            Self::SessionAbsent => "session_absent",
            Self::SignInCodeNeedsKey => "sign_in_code_needs_key",
            Self::KeySecretMalformed => "key_secret_malformed",
            Self::Store(error) => error.code(),
        }
    }
}
