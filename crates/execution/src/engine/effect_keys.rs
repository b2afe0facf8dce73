//! The keys that go with effects.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use moltforge_types::{ExecutionId, ProjectId, Timestamp};
use sha2::Sha256;

/// Makes idempotency keys: HMAC-SHA256 over project, execution and step with a secret of the installation. The same call
/// has the same key on every node and in every attempt; somebody who knows an execution's id cannot make up its keys.
#[derive(Clone)]
pub struct EffectKeys(Arc<[u8; 32]>);

impl fmt::Debug for EffectKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EffectKeys(..)")
    }
}

impl EffectKeys {
    /// With a secret of the installation.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Arc::new(secret))
    }

    /// The key of a step's effect.
    pub(super) fn key(&self, project_id: ProjectId, execution_id: ExecutionId, step: u32) -> String {
        let message = format!("moltforge effect 2|{project_id}|{execution_id}|{step}");
        format!("mf2_{}", &hex::encode(self.mac(message.as_bytes()))[..40])
    }

    /// Where the randomness of a guest comes from: the same on every node and in every attempt, and nobody's guess.
    pub(super) fn seed(&self, project_id: ProjectId, execution_id: ExecutionId, began_at: Timestamp) -> [u8; 32] {
        self.mac(format!("moltforge guest 1|{project_id}|{execution_id}|{}", began_at.as_micros()).as_bytes())
    }

    fn mac(&self, message: &[u8]) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("a key");
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moltforge_types::Id as _;

    #[test]
    fn a_key_depends_on_everything_that_names_the_call() {
        let (project, execution) = (ProjectId::from_u128(1), ExecutionId::from_u128(2));
        let keys = EffectKeys::new([7; 32]);
        let key = keys.key(project, execution, 3);
        assert_eq!(key, keys.clone().key(project, execution, 3));
        assert_eq!(key.len(), 44);
        assert_ne!(key, EffectKeys::new([8; 32]).key(project, execution, 3));
        assert_ne!(key, keys.key(ProjectId::from_u128(9), execution, 3));
        assert_ne!(key, keys.key(project, ExecutionId::from_u128(9), 3));
        assert_ne!(key, keys.key(project, execution, 4));
        assert_eq!(format!("{keys:?}"), "EffectKeys(..)");
        let (then, later) = (Timestamp::from_micros(5), Timestamp::from_micros(6));
        assert_eq!(keys.seed(project, execution, then), keys.seed(project, execution, then));
        assert_ne!(keys.seed(project, execution, then), keys.seed(project, execution, later));
        assert_ne!(keys.seed(project, execution, then), keys.seed(project, ExecutionId::from_u128(9), then));
    }
}
