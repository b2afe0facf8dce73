//! Principals that were verified before: the same few ask again and again.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use moltforge_types::Principal;

use crate::error::Error;

/// Principals remembered at a time; then all are forgotten.
const MAX: usize = 1024;

/// By the text that a gateway signed. Only texts whose signature was right are in here.
#[derive(Default)]
pub(super) struct Principals(HashMap<String, Known>);

#[derive(Clone)]
pub(super) struct Known {
    /// SHA-256 of the text.
    pub(super) hash: [u8; 32],
    pub(super) principal: Option<Arc<Principal>>,
}

impl Principals {
    pub(super) fn find(&self, text: &str) -> Option<Known> {
        self.0.get(text).cloned()
    }

    /// Reads a text whose signature was right, and remembers it.
    pub(super) fn read(&mut self, text: &str, hash: [u8; 32]) -> Result<Option<Arc<Principal>>, Error> {
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::CallerInvalid("principal"))?;
        let read: Option<Principal> = serde_json::from_slice(&json).map_err(|_| Error::CallerInvalid("principal"))?;
        let principal = read.map(Arc::new);
        if self.0.len() >= MAX {
            self.0.clear();
        }
        self.0.insert(text.to_owned(), Known { hash, principal: principal.clone() });
        Ok(principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_remembers_is_bounded_and_right() {
        let mut principals = Principals::default();
        assert!(principals.read(&URL_SAFE_NO_PAD.encode("null"), [0; 32]).unwrap().is_none());
        for bad in ["!", &URL_SAFE_NO_PAD.encode("{}"), ""] {
            assert!(principals.read(bad, [0; 32]).is_err(), "{bad}");
            assert!(principals.find(bad).is_none(), "{bad}");
        }
        for n in 0..3 * MAX {
            let id = format!("prj_000000000000000000000{n:05}");
            let json = format!(r#"{{"project_id":"{id}","actor":{{"kind":"system"}},"scopes":[]}}"#);
            let text = URL_SAFE_NO_PAD.encode(json);
            assert_eq!(principals.read(&text, [7; 32]).unwrap().unwrap().project_id.to_string(), id);
            let known = principals.find(&text).unwrap();
            assert_eq!((known.hash, known.principal.unwrap().project_id.to_string()), ([7; 32], id));
            assert!(principals.0.len() <= MAX);
        }
    }
}
