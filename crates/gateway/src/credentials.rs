//! From a key or a cookie to a principal: the only place of MoltForge that does that.

mod cache;
mod cookies;
mod touch;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use moltforge_http::caller::SentPrincipal;
use moltforge_store::{Key, Session, Store};
use moltforge_types::{Actor, ContentHash, Id as _, Principal, Timestamp};
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::hosts::ServedHost;
use cache::{Cache, Found};

pub(crate) use cookies::{clear_cookie, set_cookie};

/// Longer secrets are none of ours; hashing is not for whatever a stranger sends.
const MAX_SECRET: usize = 200;

/// What a request shows of itself.
pub(crate) enum Shown<'a> {
    /// `Authorization: Bearer ...`
    Key(&'a str),
    /// The session cookie.
    Session(&'a str),
}

/// Whom a secret stands for, as the store last said.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) principal: Principal,
    /// As services get it.
    pub(crate) sent: SentPrincipal,
    /// As log lines have it.
    pub(crate) project_text: String,
    pub(crate) actor_text: String,
    key: Key,
    session: Option<Session>,
}

/// Authenticates.
pub(crate) struct Credentials {
    store: Store,
    cache: Cache,
    toucher: touch::Toucher,
    session_idle: Duration,
}

/// Reads what a request shows. A key wins over a cookie.
///
/// # Errors
/// `credentials_missing`, `credentials_malformed`.
pub(crate) fn shown<'a>(headers: &'a HeaderMap, host: &ServedHost) -> Result<Shown<'a>, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    if let Some(value) = values.next() {
        let text = value.to_str().ok().filter(|_| values.next().is_none());
        let (scheme, secret) = text.and_then(|text| text.split_once(' ')).ok_or(Error::CredentialsMalformed)?;
        let secret = secret.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || secret.is_empty() || secret.len() > MAX_SECRET {
            return Err(Error::CredentialsMalformed);
        }
        return Ok(Shown::Key(secret));
    }
    let token = cookies::find(headers, &host.cookie_name()).filter(|token| token.len() <= MAX_SECRET);
    token.map(Shown::Session).ok_or(Error::CredentialsMissing)
}

impl Credentials {
    pub(crate) fn new(store: Store, session_idle: Duration) -> Self {
        let toucher = touch::Toucher::new(store.clone());
        Self { store, cache: Cache::default(), toucher, session_idle }
    }

    /// The principal of what a request shows. `admit` is asked before the store is, for secrets that are not in use.
    ///
    /// # Errors
    /// `key_unknown`, `key_expired`, `key_revoked`, `session_unknown`, `session_expired`; those of the store and of `admit`.
    pub(crate) async fn authenticate(
        &self,
        shown: Shown<'_>,
        admit: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Arc<Credential>, Error> {
        let (secret, is_session) = match shown {
            Shown::Key(secret) => (secret, false),
            Shown::Session(token) => (token, true),
        };
        let hash = *ContentHash::of(secret.as_bytes()).as_bytes();
        let now = self.store.ambient().now();
        let credential = match self.cache.find(&hash, is_session, now) {
            Found::Fresh(credential) => credential,
            Found::Stale => Box::pin(self.fetch(hash, is_session, now)).await?,
            Found::Unknown => {
                admit()?;
                Box::pin(self.fetch(hash, is_session, now)).await?
            }
        };
        credential.check(now, self.session_idle)?;
        self.toucher.touch(&credential, now);
        Ok(credential)
    }

    async fn fetch(&self, hash: [u8; 32], is_session: bool, now: Timestamp) -> Result<Arc<Credential>, Error> {
        let credential = if is_session {
            let found = self.store.credentials().find_session(&hash).await?;
            let (session, key) = found.ok_or(Error::SessionUnknown)?;
            let actor = Actor::Session(session.session_id, key.key_id);
            Credential::new(actor, key, Some(session))
        } else {
            let key = self.store.credentials().find_key(&hash).await?.ok_or(Error::KeyUnknown)?;
            Credential::new(Actor::Key(key.key_id), key, None)
        };
        let credential = Arc::new(credential);
        self.cache.put(hash, is_session, Arc::clone(&credential), now);
        Ok(credential)
    }

    /// Forgets everything that was looked up: what changed through this gateway acts at once.
    pub(crate) fn forget(&self) {
        self.cache.clear();
    }
}

impl Credential {
    fn new(actor: Actor, key: Key, session: Option<Session>) -> Self {
        let principal = Principal { project_id: key.project_id, actor, scopes: key.scopes.clone() };
        let sent = SentPrincipal::of(Some(&principal));
        let (project_text, actor_text) = (principal.project_id.to_string(), principal.actor.to_string());
        Self { principal, sent, project_text, actor_text, key, session }
    }

    /// What requests are counted under.
    pub(crate) fn bucket(&self) -> u128 {
        self.session.as_ref().map_or_else(|| self.key.key_id.as_u128(), |session| session.session_id.as_u128())
    }

    /// Who waits, whichever session asks.
    pub(crate) fn principal(&self) -> u128 {
        self.key.key_id.as_u128()
    }

    pub(crate) fn is_session(&self) -> bool {
        self.session.is_some()
    }

    fn check(&self, now: Timestamp, session_idle: Duration) -> Result<(), Error> {
        if self.key.revoked_at.is_some() {
            return Err(Error::KeyRevoked(self.key.key_id));
        }
        if self.key.expires_at.is_some_and(|at| at <= now) {
            return Err(Error::KeyExpired(self.key.key_id));
        }
        let Some(session) = &self.session else { return Ok(()) };
        if session.ended_at.is_some() || session.expires_at <= now || now.since(session.last_used_at) > session_idle {
            return Err(Error::SessionExpired);
        }
        Ok(())
    }
}
