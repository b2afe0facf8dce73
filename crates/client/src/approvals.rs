//! `/v1/approvals`

use futures::Stream;
use moltforge_api::Page;
use moltforge_api::approvals::{Approval, ApprovalCount, CallbackDecision, DecideApproval, ListApprovals};

use crate::request::Request;
use crate::{Client, Error, pages};

/// The approvals of the caller's project.
#[derive(Debug, Clone, Copy)]
pub struct Approvals<'a> {
    pub(crate) client: &'a Client,
}

impl Approvals<'_> {
    /// `GET /v1/approvals`: one page, newest first.
    pub async fn list(self, filter: &ListApprovals) -> Result<Page<Approval>, Error> {
        self.client.json(Request::get(&["v1", "approvals"])?.query(filter)?).await
    }

    /// `GET /v1/approvals`: all pages, fetched as the stream is read.
    pub fn list_all(self, filter: ListApprovals) -> impl Stream<Item = Result<Approval, Error>> + Send + 'static {
        let client = self.client.clone();
        pages::all(filter.cursor.clone(), move |cursor| {
            let (client, filter) = (client.clone(), ListApprovals { cursor, ..filter.clone() });
            async move { client.approvals().list(&filter).await }
        })
    }

    /// `GET /v1/approvals/count`: how many wait for a person.
    pub async fn count(self) -> Result<ApprovalCount, Error> {
        self.client.json(Request::get(&["v1", "approvals", "count"])?).await
    }

    /// `GET /v1/approvals/{approval}`
    pub async fn get(self, approval: &str) -> Result<Approval, Error> {
        self.client.json(Request::get(&["v1", "approvals", approval])?).await
    }

    /// `POST /v1/approvals/{approval}/decision`: the same decision again is answered the same.
    pub async fn decide(self, approval: &str, body: &DecideApproval) -> Result<Approval, Error> {
        self.client.json(Request::post(&["v1", "approvals", approval, "decision"])?.json(body)?).await
    }

    /// `POST /v1/approvals/{approval}/callback`: needs no key but the token.
    pub async fn call_back(self, approval: &str, body: &CallbackDecision) -> Result<Approval, Error> {
        self.client.json(Request::post(&["v1", "approvals", approval, "callback"])?.json(body)?).await
    }
}
