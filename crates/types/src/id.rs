//! Typed identifiers: UUIDv7 with a prefix that names the kind, written as a TypeID (`agt_01jd...`).
//!
//! The same text stands in URL, row, log line and event, so everything can be searched for. The text sorts as the
//! time of creation does. Encoding: 26 characters of Crockford's base 32 in lower case (the TypeID specification).

use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What every identifier can do.
pub trait Id: Copy + Eq + Ord + fmt::Display + FromStr<Err = ParseIdError> {
    /// The prefix before the underscore, e.g. `agt`.
    const PREFIX: &'static str;
    /// From the 128 bits of a UUID.
    fn from_u128(value: u128) -> Self;
    /// The 128 bits of the UUID.
    fn as_u128(&self) -> u128;
}

/// A text that is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id like {expected}_01h455vb4pex5vsknk084sn02q")]
pub struct ParseIdError {
    /// The prefix that was wanted.
    pub expected: &'static str,
}

fn encode(value: u128) -> [u8; 26] {
    let mut out = [b'0'; 26];
    let mut rest = value;
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    out
}

fn decode(text: &[u8]) -> Option<u128> {
    if text.len() != 26 || text[0] > b'7' {
        return None;
    }
    let mut value: u128 = 0;
    for byte in text {
        let digit = ALPHABET.iter().position(|c| c == byte)?;
        value = (value << 5) | digit as u128;
    }
    Some(value)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            fn from_u128(value: u128) -> Self { Self(value) }
            fn as_u128(&self) -> u128 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let digits = encode(self.0);
                // the alphabet is ASCII
                f.write_str($prefix)?;
                f.write_str("_")?;
                f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|digits| decode(digits.as_bytes()))
                    .map(Self)
                    .ok_or(ParseIdError { expected: $prefix })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// An organisation: the top of tenancy.
    OrganisationId = "org";
    /// A project: the tenant boundary. Every row, query and event carries it.
    ProjectId = "prj";
    /// An agent: a named definition.
    AgentId = "agt";
    /// A version: an immutable snapshot of an agent's configuration.
    VersionId = "ver";
    /// A deployment: a version made live in an environment.
    DeploymentId = "dep";
    /// An execution: one run of one version.
    ExecutionId = "exe";
    /// An approval: one call that waits for a person.
    ApprovalId = "apr";
    /// An API key.
    KeyId = "key";
    /// A dashboard session.
    SessionId = "ses";
    /// One HTTP request.
    RequestId = "req";
    /// A trigger: what starts executions by itself.
    TriggerId = "trg";
    /// A message between executions, or from one to a trigger.
    MessageId = "msg";
    /// One execution node (one process that owns shards), new at each start.
    NodeId = "nod";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_sorts() {
        for value in [0, 1, u128::MAX, 0x0190_0000_0000_7000_8000_0000_0000_0000] {
            let id = AgentId::from_u128(value);
            assert_eq!(id.to_string().parse::<AgentId>(), Ok(id));
        }
        assert!(AgentId::from_u128(9).to_string() < AgentId::from_u128(10).to_string());
    }

    #[test]
    fn the_typeid_specification_agrees() {
        // from the TypeID specification's valid.json: uuid 01890a5d-ac96-774b-bcce-b302099a8057
        let id = AgentId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
        assert_eq!(id.to_string(), "agt_01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn foreign_text_is_refused() {
        for text in [
            "",
            "agt_",
            "exe_01h455vb4pex5vsknk084sn02q",
            "agt_81h455vb4pex5vsknk084sn02q",
            "agt_01H455VB4PEX5VSKNK084SN02Q",
        ] {
            assert!(text.parse::<AgentId>().is_err(), "{text}");
        }
    }
}
