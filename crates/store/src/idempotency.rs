//! The table `idempotency`: the answer that an `Idempotency-Key` got, per project, principal and route.

use moltforge_types::{ProjectId, Timestamp};

use crate::error::Error;
use crate::sql::At;

/// Whose key it is, and for what.
#[derive(Debug, Clone, Copy)]
pub struct IdempotencyScope<'a> {
    /// The key or session that asks.
    pub principal: &'a str,
    /// Method and path.
    pub route: &'a str,
    /// The header's value.
    pub idempotency_key: &'a str,
}

/// What is known under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The hash of the request that came first.
    pub request_hash: Vec<u8>,
    /// Its answer; `None` while it is at work.
    pub answer: Option<StoredAnswer>,
}

/// A kept answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The headers that are kept, as JSON.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

/// When a claim gives way.
#[derive(Debug, Clone, Copy)]
pub struct Lapse {
    /// A claim without an answer that was made before this may be taken by the same request again.
    pub unanswered_before: Timestamp,
    /// An answer from before this is forgotten.
    pub answered_before: Timestamp,
}

/// The idempotency keys of a project.
#[derive(Debug)]
pub struct Idempotency<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(idempotency -> Idempotency { project_id: ProjectId });

impl Idempotency<'_> {
    /// Claims a key for a request that begins now; `false` when another holds it or has answered.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn claim(
        &mut self,
        scope: IdempotencyScope<'_>,
        request_hash: &[u8; 32],
        claim: &[u8; 16],
        lapse: Lapse,
    ) -> Result<bool, Error> {
        let now = self.at.tx()?.now();
        let rows = self
            .at
            .query(
                "INSERT INTO idempotency(project_id, principal, route, idempotency_key, request_hash, claim, claimed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (project_id, principal, route, idempotency_key) DO UPDATE \
                 SET request_hash = $5, claim = $6, claimed_at = $7, status = NULL, headers = NULL, body = NULL \
                 WHERE idempotency.claimed_at < $9 OR (idempotency.status IS NULL \
                 AND idempotency.claimed_at < $8 AND idempotency.request_hash = $5)",
            )
            .bind(self.project_id)
            .bind(scope.principal)
            .bind(scope.route)
            .bind(scope.idempotency_key)
            .bind(request_hash.as_slice())
            .bind(claim.as_slice())
            .bind(now)
            .bind(lapse.unanswered_before)
            .bind(lapse.answered_before)
            .execute()
            .await?;
        Ok(rows == 1)
    }

    /// What is known under a key.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find(&mut self, scope: IdempotencyScope<'_>) -> Result<Option<Remembered>, Error> {
        self.at
            .query(
                "SELECT request_hash, status, headers, body FROM idempotency \
                 WHERE project_id = $1 AND principal = $2 AND route = $3 AND idempotency_key = $4",
            )
            .bind(self.project_id)
            .bind(scope.principal)
            .bind(scope.route)
            .bind(scope.idempotency_key)
            .optional(|row| {
                let answer = match row.get::<Option<u16>>("status")? {
                    None => None,
                    Some(status) => Some(StoredAnswer { status, headers: row.get("headers")?, body: row.get("body")? }),
                };
                Ok(Remembered { request_hash: row.get("request_hash")?, answer })
            })
            .await
    }

    /// Keeps the answer of the request that made `claim`; `false` when the claim has lapsed and is another's now.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn complete(
        &mut self,
        scope: IdempotencyScope<'_>,
        claim: &[u8; 16],
        answer: &StoredAnswer,
    ) -> Result<bool, Error> {
        let rows = self
            .at
            .query(
                "UPDATE idempotency SET status = $6, headers = $7, body = $8 WHERE project_id = $1 AND principal = $2 \
                 AND route = $3 AND idempotency_key = $4 AND claim = $5 AND status IS NULL",
            )
            .bind(self.project_id)
            .bind(scope.principal)
            .bind(scope.route)
            .bind(scope.idempotency_key)
            .bind(claim.as_slice())
            .bind(answer.status)
            .bind(answer.headers.as_str())
            .bind(answer.body.as_slice())
            .execute()
            .await?;
        Ok(rows == 1)
    }

    /// Gives a claim up, so that the key can be tried again.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn release(&mut self, scope: IdempotencyScope<'_>, claim: &[u8; 16]) -> Result<(), Error> {
        self.at
            .query(
                "DELETE FROM idempotency WHERE project_id = $1 AND principal = $2 AND route = $3 \
                 AND idempotency_key = $4 AND claim = $5 AND status IS NULL",
            )
            .bind(self.project_id)
            .bind(scope.principal)
            .bind(scope.route)
            .bind(scope.idempotency_key)
            .bind(claim.as_slice())
            .execute()
            .await?;
        Ok(())
    }

    /// Deletes at most `limit` keys that were claimed before `before`; how many.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn delete_lapsed(&mut self, before: Timestamp, limit: u32) -> Result<u64, Error> {
        self.at
            .query(
                "DELETE FROM idempotency WHERE project_id = $1 AND (principal, route, idempotency_key) IN (\
                 SELECT principal, route, idempotency_key FROM idempotency \
                 WHERE project_id = $1 AND claimed_at < $2 LIMIT $3)",
            )
            .bind(self.project_id)
            .bind(before)
            .bind(limit)
            .execute()
            .await
    }
}
