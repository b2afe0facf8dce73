//! The journal on PostgreSQL: one connection per lane, one fenced statement per batch.
//!
//! When a connection breaks while a statement is under way, nobody is told anything before the outcome is known: the
//! lane's `connection` number is raised, which waits for whatever the old connection still does and shuts out what
//! has not begun; then the journal's tail is a fact.

mod lane;
mod statement;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use moltforge_types::NodeId;
use sqlx::postgres::PgConnectOptions;

use self::lane::Lane;
use super::batch::{Batch, LaneToken};
use super::{CommitError, Journal, Membership, Reads};
use crate::error::Error;
use crate::store::Store;

type Lanes = HashMap<(NodeId, u16), Arc<tokio::sync::Mutex<Lane>>>;

pub(super) struct PostgresJournal {
    options: PgConnectOptions,
    store: Store,
    lanes: Mutex<Lanes>,
}

impl PostgresJournal {
    pub(super) fn new(options: PgConnectOptions, store: Store) -> Self {
        // The statement joins a handful of given rows with large tables by their keys. A plan made for the first
        // batch's values, or one that reads a whole table, would be wrong for most of the others.
        let options = options.application_name("moltforge journal").options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("enable_seqscan", "off"),
            ("jit", "off"),
        ]);
        Self { options, store, lanes: Mutex::default() }
    }

    fn lane(&self, token: LaneToken) -> Arc<tokio::sync::Mutex<Lane>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if !lanes.contains_key(&(token.node_id, token.lane)) {
            // a node is one term of ownership: when a later one begins, the connections of earlier ones have had their
            // use. A late commit of theirs opens one again, to be refused.
            lanes.retain(|(node_id, _), _| *node_id >= token.node_id);
        }
        let lane = lanes
            .entry((token.node_id, token.lane))
            .or_insert_with(|| Arc::new(tokio::sync::Mutex::new(Lane::new(self.options.clone()))));
        lane.clone()
    }
}

#[async_trait]
impl Journal for PostgresJournal {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        batch.check().map_err(CommitError::Mismatch)?;
        let lane = self.lane(batch.token);
        // a task of its own: the statement and its outcome belong together, even when the owner stops waiting
        let task = tokio::spawn(async move { lane.lock().await.commit(&batch).await });
        task.await.map_err(|error| CommitError::Unavailable(Error::Unavailable(error.into())))?
    }

    fn reads(&self) -> &dyn Reads {
        &self.store
    }

    fn membership(&self) -> &dyn Membership {
        &self.store
    }
}
