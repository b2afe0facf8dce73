//! `/v1/holds`

use moltforge_api::Page;
use moltforge_api::holds::{Hold, HoldReceipt, SetHold};

use crate::request::Request;
use crate::{Client, Error};

/// What of the caller's project is held.
#[derive(Debug, Clone, Copy)]
pub struct Holds<'a> {
    pub(crate) client: &'a Client,
}

impl Holds<'_> {
    /// `GET /v1/holds`: every hold that stands.
    pub async fn list(self) -> Result<Page<Hold>, Error> {
        self.client.json(Request::get(&["v1", "holds"])?).await
    }

    /// `PUT /v1/holds/agents/{agent}`, or with `None` `PUT /v1/holds/project`.
    pub async fn set(self, agent: Option<&str>, body: &SetHold) -> Result<HoldReceipt, Error> {
        self.client.json(Request::put(&path(agent))?.json(body)?).await
    }

    /// `DELETE /v1/holds/agents/{agent}`, or with `None` `DELETE /v1/holds/project`.
    pub async fn lift(self, agent: Option<&str>) -> Result<HoldReceipt, Error> {
        self.client.json(Request::delete(&path(agent))?).await
    }
}

fn path(agent: Option<&str>) -> Vec<&str> {
    match agent {
        Some(agent) => vec!["v1", "holds", "agents", agent],
        None => vec!["v1", "holds", "project"],
    }
}
