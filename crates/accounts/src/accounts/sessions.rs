//! Signing in and out.

use moltforge_api::sessions::{OpenSession, Session, SignInCode};
use moltforge_store::{Key, Tx};
use moltforge_types::{Actor, Principal, Secret, Timestamp};

use super::{Accounts, CODE_LIFETIME, SESSION_LIFETIME};
use crate::error::Error;
use crate::secrets;

/// Expired rows that are cleared away whenever a new one is written: a bounded chore, and never a backlog.
const SWEEP: u32 = 32;

/// A new session and its token, which only the gateway may see.
#[derive(Debug)]
pub struct OpenedSession {
    /// The session, for the answer's body.
    pub session: Session,
    /// The token, for the cookie.
    pub token: Secret,
}

impl Accounts {
    /// Exchanges a key or a one-time code for a session.
    ///
    /// # Errors
    /// `session_credential_invalid`; `key_unknown`, `key_expired`, `key_revoked`; `sign_in_code_refused`.
    pub async fn open_session(&self, with: OpenSession) -> Result<OpenedSession, Error> {
        let mut tx = self.store.begin().await?;
        let key = match (with.key, with.code) {
            (Some(secret), None) => {
                tx.credentials().find_key(&secrets::hash(&secret)).await?.ok_or(Error::KeyUnknown)?
            }
            (None, Some(code)) => redeem(&mut tx, &code).await?,
            _ => return Err(Error::SessionCredentialInvalid),
        };
        check(&key, tx.now())?;
        let token = secrets::new_token(self.store.ambient());
        let (now, expires_at) = (tx.now(), tx.now().plus(SESSION_LIFETIME));
        let mut sessions = tx.sessions(key.project_id);
        sessions.delete_expired(now, SWEEP).await?;
        let session = sessions.insert(key.key_id, &secrets::hash(token.expose()), expires_at).await?;
        tx.commit().await?;
        let session = Session {
            session_id: session.session_id.to_string(),
            project_id: session.project_id.to_string(),
            expires_at: session.expires_at.to_string(),
        };
        Ok(OpenedSession { session, token })
    }

    /// Ends the caller's session.
    ///
    /// # Errors
    /// `session_absent` when the caller came with a key.
    pub async fn close_session(&self, caller: &Principal) -> Result<(), Error> {
        let Actor::Session(session_id, _) = caller.actor else { return Err(Error::SessionAbsent) };
        let mut tx = self.store.begin().await?;
        tx.sessions(caller.project_id).end(session_id).await?;
        Ok(tx.commit().await?)
    }

    /// A code that opens one session with the caller's key, within five minutes.
    ///
    /// # Errors
    /// `sign_in_code_needs_key` when the caller is MoltForge itself.
    pub async fn create_sign_in_code(&self, caller: &Principal) -> Result<SignInCode, Error> {
        let (Actor::Key(key_id) | Actor::Session(_, key_id)) = caller.actor else {
            return Err(Error::SignInCodeNeedsKey);
        };
        let code = secrets::new_token(self.store.ambient());
        let mut tx = self.store.begin().await?;
        let (now, expires_at) = (tx.now(), tx.now().plus(CODE_LIFETIME));
        let mut codes = tx.sign_in_codes(caller.project_id);
        codes.delete_expired(now, SWEEP).await?;
        codes.insert(key_id, &secrets::hash(code.expose()), expires_at).await?;
        tx.commit().await?;
        Ok(SignInCode { code: code.expose().to_owned(), expires_at: expires_at.to_string() })
    }
}

/// The key that a code stands for. The code is used up when the transaction commits.
async fn redeem(tx: &mut Tx, code: &str) -> Result<Key, Error> {
    let now = tx.now();
    let redeemed = tx.credentials().redeem_code(&secrets::hash(code), now).await?.ok_or(Error::SignInCodeRefused)?;
    tx.keys(redeemed.project_id).find(redeemed.key_id).await?.ok_or(Error::SignInCodeRefused)
}

fn check(key: &Key, now: Timestamp) -> Result<(), Error> {
    if key.revoked_at.is_some() {
        return Err(Error::KeyRevoked(key.key_id));
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::KeyExpired(key.key_id));
    }
    Ok(())
}
